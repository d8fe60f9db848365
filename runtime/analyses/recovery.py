"""Whether basis pursuit recovers sparse signals, decided with proof for many random matrices side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from scipy.fft import dct
from scipy.optimize import minimize_scalar
from scipy.special import erfc
from torch import Tensor

STEP = 0.5  # of the splitting, for nonzeros of one: a few dozen steps decide what is not close to the transition
LOOK, MOST = 25, 3000
MARGIN = 1e-4
"""By how much a smaller norm or a certificate must be clear of rounding in single precision."""
FOUND, LOST, OPEN = 1, 0, -1

Ensemble = Literal["gaussian", "rademacher", "cosine"]


def statistical_dimension(length: int, nonzeros: int) -> float:
    """That of the descent cone of the l1 norm at a vector with so many nonzeros, from above.

    n min over t >= 0 of (s/n) (1 + t^2) + (1 - s/n) E (|g| - t)_+^2 for a standard normal g, where
    E (|g| - t)_+^2 = (1 + t^2) erfc(t / sqrt 2) - sqrt(2 / pi) t exp(-t^2 / 2). The true value is at most
    2 sqrt(n / s) smaller (Amelunxen, Lotz, McCoy, Tropp 2014, Prop. 4.5).
    """
    share = nonzeros / length

    def risk(t: float) -> float:
        beyond = (1 + t * t) * erfc(t / math.sqrt(2)) - math.sqrt(2 / math.pi) * t * math.exp(-t * t / 2)
        return float(share * (1 + t * t) + (1 - share) * beyond)

    return length * float(minimize_scalar(risk, bounds=(0, 10), method="bounded", options={"xatol": 1e-10}).fun)


def row_spaces(ensemble: Ensemble, length: int, rows: int, draws: int, generator: np.random.Generator) -> Tensor:
    """Orthonormal bases of the row spaces of random matrices, as columns: [draws, length, rows], float32.

    The columns of the matrices come in random order and with random signs, so that the first entries of a signal, all
    of them one, stand for any places and signs.
    """
    if ensemble == "cosine":
        full = dct(np.eye(length), axis=0, norm="ortho")
        found = []
        for _ in range(draws):
            kept = full[generator.permutation(length)[:rows]]
            signs = generator.integers(0, 2, length) * 2 - 1
            found.append((kept[:, generator.permutation(length)] * signs).T)
        return torch.as_tensor(np.stack(found), dtype=torch.float32)
    if ensemble == "gaussian":
        entries = torch.from_numpy(generator.standard_normal((draws, length, rows)))
    else:
        entries = torch.from_numpy(generator.integers(0, 2, (draws, length, rows)) * 2.0 - 1)
    bases: Tensor = torch.linalg.qr(entries)[0]
    return bases.to(torch.float32)


def recovered(bases: Tensor, nonzeros: Sequence[int]) -> Tensor:
    """For each matrix and each s whether argmin |z|_1 under A z = A x is x alone, for x of s ones and then zeros.

    bases: orthonormal rows of A as columns [draws, n, m], float32. nonzeros: ascending. Returns FOUND, LOST or, where
    neither was proved, OPEN: [draws, len(nonzeros)].

    Douglas-Rachford splitting between A z = A x and the l1 norm, all s of a matrix side by side. Its first point p is
    feasible: |p|_1 < |x|_1 proves LOST. Its dual variable, moved onto A_S^T v = sign(x_S) by least squares, proves
    FOUND if |A^T v| < 1 elsewhere (Lemma 1). A certificate for s serves all smaller s, whose places are among the
    first s, and a failure all larger s.
    """
    draws, n, m = bases.shape
    status = torch.full((draws, len(nonzeros)), OPEN)
    if m >= n:
        return torch.full_like(status, FOUND)
    status[:, [j for j, s in enumerate(nonzeros) if s > m]] = LOST  # some h on S with A h = 0 does not raise the norm
    tried = [(j, s) for j, s in enumerate(nonzeros) if s <= m]
    if not tried:
        return status
    widest = tried[-1][1]
    factors = torch.linalg.cholesky_ex(bases[:, :widest] @ bases[:, :widest].mT)[0]  # of A_S^T A_S, leading blocks
    sums = bases.cumsum(1)
    b = torch.stack([sums[:, s - 1] for _, s in tried], 2)  # A x
    ids, z = torch.arange(draws), bases @ b
    for step in range(1, MOST + 1):
        residual = b - bases.mT @ z
        p = z + bases @ residual
        if step % LOOK == 0:
            for k, (j, s) in enumerate(tried):
                undecided = status[ids, j] == OPEN
                if not bool(undecided.any()):
                    continue
                lost = undecided & (p[:, :, k].abs().sum(1) < s * (1 - MARGIN))
                status[ids[lost], j] = LOST
                found = undecided & ~lost & _certified(bases, residual[:, :, k : k + 1] / STEP, factors[ids], s)
                status[ids[found], j] = FOUND
            _spread(status)
            alive = (status[ids] == OPEN).any(1)
            if not bool(alive.all()):
                ids, bases, b, z, p = ids[alive], bases[alive], b[alive], z[alive], p[alive]
            if not len(ids):
                break
        w = 2 * p - z
        z = z - p + (w - w.clamp(-STEP, STEP))
    return status


def _certified(bases: Tensor, v: Tensor, factors: Tensor, s: int) -> Tensor:
    """Whether v [draws, m, 1], corrected so that A_S^T v = 1, has |A^T v| < 1 off S, the first s entries."""
    support = bases[:, :s]
    v = v + support.mT @ torch.cholesky_solve(1 - support @ v, factors[:, :s, :s])
    g = (bases @ v)[:, :, 0]
    return (g[:, s:].abs().amax(1) < 1 - MARGIN / 10) & ((g[:, :s] - 1).abs().amax(1) < MARGIN)


def _spread(status: Tensor) -> None:
    """What was found for s is found for all smaller s, and what was lost for all larger ones."""
    found = (status == FOUND).int().flip(1).cummax(1).values.flip(1).bool()
    lost = (status == LOST).int().cummax(1).values.bool()
    status[found] = FOUND
    status[lost & ~found] = LOST
