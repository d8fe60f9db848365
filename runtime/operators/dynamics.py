"""The meaning of objects that move while they are measured."""

from __future__ import annotations

import torch
from recon.dsl.model.place import Placed
from recon.dsl.model.terms import ValueTerm
from recon.dsl.model.units import TIME
from recon.dsl.vocabulary.operators import dynamics as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from .base import Operator


@meaning_of(words.At)
def at(word: words.At, placed: Placed, build: Build) -> Operator:
    """Interpolation along the axis of frames."""
    if isinstance(word.frame, ValueTerm):
        times = build.given(word.frame, TIME).detach().double()
    else:
        times = torch.tensor(words.moments(word.frame), dtype=torch.float64)
    dim = placed.domain.axis("frame") or 0
    weights = interpolation(times.cpu(), placed.domain.sizes[dim], word.period, word.between == "nearest")
    return Mixing(build.tensor(weights), dim, placed)


def interpolation(times: Tensor, frames: int, period: float | None, nearest: bool = False) -> Tensor:
    """The matrix [T, F] of linear interpolation between F frames at T times, float64; each row adds up to one.

    With a period frame i stands at i period / F, and frame 0 follows the last one. Without, the frames stand at equal
    steps from the smallest time to the largest. `nearest` takes the nearest frame, of two as near the even one.
    """
    if period is not None:
        place = times / period * frames
    else:
        first, last = times.min(), times.max()
        place = (times - first) / (last - first if last > first else 1) * (frames - 1)
    if nearest:
        place = place.round()
    before = place.floor()
    share = place - before
    out = torch.zeros(len(times), frames, dtype=torch.float64)
    rows = torch.arange(len(times))
    for offset, weight in ((0, 1 - share), (1, share)):
        column = before.long() + offset
        column = column % frames if period is not None else column.clamp(max=frames - 1)
        out.index_put_((rows, column), weight, accumulate=True)
    return out


class Mixing(Operator):
    """A real matrix `weights` [m, n] times the axis `dim` of the domain: moments from frames."""

    weights: Tensor
    square: Tensor

    def __init__(self, weights: Tensor, dim: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.behind = len(placed.domain.axes) - dim - 1
        self.constant("weights", weights)
        self.constant("square", weights.mT @ weights)

    def _apply_(self, x: Tensor) -> Tensor:
        return self._mixed(self.weights, x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._mixed(self.weights.mT, y)

    def _gram_(self, x: Tensor) -> Tensor:
        return self._mixed(self.square, x)

    def norm(self) -> float:
        """The root of the largest eigenvalue of W^T W, a matrix as large as there are frames."""
        return float(torch.linalg.eigvalsh(self.square.double())[-1].clamp(min=0).sqrt())

    def _mixed(self, matrix: Tensor, x: Tensor) -> Tensor:
        if x.is_complex():
            parts = torch.view_as_real(x.resolve_conj())
            return torch.view_as_complex(self._times(matrix, parts, self.behind + 1).contiguous())
        return self._times(matrix, x, self.behind)

    @staticmethod
    def _times(matrix: Tensor, x: Tensor, behind: int) -> Tensor:
        """The matrix times the axis of x that has so many behind it."""
        front, size, back = x.shape[: x.ndim - behind - 1], x.shape[x.ndim - behind - 1], x.shape[x.ndim - behind :]
        return (matrix @ x.reshape(*front, size, -1)).reshape(*front, -1, *back)
