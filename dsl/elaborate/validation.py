"""What pydantic finds wrong, in the user's words and at the user's place."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .. import vocabulary
from ..diagnostics import Diagnostic, Label, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.fields import FilePath, Interval, OfDimension
from ..model.units import NONE, Quantity, Unit, describe, example
from ..model.word import Word
from .phrases import kind_in_words
from .scope import Where

MISSING = "RV007"


def flatten(annotation: Any) -> list[Any]:
    """The members of a union type, with `Annotated` taken off."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [x for a in get_args(annotation) for x in flatten(a)]
    if hasattr(annotation, "__metadata__"):
        return flatten(annotation.__origin__)
    return [annotation]


def wanted(info: FieldInfo) -> str:
    """What a parameter takes, in words: "a number or `auto`"."""
    phrases = _phrases(info.annotation, info.metadata)
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " or " + phrases[-1]


_PLAIN: dict[Any, str] = {
    float: "a number",
    int: "a whole number",
    str: "a text",
    bool: "`true` or `false`",
    Interval: "a range such as `0..1`",
    Unit: "a unit such as `1/mm`",
    FilePath: "the name of a file",
    Quantity: "a quantity with a unit",
    t.OperatorTerm: "an operator",
    t.ValueTerm: "a value",
    t.MeasureTerm: "a measure such as `mean(psnr)`",
    t.AxisTerm: "an axis",
    t.DataName: "the name of a data set",
}


def _phrases(annotation: Any, metadata: list[Any] | tuple[Any, ...]) -> list[str]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return list(dict.fromkeys(p for a in get_args(annotation) for p in _phrases(a, ())))
    if hasattr(annotation, "__metadata__"):
        return _phrases(annotation.__origin__, [*annotation.__metadata__, *metadata])
    if origin is Literal:
        return [f"`{v}`" for v in get_args(annotation)]
    if origin is tuple:
        inner = _phrases(get_args(annotation)[0], ())
        return [f"a list of {', '.join(inner)}" if all(p.startswith("`") for p in inner) else "a list"]
    if annotation is type(None):
        return []
    dimension = next((m.dimension for m in metadata if isinstance(m, OfDimension)), NONE)
    if dimension != NONE:
        return [f"{describe(dimension)} such as {example(dimension, annotation is Interval)}"]
    if isinstance(annotation, type) and issubclass(annotation, Word):
        return [kind_in_words(annotation.expression_kind)]
    return [_PLAIN.get(annotation, "something else")]


def option_hint(cls: type[BaseModel], key: str, name: str) -> str:
    """What to write instead of an option that a word does not have."""
    close = nearest(key, cls.model_fields)
    if close:
        return f"did you mean `{close}`?"
    for kind in vocabulary.kinds_of(name):
        other = vocabulary.find(kind, name)
        if other is not None and other is not cls and key in other.model_fields and issubclass(cls, Word):
            here, there = kind_in_words(cls.expression_kind), kind_in_words(kind)
            wrap = ", which acts through `conv(...)`" if kind == "kernel" and cls.expression_kind == "operator" else ""
            return f"here `{name}` is {here}; with `{key}` it is {there}{wrap}"
    known = [f"`{f}`" for f in cls.model_fields]
    return f"its options are {', '.join(known)}" if known else "it takes no options"


def validation_findings(failed: ValidationError, cls: type[BaseModel], where: Where, name: str) -> list[Diagnostic]:
    """One diagnostic for each parameter that is missing or does not fit."""
    by_field: dict[str, list[Any]] = {}
    for e in failed.errors(include_url=False):
        by_field.setdefault(str(e["loc"][0]) if e["loc"] else "", []).append(e)
    return [_finding(field, errors, cls, where, name) for field, errors in by_field.items()]


def _finding(field: str, errors: list[Any], cls: type[BaseModel], where: Where, name: str) -> Diagnostic:
    span = where.arguments.get(field, where.head)
    first = errors[0]
    info = cls.model_fields.get(field)
    if first["type"] == "missing" and len(first["loc"]) == 1 and info is not None:
        sample = getattr(cls, "example", "")
        hints = (f"`{field}`: {info.description}" if info.description else "", f"as in `{sample}`" if sample else "")
        return error(MISSING, f"`{name}` needs `{field}`", Label(where.head), help=hints)
    if first["type"] == "extra_forbidden":
        place = where.names.get(field, span)
        return error("RV002", f"`{name}` has no option `{field}`", place, help=option_hint(cls, field, name))
    what = f"`{field}` of `{name}`" if field else f"`{name}`"
    value = first["input"]
    bound = next((e for e in errors if e["type"] in _BOUNDS), None)
    if bound is not None:
        limit = _show(next(iter(bound["ctx"].values())))
        have = "" if isinstance(value, Quantity) else f", not {_show(value)}"
        return error("RV008", f"{what} must be {_BOUNDS[bound['type']]} {limit}{have}", span)
    if any(e["type"].startswith("int_") for e in errors) and isinstance(value, float) and value.is_integer():
        most = _show(_largest(info))  # a whole number that is none is one beyond pydantic's 64 bits
        return error("RV008", f"{what} must be at most {most}, not {_show(value)}", span)
    own = next((e for e in errors if e["type"] == "value_error"), None)
    if own is not None:
        return error("RV009", f"{what}: {own['msg'].removeprefix('Value error, ')}", span)
    if isinstance(value, (list, tuple)) or len(first["loc"]) > 1:
        counted = next((e for e in errors if e["type"] in ("missing", "too_short", "too_long")), None)
        if counted is not None:
            return error("RV009", f"{what} needs {_entries(info, counted)}", span)
    choices = _choices(cls, field)
    close = nearest(value, choices) if isinstance(value, str) else None
    expected = wanted(info) if info is not None else "something else"
    hint = f"did you mean `{close}`?" if close else ""
    return error("RV006" if choices else "RV009", f"{what} is {expected}, not {_show(value)}", span, help=hint)


def _entries(info: FieldInfo | None, failed: Any) -> str:
    """How many entries a list needs that has too few or too many."""
    fixed = [get_args(a) for a in flatten(info.annotation) if get_origin(a) is tuple] if info is not None else []
    if len(fixed) == 1 and Ellipsis not in fixed[0]:
        return f"{len(fixed[0])} entries"
    least, most = failed.get("ctx", {}).get("min_length", 1), failed.get("ctx", {}).get("max_length")
    if failed["type"] == "too_long":
        return f"at most {most} entries"
    return "at least one entry" if least == 1 else f"at least {least} entries"


def _largest(info: FieldInfo | None) -> float:
    """The upper bound of a whole number."""
    stack: list[Any] = [] if info is None else [info.annotation, *info.metadata]
    while stack:
        part = stack.pop()
        if isinstance(part, Le):
            return float(part.le)  # type: ignore[arg-type]
        stack += [*getattr(part, "__metadata__", ()), *get_args(part)]
    return 2.0**63 - 1


_BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def _choices(cls: type[BaseModel], field: str) -> list[str]:
    if field not in cls.model_fields:
        return []
    accept = flatten(cls.model_fields[field].annotation)
    return [str(v) for a in accept if get_origin(a) is Literal for v in get_args(a) if v is not None]


def _show(value: Any) -> str:
    if isinstance(value, Quantity):
        return describe(value.dimension)
    if isinstance(value, Interval):
        return "a range"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.0f}" if abs(value) <= 2**53 and value == int(value) else f"{value:g}"
    if isinstance(value, str):
        return f'"{value[:40]}"'
    if isinstance(value, (list, tuple)):
        return "a list"
    return "this"
