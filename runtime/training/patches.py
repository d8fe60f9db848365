"""Random patches of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .augment import Change, Window


class Patches:
    """Square patches of pictures: a picture is drawn evenly, then a place in it evenly, then how it is changed.

    pictures: each [..., rows, cols], all with the same axes in front. size: the extent of a patch; None: pictures of
    one shape, whole. Raises ValueError for a picture that is smaller than a patch.
    """

    def __init__(self, pictures: Sequence[Tensor], size: int | None, changes: Sequence[Change] = ()) -> None:
        if not pictures:
            raise ValueError("there is no picture to cut patches from")
        shapes = {tuple(p.shape) for p in pictures}
        if size is None and len(shapes) > 1:
            raise ValueError("the pictures differ in extents; write `patches`, such as `patches = 64`")
        smallest = min(min(p.shape[-2:]) for p in pictures)
        if size is not None and smallest < size:
            raise ValueError(f"patches of {size} x {size} do not fit into a picture with an extent of {smallest}")
        self.pictures, self.size, self.changes = list(pictures), size, tuple(changes)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` patches [count, ..., size, size]."""
        return torch.stack([self._one(generator) for _ in range(count)])

    def _one(self, generator: torch.Generator) -> Tensor:
        picture = self.pictures[_whole(len(self.pictures), generator)]
        rows, cols = picture.shape[-2:]
        height, width = (rows, cols) if self.size is None else (self.size, self.size)
        window = Window(height, width)
        for change in self.changes:
            window = change.widened(window, generator)
        cut = (min(window.rows, rows), min(window.cols, cols))
        top, left = _whole(rows - cut[0] + 1, generator), _whole(cols - cut[1] + 1, generator)
        patch = picture[..., top : top + cut[0], left : left + cut[1]]
        if cut != (height, width):
            patch = resampled(patch, (height, width))
        for change in self.changes:
            patch = change.changed(patch, generator)
        return patch


def resampled(patch: Tensor, extents: tuple[int, int]) -> Tensor:
    """A patch [..., rows, cols] at other extents, linearly after the low-pass that shrinking needs."""
    planes = torch.view_as_real(patch).movedim(-1, 0) if patch.is_complex() else patch
    flat = planes.reshape(1, -1, *planes.shape[-2:])
    small = nn.functional.interpolate(flat, extents, mode="bilinear", align_corners=False, antialias=True)
    small = small.reshape(*planes.shape[:-2], *extents)
    return torch.view_as_complex(small.movedim(0, -1).contiguous()) if patch.is_complex() else small


def _whole(count: int, generator: torch.Generator) -> int:
    """An even draw from 0 .. count - 1."""
    return int(torch.randint(count, (), generator=generator))


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """An even draw between two ends."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def log_uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A draw between two positive ends whose logarithm is even."""
    return math.exp(uniform(math.log(low), math.log(high), generator))
