"""Values, words and terms as a spec writes them, and text laid out for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from ..diagnostics.render import safe
from ..elaborate.validation import flatten
from ..model import terms as t
from ..model.experiment import UnknownSpec
from ..model.fields import FilePath, Interval, OfDimension
from ..model.networks import Learned
from ..model.space import Space
from ..model.units import ANGLE, LEVEL, NONE, UNITS, Dimension, Quantity, Unit, symbol
from ..model.word import Word

_PREFERRED = {ANGLE: ("deg",), LEVEL: ("dB",)}


def dimension_of(info: FieldInfo) -> Dimension:
    """The dimension of a parameter whose values are kept as plain numbers in base units."""
    return next((m.dimension for m in marks(info) if isinstance(m, OfDimension)), NONE)


def marks(info: FieldInfo) -> list[Any]:
    """What `Annotated` put on a parameter, or on the members of its union: bounds, dimensions."""
    return [*info.metadata, *(m for a in get_args(info.annotation) for m in getattr(a, "__metadata__", ()))]


def number(value: float) -> str:
    """A number as a spec writes it, with at most six digits."""
    return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def quantity(value: float, dimension: Dimension) -> str:
    """A number in base units with the unit that leaves few digits in front of the point: `0.7mm`, `90deg`, `20/m`."""
    if dimension == NONE:
        return number(value)
    inverse = tuple(-p for p in dimension)
    units = [(n, f) for n, (f, d) in UNITS.items() if d == dimension and n not in ("°", "µm", "µs", "Å", "pm")]
    if units:
        preferred = [u for u in units if u[0] in _PREFERRED.get(dimension, ())] or units
        name, factor = min(preferred, key=lambda u: _clumsy(value / u[1]))
        return number(value / factor) + name
    below = [(n, f) for n, (f, d) in UNITS.items() if d == inverse and n not in ("°", "µm", "µs", "Å", "pm")]
    if below:
        name, factor = min(below, key=lambda u: _clumsy(value * u[1]))
        return f"{number(value * factor)}/{name}"
    return f"{number(value)} {symbol(dimension)}"


def _clumsy(value: float) -> tuple[float, int]:
    size = abs(value)
    outside = 0.0 if not size or 1 <= size < 1000 else (1 / size if size < 1 else size / 1000)
    return outside, len(number(value))


def written(value: Any, info: FieldInfo | None = None, *, full: bool = False) -> str:
    """A value as a spec writes it. `info` is the parameter it belongs to; `full` writes out defaults of words."""
    dimension = dimension_of(info) if info is not None else NONE
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return quantity(value, dimension)
        case str():
            return value if info is not None and value in choices(info) else f'"{value}"'
        case Quantity():
            return quantity(value.value, value.dimension)
        case Unit():
            return str(value) or "1"
        case Interval():
            step = "" if value.step is None else f" by {quantity(value.step, value.dimension)}"
            return f"{quantity(value.start, value.dimension)}..{quantity(value.stop, value.dimension)}{step}"
        case FilePath():
            return f'"{value.text}"'
        case tuple() | list():
            return "[" + ", ".join(written(v, info, full=full) for v in value) + "]"
        case Learned():
            return f"learned({written(value.network, full=full)})"
        case Word():
            return _word(value, full)
        case t.Term() | t.Prior():
            return _term(value, full)
        case Space():
            return str(value)
        case UnknownSpec():
            return f"{value.kind} {value.space}"
    return str(value)


def choices(info: FieldInfo) -> list[str]:
    """The words that a parameter takes besides values, such as `auto`."""
    accept = flatten(info.annotation)
    accept += [x for a in accept if get_origin(a) is tuple for x in flatten(get_args(a)[0])]
    return [v for a in accept if get_origin(a) is Literal for v in get_args(a) if isinstance(v, str)]


def _word(word: Word, full: bool) -> str:
    given = []
    for name, info in type(word).model_fields.items():
        value = getattr(word, name)
        if name == word.keyed:
            given += [f"{key} = {written(v, full=full)}" for key, v in value.items()]
        elif name == word.variadic:
            given += [written(v, info, full=full) for v in value]
        elif info.is_required() and len(given) == list(type(word).model_fields).index(name):
            given.append(written(value, info, full=full))
        elif value != info.default or (full and value is not None):
            given.append(f"{name} = {written(value, info, full=full)}")
    return f"{word.word}({', '.join(given)})" if given else word.word


def weight_of(prior: t.Prior) -> str:
    """The weight of a prior as a spec writes it: a number, or the rule that finds it."""
    if prior.rule is None:
        return number(prior.weight)
    rule = f"auto({_word(prior.rule, False)})"
    return rule if prior.weight == 1 else f"{number(prior.weight)} * {rule}"


def _term(term: t.Term | t.Prior, full: bool) -> str:
    def inner(x: t.Term) -> str:
        text = written(x, full=full)
        return f"({text})" if isinstance(x, (t.SumOf, t.Plus, t.Scaled, t.Times)) else text

    match term:
        case t.Leaf(word=word):
            return _word(word, full)
        case t.Compose(parts=parts):
            return " @ ".join(map(inner, parts))
        case t.SumOf(parts=parts) | t.Plus(parts=parts):
            return " + ".join(written(p, full=full) for p in parts)
        case t.Scaled(factor=c, of=of) | t.Times(factor=c, of=of):
            return f"-{inner(of)}" if c == -1 else f"{written(c)} * {inner(of)}"
        case t.Adjoint(of=of):
            text = written(of, full=full)
            return f"({text}).H" if isinstance(of, (t.Compose, t.SumOf, t.Scaled)) else f"{text}.H"
        case t.Apply(operator=op, to=to):
            return f"{inner(op)} @ {inner(to)}"
        case t.Pointwise(word=word, of=of):
            return f"{word.word}({written(of, full=full)})"
        case t.Power(of=of, exponent=n):
            return f"{inner(of)}^{number(n)}"
        case t.Constant(value=c):
            return written(c)
        case t.Energy(word=word):
            return _word(word, full)
        case t.Law(of=of, law=law):
            return f"{inner(of)} ~ {_word(law, full)}"
        case t.Within(of=of, set=set_):
            return f"{inner(of)} in {_word(set_, full)}"
        case t.Prior(energy=energy):
            weight = weight_of(term)
            return written(energy, full=full) if weight == "1" else f"{weight} * {inner(energy)}"
        case t.Reserved(name=name, method=method):
            return f"{method}.{name}" if method else name
        case t.Statistic():
            return str(term)
    return str(getattr(term, "name", term))


# ---- layout ---------------------------------------------------------------------------------------------------


class Paint:
    """Colours for a terminal, or none."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text

    def bold(self, text: str) -> str:
        return self(text, "1")

    def dim(self, text: str) -> str:
        return self(text, "2")

    def title(self, text: str) -> str:
        return self(text, "1;34")


def columns(rows: Iterable[Sequence[str]], *, indent: int = 2, gap: int = 2, most: int = 44) -> list[str]:
    """Rows of cells under each other, each column as wide as its widest cell, or `most`. The last one is never cut."""
    table = [[safe(c) for c in row] for row in rows]
    count = max((len(r) for r in table), default=0)
    widths = [min(most, max((len(r[i]) for r in table if i < len(r) - 1), default=0)) for i in range(count)]
    out = []
    for row in table:
        cells = [c.ljust(widths[i]) if i < len(row) - 1 else c for i, c in enumerate(row)]
        out.append((" " * indent + (" " * gap).join(cells)).rstrip())
    return out


def paragraph(text: str, *, indent: int = 2, width: int = 100) -> list[str]:
    """Words filled into lines."""
    margin = " " * indent
    lines = textwrap.wrap(safe(" ".join(text.split())), width, initial_indent=margin, subsequent_indent=margin)
    return lines or [margin.rstrip()]


def size(count: int | None) -> str:
    """A number of bytes in words."""
    if count is None:
        return "known when data are read"
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"
