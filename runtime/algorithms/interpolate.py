"""Measured coarse pixels on the unknown's grid."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..operators.base import Composition, Operator, ScaledOperator
from ..operators.resampling import KERNELS, Coarser
from ..problem import Problem
from .base import Step
from .direct import measurement

Kind = Literal["bicubic", "bilinear", "nearest"]


class InterpolatedImage:
    """x_j = sum_i h((j - o) / n - i) y_i along each axis, for pixels i at the places n i + o of the unknown's grid.

    Beyond its edges y goes on as in a mirror.
    """

    name = "interpolate"

    def __init__(self, problem: Problem, kind: Kind) -> None:
        """Raises ValueError where the data term does not measure coarse pixels."""
        operator, self.y = measurement(problem)
        self.kind: Kind = kind
        self.factor, self.coarser = _unwrap(operator)

    def solve(self) -> Tensor:
        x = self.y / self.factor
        fine = self.coarser.domain.sizes
        for d in range(-self.coarser.axes, 0):
            lines = interpolation(self.kind, fine[d], x.shape[d], self.coarser.factor, self.coarser.offset)
            weights = torch.from_numpy(lines).to(device=x.device, dtype=x.dtype)
            x = (x.movedim(d, -1) @ weights.mT).movedim(-1, d)
        return x.contiguous().clone()

    def choices(self) -> list[Step]:
        return []


def interpolation(kind: Kind, n: int, m: int, factor: int, offset: float) -> NDArray[np.float64]:
    """The matrix [n, m] from coarse pixels at the places factor * i + offset to the fine ones at 0, ..., n - 1."""
    places = (np.arange(n) - offset) / factor
    out = np.zeros((n, m))
    if kind == "nearest":
        taps = np.floor(places + 0.5)[:, None]
        weights = np.ones_like(taps)
    else:
        kernel, reach = KERNELS[kind]
        taps = np.floor(places)[:, None] + np.arange(1 - reach, reach + 1)
        weights = kernel(places[:, None] - taps)
    around = np.mod(taps.astype(int), 2 * m)  # mirrored about both edges, a line repeats after twice its length
    np.add.at(out, (np.arange(n)[:, None].repeat(taps.shape[1], 1), np.minimum(around, 2 * m - 1 - around)), weights)
    return out


def _unwrap(operator: Operator) -> tuple[float, Coarser]:
    """c and the downsampling D of K = c D B ..."""
    factor = 1.0
    while not isinstance(operator, Coarser):
        if isinstance(operator, ScaledOperator):
            factor, operator = factor * operator.factor, operator.of
        elif isinstance(operator, Composition):
            operator = operator._chain()[0]
        else:
            raise ValueError("`interpolate` needs coarse pixels, and the model measures something else")
    return factor, operator
