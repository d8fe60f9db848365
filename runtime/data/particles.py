"""Particles for experiments without measured pictures: volumes, poses, offsets and defocus.

Row r is drawn from `default_rng([seed, r])`: it depends on nothing but the seed and its number.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import phantoms

Array = NDArray[np.float64]

MOST_BENT = math.pi / 3


def pose(seed: int, row: int, shift: float, defocus: tuple[float, float]) -> dict[str, Array]:
    """What is known of a particle's picture.

    rotation: [3, 3], uniform on the rotations (a normal quaternion, Shoemake 1992); it turns (x, y, z).
    offset: [2], normal with standard deviation `shift` pixels, along rows' and columns' indices.
    defocus: [], uniform between the two ends.
    """
    rng = np.random.default_rng([seed, row])
    w, x, y, z = _unit(rng.standard_normal(4))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    offset = shift * rng.standard_normal(2)
    return {"rotation": rotation, "offset": offset, "defocus": np.asarray(rng.uniform(*defocus))}


def bend(seed: int, row: int) -> float:
    """The angle of the hinge in a row, uniform in 0 .. 60 degrees, in radians."""
    return float(np.random.default_rng([seed, row, 1]).uniform(0, MOST_BENT))


def hinge(shape: tuple[int, int, int], angle: float) -> Array:
    """A body with an arm that is bent by `angle` about the body's upper end: Gaussians in a row, values in 0..1.

    The body lies along y, the arm goes on from it and turns about z, on the field of view [-1, 1]^3 of `phantoms`.
    Scaled so that the straight particle has a maximum of about 1.

    Raises ValueError for a bad shape.
    """
    body = [(0.0, y, 0.0) for y in (-0.55, -0.35, -0.15)] + [(0.18, -0.45, 0.1), (-0.15, -0.3, -0.12)]
    c, s = math.cos(angle), math.sin(angle)
    straight = [(0.0, y, 0.0) for y in (0.12, 0.3, 0.48)] + [(0.12, 0.45, -0.1)]
    arm = [(c * x - s * y, s * x + c * y, z) for x, y, z in straight]
    return phantoms.gaussians(shape, [(1.0, centre, (0.1, 0.1, 0.1)) for centre in (*body, *arm)]) / 1.7


def _unit(v: Array) -> Array:
    scaled: Array = v / np.linalg.norm(v)
    return scaled
