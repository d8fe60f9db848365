"""A volume turned about one axis: projections of a tilt series, and the turned copies.

Coordinates of voxel (z, row, col): x along col, y along row, z along z, counted in voxels from index N // 2 of each
axis, where a centred transform has its zero frequency. Turning by t about x sends (y, z) to
(y cos t - z sin t, y sin t + z cos t); about y it sends (z, x) to (z cos t - x sin t, z sin t + x cos t). Both are
right-handed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse
from torch import Tensor

from ..tomography import ParallelBeam, backproject, project


class CentredBeam(ParallelBeam):
    """A parallel beam of unit pixels that turns about pixel N // 2 of each axis, not about the middle of the image.

    For odd extents the two are one; an even one is taken for the odd one that has an empty line more at its end.
    """

    @cached_property
    def lines(self) -> npt.NDArray[np.float64]:
        """The discretisation of `ParallelBeam.lines`, about the other centre."""
        odd = (self.shape[0] | 1, self.shape[1] | 1)
        return ParallelBeam(odd, self.angles, self.detectors | 1).lines


@dataclass(frozen=True)
class TiltSeries:
    """Tilts of a volume [Z, R, C] about its `col` or `row` axis, angles in radians."""

    sizes: tuple[int, int, int]
    angles: tuple[float, ...]
    about: str

    @cached_property
    def beam(self) -> CentredBeam:
        """The scan of each plane across the tilt axis."""
        depth, rows, columns = self.sizes
        if self.about == "col":
            return CentredBeam((depth, rows), self.angles, rows)
        return CentredBeam((depth, columns), tuple(-a for a in self.angles), columns)

    def project(self, volume: Tensor) -> Tensor:
        """Sums along z of the turned volume by Joseph's method: [..., Z, R, C] to [..., V, R, C], real or complex.

        Each plane across the tilt axis is a parallel-beam scan of its own.
        """
        if self.about == "col":
            return project(volume.movedim(-1, -3), self.beam).movedim(-3, -1)  # planes [Z, R]
        return project(volume.movedim(-2, -3), self.beam).movedim(-3, -2)  # planes [Z, C]

    def backproject(self, images: Tensor) -> Tensor:
        """The adjoint of `project`: [..., V, R, C] to [..., Z, R, C]."""
        if self.about == "col":
            return backproject(images.movedim(-1, -3), self.beam).movedim(-3, -1)
        return backproject(images.movedim(-2, -3), self.beam).movedim(-3, -2)


def turning(sizes: tuple[int, int], angles: tuple[float, ...]) -> sparse.csr_array:
    """The matrix that turns an image [P, Q] by each angle: [V P Q, P Q], float64.

    Pixel (p, q), counted from index N // 2, of the image turned by t is the bilinear interpolation of the image, zero
    outside, at (p cos t - q sin t, p sin t + q cos t).
    """
    height, width = sizes
    p = np.arange(height)[:, None] - height // 2
    q = np.arange(width)[None, :] - width // 2
    rows, columns, weights = [], [], []
    for v, angle in enumerate(angles):
        cos, sin = np.cos(angle), np.sin(angle)
        down = (cos * p - sin * q).ravel() + height // 2
        along = (sin * p + cos * q).ravel() + width // 2
        i, j = np.floor(down).astype(int), np.floor(along).astype(int)
        a, b = down - i, along - j
        for di, dj, w in ((0, 0, (1 - a) * (1 - b)), (0, 1, (1 - a) * b), (1, 0, a * (1 - b)), (1, 1, a * b)):
            inside = (i + di >= 0) & (i + di < height) & (j + dj >= 0) & (j + dj < width) & (w != 0)
            rows.append(np.flatnonzero(inside) + v * height * width)
            columns.append(((i + di) * width + j + dj)[inside])
            weights.append(w[inside])
    shape = (len(angles) * height * width, height * width)
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_array(entries, shape=shape).tocsr()
