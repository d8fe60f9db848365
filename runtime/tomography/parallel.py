"""Parallel-beam projection of a 2D image by Joseph's method, and its exact adjoint.

P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE Trans. Med. Imaging 1(3), 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from . import fallback
from .beam import SUFFIX, Table, as_angles, backproject, carry, kernels_for, one_by_one, project, require

__all__ = ["ParallelBeam", "backproject", "interpolate_views", "project"]

ARGUMENTS = (c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64)


@dataclass(frozen=True)
class ParallelBeam:
    """Where the rays of a parallel-beam scan run.

    Pixel (i, j) of the [H, W] image has its centre at x = (j - (W-1)/2) * column spacing (to the right) and
    y = (i - (H-1)/2) * row spacing (downwards). Detector d lies at s = (d - (D-1)/2) * pitch + offset. The ray of
    angle theta and place s is the line

        x cos(theta) - y sin(theta) = s.

    At angle 0 the rays run along the columns of the image, detectors in the order of its columns; at pi/2 along the
    rows, detectors from the bottom row to the top one. This is the orientation of `skimage.transform.radon` for the
    same angles. With unit pixels and pitch and odd H = W the geometry is its own for `circle=False`, with D the size
    that it pads to and, where that D is even, offset = -1/2; for even H = W it turns about pixel (H/2, W/2), not
    about the middle of the image.

    Two geometries are equal, and hash alike, if all their numbers are.

    Attributes:
        shape: rows H and columns W of the image.
        angles: the views' angles in radians; a 1D tensor is stored as a tuple of floats.
        detectors: their number D.
        pitch: distance between neighbouring detectors, in the length unit of `voxel`.
        voxel: (row spacing, column spacing).
        offset: shift of the detector along s, in the same unit.

    Raises:
        ValueError: no view, a size below 1, a spacing that is not positive, or a number that is not finite.
    """

    shape: tuple[int, int]
    angles: tuple[float, ...] | Tensor = field(repr=False)
    detectors: int
    pitch: float = 1.0
    voxel: tuple[float, float] = (1.0, 1.0)
    offset: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", as_angles(self.angles))
        object.__setattr__(self, "shape", (int(self.shape[0]), int(self.shape[1])))
        object.__setattr__(self, "voxel", (float(self.voxel[0]), float(self.voxel[1])))
        lengths = {"pitch": self.pitch, "the row spacing": self.voxel[0], "the column spacing": self.voxel[1]}
        require((*self.shape, self.detectors), lengths, (*self.angles, self.offset))

    @property
    def views(self) -> int:
        """Number of views V."""
        return len(self.angles)

    @property
    def measured(self) -> tuple[int, int]:
        """[V, D]."""
        return self.views, self.detectors

    def finer(self, rays: int) -> ParallelBeam:
        """The same scan with `rays` detectors in the place of each."""
        return replace(self, detectors=self.detectors * rays, pitch=self.pitch / rays)

    def projected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return _run("forward", fallback.project, stack, self, self.lines)

    def backprojected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return _run("adjoint", fallback.backproject, stack, self, self.lines)

    @cached_property
    def lines(self) -> npt.NDArray[np.float64]:
        """Joseph's discretisation, one row (transposed, start, slope, step, weight, taper) per view: float64 [V, 6].

        A view crosses line i of the image (a row; a column where `transposed` is 1) with detector d at the pixel
        position start + slope * i + step * d, and counts a length of `weight` there. Lines are rows where the ray
        crosses more rows than columns, so that |slope| <= 1. `taper` = |step|, see `joseph.cpp`.
        """
        theta = np.asarray(self.angles, dtype=np.float64)
        cos, sin = np.cos(theta), np.sin(theta)
        (height, width), (rows, columns) = self.shape, self.voxel
        first = self.offset - 0.5 * (self.detectors - 1) * self.pitch
        top, left = -0.5 * (height - 1) * rows, -0.5 * (width - 1) * columns
        turned = np.abs(cos) * columns < np.abs(sin) * rows
        # row i lies at y = top + i rows and is met at x = (s + y sin) / cos;
        # column j lies at x = left + j columns and is met at y = (x cos - s) / sin
        across = np.where(turned, -sin * rows, cos * columns)
        step = self.pitch / across
        slope = np.where(turned, -cos * columns, sin * rows) / across
        start = np.where(
            turned, (first - left * cos) / across - top / rows, (first + top * sin) / across - left / columns
        )
        weight = rows * columns / np.abs(across)
        table = np.stack([turned.astype(np.float64), start, slope, step, weight, np.abs(step)], axis=1)
        table.flags.writeable = False
        return table


def interpolate_views(sinogram: Tensor, geometry: ParallelBeam, weights: npt.NDArray[np.float64]) -> Tensor:
    """sum over views v of weights[v] * q_v(s), s the place of the pixel's centre: [..., V, D] to [..., H, W].

    q_v interpolates view v linearly between its detectors and is 0 beyond them: the back-projection of filtered
    views (Kak and Slaney 1988, eq. (3.47)), which unlike `backproject` weighs no lengths. `weights` is float64 [V].
    """
    table = geometry.lines.copy()
    table[:, 4], table[:, 5] = weights, 1.0

    def work(stack: Tensor) -> Tensor:
        return _run("adjoint", fallback.interpolate, stack, geometry, table)

    return carry(sinogram, geometry.measured, geometry.shape, work)


def _run(
    direction: str,
    fallen_back: Callable[[Tensor, tuple[int, int], int, Table], Tensor],
    stack: Tensor,
    geometry: ParallelBeam,
    table: Table,
) -> Tensor:
    """What the kernel of a direction computes, or torch where it does not run."""
    kernels = kernels_for(stack)
    if kernels is None:
        return fallen_back(stack, geometry.shape, geometry.detectors, table)
    kernel = kernels.function(f"joseph_{direction}_{SUFFIX[stack.dtype]}", ARGUMENTS)
    sizes = (*geometry.shape, geometry.views, geometry.detectors, torch.get_num_threads())
    wanted = geometry.measured if direction == "forward" else geometry.shape
    return one_by_one(stack, wanted, lambda before, after: kernel(before, after, table.ctypes.data, *sizes))
