"""A beating heart: a phantom that moves, known at every moment."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .phantoms import Ellipsoid, draw

Array = NDArray[np.float64]


def contraction(time: float) -> float:
    """How far the heart is contracted, 0 to 1, at a time counted in beats: smooth, periodic, faster in than out.

    (1 - cos 2 pi t') / 2 with t' = t + sin(2 pi t) / (5 pi).
    """
    turn = 2 * math.pi * time
    return (1 - math.cos(turn + 0.4 * math.sin(turn))) / 2


def beating(shape: tuple[int, ...], time: float) -> Array:
    """The chest at a time counted in beats, values in 0..1, on the field of view of `phantoms`.

    The left chamber narrows from 0.2 to 0.12 while the muscle around it keeps its area, the right one narrows with it,
    and both move towards the apex; chest, lungs and spine stay.

    Args:
        shape: (rows, cols), or (slices, rows, cols) where everything is an ellipsoid.
        time: in beats; one beat later everything is as it was.

    Returns:
        float64 array of that shape, averaged over each cell.

    Raises:
        ValueError: the shape is not two or three positive extents.
    """
    s = contraction(time)
    inner = 0.2 - 0.08 * s
    outer = math.sqrt(inner**2 + 0.3**2 - 0.2**2)
    x, y = 0.12 + 0.02 * s, -0.03 + 0.03 * s
    right = 1 - 0.3 * s
    parts = [
        (0.30, (0.90, 0.72, 0.9), (0.0, 0.0), 0.0),  # chest
        (-0.24, (0.24, 0.42, 0.6), (-0.56, 0.08), 0.1),  # lungs
        (-0.24, (0.22, 0.40, 0.6), (0.62, 0.10), -0.1),
        (0.25, (0.09, 0.09, 0.8), (0.0, -0.56), 0.0),  # spine
        (0.20, (outer, 1.1 * outer, 1.5 * outer), (x, y), 0.4),  # muscle
        (0.45, (inner, 1.1 * inner, 1.5 * inner), (x, y), 0.4),  # left chamber
        (0.50, (0.10 * right, 0.24 * right, 0.3 * right), (x - outer - 0.11 * right, y + 0.05), 0.25),  # right chamber
    ]
    d = len(shape)
    ellipsoids = [Ellipsoid(value, axes[:d], (*centre, 0.0)[:d], angle) for value, axes, centre, angle in parts]
    return np.clip(draw(shape, ellipsoids), 0.0, 1.0)
