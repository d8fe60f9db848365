"""Constant expressions: numbers, quantities, texts, lists and ranges, computed with their dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..diagnostics import Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model.fields import Interval
from ..model.units import NONE, UNITS, Quantity, describe, parts, quantity, times
from ..syntax.source import Span
from ..syntax.tree import Binary, Call, Dot, Expr, Name, Negative, Number, Range, Sequence, Text
from ..syntax.tree import Quantity as WrittenQuantity

Value = float | Quantity | str | bool | Interval | list[Any]

FUNCTIONS: dict[str, Callable[[float], float]] = {"sqrt": math.sqrt, "exp": math.exp, "log": math.log, "abs": abs}
CONSTANTS = {"pi": math.pi, "true": True, "false": False}
SERIES = ("geometric", "linear")
CALLED = (*FUNCTIONS, *SERIES)
"""Words that a constant expression may call."""

_SPELLED_OUT = {
    "percent": "%",
    "meter": "m",
    "metre": "m",
    "centimeter": "cm",
    "millimeter": "mm",
    "millimetre": "mm",
    "micrometer": "um",
    "micron": "um",
    "nanometer": "nm",
    "picometer": "pm",
    "angstrom": "Å",
    "second": "s",
    "sec": "s",
    "millisecond": "ms",
    "degree": "deg",
    "radian": "rad",
    "volt": "V",
    "kilovolt": "kV",
    "decibel": "dB",
}


def evaluate(node: Expr, lookup: Callable[[Name | Dot], Value]) -> Value:
    """The value of a constant expression. `lookup` gives that of a name. Raises SpecError."""
    match node:
        case Number(value=value):
            return value
        case WrittenQuantity(value=value, unit=unit):
            return _quantity(value, unit, node.span)
        case Text(value=value):
            return value
        case Name(id=id_):
            return CONSTANTS[id_] if id_ in CONSTANTS else lookup(node)
        case Dot():
            return lookup(node)
        case Sequence(items=items):
            return [evaluate(i, lookup) for i in items]
        case Negative(operand=operand):
            x, d = _number(evaluate(operand, lookup), operand.span)
            return quantity(-x, d)
        case Range():
            return _range(node, lookup)
        case Binary(op="/", left=left, right=Name(id=unit)) if is_unit(node):
            x, d = _number(evaluate(left, lookup), left.span)
            inverse = per(unit)
            return quantity(x * inverse.value, times(d, inverse.dimension))
        case Binary():
            return _arithmetic(node, lookup)
        case Call(function=Name(id=function), arguments=arguments):
            if function in SERIES:
                return _series(node, function, lookup)
            if function in FUNCTIONS and len(arguments) == 1 and arguments[0].name is None:
                x, d = _number(evaluate(arguments[0].value, lookup), node.span)
                if d != NONE and function != "abs":
                    raise SpecError(error("RT003", f"`{function}` takes a plain number, not {describe(d)}", node.span))
                try:
                    return quantity(FUNCTIONS[function](x), d)
                except (ValueError, OverflowError):
                    raise SpecError(error("RT004", f"`{function}({x:g})` is not a finite number", node.span)) from None
    raise SpecError(error("RT001", "expected a constant: a number, a quantity, a text or a list", node.span))


def is_unit(node: Binary) -> bool:
    """Whether this is the `/mm` of `0.02/mm`: a division that touches a number on its left and a unit on its right."""
    if node.op != "/" or not isinstance(node.right, Name) or node.right.id not in UNITS:
        return False
    left: Expr = node.left
    while isinstance(left, Binary):
        left = left.right
    touch = node.left.span.end == node.op_span.start and node.op_span.end == node.right.span.start
    return touch and isinstance(left, Number)


def per(unit: str) -> Quantity:
    """One over a unit."""
    factor, dimension = UNITS[unit]
    return Quantity(1 / factor, times(NONE, dimension, -1))


def _quantity(value: float, unit: str, span: Span) -> Value:
    if unit not in UNITS:
        spelled = nearest(unit.casefold().removesuffix("s"), _SPELLED_OUT)
        close = _SPELLED_OUT[spelled] if spelled and len(unit) > 2 else nearest(unit, UNITS)
        raise SpecError(
            error(
                "RT002",
                f"there is no unit `{unit}`",
                span,
                help=f"did you mean `{value:g}{close}`?" if close else "known units: " + " ".join(UNITS),
            )
        )
    factor, dimension = UNITS[unit]
    return quantity(value * factor, dimension)


def _number(value: Value, span: Span) -> tuple[float, tuple[int, int, int, int, int]]:
    if isinstance(value, (float, int, Quantity)) and not isinstance(value, bool):
        return parts(value)
    what = {str: "a text", list: "a list", Interval: "a range", bool: "true or false"}.get(type(value), "this")
    raise SpecError(error("RT005", f"expected a number, got {what}", span))


def _arithmetic(node: Binary, lookup: Callable[[Name | Dot], Value]) -> Value:
    a, da = _number(evaluate(node.left, lookup), node.left.span)
    b, db = _number(evaluate(node.right, lookup), node.right.span)
    if node.op in "+-" and da != db:
        raise SpecError(
            error(
                "RT003",
                f"{describe(da)} and {describe(db)} cannot be added",
                node.op_span,
                help="convert one of them, for example by dividing by a unit",
            )
        )
    dimension = da
    try:
        if node.op == "+":
            result = a + b
        elif node.op == "-":
            result = a - b
        elif node.op == "*":
            result, dimension = a * b, times(da, db)
        elif node.op == "/":
            result, dimension = a / b, times(da, db, -1)
        elif node.op == "^":
            if db != NONE or (da != NONE and b != round(b)):
                raise SpecError(
                    error("RT003", "an exponent is a plain number, and a whole one for a quantity", node.right.span)
                )
            power = a**b
            if isinstance(power, complex):
                raise ValueError
            result = power
            if da != NONE:
                n = int(b)
                dimension = (da[0] * n, da[1] * n, da[2] * n, da[3] * n, da[4] * n)
        else:
            raise SpecError(error("RT005", "`@` applies an operator; numbers are multiplied by `*`", node.op_span))
        if not math.isfinite(result):
            raise OverflowError
    except ZeroDivisionError:
        raise SpecError(error("RT004", "division by zero", node.op_span)) from None
    except (OverflowError, ValueError):
        raise SpecError(error("RT004", "the result is not a finite number", node.op_span)) from None
    return quantity(result, dimension)


def _range(node: Range, lookup: Callable[[Name | Dot], Value]) -> Interval:
    a, da = _number(evaluate(node.start, lookup), node.start.span)
    b, db = _number(evaluate(node.stop, lookup), node.stop.span)
    if da != db:
        raise SpecError(error("RT003", f"a range from {describe(da)} to {describe(db)}", Label(node.span)))
    step = None
    if node.step is not None:
        step, ds = _number(evaluate(node.step, lookup), node.step.span)
        if ds != da:
            raise SpecError(error("RT003", f"a range of {describe(da)} by {describe(ds)}", node.step.span))
        if step == 0 or (b - a) / step < 0:
            raise SpecError(error("RT006", "this step never reaches the end of the range", node.step.span))
        if (b - a) / step > 1e6:
            raise SpecError(error("RT006", "this range has more than a million values", node.step.span))
    return Interval(a, b, step, da)


def _series(node: Call, name: str, lookup: Callable[[Name | Dot], Value]) -> list[Any]:
    given: dict[str, Value] = {}
    for key, argument in zip(("start", "stop", "count"), node.arguments, strict=False):
        given[argument.name or key] = evaluate(argument.value, lookup)
    if set(given) != {"start", "stop", "count"}:
        raise SpecError(error("RT007", f"`{name}` as a list is `{name}(first, last, count = 10)`", node.span))
    a, da = _number(given["start"], node.span)
    b, db = _number(given["stop"], node.span)
    n = given["count"]
    if da != db:
        raise SpecError(error("RT003", f"a series from {describe(da)} to {describe(db)}", node.span))
    if not isinstance(n, float) or n != round(n) or not 1 <= n <= 100_000:
        raise SpecError(error("RT007", "`count` is a whole number from 1 to 100000", node.span))
    if name == "geometric" and not (a > 0 and b > 0):
        raise SpecError(error("RT007", "a geometric series goes between positive numbers", node.span))
    steps = [i / max(n - 1, 1) for i in range(int(n))]
    if name == "geometric":
        return [quantity(a * (b / a) ** t, da) for t in steps]
    return [quantity(a + (b - a) * t, da) for t in steps]
