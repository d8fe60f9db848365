"""The normal form of one problem: minimise the sum of g_j(K_j x) over its terms.

The data term is one of the g_j: the noise line's negative log-density as a function of its linear argument, with
pointwise maps such as the exponential of Beer-Lambert's law fused into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ..diagnostics import Label, SpecError, error
from ..syntax.source import Span
from . import facts as fact
from .facts import Facts
from .place import Placed
from .space import Space
from .terms import (
    Apply,
    Compose,
    Constant,
    Measured,
    OperatorTerm,
    Plus,
    Pointwise,
    Power,
    Product,
    Scaled,
    SumOf,
    Times,
    Unknown,
    ValueTerm,
)
from .units import Quantity, describe

Prox = Literal["closed", "inner", "none"]


@dataclass(frozen=True)
class DenoiserFacts:
    """What is known of a denoiser D that stands in the place of a proximal map, or (`red`) inside an energy.

    name: as the page calls it. weight: that of the law or energy. levels: the noise it knows, in the unknown's unit;
    None: any, or not known before the run. averaged: the a with which D = (1 - a) I + a N for some non-expansive N; one
    if it is non-expansive itself; None: not known. proximal: whether it is the proximal map of a convex function.
    """

    name: str
    weight: float
    levels: tuple[float, float] | None = None
    averaged: float | None = None
    proximal: bool = False
    red: bool = False


@dataclass(frozen=True)
class FunctionFacts:
    """What is known of a function g.

    quadratic: g(v) = w/2 |v - b|^2, with w in `curvature` (None where it is known only at run).
    lipschitz: a bound of the Lipschitz constant of its gradient; None: not smooth; "run": smooth, known only at run.
    mu: its strong convexity; "run" as above. prox: whether the proximal map is a closed formula; "inner": g is a
        minimum over a field of its own, min_w g_1(v - w) + g_2(E w), and both of these have one.
    gradient: whether a gradient exists where g is finite, also where no global Lipschitz constant does.
    shape: how entries couple ("entry", "group" or "all"); constraint: the indicator of a set.
    magnitudes: the power p of a mean c |v|^p, from which the sign or phase of v is gone; zero of all others.
    sparse: how many entries may differ from zero, of the indicator of sparse vectors; zero of all others.
    subspace: the dimension, of the indicator of a linear subspace; zero of all others.
    even: it depends on the moduli of entries alone; homogeneous: g(t v) = t g(v) for t > 0; radial: it depends on
        |v|_2 alone. These say which proximal maps of sums are known, see `joint_prox`.
    """

    convex: bool = True
    quadratic: bool = False
    lipschitz: float | Literal["run"] | None = None
    mu: float | Literal["run"] = 0.0
    gradient: bool = False
    prox: Prox = "closed"
    shape: Literal["entry", "group", "all"] = "entry"
    constraint: bool = False
    magnitudes: float = 0.0
    sparse: int = 0
    subspace: int = 0
    even: bool = False
    homogeneous: bool = False
    radial: bool = False
    exact: bool = False
    """The indicator of {y} or of a ball around it: the data must be met."""
    parts: bool = False
    """Whether it is a sum over the measured entries that may be taken in parts."""
    density: bool = True
    """Whether it is known at all: noise without a known law has no data term."""
    denoiser: DenoiserFacts | None = None
    """What a denoiser does in it; such a function has no value."""

    @property
    def smooth(self) -> bool:
        return self.lipschitz is not None

    def weighed_at_run(self) -> FunctionFacts:
        """The facts of c g where c > 0 is known only at run."""
        mu: float | Literal["run"] = "run" if self.mu else 0.0
        return replace(self, lipschitz=None if self.lipschitz is None else "run", mu=mu)

    def through_a_map(self) -> FunctionFacts:
        """What is left of g(F(x)) where F is only differentiable."""
        return replace(self, convex=False, quadratic=False, lipschitz=None, mu=0.0, prox="none")


@dataclass(frozen=True)
class Affine:
    """`factor * link(sum of K_u u + offset)^power`: `link` is a function word's name, or None for a linear mean."""

    blocks: dict[str, OperatorTerm | None]
    offset: float = 0.0
    link: str | None = None
    factor: float = 1.0
    power: float = 1.0


@dataclass(frozen=True)
class TermFacts:
    """One term g(K x): its role, how it was written, the facts of g, and K for each unknown that it depends on."""

    role: Literal["data", "prior"]
    label: str
    function: FunctionFacts
    blocks: dict[str, Placed]
    span: Span | None = field(default=None, compare=False)
    coupled: tuple[str, ...] = ()
    """The unknowns that its operators take as parameters, so that it is not linear in all unknowns together."""

    @property
    def operator(self) -> Facts:
        """Facts of K on all its unknowns together."""
        parts = [p.facts for p in self.blocks.values()]
        return parts[0] if len(parts) == 1 else fact.row(parts)

    @property
    def plain(self) -> bool:
        """Whether K is the identity of the unknown."""
        return self.operator.diagonal == fact.identity() and len(self.blocks) == 1

    @property
    def tight(self) -> bool:
        """Whether K K^H = cI, so that the proximal map of g(Kx) is closed where that of g is."""
        c = self.operator.cogram
        return self.plain or (c is not None and c.basis == "identity")


@dataclass(frozen=True)
class Problem:
    """All terms of one method's problem, data first."""

    unknowns: dict[str, Space]
    terms: tuple[TermFacts, ...]

    @property
    def data(self) -> list[TermFacts]:
        return [t for t in self.terms if t.role == "data"]

    @property
    def priors(self) -> list[TermFacts]:
        return [t for t in self.terms if t.role == "prior"]

    @property
    def coupled(self) -> list[str]:
        """The unknowns that are parameters of operators on other unknowns, such as an unknown kernel."""
        return list(dict.fromkeys(n for t in self.terms for n in t.coupled))

    @property
    def subspace(self) -> TermFacts | None:
        """The one term that keeps the only unknown in a subspace, so that its coefficients can be found instead."""
        found = [t for t in self.terms if t.function.subspace and t.plain]
        return found[0] if len(found) == 1 and len(self.unknowns) == 1 else None

    @property
    def beside(self) -> list[TermFacts]:
        """All terms but that one: those of the problem in coefficients."""
        inside = self.subspace
        return [t for t in self.terms if t is not inside]

    @property
    def quadratic(self) -> bool:
        """Whether all terms are quadratic, in the coefficients where the unknown lies in a subspace."""
        return all(t.function.quadratic for t in self.beside)

    @property
    def denoisers(self) -> list[TermFacts]:
        """The terms that a denoiser stands for."""
        return [t for t in self.terms if t.function.denoiser is not None]

    @property
    def hidden(self) -> bool:
        """Whether a term is a minimum over a field of its own, which is found together with the unknowns."""
        return any(t.function.prox == "inner" for t in self.terms)

    @property
    def rough(self) -> list[TermFacts]:
        """The terms without a Lipschitz gradient, which need a proximal map."""
        return [t for t in self.terms if not t.function.smooth]

    @property
    def normal_basis(self) -> fact.Diagonal | None:
        """The basis in which the sum of all K^H K is diagonal, if there is one; of the coefficients in a subspace none
        is known."""
        if self.subspace is not None:
            return None
        return closed_together([t for t in self.terms if not t.function.constraint])


def closed_together(terms: list[TermFacts]) -> fact.Diagonal | None:
    """The basis in which the sum of K^H K over the terms is diagonal, if one is known."""
    if not terms or any(len(t.blocks) != 1 for t in terms) or len({u for t in terms for u in t.blocks}) != 1:
        return None
    if any(t.function.prox == "inner" for t in terms):  # its field would have to be found along
        return None
    return fact.stack([t.operator for t in terms]).gram


def affine(value: ValueTerm) -> Affine:
    """Bring the mean of a law, or the argument of an energy, to the form `factor * link(K x + b)^power`.

    Raises SpecError where the value is not of that form.
    """
    factor, power = 1.0, 1.0
    term = value
    while isinstance(term, Times | Power):
        if isinstance(term, Power):
            power *= term.exponent
        elif power == round(power) or _number(term.factor, term.span) >= 0:
            factor *= _number(term.factor, term.span) ** power
        else:
            break
        term = term.of
    if power != 1 and not isinstance(term, Pointwise):
        hint = "a mean may be a power of magnitudes, `c * abs(A @ x)^2`"
        raise SpecError(error("RC021", "a power stands inside a linear expression", value.span, help=hint))
    if isinstance(term, Pointwise):
        blocks, offset = _linear(term.of)
        return Affine(blocks, offset, term.word.word, factor, power)
    blocks, offset = _linear(value)
    return Affine(blocks, offset)


def _number(c: float | Quantity, span: Span | None) -> float:
    if isinstance(c, Quantity):
        message = f"numbers in a mean or a prior have no unit, and this is {describe(c.dimension)}"
        hint = "the unit of an unknown stands in its declaration: `{ unit = 1/mm }`"
        raise SpecError(error("RC024", message, span, help=hint))
    return c


def _linear(value: ValueTerm) -> tuple[dict[str, OperatorTerm | None], float]:
    match value:
        case Unknown(name=name):
            return {name: None}, 0.0
        case Constant(value=c):
            return {}, _number(c, value.span)
        case Apply(operator=op, to=to):
            blocks, offset = _linear(to)
            if offset:
                raise SpecError(
                    error(
                        "RC020",
                        "an operator is applied to a constant",
                        value.span,
                        help="apply the operator to the unknown and add the constant behind it",
                    )
                )
            return {u: op if k is None else _then(op, k) for u, k in blocks.items()}, 0.0
        case Times(factor=c, of=of):
            blocks, offset = _linear(of)
            n = _number(c, value.span)
            return {u: _scaled(n, k, value.span) for u, k in blocks.items()}, n * offset
        case Plus(parts=parts):
            total: dict[str, OperatorTerm | None] = {}
            constant = 0.0
            for p in parts:
                blocks, offset = _linear(p)
                constant += offset
                for u, k in blocks.items():
                    total[u] = _summed(total[u], k, value.span) if u in total else k
            return total, constant
        case Product():
            raise SpecError(
                error(
                    "RC022",
                    "a product of two values is not linear in an unknown",
                    value.span,
                    help="an operator may take an unknown as a parameter: `conv(k) @ x`, `coils(maps = c) @ x`",
                )
            )
        case Pointwise(word=word):
            raise SpecError(
                error(
                    "RC021",
                    f"`{word.word}` stands inside a linear expression",
                    Label(value.span) if value.span else None,
                    help=f"a mean may be `c * {word.word}(A @ x)`, with the function outermost",
                )
            )
    if isinstance(value, Power):
        hint = "a mean may be a power of magnitudes, `c * abs(A @ x)^2`, with the power outermost"
        raise SpecError(error("RC021", "a power stands inside a linear expression", value.span, help=hint))
    if isinstance(value, Measured):
        raise SpecError(
            error(
                "RC022",
                f"`{value.name}` is a measurement, and only unknowns stand here",
                value.span,
                help="write an unknown, or operators applied to unknowns, such as `A @ x`",
            )
        )
    raise SpecError(
        error(
            "RC022",
            "this does not depend linearly on an unknown",
            value.span,
            help="write an unknown, or operators applied to unknowns, such as `A @ x`",
        )
    )


def _identity(span: Span | None) -> OperatorTerm:
    from ..vocabulary.operators.basic import Identity
    from .terms import Leaf

    return Leaf(Identity(), span=span)


def _then(outer: OperatorTerm, inner: OperatorTerm) -> OperatorTerm:
    def flat(t: OperatorTerm) -> tuple[OperatorTerm, ...]:
        return t.parts if isinstance(t, Compose) else (t,)

    return Compose(flat(outer) + flat(inner), span=outer.span)


def _scaled(c: float, k: OperatorTerm | None, span: Span | None) -> OperatorTerm:
    if isinstance(k, Scaled):
        return replace(k, factor=k.factor * c)
    return Scaled(c, k if k is not None else _identity(span), span=span)


def _summed(a: OperatorTerm | None, b: OperatorTerm | None, span: Span | None) -> OperatorTerm:
    return SumOf((a or _identity(span), b or _identity(span)), span=span)
