"""Parallel-beam projection of a 2D image by Joseph's method, and its exact adjoint.

P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE Trans. Med. Imaging 1(3), 1982.
"""

from __future__ import annotations

import math
from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..native import native
from . import fallback

ARGUMENTS = (c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64)
SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


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
        angles = self.angles
        if isinstance(angles, Tensor):
            if angles.ndim != 1:
                raise ValueError(f"angles must be a 1D tensor, not one of shape {tuple(angles.shape)}")
            angles = tuple(angles.detach().to("cpu", torch.float64).tolist())
        object.__setattr__(self, "angles", tuple(float(angle) for angle in angles))
        object.__setattr__(self, "shape", (int(self.shape[0]), int(self.shape[1])))
        object.__setattr__(self, "voxel", (float(self.voxel[0]), float(self.voxel[1])))
        if min(*self.shape, self.detectors) < 1:
            raise ValueError(f"shape {self.shape} and detectors {self.detectors} must be at least 1")
        if not self.angles:
            raise ValueError("angles is empty: a scan needs at least one view")
        if not all(map(math.isfinite, (*self.angles, self.offset, self.pitch, *self.voxel))):
            raise ValueError("angles, pitch, voxel and offset must be finite")
        if min(self.pitch, *self.voxel) <= 0:
            raise ValueError(f"pitch {self.pitch} and voxel {self.voxel} must be positive")

    @property
    def views(self) -> int:
        """Number of views V."""
        return len(self.angles)

    @cached_property
    def lines(self) -> npt.NDArray[np.float64]:
        """Joseph's discretisation, one row (transposed, start, slope, step, weight, taper) per view: float64 [V, 6].

        A view crosses line i of the image (a row; a column where `transposed` is 1) with detector d at the pixel
        position start + slope * i + step * d, and counts a length of `weight` there. Lines are rows where the ray
        crosses more rows than columns, so that |slope| <= 1. `taper` = |step|, see `fallback.backproject`.
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


def project(image: Tensor, geometry: ParallelBeam) -> Tensor:
    """Line integrals A x: real or complex [..., H, W] to [..., V, D], in value times length.

    Joseph's sum along the ray (theta, s): over the lines of the image that it crosses, the linear interpolation of
    the two pixels beside the crossing, times the length of the ray inside one line. Pixels outside the image are 0.
    Runs in C++ on the CPU if that could be built (see `recon.runtime.native`), else in torch; the two agree to
    rounding. The result has no autograd history: the derivative of A is `backproject`.

    Raises ValueError for another shape and TypeError for a dtype but float32, float64, complex64, complex128.
    """
    return _apply("forward", image, geometry.shape, (geometry.views, geometry.detectors), geometry, geometry.lines)


def backproject(sinogram: Tensor, geometry: ParallelBeam) -> Tensor:
    """The adjoint A^H y of `project`: real or complex [..., V, D] to [..., H, W], in value times length.

    The same weights as `project`, gathered pixel by pixel: <A x, y> = <x, A^H y> up to rounding. Not divided by the
    number of views and not filtered; `filtered_backprojection` reconstructs. Runs where `project` runs, and raises
    as it does.
    """
    return _apply("adjoint", sinogram, (geometry.views, geometry.detectors), geometry.shape, geometry, geometry.lines)


def interpolate_views(sinogram: Tensor, geometry: ParallelBeam, weights: npt.NDArray[np.float64]) -> Tensor:
    """sum over views v of weights[v] * q_v(s), s the place of the pixel's centre: [..., V, D] to [..., H, W].

    q_v interpolates view v linearly between its detectors and is 0 beyond them: the back-projection of filtered
    views (Kak and Slaney 1988, eq. (3.47)), which unlike `backproject` weighs no lengths. `weights` is float64 [V].
    """
    table = geometry.lines.copy()
    table[:, 4], table[:, 5] = weights, 1.0
    return _apply("adjoint", sinogram, (geometry.views, geometry.detectors), geometry.shape, geometry, table)


def _apply(
    direction: str,
    source: Tensor,
    given: tuple[int, int],
    wanted: tuple[int, int],
    geometry: ParallelBeam,
    table: npt.NDArray[np.float64],
) -> Tensor:
    if tuple(source.shape[-2:]) != given:
        raise ValueError(f"expected a tensor of shape [..., {given[0]}, {given[1]}], not {tuple(source.shape)}")
    source = source.detach()
    if source.is_complex():
        parts = torch.view_as_real(source.resolve_conj()).movedim(-1, 0)
        both = _apply(direction, parts, given, wanted, geometry, table)
        return torch.view_as_complex(both.movedim(0, -1).contiguous())
    if source.dtype not in SUFFIX:
        raise TypeError(f"expected float32, float64, complex64 or complex128, not {source.dtype}")
    stack = source.reshape(-1, *given).contiguous()
    kernels = native() if source.device.type == "cpu" else None
    if kernels is None:
        work = fallback.project if direction == "forward" else fallback.backproject
        return work(stack, geometry.shape, geometry.detectors, table).reshape(*source.shape[:-2], *wanted)
    kernel = kernels.function(f"joseph_{direction}_{SUFFIX[source.dtype]}", ARGUMENTS)
    result = stack.new_empty(len(stack), *wanted)
    sizes = (*geometry.shape, geometry.views, geometry.detectors, torch.get_num_threads())
    for before, after in zip(stack, result, strict=True):
        kernel(before.data_ptr(), after.data_ptr(), table.ctypes.data, *sizes)
    return result.reshape(*source.shape[:-2], *wanted)
