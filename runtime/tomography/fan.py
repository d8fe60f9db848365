"""Fan-beam projection of a 2D image by Joseph's method, and its exact adjoint."""

from __future__ import annotations

import math
from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from . import rays
from .beam import SUFFIX, Table, as_angles, kernels_for, one_by_one, require

ARGUMENTS = (c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64)


@dataclass(frozen=True)
class FanBeam:
    """Where the rays of a fan-beam scan run: from a point source that turns about the image to a row of detectors.

    Pixel (i, j) of the [H, W] image has its centre at x = (j - (W-1)/2) * column spacing (to the right) and
    y = (i - (H-1)/2) * row spacing (downwards). In the view of angle theta, with the directions

        along = (sin theta, cos theta),   across = (cos theta, -sin theta)

    in (x, y), the source stands at -source * along and the middle of the detector at detector * along. Detector d has
    s = (d - (D-1)/2) * pitch + offset; on a flat detector it lies at detector * along + s * across, on a curved one,
    an arc around the source, in the direction along * cos(g) + across * sin(g) from the source with
    g = s / (source + detector). A source far away sees what `ParallelBeam` sees, with the same angles.

    Attributes:
        shape: rows H and columns W of the image.
        angles: the views' angles in radians; a 1D tensor is stored as a tuple of floats.
        detectors: their number D.
        source: distance of the source from the axis of rotation, beyond half the image's diagonal.
        detector: distance of the detector from the axis, 0 or more.
        pitch: distance between neighbouring detectors, measured on the detector.
        voxel: (row spacing, column spacing).
        offset: shift of the detector along itself.
        curved: whether the detector is an arc around the source.

    All lengths are in one unit. Raises ValueError for no view, a size below 1, a length that is not positive, a number
    that is not finite, a source inside the image's circle, or a curved detector that goes around the source.
    """

    shape: tuple[int, int]
    angles: tuple[float, ...] | Tensor = field(repr=False)
    detectors: int
    source: float
    detector: float
    pitch: float = 1.0
    voxel: tuple[float, float] = (1.0, 1.0)
    offset: float = 0.0
    curved: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", as_angles(self.angles))
        object.__setattr__(self, "shape", (int(self.shape[0]), int(self.shape[1])))
        object.__setattr__(self, "voxel", (float(self.voxel[0]), float(self.voxel[1])))
        lengths = {"pitch": self.pitch, "source": self.source}
        lengths |= {"the row spacing": self.voxel[0], "the column spacing": self.voxel[1]}
        require((*self.shape, self.detectors), lengths, (*self.angles, self.offset, self.detector))
        if self.detector < 0:
            raise ValueError(f"detector must be at least 0, not {self.detector}")
        if self.source <= self.radius:
            raise ValueError(f"source {self.source} lies inside the image, whose half diagonal is {self.radius}")
        if self.curved and np.abs(self.places).max() >= 0.5 * math.pi * self.throw:
            raise ValueError("a curved detector must span less than half a turn around the source")

    @property
    def views(self) -> int:
        """Number of views V."""
        return len(self.angles)

    @property
    def measured(self) -> tuple[int, int]:
        """[V, D]."""
        return self.views, self.detectors

    @property
    def radius(self) -> float:
        """Half the image's diagonal."""
        return 0.5 * math.hypot(self.shape[0] * self.voxel[0], self.shape[1] * self.voxel[1])

    @property
    def throw(self) -> float:
        """The distance from the source to the detector."""
        return self.source + self.detector

    @property
    def places(self) -> Table:
        """s of each detector: float64 [D]."""
        places: Table = (
            np.arange(self.detectors, dtype=np.float64) - 0.5 * (self.detectors - 1)
        ) * self.pitch + self.offset
        return places

    @property
    def fan(self) -> Table:
        """The angle of each detector's ray to the central one, in radians: float64 [D]."""
        fan: Table = self.places / self.throw if self.curved else np.arctan2(self.places, self.throw)
        return fan

    def finer(self, rays: int) -> FanBeam:
        """The same scan with `rays` detectors in the place of each."""
        return replace(self, detectors=self.detectors * rays, pitch=self.pitch / rays)

    @cached_property
    def rays(self) -> Table:
        """Joseph's discretisation, seven numbers per ray: float64 [V, D, 7].

        (side, start, slope, length, ratio, growth, reach): the ray crosses line i of the image (a row; a column where
        `side` is 1) at the pixel position start + slope * i and counts `length` there, ratio + growth * i of its way
        from the source to the detector; `reach` is one over the length of that way. Lines are rows where the ray
        crosses more rows than columns, so that |slope| <= 1.
        """
        theta, fan = np.asarray(self.angles)[:, None], self.fan
        (height, width), (rows, columns) = self.shape, self.voxel
        top, left = -0.5 * (height - 1) * rows, -0.5 * (width - 1) * columns
        x, y = -self.source * np.sin(theta), -self.source * np.cos(theta)  # of the source
        dx, dy = np.sin(theta + fan), np.cos(theta + fan)  # the ray's direction
        far = np.full_like(fan, self.throw) if self.curved else self.throw / np.cos(fan)
        turned = np.abs(dy) * columns < np.abs(dx) * rows
        with np.errstate(divide="ignore", invalid="ignore"):  # each is used where its divisor is not small
            across = np.where(turned, dx, dy)
            slope = np.where(turned, dy * columns / (dx * rows), dx * rows / (dy * columns))
            start = np.where(
                turned, (y - top + (left - x) * dy / dx) / rows, (x - left + (top - y) * dx / dy) / columns
            )
        first, step = np.where(turned, left - x, top - y), np.where(turned, columns, rows)
        parts = (turned, start, slope, step / np.abs(across), first / (across * far), step / (across * far), 1 / far)
        table = np.stack(np.broadcast_arrays(*parts), axis=-1).astype(np.float64)
        table.flags.writeable = False
        return table

    def projected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return self._run("forward", stack)

    def backprojected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return self._run("adjoint", stack)

    def _run(self, direction: str, stack: Tensor) -> Tensor:
        kernels = kernels_for(stack)
        if kernels is None:
            work = rays.project if direction == "forward" else rays.backproject
            return work(stack, self.shape, self.rays)
        kernel = kernels.function(f"fan_{direction}_{SUFFIX[stack.dtype]}", ARGUMENTS)
        table, sizes = self.rays, (*self.shape, *self.measured, torch.get_num_threads())
        wanted = self.measured if direction == "forward" else self.shape
        return one_by_one(stack, wanted, lambda before, after: kernel(before, after, table.ctypes.data, *sizes))
