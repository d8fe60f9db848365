"""How far an iterate is from meeting the conditions of a minimum, where no duality gap tells how far the objective is.

The terms g_j(K_j x) for which the solver has dual variables p_j, the smooth rest h and the rest f with a proximal map
are at a minimum where

    0 in grad h(x) + sum_j K_j^H p_j + df(x)   and   p_j in dg_j(K_j x)   for every j,

so where x and every K_j x are fixed points of proximal maps, whatever the steps t and t_j. The optimality residual is
the largest of the relative distances from being so:

    |x - prox_{t f}(x - t s)| / |x|,                              s = grad h(x) + sum_j K_j^H p_j,
    |K_j x - prox_{t_j g_j}(K_j x + t_j p_j)| / (|K_j| |x|)       for every j,

with 1 / t = L + sum_j |K_j^H p_j| / |x|, L the Lipschitz constant of grad h, and t_j = |K_j| |x| / |p_j|: then it does
not depend on the units of x or of the objective. Without dual variables it is the relative length of a proximal
gradient step, without f that of the gradient; where all is split it is the larger of the primal and the dual residual
of splitting methods.

It is zero at a minimum alone if the problem is convex, and at stationary points if not. If no term has a dual variable
and the convex h is mu-strongly convex, |x - x*| <= (1 + L / mu) r |x| for the residual r: at x+, a proximal step away,
the objective has a subgradient of length L |x - x+| at most, since x - grad h(x) / L is non-expansive.

Beck 2017, 10.3 (gradient mapping) and theorem 10.7; Boyd et al. 2011, 3.3; Applegate et al. 2021, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Functional, Scalar, distance_rows, square_rows
from ..problem import Problem, Term
from .affine import project_onto
from .proximal import Prox, closed, joint, prox_of
from .rows import add, add_
from .smooth import Smooth, is_smooth

Duals = Sequence[tuple[Term, Tensor]]
"""Terms with their dual variables."""


@dataclass(frozen=True)
class Rest:
    """The terms without dual variables: h, its L, and the proximal map of f; None where there are none."""

    smooth: Smooth | None
    lipschitz: Scalar
    prox: Prox | None


class OptimalityResidual:
    """The residual of a problem's iterates; which terms have dual variables is that of the first."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.known = True
        """False once it has turned out that there is none: a map or a constant that it needs is not known."""
        self._rest: Rest | None = None

    def relative(self, x: Tensor, duals: Duals) -> Tensor | None:
        """[rows], in float64; infinite where numbers are not finite, or where x is zero and no fixed point."""
        if self._rest is None:
            self._rest = self._prepared(x, duals) if self.known else None
            self.known = self._rest is not None
        rest = self._rest
        if rest is None:
            return None
        size = square_rows(x).sqrt()
        slope = torch.zeros_like(x) if rest.smooth is None else rest.smooth.gradient(x)
        pulled = torch.zeros_like(size)
        for term, p in duals:
            back = term.operator.pullback(x, p)
            add_(slope, back, 1.0)
            pulled = pulled + square_rows(back).sqrt()
        length = _step(1.0, rest.lipschitz + _over(pulled, size)).to(self.problem.real)
        after = add(x, slope, -length)
        worst = _part(x, after if rest.prox is None else rest.prox(after, length), size)
        for term, p in duals:
            v, scale = term.operator.forward(x), term.operator.norm() * size
            length = _step(scale, square_rows(p).sqrt()).to(self.problem.real)
            worst = torch.maximum(worst, _part(v, term.functional.prox(add(v, p, length), length), scale))
        return torch.where(worst.isfinite(), worst, torch.inf)

    def _prepared(self, x: Tensor, duals: Duals) -> Rest | None:
        problem, given = self.problem, {id(t) for t, _ in duals}
        if not all(_has_map(t.functional) and t.operator.facts.linear != "none" for t, _ in duals):
            return None
        rest = [t for t in problem.terms if id(t) not in given]
        gradients = [t for t in rest if is_smooth(t)]
        prox = _prox([t for t in rest if not is_smooth(t)])
        if prox is None:
            return None
        smooth = Smooth(problem, gradients) if gradients else None
        upper = 0.0 if smooth is None else _lipschitz(smooth, x)
        if not bool(torch.isfinite(torch.as_tensor(upper)).all()):
            return None
        return Rest(smooth, upper, prox if len(rest) > len(gradients) else None)


def _lipschitz(smooth: Smooth, x: Tensor) -> Scalar:
    """L; near x where it depends on that, and along the gradient there where an operator is not linear."""
    if any(t.operator.facts.linear == "none" for t in smooth.terms):
        return 1 / smooth.cauchy_step(x).double()
    if smooth.local:
        return smooth.local_lipschitz(x).double()
    upper = smooth.bound()
    return upper.double() if isinstance(upper, Tensor) else upper


def _prox(terms: Sequence[Term]) -> Prox | None:
    """The proximal map of the sum of the terms, where it is closed."""
    if not all(_has_map(t.functional) for t in terms):
        return None
    if all(closed(t) for t in terms) and (len(terms) <= 1 or joint(terms)):
        return prox_of(terms)
    return project_onto(terms[0].functional, terms[0].operator) if len(terms) == 1 else None


def _has_map(g: Functional) -> bool:
    return type(g).prox is not Functional.prox


def _over(a: Tensor, b: Tensor) -> Tensor:
    """a / b; zero where b is."""
    return torch.where(b > 0, a / b, 0.0)


def _step(a: float | Tensor, b: Tensor) -> Tensor:
    """a / b; one where either is zero."""
    t = a / b
    return torch.where(t.isfinite() & (t > 0), t, 1.0)


def _part(v: Tensor, fixed: Tensor, size: Tensor) -> Tensor:
    """|v - fixed| / size of each row; zero where they agree."""
    distance = distance_rows(v, fixed).sqrt()
    return torch.where(distance > 0, distance / size, 0.0)
