"""Conjugate gradients on N x = r, for N Hermitian and positive semidefinite, row by row.

Hestenes, Stiefel 1952; Heckel 2024, 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar, real_dtype
from .rows import Flag, anywhere, at_rows, conjugate_move_, conjugate_turn_, inner, inner_rows, larger, ratio, where

Apply = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class CgState:
    """The estimate x, the residual r - N x and the search direction p; for each row |r - N x|^2 and |p|^2.

    `floor` is the squared norm below which a residual is rounding, `top` the largest <p, N p> / |p|^2 so far.
    """

    x: Tensor
    residual: Tensor
    direction: Tensor
    square: Scalar
    length: Scalar
    floor: Scalar
    top: Scalar


def cg_start(apply: Apply, rhs: Tensor, x: Tensor) -> CgState:
    """The first state, at x; x is written to by the steps."""
    residual = rhs - apply(x)
    eps = torch.finfo(real_dtype(rhs)).eps
    square = at_rows(inner_rows(residual, residual), rhs, real_dtype(rhs))
    floor = larger(inner(rhs, rhs, square), square) * (10 * eps) ** 2
    return CgState(x, residual, residual.clone(), square, square, floor, 0.0 * square)


def cg_step(apply: Apply, s: CgState, active: Flag = True) -> CgState:
    """One step of every row (of those in `active`, a boolean of each row).

    A row rests once its residual is rounding, or once N is zero to rounding along its direction: what is left of the
    residual then lies in the null space of N, and a step along it would only carry x away.
    """
    q = apply(s.direction)
    curvature = inner(s.direction, q, s.square)
    top = larger(s.top, ratio(curvature, s.length))
    rounding = torch.finfo(real_dtype(q)).eps * top * s.length
    moving = (s.square > s.floor) & (curvature > rounding) & active
    alpha = where(moving, ratio(s.square, curvature), 0.0)
    x, residual, found = conjugate_move_(s.direction, q, s.x, s.residual, alpha)
    square = where(moving, found, s.square)
    beta = where(moving, ratio(square, s.square), 0.0)
    # r is orthogonal to the old direction, hence |r + beta p|^2 = |r|^2 + beta^2 |p|^2.
    length = square + beta * beta * s.length
    direction = conjugate_turn_(residual, s.direction, beta)
    return CgState(x, residual, direction, square, length, s.floor, top)


def conjugate_gradients(
    apply: Apply, rhs: Tensor, start: Tensor, iterations: int, tolerance: float, drop: float = 0.0
) -> Tensor:
    """x from `iterations` steps at most; a row rests once |rhs - N x| <= max(tolerance |rhs|, drop |rhs - N start|).

    `start` is kept.
    """
    s = cg_start(apply, rhs, start.clone())
    goal = larger(inner(rhs, rhs, s.square) * tolerance**2, s.square * drop**2)
    for _ in range(iterations):
        active = s.square > goal
        if not anywhere(active):
            break
        s = cg_step(apply, s, active)
    return s.x
