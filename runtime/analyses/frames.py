"""The meaning of analyses of columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from recon.dsl.vocabulary.analyses import frames as words
from torch import Tensor

from ..meaning import meaning_of
from ..operators.base import Operator
from ..report.content import Curve
from .finding import Finding
from .lanczos import leading
from .matrices import BLOCK_BYTES, OperatorMatrix, columns
from .subject import Subject

BINS = 400
MOST_SETS = 200_000
"""Sets of columns that are all tried."""
ORDERS = 8
"""Orders up to the one asked for, for the curve."""
REFINED, STEPS = 64, 30
"""Random sets that are improved on each side, and most steps of that."""


@dataclass(frozen=True)
class Products:
    """Normalised inner products of different columns: the largest, and how many lie in each of BINS parts of 0..1.

    zero: columns without entries, which are left out.
    """

    largest: float
    counts: Tensor
    zero: int


@meaning_of(words.Coherence)
def coherence(word: words.Coherence, subject: Subject) -> Finding:
    """The coherence, with the share of pairs of columns above each inner product."""
    operator = subject.operator(word.of)
    matrix = OperatorMatrix(operator)
    found = products(operator)
    bound = welch(_rows(operator, matrix), matrix.columns)
    mu = found.largest
    above = found.counts.flip(0).cumsum(0).flip(0)
    edges = np.linspace(0, 1, BINS + 1)[:-1]
    share = (above / max(float(above[0]), 1.0)).tolist()
    shown = [(t, s) for t, s in zip(edges.tolist(), share, strict=True) if s > 0]
    least = shown[-1][1] if shown else 1.0
    lines = {"share of pairs": ([t for t, _ in shown], [s for _, s in shown]), "coherence": ([mu, mu], [least, 1.0])}
    if bound > 0:
        lines["Welch bound"] = ([bound, bound], [least, 1.0])
    text = f"The largest of all {matrix.columns * (matrix.columns - 1) // 2} inner products."
    numbers: dict[str, float] = {"coherence": mu, "welch_bound": bound}
    if mu > 0:
        numbers["nonzeros"] = math.ceil(0.5 / mu - 1e-9) - 1
        text += " OMP and basis pursuit find every x with this many nonzeros, the largest s < 1 / (2 mu)."
    if found.zero:
        text += f" {found.zero} columns are zero and left out."
    if matrix.embedding:
        text += f" It is that {matrix.embedding}."
    curve = Curve("share of pairs of columns with a larger inner product", "inner product", lines, log_y=True)
    return Finding(
        text,
        numbers=numbers,
        columns={"inner product": edges.tolist(), "share of pairs above": share},
        curves=[curve],
    )


@meaning_of(words.WelchBound)
def welch_bound(word: words.WelchBound, subject: Subject) -> Finding:
    """The Welch bound of the operator's extents."""
    operator = subject.operator(word.of)
    matrix = OperatorMatrix(operator)
    rows = _rows(operator, matrix)
    text = f"No matrix of {rows} x {matrix.columns} entries has a smaller coherence."
    return Finding(text, numbers={"welch_bound": welch(rows, matrix.columns)})


def welch(rows: int, columns: int) -> float:
    """sqrt((n - m) / (m (n - 1))); 0 where there are no more columns than rows."""
    return math.sqrt((columns - rows) / (rows * (columns - 1))) if columns > rows > 0 else 0.0


def _rows(operator: Operator, matrix: OperatorMatrix) -> int:
    """Rows that are measured."""
    mask = operator.measured()
    if mask is None:
        return matrix.rows
    return int(mask.expand(operator.codomain.sizes).sum()) * (2 if matrix.split_codomain else 1)


def products(operator: Operator) -> Products:
    """All inner products of different columns, scaled to unit norm."""
    matrix = OperatorMatrix(operator)
    gram = operator.facts.gram
    whole = not matrix.split_domain
    if gram is not None and gram.basis in ("identity", "pixel") and whole:
        return Products(0.0, torch.zeros(BINS), 0)
    counts = torch.zeros(BINS, dtype=torch.float64)
    if gram is not None and gram.basis == "fourier" and gram.axes == len(operator.domain.axes) and whole:
        unit = torch.zeros(1, matrix.columns, dtype=matrix.dtype, device=matrix.device)
        unit[0, 0] = 1
        row = matrix.gram(unit)[0].abs().cpu()  # all columns are shifts of the first
        others = row[1:] / row[0]
        return Products(float(others.max()), counts + torch.histc(others.clamp(max=1), BINS, 0, 1), 0)
    norms = torch.cat([torch.linalg.vector_norm(block, dim=1) for _, block in columns(matrix)])
    empty = norms <= 1e-14 * norms.max()
    inverse = torch.where(empty, 0, 1 / norms.clamp(min=1e-300))
    largest = 0.0
    for start, block in gram_blocks(matrix):
        here = torch.arange(start, start + len(block), device=block.device)
        alike = block.abs() * inverse[here, None] * inverse
        later = torch.arange(matrix.columns, device=block.device) > here[:, None]  # each pair once
        values = alike[later & ~empty & ~empty[here, None]]
        if values.numel():
            largest = max(largest, float(values.max()))
            counts += torch.histc(values.clamp(max=1), BINS, 0, 1).cpu()
    return Products(largest, counts, int(empty.sum()))


def gram_blocks(matrix: OperatorMatrix) -> Iterator[tuple[int, Tensor]]:
    """The rows of A^H A, conjugated, in blocks: (number of the first, [k, columns])."""
    width = max(1, min(256, BLOCK_BYTES // (8 * max(matrix.rows, matrix.columns))))
    for start in range(0, matrix.columns, width):
        k = min(width, matrix.columns - start)
        unit = torch.zeros(k, matrix.columns, dtype=matrix.dtype, device=matrix.device)
        unit[torch.arange(k), start + torch.arange(k)] = 1
        yield start, matrix.gram(unit)


# ---- restricted isometry ----------------------------------------------------------------------------------------


@meaning_of(words.Rip)
def rip(word: words.Rip, subject: Subject) -> Finding:
    """Bounds of the restricted isometry constants up to the order asked for, equal where all sets were tried."""
    matrix = OperatorMatrix(subject.operator(word.of))
    orders = sorted({max(1, round(k)) for k in np.linspace(1, word.order, min(word.order, ORDERS))})
    top = leading(matrix, 1)
    square = float(top.values[0] + top.errors[0]) ** 2
    upper = gershgorin(matrix, orders)
    upper = [min(u, max(square - 1, 1.0)) for u in upper]
    lower, exact = [], False
    generator = torch.Generator().manual_seed(subject.build.seed_for("auto", "analyze.rip"))
    for i, order in enumerate(orders):
        exact = math.comb(matrix.columns, order) <= MOST_SETS
        if exact:
            sets = torch.tensor(list(itertools.combinations(range(matrix.columns), order)))
            upper[i] = float(_deviation(matrix, sets).max())
            lower.append(upper[i])
        else:
            lower.append(worst_found(matrix, order, word.draws, square, generator))
    lower = np.maximum.accumulate(lower).tolist()  # what holds for a set holds for every larger one
    upper = np.minimum.accumulate(upper[::-1])[::-1].tolist()
    upper = np.maximum(upper, lower).tolist()  # they meet but for rounding
    if exact:
        text = f"The constant of order {word.order}, from all {math.comb(matrix.columns, word.order)} sets of columns."
    else:
        text = (
            f"Bounds of the constant of order {word.order}: at least {lower[-1]:.4g}, for a set that was found from "
            f"{word.draws} random ones; at most {upper[-1]:.4g}, by Gershgorin's discs or the norm."
        )
    text += " Below 1/3 for twice the nonzeros, basis pursuit finds every signal."
    if matrix.embedding:
        text += f" It is that {matrix.embedding}."
    lines = {"at least": (orders, lower), "at most": (orders, upper)}
    return Finding(
        text,
        numbers={"rip_lower": lower[-1], "rip_upper": upper[-1]},
        columns={"order": orders, "at least": lower, "at most": upper},
        curves=[Curve("restricted isometry constant", "order", lines)],
    )


def gershgorin(matrix: OperatorMatrix, orders: list[int]) -> list[float]:
    """For each order k the largest |G_ii - 1| + sum of the k - 1 largest |G_ij|, j != i, for G = A^H A.

    Every eigenvalue of G_S - I lies within such a disc of zero, for each set S of k columns.
    """
    out = [0.0] * len(orders)
    for start, block in gram_blocks(matrix):
        here = torch.arange(len(block), device=block.device)
        centre = (block[here, start + here].real - 1).abs()
        block = block.abs()
        block[here, start + here] = 0
        largest = block.topk(min(max(orders[-1] - 1, 1), matrix.columns)).values.cumsum(1)
        for i, k in enumerate(orders):
            radius = largest[:, k - 2] if k > 1 else torch.zeros_like(centre)
            out[i] = max(out[i], float((centre + radius).max()))
    return out


def worst_found(matrix: OperatorMatrix, order: int, draws: int, square: float, generator: torch.Generator) -> float:
    """The largest |eigenvalue of A_S^H A_S - I| among random sets S of `order` columns and what improves on them.

    From the best random sets the truncated power iteration x <- x M, cut to its `order` largest entries, climbs for
    M = A^H A to a set with a large eigenvalue and for M = c I - A^H A, c = |A|^2 = `square`, to one with a small one
    (Yuan, Zhang 2013). Any set gives a lower bound of the constant.
    """
    width = max(1, BLOCK_BYTES // (8 * order * max(matrix.rows, matrix.columns)))
    best = 0.0
    ends: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in range(0, draws, width):
        scores = torch.rand(min(width, draws - start), matrix.columns, generator=generator)
        sets = scores.topk(order).indices
        values, vectors = torch.linalg.eigh(_grams(matrix, sets))
        best = max(best, float((values[:, [0, -1]] - 1).abs().max()))
        ends.append((sets, values, vectors))
    sets, values, vectors = (torch.cat(parts) for parts in zip(*ends, strict=True))
    for side, sign in ((-1, 1.0), (0, -1.0)):
        chosen = (sign * values[:, side]).topk(min(REFINED, len(sets))).indices.cpu()
        x = torch.zeros(len(chosen), matrix.columns, dtype=matrix.dtype, device=matrix.device)
        x.scatter_(1, sets[chosen].to(x.device), vectors[chosen][:, :, side].to(x.dtype))
        for _ in range(STEPS):
            y = matrix.gram(x) if sign > 0 else square * x - matrix.gram(x)
            kept = y.abs().topk(order).indices
            x = torch.zeros_like(y).scatter_(1, kept, y.gather(1, kept))
            x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=1e-300)
        best = max(best, float(_deviation(matrix, x.abs().topk(order).indices.cpu()).max()))
    return best


def _deviation(matrix: OperatorMatrix, sets: Tensor) -> Tensor:
    """|A_S^H A_S - I| for each set of columns."""
    width = max(1, BLOCK_BYTES // (8 * sets.shape[1] * max(matrix.rows, matrix.columns)))
    whole = matrix.columns**2 * 8 <= BLOCK_BYTES and len(sets) > matrix.columns
    table = torch.cat([block for _, block in gram_blocks(matrix)]) if whole else None
    out = []
    for part in torch.split(sets, MOST_SETS // 10 if whole else width):
        g = _grams(matrix, part) if table is None else table[part[:, :, None], part[:, None, :]]
        values = torch.linalg.eigvalsh(g)
        out.append((values[:, [0, -1]] - 1).abs().amax(1))
    return torch.cat(out)


def _grams(matrix: OperatorMatrix, sets: Tensor) -> Tensor:
    """A_S^H A_S for each set of columns, [sets, k, k]."""
    count, k = sets.shape
    unit = torch.zeros(count * k, matrix.columns, dtype=matrix.dtype, device=matrix.device)
    unit[torch.arange(count * k), sets.flatten()] = 1
    a = matrix.times(unit).reshape(count, k, matrix.rows)
    return a.conj() @ a.mT
