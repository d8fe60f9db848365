"""LSQR: the least-squares solution of least norm of K x = y, row by row. Paige, Saunders 1982, algorithm LSQR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..operators.base import Operator
from ..problem import Problem
from .base import Algorithm, Knobs
from .rows import add, add_, dot_rows, norm_rows, ratio, times
from .smooth import Smooth


@dataclass(frozen=True)
class Equation:
    """c K x = c y, to be met in the least-squares sense, with c the root of a weight."""

    factor: Scalar
    operator: Operator
    target: Tensor | None


@dataclass(frozen=True)
class LsqrState:
    """The estimate x, the vectors u (one part for each equation) and v of the bidiagonalisation, the direction w; the
    numbers of the recurrences, phi being |r|; |K^H r|; `first` and `size`, what |K^H r| and |r| were at the start; and
    `square`, a lower bound of |K|^2 that grows."""

    x: Tensor
    u: list[Tensor]
    v: Tensor
    w: Tensor
    alpha: Tensor
    rho: Tensor
    phi: Tensor
    normal: Tensor
    first: Tensor
    size: Tensor
    square: Tensor


def lsqr_start(equations: Sequence[Equation], x: Tensor) -> LsqrState:
    """The first state, at x, which the steps write to."""
    begun = bool(x.any())
    u = []
    for e in equations:
        rest = e.operator.forward(x).neg() if begun or e.target is None else torch.zeros_like(e.target)
        rest = rest if e.target is None else rest + e.target
        u.append(times(e.factor, rest))
    beta = _size(u)
    u = [times(ratio(torch.ones_like(beta), beta), part) for part in u]
    v = _back(equations, u)
    alpha = norm_rows(v)
    v = times(ratio(torch.ones_like(alpha), alpha), v)
    normal = alpha * beta
    return LsqrState(x, u, v, v.clone(), alpha, alpha, beta, normal, normal, beta, alpha * alpha)


def lsqr_step(equations: Sequence[Equation], s: LsqrState, active: Tensor | None = None) -> LsqrState:
    """One step of every row (of those in `active`, a boolean of each row); a row rests once |K^H r| is rounding."""
    u = [add(times(e.factor, e.operator.forward(s.v)), part, -s.alpha) for e, part in zip(equations, s.u, strict=True)]
    beta = _size(u)
    u = [times(ratio(torch.ones_like(beta), beta), part) for part in u]
    v = add(_back(equations, u), s.v, -beta)
    alpha = norm_rows(v)
    v = times(ratio(torch.ones_like(alpha), alpha), v)
    square = torch.maximum(s.square, beta * beta + alpha * alpha)
    # The plane rotation that removes beta from the bidiagonal matrix.
    length = torch.hypot(s.rho, beta)
    c, sine = ratio(s.rho, length), ratio(beta, length)
    shift, rho = sine * alpha, -c * alpha
    along, phi = c * s.phi, sine * s.phi
    moving = ~_settled(s)
    if active is not None:
        moving = moving & active
    x = add_(s.x, s.w, torch.where(moving, ratio(along, length), 0))
    w = add(v, s.w, -ratio(shift, length))
    normal = torch.where(moving, phi.abs() * alpha * c.abs(), s.normal)
    return LsqrState(x, u, v, w, alpha, rho, phi, normal, s.first, s.size, square)


def _settled(s: LsqrState) -> Tensor:
    """Whether r, or K^H r beside it, is rounding: the bidiagonalisation is at its end, and goes on with noise."""
    eps = 10 * torch.finfo(s.normal.dtype).eps
    return (s.phi.abs() <= eps * s.size) | (s.normal <= eps * s.square.sqrt() * s.phi.abs())


def _size(parts: Sequence[Tensor]) -> Tensor:
    """The norm of each row of a vector in parts."""
    if len(parts) == 1:
        return norm_rows(parts[0])
    total = dot_rows(parts[0], parts[0])
    for part in parts[1:]:
        total = total + dot_rows(part, part)
    return total.sqrt()


def _back(equations: Sequence[Equation], u: Sequence[Tensor]) -> Tensor:
    """sum_j c_j K_j^H u_j, in memory of its own."""
    total: Tensor | None = None
    for e, part in zip(equations, u, strict=True):
        back = times(e.factor, e.operator.adjoint(part))
        total = back if total is None else add_(total, back, 1.0)
    assert total is not None
    return total


def lsqr(operator: Operator, y: Tensor, iterations: int, tolerance: float) -> tuple[Tensor, int]:
    """x = K^+ y, and the number of steps taken by the slowest row.

    A row rests once the relative residual of its normal equations, |K^H r| / (|K| |r|) with |K| estimated from below by
    the bidiagonal matrix, or |K^H r| / |K^H y|, is at most `tolerance`. Starting from zero, all iterates lie in the
    range of K^H, so that the limit has least norm.
    """
    equations = [Equation(1.0, operator, y)]
    s = lsqr_start(equations, torch.zeros_like(operator.adjoint(y)))
    active, count = s.first > 0, 0
    for _ in range(iterations):
        if not bool(active.any()):
            break
        count += 1
        s = lsqr_step(equations, s, active)
        rest = (s.normal <= tolerance * s.first) | (s.normal <= tolerance * s.square.sqrt() * s.phi.abs())
        active = active & ~rest
    return s.x, count


class Lsqr(Algorithm[LsqrState]):
    """The minimiser of sum_j w_j/2 |K_j x - b_j|^2, without forming normal equations.

    In exact arithmetic the iterates are those of conjugate gradients on them. LSQR works with K rather than with K^H K,
    so that small singular values keep their digits. From zero it converges to the solution of least norm where there
    are many. The tolerance is that of |K^H r| / |K^H b|.
    """

    name = "lsqr"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        smooth = Smooth(problem, problem.terms)
        self.size = norm_rows(smooth.rhs)
        self.equations = [Equation(_root(g.weight), term.operator, g.target) for term, g in smooth.quadratic]

    def init(self) -> LsqrState:
        return lsqr_start(self.equations, self.problem.initial())

    def step(self, state: LsqrState, knobs: Knobs) -> LsqrState:
        return lsqr_step(self.equations, state)

    def estimate(self, state: LsqrState) -> Tensor:
        return state.x

    def residual(self, state: LsqrState) -> Tensor:
        return ratio(state.normal, torch.where(self.size > 0, self.size, 1))


def _root(weight: Scalar) -> Scalar:
    return weight.sqrt() if isinstance(weight, Tensor) else weight**0.5
