"""Orthogonal matching pursuit by a recurrence in A^H A, for a batch of rows.

With q_1, q_2, ... the chosen columns orthonormalised in their order and d_j = A^H q_j, a step that chooses column i is

    u = (A^H A)_i - sum_j d_j <q_j, a_i>,   <q_j, a_i> = conj(d_j[i]),   d = u / nu,   nu^2 = u[i],
    <q, y> = h[i] / nu,   h <- h - d <q, y>,

where h = A^H r holds the correlations with the residual. So a step needs one column of A^H A and the d_j, and neither
the residual nor A. The coefficients solve the triangular system R x_S = (<q_j, y>)_j, R_jk = <q_j, a_{i_k}>. Where
A^H A is small it is formed once; else a column costs one product with A and one with A^H, as the correlations would.

Rubinstein, Zibulevsky, Elad 2008; Pati, Rezaiifar, Krishnaprasad 1993; Heckel 2024, 4.3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from recon.dsl.vocabulary import greedy as words
from torch import Tensor

from ..problem import Problem
from .base import Step
from .coefficients import Coefficients

ROUNDING = 32.0
"""Correlations, and squared distances from the span of the chosen columns, of so many machine epsilons are rounding."""

Columns = Callable[[Tensor], Tensor]
"""i [rows] -> column i of A^H A for each row, [rows, n], in memory of its own."""


@dataclass(frozen=True)
class Chosen:
    """Places [rows, k] in the order of choice, <q_j, y> [rows, k], and R [rows, k, k]; columns that a row did not
    take have the coefficient zero."""

    places: Tensor
    parts: Tensor
    triangle: Tensor

    def coefficients(self) -> Tensor:
        """x_S, [rows, k]."""
        x: Tensor = torch.linalg.solve_triangular(self.triangle, self.parts[..., None], upper=True)
        return x[..., 0]

    def correction(self, correlations: Tensor) -> Tensor:
        """(A_S^H A_S)^{-1} A_S^H r, [rows, k], from the correlations A^H r of a residual, [rows, n]."""
        b = correlations.gather(1, self.places)[..., None]
        b = b * (self.parts != 0)[..., None]
        half = torch.linalg.solve_triangular(self.triangle.mH, b, upper=False)
        x: Tensor = torch.linalg.solve_triangular(self.triangle, half, upper=True)
        return x[..., 0]

    def spread(self, coefficients: Tensor, n: int) -> Tensor:
        """The coefficients at their places, [rows, n]."""
        out = coefficients.new_zeros(coefficients.shape[0], n)
        return out.scatter_add_(1, self.places, coefficients)


def pursue(
    columns: Columns, squares: Tensor, correlations: Tensor, blocks: list[tuple[int, int, int]], tolerance: float
) -> Chosen:
    """Choose columns one by one.

    Args:
        columns: gives columns of A^H A.
        squares: the diagonal of A^H A, [n], real; of ones where it is not known.
        correlations: A^H y, [rows, n].
        blocks: (start, stop, k) of each block of coefficients, of which at most k are chosen.
        tolerance: a row chooses no further column once |<a_j, r>| / |a_j| is at most this part of the first one's.
    """
    h = correlations.clone()
    rows, n = h.shape
    k = sum(b[2] for b in blocks)
    eps = torch.finfo(squares.dtype).eps
    squares = torch.where(squares > ROUNDING * eps * squares.amax(-1, keepdim=True), squares, 0).expand(rows, n)
    free = torch.where(squares > 0, squares.rsqrt(), 0).contiguous()  # 1 / |a_j| of columns that may be chosen
    turned = h.new_empty(rows, k, n)
    places = torch.zeros(rows, k, dtype=torch.long, device=h.device)
    parts = h.new_zeros(rows, k)
    triangle = torch.diag_embed(torch.ones_like(parts))
    floor: Tensor | None = None
    for step in range(k):
        top, i = (h.abs() * free).max(1)
        floor = top * max(tolerance, ROUNDING * eps) if floor is None else floor
        at = i[:, None]
        u = columns(i)
        before = turned[:, :step]
        inner = before.gather(2, at[:, None].expand(-1, step, 1))[..., 0].conj()  # <q_j, a_i>
        if step:
            u = torch.baddbmm(u[:, None], inner[:, None], before, alpha=-1)[:, 0]
        square, whole = _at(u, at).real, squares.gather(1, at)[:, 0]
        left = top > floor
        taken = left & (square > ROUNDING * eps * whole)
        nu = torch.where(taken, square, 1).sqrt()
        part = torch.where(taken, _at(h, at) / nu, 0)
        d = torch.mul(u, (taken / nu)[:, None], out=turned[:, step])
        h.addcmul_(d, part[:, None], value=-1)
        places[:, step] = i
        parts[:, step] = part
        triangle[:, :step, step] = torch.where(taken[:, None], inner, 0)
        triangle[:, step, step] = nu
        free.scatter_(1, at, 0.0)
        if not bool(left.any()):
            break
        if len(blocks) > 1:
            _close(free, places[:, : step + 1], parts[:, : step + 1], blocks)
    return Chosen(places, parts, triangle)


def _at(v: Tensor, at: Tensor) -> Tensor:
    return v.gather(1, at)[:, 0]


def _close(free: Tensor, places: Tensor, parts: Tensor, blocks: list[tuple[int, int, int]]) -> None:
    """No further columns from the blocks that are full."""
    for start, stop, count in blocks:
        inside = (places >= start) & (places < stop) & (parts != 0)
        free[inside.sum(1) >= count, start:stop] = 0


class MatchingPursuit:
    """OMP on a problem with sparse unknowns."""

    name = "omp"

    def __init__(self, problem: Problem, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        self.coefficients = Coefficients(problem)

    def solve(self) -> Tensor:
        """The estimate, [rows, ...], with one step of iterative refinement on the support."""
        c = self.coefficients
        table = c.columns() if c.size <= words.Omp.cheap else None
        blocks = [(b.start, b.stop, b.nonzeros) for b in c.blocks]
        if table is None:
            ones = torch.ones(c.size, dtype=self.problem.real, device=c.rhs.device)
            chosen = pursue(self._computed, ones, c.rhs, blocks, self.tolerance)
        else:
            held = table
            diagonal = table.diagonal().real.contiguous()
            chosen = pursue(lambda i: held.index_select(0, i), diagonal, c.rhs, blocks, self.tolerance)
        x = chosen.coefficients()
        x = x + chosen.correction(c.residual(chosen.spread(x, c.size)))
        return c.synthesise(chosen.spread(x, c.size))

    def _computed(self, i: Tensor) -> Tensor:
        unit = torch.zeros_like(self.coefficients.rhs).scatter_(1, i[:, None], 1)
        return self.coefficients.normal(unit)

    def choices(self) -> list[Step]:
        """Nothing was found but the support."""
        return []
