"""LSQR: the least-squares solution of least norm of K x = y, row by row. Paige, Saunders 1982, algorithm LSQR."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import Operator
from .rows import add, add_, norm_rows, ratio, times


def lsqr(operator: Operator, y: Tensor, iterations: int, tolerance: float) -> tuple[Tensor, int]:
    """x = K^+ y, and the number of steps taken by the slowest row.

    A row rests once the relative residual of its normal equations, |K^H r| / (|K| |r|) with |K| estimated from below by
    the bidiagonal matrix, or |K^H r| / |K^H y|, is at most `tolerance`. Starting from zero, all iterates lie in the
    range of K^H, so that the limit has least norm.
    """
    beta = norm_rows(y)
    u = times(ratio(torch.ones_like(beta), beta), y)
    v = operator.adjoint(u).clone()
    alpha = norm_rows(v)
    v = times(ratio(torch.ones_like(alpha), alpha), v)
    w, x = v.clone(), torch.zeros_like(v)
    phi, rho = beta, alpha
    first = alpha * beta  # |K^H y|
    square = alpha * alpha  # a lower bound of |K|^2 that grows
    active = first > 0
    count = 0
    for _ in range(iterations):
        if not bool(active.any()):
            break
        count += 1
        u = add(operator.forward(v), u, -alpha)
        beta = norm_rows(u)
        u = times(ratio(torch.ones_like(beta), beta), u)
        v_next = add(operator.adjoint(u), v, -beta)
        alpha_next = norm_rows(v_next)
        v = times(ratio(torch.ones_like(alpha_next), alpha_next), v_next)
        square = torch.maximum(square, beta * beta + alpha_next * alpha_next)
        # The plane rotation that removes beta from the bidiagonal matrix.
        length = torch.hypot(rho, beta)
        c, s = ratio(rho, length), ratio(beta, length)
        shift, rho = s * alpha_next, -c * alpha_next
        size, phi_next = c * phi, s * phi
        x = add_(x, w, torch.where(active, ratio(size, length), 0))
        w = add(v, w, -ratio(shift, length))
        normal = phi_next.abs() * alpha_next * c.abs()  # |K^H r|
        rest = (normal <= tolerance * first) | (normal <= tolerance * square.sqrt() * phi_next.abs())
        phi, alpha = phi_next, alpha_next
        active = active & ~rest
    return x, count
