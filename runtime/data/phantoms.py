"""Phantoms: known objects drawn on any grid.

Every phantom lives on the field of view [-1, 1]^d, which the grid fills along each axis. Cell i of n has its centre at
-1 + (2 i + 1) / n. The axes are (row, col) or (z, row, col): columns run along +x, rows along -y (up is the first row)
and slices along +z. The same words and seed on a finer grid show the same object, not another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Samples per axis inside a cell that an edge passes through, in 2D and 3D: 64 samples a cell in both.
_SAMPLES = {2: 8, 3: 4}


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipse or ellipsoid: `value` is added inside `|R^T (p - centre) / half_axes| <= 1`.

    `half_axes` and `centre` are ordered (x, y) or (x, y, z). `angle` turns it counter-clockwise about z, in radians.
    """

    value: float
    half_axes: tuple[float, ...]
    centre: tuple[float, ...]
    angle: float

    @property
    def matrix(self) -> Array:
        """The map from an offset p - centre to the unit ball, `diag(1 / half_axes) R^T`, [d, d]."""
        turn = np.eye(len(self.half_axes))
        c, s = math.cos(self.angle), math.sin(self.angle)
        turn[:2, :2] = [[c, s], [-s, c]]
        scaled: Array = turn / np.asarray(self.half_axes)[:, None]
        return scaled


# value, half axes x y z, centre x y z, degrees. In the plane: Shepp and Logan 1974 with the contrast of Toft 1996,
# appendix B. Along z: the ellipsoids of the usual three-dimensional phantom (after Kak and Slaney 1988, table 3.1).
_SHEPP_LOGAN = (
    (1.0, 0.69, 0.92, 0.81, 0.0, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.78, 0.0, -0.0184, 0.0, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.22, 0.0, 0.0, -18.0),
    (-0.2, 0.16, 0.41, 0.28, -0.22, 0.0, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.41, 0.0, 0.35, -0.15, 0.0),
    (0.1, 0.046, 0.046, 0.05, 0.0, 0.1, 0.25, 0.0),
    (0.1, 0.046, 0.046, 0.05, 0.0, -0.1, 0.25, 0.0),
    (0.1, 0.046, 0.023, 0.05, -0.08, -0.605, 0.0, 0.0),
    (0.1, 0.023, 0.023, 0.02, 0.0, -0.606, 0.0, 0.0),
    (0.1, 0.023, 0.046, 0.02, 0.06, -0.605, 0.0, 0.0),
)


def shepp_logan(shape: tuple[int, ...]) -> Array:
    """The Shepp-Logan head phantom with the modified contrast of Toft, values in 0..1.

    Args:
        shape: (rows, cols) or (slices, rows, cols).

    Returns:
        float64 array of that shape; each cell holds the mean of the phantom over the cell (64 samples at edges).

    Raises:
        ValueError: the shape is not two or three positive extents.

    Source: Shepp and Logan, The Fourier reconstruction of a head section, IEEE Trans. Nucl. Sci. 1974; contrast of
    P. Toft, The Radon transform: theory and implementation, PhD thesis, DTU 1996.
    """
    d = _dimensions(shape)
    parts = [
        Ellipsoid(value, (a, b, c)[:d], (x, y, z)[:d], math.radians(degrees))
        for value, a, b, c, x, y, z, degrees in _SHEPP_LOGAN
    ]
    return np.clip(draw(shape, parts), 0.0, 1.0)


def ellipses(shape: tuple[int, ...], seed: int, row: int = 0) -> Array:
    """A random phantom: a sum of 5 to 15 random ellipses (ellipsoids in 3D), clipped to 0..1.

    Half axes are uniform in 0.05..0.5, centres uniform in the square or cube of half width 0.6, values uniform in
    -0.4..1 and the angle about z uniform. It is drawn from `default_rng([seed, row])`.

    Args:
        shape: (rows, cols) or (slices, rows, cols).
        seed: a non-negative integer.
        row: tells phantoms of one seed apart; a non-negative integer.

    Returns:
        float64 array of that shape.

    Raises:
        ValueError: a bad shape, seed or row.
    """
    d = _dimensions(shape)
    rng = np.random.default_rng([seed, row])
    parts = [
        Ellipsoid(
            value=rng.uniform(-0.4, 1.0),
            half_axes=tuple(rng.uniform(0.05, 0.5, d)),
            centre=tuple(rng.uniform(-0.6, 0.6, d)),
            angle=rng.uniform(0.0, 2.0 * math.pi),
        )
        for _ in range(rng.integers(5, 16))
    ]
    return np.clip(draw(shape, parts), 0.0, 1.0)


def blobs(shape: tuple[int, ...], seed: int) -> Array:
    """Smooth random blobs: `sum_k a_k exp(-|(p - c_k) / w_k|^2 / 2)` over 12 Gaussians, scaled to a maximum of 1.

    Amplitudes a_k are uniform in 0.3..1, centres in the square or cube of half width 0.6, widths of each axis in
    0.05..0.2 (the field of view is 2 wide), so the object fades towards the border. Values at the cell centres.

    Args:
        shape: (rows, cols) or (slices, rows, cols).
        seed: a non-negative integer.

    Returns:
        float64 array of that shape, values in 0..1.

    Raises:
        ValueError: a bad shape or seed.
    """
    d = _dimensions(shape)
    rng = np.random.default_rng(seed)
    drawn = [(rng.uniform(0.3, 1.0), rng.uniform(-0.6, 0.6, d), rng.uniform(0.05, 0.2, d)) for _ in range(12)]
    out = gaussians(shape, [(amplitude, tuple(centre), tuple(width)) for amplitude, centre, width in drawn])
    out /= out.max()
    return out


def gaussians(shape: tuple[int, ...], parts: list[tuple[float, tuple[float, ...], tuple[float, ...]]]) -> Array:
    """`sum_k a_k exp(-|(p - c_k) / w_k|^2 / 2)` at the cell centres, for parts (a, c, w) with c and w along (x, y, z).

    Raises ValueError for a bad shape.
    """
    _dimensions(shape)
    out = np.zeros(shape)
    for amplitude, centre, width in parts:
        blob: Array = np.array(amplitude)  # a Gaussian along the axes is a product of profiles
        for grid, c, w in zip(_coordinates(shape), centre, width, strict=True):
            blob = blob * np.exp(-0.5 * ((grid - c) / w) ** 2)
        out += blob
    return out


def beads(shape: tuple[int, ...], seed: int) -> Array:
    """Small bright beads in the dark, scaled to a maximum of 1, as in fluorescence microscopy.

    40 ellipsoids with values uniform in 0.4..1, half axes in 0.02..0.05 in the plane and 0.125 along z (the field of
    view is 2 wide), and centres in the square or cube of half width 0.8.

    Args:
        shape: (rows, cols) or (slices, rows, cols).
        seed: a non-negative integer.

    Returns:
        float64 array of that shape, values in 0..1.

    Raises:
        ValueError: a bad shape or seed.
    """
    d = _dimensions(shape)
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(40):
        value, radius, centre = rng.uniform(0.4, 1.0), rng.uniform(0.02, 0.05), rng.uniform(-0.8, 0.8, d)
        parts.append(Ellipsoid(value, (radius, radius, 0.125)[:d], tuple(centre), 0.0))
    out = draw(shape, parts)
    out /= max(out.max(), np.finfo(float).tiny)
    return out


def draw(shape: tuple[int, ...], parts: list[Ellipsoid]) -> Array:
    """The sum of ellipsoids, averaged over each cell.

    Cells that no edge passes through are exact; the others are averaged over a regular grid of 8 x 8 (2D) or
    4 x 4 x 4 (3D) samples.

    Args:
        shape: (rows, cols) or (slices, rows, cols).
        parts: ellipsoids of that dimension.

    Returns:
        float64 array of that shape, not clipped.
    """
    out = np.zeros(shape)
    for part in parts:
        _add(out, part)
    return out


def _add(out: Array, part: Ellipsoid) -> None:
    """Add one ellipsoid to `out` in place, touching only the box around it."""
    d = out.ndim
    matrix = part.matrix
    step = 2.0 / np.array(out.shape[::-1])
    # Half widths of the bounding box along x, y, z: the row norms of R diag(half_axes). One more cell on each side.
    reach = np.linalg.norm(np.linalg.inv(matrix), axis=1) + step
    offsets = [grid - c for grid, c in zip(_coordinates(out.shape), part.centre, strict=True)]
    hits = [np.flatnonzero(np.abs(offset) <= r) for offset, r in zip(offsets, reach, strict=True)]
    if any(hit.size == 0 for hit in hits):
        return
    box = tuple(slice(int(hit[0]), int(hit[-1]) + 1) for hit in reversed(hits))
    inside = out[box]
    near = [o[tuple(s if o.shape[k] > 1 else slice(None) for k, s in enumerate(box))] for o in offsets]

    # In the unit ball's coordinates a cell lies within `margin` of its centre, so only a thin shell needs samples.
    ball = [np.broadcast_to(sum(m * o for m, o in zip(row, near, strict=True)), inside.shape) for row in matrix]
    radius = np.sqrt(sum(u * u for u in ball))
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * d)).reshape(d, -1) * step[:, None]
    margin = np.linalg.norm(matrix @ corners, axis=0).max()
    inside[radius <= 1.0 - margin] += part.value
    edge = np.nonzero(np.abs(radius - 1.0) < margin)

    n = _SAMPLES[d]
    within = (np.arange(n) + 0.5) / n - 0.5
    samples = matrix @ (np.array(np.meshgrid(*[within] * d)).reshape(d, -1) * step[:, None])
    centres = np.array([u[edge] for u in ball])
    covered = np.zeros(centres.shape[1])
    for sample in samples.T:
        covered += ((centres + sample[:, None]) ** 2).sum(axis=0) <= 1.0
    inside[edge] += part.value * covered / samples.shape[1]


def _coordinates(shape: tuple[int, ...]) -> list[Array]:
    """Cell centres along x, y and, in 3D, z, each shaped to broadcast over the grid."""
    d = len(shape)
    grids = []
    for axis in reversed(range(d)):
        n = shape[axis]
        centres = (2.0 * np.arange(n) + 1.0) / n - 1.0
        sign = -1.0 if axis == d - 2 else 1.0  # rows run downwards, y upwards
        grids.append((sign * centres).reshape([n if k == axis else 1 for k in range(d)]))
    return grids


def _dimensions(shape: tuple[int, ...]) -> int:
    if len(shape) not in _SAMPLES or any(n < 1 for n in shape):
        raise ValueError(f"a phantom has two or three positive extents, not {shape}")
    return len(shape)
