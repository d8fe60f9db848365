"""LSQR: the least-squares solution of least norm of K x = y, row by row. Paige, Saunders 1982, algorithm LSQR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar, real_dtype
from ..operators.base import Operator
from ..problem import Problem
from .base import Algorithm, Knobs
from .rows import (
    Flag,
    add,
    add_,
    anywhere,
    at_rows,
    inner,
    larger,
    modulus,
    norm_rows,
    on_tensor,
    ratio,
    root,
    times,
    times_,
    where,
)
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
    alpha: Scalar
    rho: Scalar
    phi: Scalar
    normal: Scalar
    first: Scalar
    size: Scalar
    square: Scalar


def lsqr_start(equations: Sequence[Equation], x: Tensor) -> LsqrState:
    """The first state, at x, which the steps write to."""
    begun = bool(x.any())
    u = []
    for e in equations:
        rest = e.operator.forward(x).neg() if begun or e.target is None else torch.zeros_like(e.target)
        rest = rest if e.target is None else rest + e.target
        u.append(times(e.factor, rest))
    beta = _size(u, at_rows(1.0, x, real_dtype(x)))
    u = [times_(_inverse(beta), part) for part in u]
    v = _back_(equations, u, torch.zeros_like(x))
    alpha = root(inner(v, v, beta))
    v = times_(_inverse(alpha), v)
    normal = alpha * beta
    return LsqrState(x, u, v, v.clone(), alpha, alpha, beta, normal, normal, beta, alpha * alpha)


def lsqr_step(equations: Sequence[Equation], s: LsqrState, active: Flag = True) -> LsqrState:
    """One step of every row (of those in `active`, a boolean of each row); a row rests once |K^H r| is rounding."""
    parts = zip(equations, s.u, strict=True)
    u = [add_(times_(-s.alpha, part), e.operator.forward(s.v), e.factor) for e, part in parts]
    beta = _size(u, s.rho)
    u = [times_(_inverse(beta), part) for part in u]
    v = _back_(equations, u, times_(-beta, s.v))
    alpha = root(inner(v, v, s.rho))
    v = times_(_inverse(alpha), v)
    square = larger(s.square, beta * beta + alpha * alpha)
    # The plane rotation that removes beta from the bidiagonal matrix.
    length = _hypot(s.rho, beta)
    c, sine = ratio(s.rho, length), ratio(beta, length)
    shift, rho = sine * alpha, -c * alpha
    along, phi = c * s.phi, sine * s.phi
    moving = active & (_settled(s) ^ True)
    x = add_(s.x, s.w, where(moving, ratio(along, length), 0.0))
    w = add(v, s.w, -ratio(shift, length))
    normal = where(moving, modulus(phi) * alpha * modulus(c), s.normal)
    return LsqrState(x, u, v, w, alpha, rho, phi, normal, s.first, s.size, square)


def _settled(s: LsqrState) -> Flag:
    """Whether r, or K^H r beside it, is rounding: the bidiagonalisation is at its end, and goes on with noise."""
    eps = 10 * torch.finfo(real_dtype(s.x)).eps
    return (modulus(s.phi) <= eps * s.size) | (s.normal <= eps * root(s.square) * modulus(s.phi))


def _size(parts: Sequence[Tensor], like: Scalar) -> Scalar:
    """The norm of each row of a vector in parts, plain where `like` is."""
    total = inner(parts[0], parts[0], like)
    for part in parts[1:]:
        total = total + inner(part, part, like)
    return root(total)


def _inverse(size: Scalar) -> Scalar:
    """1 / size; zero where that is zero."""
    return ratio(size * 0 + 1, size)


def _hypot(a: Scalar, b: Scalar) -> Scalar:
    return torch.hypot(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else math.hypot(a, b)


def _back_(equations: Sequence[Equation], u: Sequence[Tensor], v: Tensor) -> Tensor:
    """v + sum_j c_j K_j^H u_j, in place of v."""
    for e, part in zip(equations, u, strict=True):
        v = add_(v, e.operator.adjoint(part), e.factor)
    return v


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
        if not anywhere(active):
            break
        count += 1
        s = lsqr_step(equations, s, active)
        rest = (s.normal <= tolerance * s.first) | (s.normal <= tolerance * root(s.square) * modulus(s.phi))
        active = active & (rest ^ True)
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
        size = at_rows(norm_rows(smooth.rhs), smooth.rhs, problem.real)
        self.size = where(size > 0, size, 1.0)
        self.equations = [Equation(root(g.weight), term.operator, g.target) for term, g in smooth.quadratic]

    def init(self) -> LsqrState:
        return lsqr_start(self.equations, self.problem.initial())

    def step(self, state: LsqrState, knobs: Knobs) -> LsqrState:
        return lsqr_step(self.equations, state)

    def estimate(self, state: LsqrState) -> Tensor:
        return state.x

    def residual(self, state: LsqrState) -> Tensor:
        return on_tensor(ratio(state.normal, self.size), state.x)
