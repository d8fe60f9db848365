"""Words as plain data, and the JSON schema (draft 2020-12) of that form.

A word is `{"kind": ..., "name": ..., parameter: value, ...}`; a term, such as `A @ x`, is `{"term": "apply", ...}`.
Numbers with a dimension stand in base units: metres, seconds, radians, volts; levels in dB.
"""

from __future__ import annotations

import re
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from .. import vocabulary
from ..elaborate.validation import flatten
from ..model import terms as t
from ..model.fields import FilePath, Interval
from ..model.networks import Learned, Pretrained
from ..model.units import NONE, Quantity, Unit, symbol
from ..model.word import Word
from .explain import words_by_kind
from .text import dimension_of

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

WITH_WEIGHTS = (Learned, Pretrained)
"""Networks of the language itself, which no vocabulary has."""


def schema() -> Schema:
    """The schema of all words: one of them, told apart by `kind` and `name`."""
    definitions: Schema = {}
    summaries = words_by_kind()
    for (kind, name), cls in sorted(vocabulary.words().items()):
        definitions[_key(kind, name)] = _word_schema(cls, summaries[kind][name])
    for cls in WITH_WEIGHTS:
        summary = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        definitions[_key(cls.expression_kind, cls.word)] = _word_schema(cls, summary)
        summaries[cls.expression_kind][cls.word] = summary
    for kind, names in summaries.items():
        definitions[f"any.{kind}"] = {"oneOf": [_ref(_key(kind, n)) for n in names]}
    for term in _terms():
        definitions[f"term.{_snake(term)}"] = _term_schema(term)
    for base in _bases():
        members = [c for c in _terms() if issubclass(c, base)]
        definitions[f"any.{_snake(base)}"] = {"oneOf": [_ref(f"term.{_snake(c)}") for c in members]}
    definitions["quantity"] = _object({"value": {"type": "number"}, "unit": {"type": "string"}})
    definitions["unit"] = _object({"factor": {"type": "number"}, "unit": {"type": "string"}})
    number: Schema = {"type": "number"}
    definitions["range"] = _object(
        {"start": number, "stop": number, "step": {"type": ["number", "null"]}, "unit": {"type": "string"}}
    )
    definitions["file"] = _object({"file": {"type": "string"}})
    return {
        "$schema": DRAFT,
        "$id": "urn:recon:words:1",
        "title": "The words of recon, edition 1",
        "oneOf": [_ref(f"any.{kind}") for kind in summaries],
        "$defs": definitions,
    }


def as_json(value: Any) -> Any:
    """A word, a term or a value of a parameter as plain data, in the form that `schema` describes."""
    match value:
        case Word():
            return {
                "kind": value.expression_kind,
                "name": value.word,
                **{_parameter(n): as_json(getattr(value, n)) for n in type(value).model_fields},
            }
        case t.Term():
            names: list[str] = [f.name for f in fields_of(value) if f.compare] if is_dataclass(value) else []
            return {"term": _snake(type(value)), **{n: as_json(getattr(value, n)) for n in names}}
        case Quantity():
            return {"value": value.value, "unit": symbol(value.dimension)}
        case Unit():
            return {"factor": value.factor, "unit": symbol(value.dimension)}
        case Interval():
            return {"start": value.start, "stop": value.stop, "step": value.step, "unit": symbol(value.dimension)}
        case FilePath():
            return {"file": value.text}
        case dict():
            return {_parameter(k): as_json(v) for k, v in value.items()}
        case tuple() | list():
            return [as_json(v) for v in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _parameter(name: str) -> str:
    """The key of a parameter; two names are taken by the word itself."""
    return f"{name}_" if name in ("kind", "name") else name


def _key(kind: str, name: str) -> str:
    return f"{kind}.{name}"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _word_schema(cls: type[Word], summary: str) -> Schema:
    properties: Schema = {"kind": {"const": cls.expression_kind}, "name": {"const": cls.word}}
    required = ["kind", "name"]
    for name, info in cls.model_fields.items():
        of = _field_schema(info)
        if info.description:
            of["description"] = info.description
        unit = dimension_of(info)
        if unit != NONE:
            of["description"] = f"{of.get('description', '')} (in {symbol(unit)})".strip()
        if info.is_required():
            required.append(_parameter(name))
        else:
            of["default"] = as_json(info.default)
        properties[_parameter(name)] = of
    out: Schema = {"title": cls.word, "description": summary, **_object(properties, required)}
    if cls.example:
        out["examples_in_a_page"] = [cls.example]
    return out


def _field_schema(info: FieldInfo) -> Schema:
    return _union([_type_schema(a) for a in flatten_marked(info.annotation, tuple(info.metadata))])


def _union(options: list[Schema]) -> Schema:
    unique = [o for i, o in enumerate(options) if o not in options[:i]]
    return dict(unique[0]) if len(unique) == 1 else {"anyOf": unique}


Marked = tuple[Any, tuple[Any, ...]]


def flatten_marked(annotation: Any, marks: tuple[Any, ...] = ()) -> list[Marked]:
    """The members of a union type, each with the bounds that `Annotated` put on it."""
    if hasattr(annotation, "__metadata__"):
        return flatten_marked(annotation.__origin__, marks + annotation.__metadata__)
    members = flatten(annotation)
    if len(members) == 1 and members[0] is annotation:
        return [(annotation, marks)]
    return [m for a in get_args(annotation) for m in flatten_marked(a, marks)]


def _type_schema(marked: Marked) -> Schema:
    a, marks = marked
    origin: Any = get_origin(a)
    if origin is Literal:
        return {"enum": list(get_args(a))}
    if origin is tuple:
        items = _union([_type_schema(m) for m in flatten_marked(get_args(a)[0])])
        least = next((m.min_length for m in marks if isinstance(m, MinLen)), None)
        return {"type": "array", "items": items, **({"minItems": least} if least else {})}
    if origin is dict:  # one entry for each unknown, by its name
        values = _union([_type_schema(m) for m in flatten_marked(get_args(a)[1])])
        return {"type": "object", "additionalProperties": values}
    if isinstance(a, type) and issubclass(a, Word):
        return _ref(f"any.{a.expression_kind}")
    if isinstance(a, type) and issubclass(a, t.Term):
        return _ref(f"any.{_snake(a)}") if a in _bases() else _ref(f"term.{_snake(a)}")
    named = {Quantity: "quantity", Unit: "unit", Interval: "range", FilePath: "file"}
    if a in named:
        return _ref(named[a])
    plain = {float: "number", int: "integer", bool: "boolean", str: "string", type(None): "null"}
    if a not in plain:
        raise TypeError(f"no JSON schema for {a}")
    out: Schema = {"type": plain[a]}
    if a in (float, int):
        for m in marks:
            for kind, key, name in _BOUNDS:
                if isinstance(m, kind):
                    out[key] = getattr(m, name)
    return out


_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (Gt, "exclusiveMinimum", "gt"),
    (Ge, "minimum", "ge"),
    (Lt, "exclusiveMaximum", "lt"),
    (Le, "maximum", "le"),
)


def _snake(cls: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


@cache
def _terms() -> tuple[type[t.Term], ...]:
    """All terms that can stand in a page."""
    found = [c for c in vars(t).values() if isinstance(c, type) and issubclass(c, t.Term) and is_dataclass(c)]
    return tuple(sorted(found, key=lambda c: c.__name__))


@cache
def _bases() -> tuple[type[t.Term], ...]:
    """The kinds of terms: operator, value, energy, measure, axis."""
    return tuple(c for c in vars(t).values() if isinstance(c, type) and c.__base__ is t.Term)


def _term_schema(cls: type[t.Term]) -> Schema:
    assert is_dataclass(cls)
    hints = get_type_hints(cls, vars(t), include_extras=True)
    properties: Schema = {"term": {"const": _snake(cls)}}
    for f in fields_of(cls):
        if not f.compare:
            continue
        hint = hints[f.name]
        properties[f.name] = {"$ref": "#"} if hint is Word else _union([_type_schema(m) for m in flatten_marked(hint)])
    return {"title": (cls.__doc__ or cls.__name__).split("\n")[0], **_object(properties)}
