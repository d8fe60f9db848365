"""Conjugate gradients on N x = r, for N Hermitian and positive semidefinite, row by row.

Hestenes, Stiefel 1952; Heckel 2024, 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .rows import add, add_, dot_rows, ratio

Apply = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class CgState:
    """The estimate x, the residual r - N x, the search direction, and the residual's squared norm of each row."""

    x: Tensor
    residual: Tensor
    direction: Tensor
    square: Tensor


def cg_start(apply: Apply, rhs: Tensor, x: Tensor) -> CgState:
    """The first state, at x; x is written to by the steps."""
    residual = rhs - apply(x)
    return CgState(x, residual, residual.clone(), dot_rows(residual, residual))


def cg_step(apply: Apply, s: CgState, active: Tensor | None = None) -> CgState:
    """One step of every row (of those in `active`, a boolean of each row). Rows at rest stay as they are."""
    q = apply(s.direction)
    alpha = ratio(s.square, dot_rows(s.direction, q))
    if active is not None:
        alpha = torch.where(active, alpha, 0)
    x = add_(s.x, s.direction, alpha)
    residual = add_(s.residual, q, -alpha)
    square = dot_rows(residual, residual)
    return CgState(x, residual, add(residual, s.direction, ratio(square, s.square)), square)


def conjugate_gradients(apply: Apply, rhs: Tensor, start: Tensor, iterations: int, tolerance: float) -> Tensor:
    """x with |rhs - N x| <= tolerance |rhs| in each row, or the one after `iterations` steps; `start` is kept."""
    goal = dot_rows(rhs, rhs) * tolerance**2
    s = cg_start(apply, rhs, start.clone())
    for _ in range(iterations):
        active = s.square > goal
        if not bool(active.any()):
            break
        s = cg_step(apply, s, active)
    return s.x
