"""What pydantic finds wrong, in the user's words and at the user's place."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from ..diagnostics import Diagnostic, Label, error
from ..diagnostics.nearest import nearest
from ..model.fields import Interval
from ..model.units import Quantity, describe
from .scope import Where


def validation_findings(failed: ValidationError, cls: Any, where: Where, name: str) -> list[Diagnostic]:
    """One diagnostic for each parameter that is missing or does not fit."""
    by_field: dict[str, list[Any]] = {}
    for e in failed.errors(include_url=False):
        by_field.setdefault(str(e["loc"][0]) if e["loc"] else "", []).append(e)
    return [_finding(field, errors, cls, where, name) for field, errors in by_field.items()]


def _finding(field: str, errors: list[Any], cls: Any, where: Where, name: str) -> Diagnostic:
    span = where.arguments.get(field, where.head)
    first = errors[0]
    if first["type"] == "missing":
        info = cls.model_fields[field]
        return error(
            "RV007",
            f"`{name}` needs `{field}`",
            Label(where.head),
            help=f"`{field}`: {info.description}" if info.description else "",
        )
    if first["type"] == "extra_forbidden":
        close = nearest(field, cls.model_fields)
        hint = (
            f"did you mean `{close}`?" if close else "its options are " + ", ".join(f"`{f}`" for f in cls.model_fields)
        )
        return error("RV002", f"`{name}` has no option `{field}`", where.names.get(field, span), help=hint)
    own = [e for e in errors if e["type"] == "value_error"]
    bounds = [e for e in errors if e["type"] in _BOUNDS]
    value = first["input"]
    what = f"`{field}` of `{name}`" if field else f"`{name}`"
    choices = _choices(cls, field)
    if bounds:
        e = bounds[0]
        limit = next(iter(e["ctx"].values()))
        return error("RV008", f"{what} must be {_BOUNDS[e['type']]} {limit:g}, not {_show(value)}", span)
    if own:
        return error("RV009", f"{what}: {own[0]['msg'].removeprefix('Value error, ')}", span)
    if choices and isinstance(value, str):
        close = nearest(value, choices)
        listed = ", ".join(f"`{c}`" for c in choices)
        return error(
            "RV006", f"{what} is one of {listed}, not `{value}`", span, help=f"did you mean `{close}`?" if close else ""
        )
    expected = next((_EXPECTED[e["type"]] for e in errors if e["type"] in _EXPECTED), "something else")
    if choices:
        expected += " or " + ", ".join(f"`{c}`" for c in choices)
    return error("RV009", f"{what} must be {expected}, not {_show(value)}", span)


_BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "string_type": "a text",
    "tuple_type": "a list",
    "too_short": "a list with more entries",
    "dataclass_type": "a range such as `0..1`",
    "dataclass_exact_type": "a range such as `0..1`",
    "is_instance_of": "another kind of expression",
    "model_type": "another kind of expression",
    "literal_error": "another word",
}


def _choices(cls: Any, field: str) -> list[str]:
    from .expressions import flatten

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
        return f"{value:g}"
    if isinstance(value, str):
        return f'"{value[:40]}"'
    if isinstance(value, (list, tuple)):
        return "a list"
    return "this"
