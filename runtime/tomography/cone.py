"""Cone-beam projection of a volume by Joseph's method, and its exact adjoint."""

from __future__ import annotations

from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from . import rays
from .beam import SUFFIX, Table, as_angles, kernels_for, one_by_one, require
from .fan import FanBeam

ARGUMENTS = (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_int64)


@dataclass(frozen=True)
class ConeBeam:
    """Where the rays of a circular cone-beam scan run: from a point source to a flat panel.

    In the plane of the source's circle, which is the middle of the volume's z axis, it is the `FanBeam` of the same
    numbers with a flat detector. Voxel (k, i, j) of the [Z, H, W] volume has its centre at
    z = (k - (Z-1)/2) * z spacing. Panel row r stands at z = (r - (R-1)/2) * row pitch + row offset on the detector, so
    rows and z slices run the same way. Lines are those of the ray's shadow on the plane: they suit rays that rise by
    less than 45 degrees.

    Attributes:
        shape: z slices Z, rows H and columns W of the volume.
        angles: the views' angles in radians; a 1D tensor is stored as a tuple of floats.
        detectors: rows R and columns C of the panel.
        source: distance of the source from the axis of rotation, beyond half the slices' diagonal.
        detector: distance of the panel from the axis, 0 or more.
        pitch: (row pitch, column pitch), measured on the panel.
        voxel: (z spacing, row spacing, column spacing).
        offset: (along z, along the rows) shift of the panel.

    All lengths are in one unit. Raises ValueError as `FanBeam` does.
    """

    shape: tuple[int, int, int]
    angles: tuple[float, ...] | Tensor = field(repr=False)
    detectors: tuple[int, int]
    source: float
    detector: float
    pitch: tuple[float, float] = (1.0, 1.0)
    voxel: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", as_angles(self.angles))
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "detectors", tuple(int(n) for n in self.detectors))
        for name in ("pitch", "voxel", "offset"):
            object.__setattr__(self, name, tuple(float(length) for length in getattr(self, name)))
        lengths = {"the row pitch": self.pitch[0], "the z spacing": self.voxel[0]}
        require((*self.shape, *self.detectors), lengths, self.offset)
        assert self.plane is not None  # it refuses what it cannot be

    @cached_property
    def plane(self) -> FanBeam:
        """The scan in the plane of the source."""
        return FanBeam(
            self.shape[1:],
            self.angles,
            self.detectors[1],
            self.source,
            self.detector,
            self.pitch[1],
            self.voxel[1:],
            self.offset[1],
        )

    @property
    def views(self) -> int:
        """Number of views V."""
        return len(self.angles)

    @property
    def measured(self) -> tuple[int, int, int]:
        """[V, R, C]."""
        return self.views, *self.detectors

    @property
    def heights(self) -> Table:
        """z of each panel row: float64 [R]."""
        rows = np.arange(self.detectors[0], dtype=np.float64)
        heights: Table = (rows - 0.5 * (self.detectors[0] - 1)) * self.pitch[0] + self.offset[0]
        return heights

    @property
    def lengths(self) -> Table:
        """The length of each ray inside one line: float64 [V, R, C]."""
        table = self.plane.rays
        lengths: Table = table[:, None, :, 3] * np.hypot(1.0, self.heights[:, None] * table[:, None, :, 6])
        return lengths

    def finer(self, rays: int) -> ConeBeam:
        """The same scan with `rays` x `rays` detectors in the place of each."""
        (rows, columns), (down, along) = self.detectors, self.pitch
        return replace(self, detectors=(rows * rays, columns * rays), pitch=(down / rays, along / rays))

    def projected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return self._run("forward", stack)

    def backprojected(self, stack: Tensor) -> Tensor:
        """See `Beam`."""
        return self._run("adjoint", stack)

    def _run(self, direction: str, stack: Tensor) -> Tensor:
        kernels = kernels_for(stack)
        if kernels is None:
            work = rays.project_volume if direction == "forward" else rays.backproject_volume
            return work(stack, self.shape, self.plane.rays, self.heights / self.voxel[0], self.lengths)
        kernel = kernels.function(f"cone_{direction}_{SUFFIX[stack.dtype]}", ARGUMENTS)
        table, sizes = self.plane.rays, np.array([*self.shape, *self.measured], dtype=np.int64)
        spacing = self.voxel[0]
        numbers = (0.5 * (self.shape[0] - 1), self.heights[0] / spacing, self.pitch[0] / spacing, spacing)
        heights, threads = np.array(numbers), torch.get_num_threads()
        wanted = self.measured if direction == "forward" else self.shape
        places = (table.ctypes.data, sizes.ctypes.data, heights.ctypes.data, threads)
        return one_by_one(stack, wanted, lambda before, after: kernel(before, after, *places))
