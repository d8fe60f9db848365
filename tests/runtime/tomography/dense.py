"""Joseph's method as it is defined, ray by ray and line by line, for any source and detector points in space."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def turned(angle: float, along: float, across: float, height: float) -> Array:
    """The point (x, y, z) at `along` the central ray and `across` it, in the view of that angle; y downwards."""
    forwards = np.array([math.sin(angle), math.cos(angle), 0.0])
    sideways = np.array([math.cos(angle), -math.sin(angle), 0.0])
    return forwards * along + sideways * across + np.array([0.0, 0.0, height])


def ray_sum(source: Array, target: Array, shape: tuple[int, int, int], voxel: tuple[float, float, float]) -> Array:
    """The weights of one ray: [Z, H, W]. Its lines are rows or columns of the slices, whichever it crosses more of."""
    weights = np.zeros(shape)
    spacing, sizes = np.array(voxel[::-1]), np.array(shape[::-1])  # x, y, z
    direction = target - source
    drive = 1 if abs(direction[1]) / spacing[1] >= abs(direction[0]) / spacing[0] else 0
    others = [axis for axis in range(3) if axis != drive]
    length = np.linalg.norm(direction) / abs(direction[drive]) * spacing[drive]
    for line in range(sizes[drive]):
        place = (line - (sizes[drive] - 1) / 2) * spacing[drive]
        point = source + direction * (place - source[drive]) / direction[drive]
        at = point / spacing + (sizes - 1) / 2
        for corner in product((0, 1), repeat=2):
            cell, share = [0, 0, 0], length
            cell[drive] = line
            for axis, up in zip(others, corner, strict=True):
                cell[axis] = math.floor(at[axis]) + up
                share *= 1 - abs(at[axis] - cell[axis])
            if all(0 <= c < n for c, n in zip(cell, sizes, strict=True)):
                weights[cell[2], cell[1], cell[0]] += share
    return weights
