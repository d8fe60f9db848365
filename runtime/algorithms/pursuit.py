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
from ctypes import c_double, c_int64, c_void_p
from dataclasses import dataclass
from functools import partial

import torch
from recon.dsl.vocabulary import greedy as words
from torch import Tensor

from ..native import native
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


def pursue_table(table: Tensor, correlations: Tensor, k: int, tolerance: float) -> Chosen:
    """`pursue` k columns out of one block, for A^H A given as a table whose row i is column i.

    For real numbers on the CPU by a compiled kernel, which keeps what a row needs in the cache.
    """
    kernels = native() if table.device.type == "cpu" else None
    if kernels is None or table.dtype not in _SUFFIX:
        return pursue(partial(torch.index_select, table, 0), correlations, [(0, table.shape[0], k)], tolerance)
    (rows, n), eps = correlations.shape, torch.finfo(table.dtype).eps
    chosen = Chosen(*_nothing(correlations, k))
    gram, given = table.contiguous(), correlations.contiguous()
    call = kernels.function(f"pursue_{_SUFFIX[table.dtype]}", _ARGUMENTS)
    out = (v.data_ptr() for v in (chosen.places, chosen.parts, chosen.triangle))
    threads = torch.get_num_threads()
    call(gram.data_ptr(), given.data_ptr(), rows, n, k, tolerance, ROUNDING * eps, *out, threads)
    return chosen


_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
_ARGUMENTS = (*[c_void_p] * 2, *[c_int64] * 3, *[c_double] * 2, *[c_void_p] * 3, c_int64)


def _nothing(like: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The places, parts and triangle of no column chosen."""
    parts = like.new_zeros(like.shape[0], k)
    return torch.zeros(parts.shape, dtype=torch.long, device=like.device), parts, torch.diag_embed(parts + 1)


def pursue(columns: Columns, correlations: Tensor, blocks: list[tuple[int, int, int]], tolerance: float) -> Chosen:
    """Choose columns one by one, each time that with the largest |<a_j, r>|; so columns should have the norm one.

    Args:
        columns: gives columns of A^H A.
        correlations: A^H y, [rows, n].
        blocks: (start, stop, k) of each block of coefficients, of which at most k are chosen.
        tolerance: a row chooses no further column once the largest |<a_j, r>| is at most this part of the first one.
    """
    h, size = correlations.clone(), correlations.abs()
    rows, n = h.shape
    k = sum(b[2] for b in blocks)
    rounding = ROUNDING * torch.finfo(size.dtype).eps
    turned = h.new_empty(rows, k, n)
    places, parts, triangle = _nothing(h, k)
    floor = size.amax(1) * max(tolerance, rounding)
    for step in range(k):
        top, i = size.max(1)
        left, at = top > floor, i[:, None]
        if not bool(left.any()):
            break
        u = columns(i)
        whole = _at(u, at).real
        before = turned[:, :step]
        inner = before.gather(2, at[:, None].expand(-1, step, 1))[..., 0].conj()  # <q_j, a_i>
        if step:
            u = torch.baddbmm(u[:, None], inner[:, None], before, alpha=-1)[:, 0]
        square = _at(u, at).real
        taken = left & (square > rounding * whole)
        nu = torch.where(taken, square, 1).sqrt()
        share = taken / nu
        part = _at(h, at) * share
        d = torch.mul(u, share[:, None], out=turned[:, step])
        h.addcmul_(d, part[:, None], value=-1)
        places[:, step], parts[:, step] = i, part
        triangle[:, :step, step] = inner * taken[:, None]
        triangle[:, step, step] = nu
        torch.abs(h, out=size).scatter_(1, places[:, : step + 1], 0)
        if len(blocks) > 1:
            _close(size, places[:, : step + 1], parts[:, : step + 1], blocks)
    return Chosen(places, parts, triangle)


def _at(v: Tensor, at: Tensor) -> Tensor:
    return v.gather(1, at)[:, 0]


def _close(size: Tensor, places: Tensor, parts: Tensor, blocks: list[tuple[int, int, int]]) -> None:
    """No further columns from the blocks that are full."""
    for start, stop, count in blocks:
        inside = (places >= start) & (places < stop) & (parts != 0)
        size[inside.sum(1) >= count, start:stop] = 0


def _of_norm_one_(table: Tensor) -> Tensor:
    """Scale A^H A in place as if the columns of A had the norm one, and return the factors; zero columns stay zero."""
    squares = table.diagonal().real
    positive = squares > ROUNDING * torch.finfo(squares.dtype).eps * squares.max()
    one = torch.where(positive, squares.rsqrt(), 0)
    table.mul_(one).mul_(one[:, None])
    return one


class MatchingPursuit:
    """OMP on a problem with sparse unknowns."""

    name = "omp"

    def __init__(self, problem: Problem, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        self.coefficients = Coefficients(problem)

    def solve(self) -> Tensor:
        """The estimate, [rows, ...], with one step of iterative refinement on the support.

        Columns are brought to the norm one where A^H A is a table; else they are compared as they are.
        """
        c = self.coefficients
        table = c.columns() if c.size <= words.Omp.cheap else None
        one: Tensor | float = 1.0
        blocks = [(b.start, b.stop, b.nonzeros) for b in c.blocks]
        if table is None:
            chosen = pursue(self._computed, c.rhs, blocks, self.tolerance)
        else:
            one = _of_norm_one_(table)
            if len(blocks) == 1:
                chosen = pursue_table(table, c.rhs * one, c.nonzeros, self.tolerance)
            else:
                chosen = pursue(partial(torch.index_select, table, 0), c.rhs * one, blocks, self.tolerance)
        x = chosen.spread(chosen.coefficients(), c.size) * one
        more = chosen.correction(c.residual(x) * one)
        return c.synthesise(x + chosen.spread(more, c.size) * one)

    def _computed(self, i: Tensor) -> Tensor:
        unit = torch.zeros_like(self.coefficients.rhs).scatter_(1, i[:, None], 1)
        return self.coefficients.normal(unit)

    def choices(self) -> list[Step]:
        """How columns were compared."""
        n = self.coefficients.size
        if n <= words.Omp.cheap:
            return [Step("columns", float(n), "brought to the norm one, as A^H A is known")]
        return [Step("columns", float(n), "too many for A^H A to be formed, so compared as if of one norm")]
