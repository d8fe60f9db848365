"""What solvers need of a problem's terms: each function names the first that lacks it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ...model.problem import Problem, TermFacts
from ...model.solver import Misfit

Search = Literal["backtracking"]
"""A step that is halved until the objective lies below its parabola there, and tried longer in the next iteration."""


def first(terms: Iterable[TermFacts]) -> TermFacts | None:
    return next(iter(terms), None)


def smooth(problem: Problem, name: str) -> Misfit | None:
    """Every term has a Lipschitz gradient."""
    rough = first(t for t in problem.beside if not t.function.smooth)
    if rough is None:
        return None
    return Misfit(rough, f"`{name}` needs a gradient of every term, and `{rough.label}` has none that is Lipschitz")


def quadratic(problem: Problem, name: str) -> Misfit | None:
    bent = first(t for t in problem.beside if not t.function.quadratic)
    if bent is None:
        return None
    return Misfit(bent, f"`{name}` solves quadratic problems, and `{bent.label}` is not quadratic")


def one_prox(problem: Problem, name: str) -> Misfit | None:
    """The data term is smooth and at most one other is not, with a proximal map that is closed where it stands."""
    data_rough = first(t for t in problem.data if not t.function.smooth)
    if data_rough:
        return Misfit(data_rough, f"`{name}` needs a smooth data term, and `{data_rough.label}` is not")
    return one_map(problem.rough, name)


def one_map(rough: list[TermFacts], name: str) -> Misfit | None:
    """The proximal map of the sum of these terms is closed where they stand."""
    loose = first(t for t in rough if not t.tight)
    if loose:
        reason = f"`{name}` needs the proximal map of `{loose.label}`, which has no closed form"
        return Misfit(loose, f"{reason}: what stands inside is not orthonormal (K K^H is no multiple of I)")
    if len(rough) > 1 and not joint_prox(rough):
        return Misfit(rough[1], f"`{name}` takes one term without gradient, and `{rough[1].label}` is a second")
    return None


def joint_prox(rough: list[TermFacts]) -> bool:
    """Whether the sum of these terms has a known proximal map: they act on different unknowns, or on the same entries.

    On the same entries it is known for one separable energy with a box or sign constraint behind it: the map of the
    energy, then the projection, which commute since both move each real entry monotonically. For a ball around zero
    beside signs: the signs first, since the ball asks for moduli alone. For a Euclidean ball around zero beside what is
    homogeneous (l1, signs, a subspace, or l1 with signs): the ball last (Yu 2013, theorem 4).
    """
    unknowns = [set(t.blocks) for t in rough]
    if sum(len(u) for u in unknowns) == len(set().union(*unknowns)):
        return True
    balls = [t for t in rough if t.function.radial]
    others = [t for t in rough if not t.function.radial]
    if len(balls) == 1 and all(t.plain for t in rough) and all(t.function.homogeneous for t in others):
        return len(others) == 1 or joint_prox(others)
    signs = [t for t in rough if t.function.homogeneous and t.function.constraint and t.function.shape == "entry"]
    if len(rough) == 2 and len(signs) == 1 and all(t.plain and (t in signs or t.function.even) for t in rough):
        return True
    return (
        len(rough) == 2
        and all(t.plain and t.function.shape == "entry" for t in rough)
        and sum(t.function.constraint for t in rough) == 1
        and all(s.field == "real" for t in rough for s in [b.domain for b in t.blocks.values()])
    )


def gradients_and_sets(problem: Problem, name: str) -> Misfit | None:
    """Every term has a gradient, or is a set of the unknown itself."""
    stuck = first(t for t in problem.terms if not (t.function.gradient or t.function.constraint))
    if stuck:
        return Misfit(stuck, f"`{name}` needs a gradient, and `{stuck.label}` has none")
    apart = first(t for t in problem.terms if t.function.constraint and not t.plain)
    if apart:
        return Misfit(apart, f"`{name}` projects onto sets of the unknown itself, and `{apart.label}` is none")
    return None


def not_convex(problem: Problem, name: str) -> Misfit | None:
    """The sets are convex, so that what is proven of the method holds."""
    bent = first(t for t in problem.terms if t.function.constraint and not t.function.convex)
    if bent is None:
        return None
    reason = f"`{name}` is proven to converge for convex sets, and that of `{bent.label}` is not convex"
    return Misfit(bent, reason, "`iht`, `omp` and `cosamp` are made for sparse sets; `l1` is the convex energy")


def has_data(problem: Problem, name: str) -> Misfit | None:
    if problem.data:
        return None
    return Misfit(None, f"`{name}` needs a noise line", "add `noise y ~ gaussian(A @ x, sigma = ...)`")


def measured_numbers(term: TermFacts) -> float:
    """How many real numbers the term's operator measures; infinity where an axis is not known."""
    placed = next(iter(term.blocks.values()))
    count = placed.codomain.count
    return float("inf") if count is None else count * (2 if placed.codomain.field == "complex" else 1)
