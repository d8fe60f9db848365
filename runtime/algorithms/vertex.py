"""The simplex method on  min sum_i w_i |z_i|  subject to  A z = y, for real z, from a point near the minimiser.

A basis is m independent columns B of A, with z_B = B^-1 y and zeros elsewhere; nu = B^-T (w_B sign(z_B)). While a
column breaks |a_j^T nu| <= w_j it enters: z_B moves along -B^-1 a_j sign(a_j^T nu). The objective is piecewise linear
on the way. It falls at first by |a_j^T nu| - w_j; each entry i that passes zero adds 2 w_i |(B^-1 a_j)_i| to its slope,
and the one at which it turns up leaves. At the end nu proves that z is the minimiser.

Barrodale, Roberts 1973; Chen, Donoho, Saunders 1998.
"""

from __future__ import annotations

import torch
from scipy.linalg import qr
from torch import Tensor

SLACK = 1e-9
"""By how much of the largest weight a column may break its bound."""
SMALL = 1e-6
"""What a zero counts, of the largest entry, where the first basis is chosen."""


def vertex(a: Tensor, y: Tensor, w: Tensor, near: Tensor) -> Tensor | None:
    """The columns of the minimiser's basis, [m]; None where A has not full rank, or after 3 m exchanges of columns.

    Args:
        a: A, [m, n], double precision.
        y: [m].
        w: the weights, [n], not negative.
        near: an approximation of the minimiser, [n].
    """
    m = a.shape[0]
    basis = _first_basis(a, near)
    if basis is None:
        return None
    inverse = torch.linalg.inv(a[:, basis])
    for _ in range(3 * m):
        z = inverse @ y
        price = a.mT @ (inverse.mT @ (w[basis] * torch.where(z >= 0, 1.0, -1.0)))
        excess = price.abs() - w
        excess[basis] = -torch.inf
        j = int(excess.argmax())
        if float(excess[j]) <= SLACK * float(w.max()):
            return basis
        u = inverse @ a[:, j]
        i = _leaves(z, u * price[j].sgn(), 2 * w[basis] * u.abs(), float(excess[j]))
        if i is None:
            return None
        row = inverse[i] / u[i]
        inverse.addr_(u, row, alpha=-1)
        inverse[i] = row
        basis[i] = j
    return None


def _leaves(z: Tensor, u: Tensor, turns: Tensor, slope: float) -> int | None:
    """The entry at which the slope of the objective along z - s u, s > 0, turns up."""
    steps = torch.where(u * z > 0, z / torch.where(u != 0, u, 1), torch.inf)
    for i in steps.argsort().tolist():
        if not bool(steps[i] < torch.inf):
            return None
        slope -= float(turns[i])
        if slope <= 0:
            return int(i)
    return None


def _first_basis(a: Tensor, near: Tensor) -> Tensor | None:
    """m independent columns, large entries first: by the pivots of a QR factorisation of the weighted columns."""
    m, n = a.shape
    if m > n:
        return None
    size = near.abs()
    scale = size + SMALL * size.max()
    r, pivots = qr((a * scale).cpu().numpy(), mode="r", pivoting=True, check_finite=False)
    diagonal = abs(r.diagonal())
    if not diagonal[-1] > 1e-14 * diagonal[0]:
        return None
    return torch.from_numpy(pivots[:m].astype("int64")).to(a.device)
