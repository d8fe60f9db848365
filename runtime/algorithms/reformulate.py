"""Problems in other unknowns than the page's, each undone once it is solved.

- Hidden fields become unknowns: g(v) = min_w outer(v - w) + inner(E w) of v = K x, as terms in x and w together. They
  stand side by side in one flat vector, x first. What solves the larger problem solves the smaller one: the minimum
  over both is that over x of the minimum over w.
- An unknown in a subspace, x = U c, becomes its coefficients c, for solvers that know no sets. Heckel 2024, 1.4.

Or in the same unknown, with cheaper terms: |K x - y| = |K' x - U^H y| for K = U K' with unitary transforms U.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Norm
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from torch import Tensor, cat

from ..functionals.data import HalfSquare
from ..functionals.infimal import Infimal
from ..functionals.regions import Subspace
from ..operators import fourier
from ..operators.base import Operator, ScaledOperator, Sum, compose
from ..operators.parts import Part
from ..problem import Problem, Term


@dataclass(frozen=True)
class Reformulated:
    """A problem in other unknowns, and what the unknown of the first one is in terms of them."""

    problem: Problem
    undo: Callable[[Tensor], Tensor]


def reformulated(word: Solver, problem: Problem) -> Reformulated | None:
    """The problem that is solved in the place of one by this solver; None where it is solved as it stands."""
    return with_fields(problem) or (in_subspace(problem) if word.substitutes else None)


def without_idle_transforms(problem: Problem) -> Problem:
    """The problem with U^H y in the place of y where a half square compares it with K x = U K' x, U unitary.

    Objective, gradients and minimisers are the same up to rounding; K' costs less than K.
    """
    terms = [_untransformed(t) for t in problem.terms]
    return replace(problem, terms=terms)


def _untransformed(term: Term) -> Term:
    g = term.functional
    if not isinstance(g, HalfSquare) or g.target is None:
        return term
    found = fourier.without_idle_transforms(term.operator)
    if found is None:
        return term
    unitary, rest = found
    return replace(term, functional=HalfSquare(g.weight, unitary.adjoint(g.target)), operator=rest)


def with_fields(problem: Problem) -> Reformulated | None:
    """The problem with the hidden fields of its terms as further unknowns; None where no term has one.

    Raises ValueError where a field is complex and the unknown is not, or the other way round.
    """
    hidden = [t for t in problem.terms if isinstance(t.functional, Infimal)]
    if not hidden:
        return None
    field = problem.space.field
    for t in hidden:
        if t.operator.codomain.field != field:
            raise ValueError(f"`{t.label}` needs an argument that is {field} as the unknown is")
    spaces = [problem.space, *(t.operator.codomain for t in hidden)]
    flat = Space(field, (Axis("sample", sum(prod(s.sizes) for s in spaces)),))
    parts: list[Part] = []
    for s in spaces:
        start = parts[-1].stop if parts else 0
        parts.append(Part(flat, start, start + prod(s.sizes), s.sizes, s))
    x, fields = parts[0], iter(parts[1:])
    terms: list[Term] = []
    for t in problem.terms:
        k = compose(t.operator, x)
        if isinstance(t.functional, Infimal):
            w, g = next(fields), t.functional
            terms.append(replace(t, functional=g.outer, operator=_minus(k, w)))
            second = compose(g.operator, w)
            second.facts = replace(second.facts, norm=Norm(g.operator.norm(), exact=True))  # w w^H = I
            terms.append(replace(t, functional=g.inner, operator=second))
        else:
            terms.append(replace(t, operator=k))
    start_of_all: Tensor | None = None
    if problem.start is not None:
        rest = problem.start.new_zeros(problem.rows, flat.sizes[0] - x.stop)
        start_of_all = cat([problem.start.flatten(1), rest], 1)
    return Reformulated(replace(problem, space=flat, terms=terms, start=start_of_all), lambda v: x.forward(v).clone())


def in_subspace(problem: Problem) -> Reformulated | None:
    """The problem in the coefficients of the first subspace that the unknown is in; None where it is in none."""
    inside = next((t for t in problem.terms if t.plain and isinstance(t.functional, Subspace)), None)
    if inside is None:
        return None
    assert isinstance(inside.functional, Subspace)
    basis = inside.functional.basis
    terms = [replace(t, operator=compose(t.operator, basis)) for t in problem.terms if t is not inside]
    start = None if problem.start is None else basis.adjoint(problem.start)
    return Reformulated(replace(problem, space=basis.domain, terms=terms, start=start), basis.forward)


def _minus(a: Operator, b: Operator) -> Operator:
    """A - B for a part B of the vector of unknowns that A does not touch: A A^H + I has the norm |A|^2 + 1."""
    negative = ScaledOperator(-1.0, b, fact.scale(-1.0, b.facts))
    norm = a.facts.norm
    facts = replace(
        fact.row([a.facts, negative.facts]),
        norm=Norm(None if norm.value is None else (norm.value**2 + 1) ** 0.5, norm.exact),
    )
    out = Sum([a, negative], a.codomain, facts)
    out.precision = a.precision
    return out
