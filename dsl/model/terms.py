"""Terms: words joined by the algebra, as a page states them, before spaces are known.

Every term keeps the span it was written at; spans do not take part in equality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from ..syntax.source import Span
from .space import Space
from .units import Quantity
from .word import EnergyWord, ImageLaw, Operator, Set, WeightRule, Word
from .word import Law as LawWord


def _span() -> Span | None:
    return field(default=None, compare=False, repr=False)


def _space() -> Space | None:
    return field(default=None, compare=False, repr=False)


class Term:
    """The base of all terms; `kind` is the kind of expression."""

    kind: ClassVar[str] = ""
    span: Span | None


class OperatorTerm(Term):
    """A linear operator: a word, or operators joined by the algebra."""

    kind = "operator"


@dataclass(frozen=True)
class Leaf(OperatorTerm):
    """An operator word.

    `place` names where a word stands that derives its seed from it. It is empty for others, which are equal anywhere.
    """

    word: Operator
    place: str = ""
    span: Span | None = _span()


@dataclass(frozen=True)
class Compose(OperatorTerm):
    """`B @ A`: parts from the outermost to the innermost."""

    parts: tuple[OperatorTerm, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class SumOf(OperatorTerm):
    """`A + B`."""

    parts: tuple[OperatorTerm, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class Scaled(OperatorTerm):
    """`c * A` for a real number c."""

    factor: float
    of: OperatorTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Adjoint(OperatorTerm):
    """`A.H`."""

    of: OperatorTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Across(OperatorTerm):
    """k -> A(k) v: an operator that takes an unknown as a parameter, as a function of it while v is held fixed."""

    of: OperatorTerm
    parameter: str
    to: Unknown
    span: Span | None = _span()


class ValueTerm(Term):
    """A quantity of the problem: unknowns, measurements, columns of data, and functions of them."""

    kind = "value"


@dataclass(frozen=True)
class Unknown(ValueTerm):
    """An unknown. `space` is filled in where it is a parameter of an operator."""

    name: str
    span: Span | None = _span()
    space: Space | None = _space()


@dataclass(frozen=True)
class Measured(ValueTerm):
    """What is measured. `space` is filled in from the data where it is a parameter of an operator."""

    name: str
    span: Span | None = _span()
    space: Space | None = _space()


@dataclass(frozen=True)
class Known(ValueTerm):
    """A value that data bind for each row and that is no unknown and no measurement: maps, poses, a defocus.

    stacked: whether it holds one entry for each row of the data, since all rows measure one unknown. `space` is that
    of the value at hand, once data are read.
    """

    name: str
    stacked: bool = False
    span: Span | None = _span()
    space: Space | None = _space()


@dataclass(frozen=True)
class Column(ValueTerm):
    """A column of the source of a `data` statement."""

    name: str
    span: Span | None = _span()


@dataclass(frozen=True)
class Reserved(ValueTerm):
    """estimate, samples, truth, measured, ref, error; `method` is set in `tv.estimate`."""

    name: str
    method: str | None = None
    span: Span | None = _span()


@dataclass(frozen=True)
class Constant(ValueTerm):
    value: float | Quantity
    span: Span | None = _span()


@dataclass(frozen=True)
class Apply(ValueTerm):
    """`A @ v`."""

    operator: OperatorTerm
    to: ValueTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Times(ValueTerm):
    """`c * v` for a constant c."""

    factor: float | Quantity
    of: ValueTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Product(ValueTerm):
    """`v * w`, entry by entry: for what is shown and measured of an estimate, never in a mean or a prior."""

    left: ValueTerm
    right: ValueTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Plus(ValueTerm):
    """`v + w`."""

    parts: tuple[ValueTerm, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class Pointwise(ValueTerm):
    """A function word applied entry by entry, such as `exp(v)`."""

    word: Word
    of: ValueTerm
    span: Span | None = _span()


@dataclass(frozen=True)
class Power(ValueTerm):
    """`v ^ n` entry by entry, for a number n."""

    of: ValueTerm
    exponent: float
    span: Span | None = _span()


class EnergyTerm(Term):
    """A term of the objective."""

    kind = "energy"


@dataclass(frozen=True)
class Energy(EnergyTerm):
    """An energy word; its argument stands in its field `of`."""

    word: EnergyWord
    span: Span | None = _span()


@dataclass(frozen=True)
class Law(EnergyTerm):
    """`v ~ law`: minus the log-density of the law at v."""

    of: ValueTerm
    law: LawWord | ImageLaw
    span: Span | None = _span()


@dataclass(frozen=True)
class Within(EnergyTerm):
    """`v in set`: zero on the set and infinite off it."""

    of: ValueTerm
    set: Set
    span: Span | None = _span()


@dataclass(frozen=True)
class Prior:
    """One summand of the prior: `weight * energy`.

    rule: how a further factor is found at run, one for each row; None where `weight` is all.
    """

    weight: float
    energy: Energy | Law | Within
    span: Span | None = _span()
    weight_span: Span | None = _span()
    text: str = field(default="", compare=False)
    """The summand as it was written, or with its weight multiplied out where that stands elsewhere."""
    rule: WeightRule | None = None
    rule_span: Span | None = _span()
    """Where the rule was written; summands with one place share one factor."""


def inside(term: Any) -> list[Any]:
    """The terms and words directly inside a term or word, in order of their fields."""
    if isinstance(term, Word):
        values: list[Any] = [getattr(term, name) for name in type(term).model_fields]
    elif isinstance(term, Term):
        values = [getattr(term, f) for f in term.__dataclass_fields__ if f not in ("span", "space")]  # type: ignore[attr-defined]
    else:
        return []
    out: list[Any] = []
    for v in values:
        items = v.values() if isinstance(v, dict) else v if isinstance(v, (tuple, list)) else (v,)
        out += [x for x in items if isinstance(x, (Term, Word))]
    return out


def rewritten(term: Any, change: Callable[[Any], Any]) -> Any:
    """The term with `change` applied to each term and word inside, innermost first; itself if nothing changes."""
    if isinstance(term, tuple):
        items = tuple(rewritten(v, change) for v in term)
        return term if all(a is b for a, b in zip(items, term, strict=True)) else items
    if isinstance(term, Word):
        names = [n for n in type(term).model_fields if isinstance(getattr(term, n), (Term, Word, tuple))]
        made = {n: rewritten(getattr(term, n), change) for n in names}
        new = {n: v for n, v in made.items() if v is not getattr(term, n)}
        return change(term.model_copy(update=new) if new else term)
    if isinstance(term, (Term, Prior)):
        names = [f.name for f in fields(term) if isinstance(getattr(term, f.name), (Term, Word, tuple))]  # type: ignore[arg-type]
        made = {n: rewritten(getattr(term, n), change) for n in names}
        new = {n: v for n, v in made.items() if v is not getattr(term, n)}
        return change(replace(term, **new) if new else term)  # type: ignore[type-var]
    return term


def everything(term: Any) -> list[Any]:
    """The term and all terms and words inside it, outermost first."""
    out, stack = [], [term]
    while stack:
        top = stack.pop()
        out.append(top)
        stack += reversed(inside(top))
    return out


def unknowns_in(term: Any) -> list[str]:
    """Names of the unknowns a term depends on, in order of appearance."""
    return list(dict.fromkeys(t.name for t in everything(term) if isinstance(t, Unknown)))


def parameters_in(*terms: Any) -> list[Unknown | Measured | Known]:
    """The names of values inside operators, which are what their words take as parameters, in order of appearance."""
    found = [t for term in terms for t in everything(term) if isinstance(t, (Unknown, Measured, Known))]
    return list(dict.fromkeys(found))


class MeasureTerm(Term):
    """A number that a report shows or a claim bounds."""

    kind = "measure"


@dataclass(frozen=True)
class Statistic(MeasureTerm):
    """`mean(psnr)`, `max(sparse.nmse)`: a statistic over rows of a metric, of one method or of each.

    argument: of `interval(psnr, 90%)` the confidence, of `quantile(psnr, 10%)` the share below, of
    `fraction(nmse <= 1e-4)` the bound, in the metric's own unit; `op` is its comparison. None where it is not given.
    """

    statistic: str
    metric: str
    method: str | None = None
    span: Span | None = _span()
    op: str = ""
    argument: float | None = None

    def __str__(self) -> str:
        name = f"{self.method}.{self.metric}" if self.method else self.metric
        if self.op:
            return f"{self.statistic}({name} {self.op} {self.argument:g})"
        if self.argument is not None:
            return f"{self.statistic}({name}, {100 * self.argument:g}%)"
        return f"{self.statistic}({name})" if self.statistic else name


class AxisTerm(Term):
    """Something results are laid out along."""

    kind = "axis"


@dataclass(frozen=True)
class DataName(Term):
    """The name of a `data` statement."""

    kind = "data"

    name: str
    span: Span | None = _span()


@dataclass(frozen=True)
class Along(AxisTerm):
    """`method`, `data`, `iteration`, or the path of a swept param such as `accel` or `run.seed`."""

    name: str
    span: Span | None = _span()
