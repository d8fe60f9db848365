"""Trajectories through k-space in cycles per pixel, and the area that each of their samples stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .nufft import Transform

Points = NDArray[np.float64]


def radial(spokes: int, samples: int, step: float) -> Points:
    """[spokes, samples, 2], rows before columns; line s at the angle pi step s from the columns' axis."""
    theta = np.pi * step * np.arange(spokes)
    directions = np.stack([np.sin(theta), np.cos(theta)], axis=-1)
    return _lines(directions, samples)


def _lines(directions: Points, samples: int) -> Points:
    """Samples along lines through zero frequency, from -1/2 to 1/2 with one of them at zero."""
    along = (np.arange(samples) - samples // 2) / samples
    lines: Points = along[:, None] * directions[:, None, :]
    return lines


def spiral(interleaves: int, samples: int, turns: float, power: float) -> Points:
    """[interleaves, samples, 2]: radius t^power / 2 at 2 pi (turns t + s / interleaves), t = sqrt(j / samples)."""
    t = np.sqrt(np.arange(samples) / samples)
    phi = 2 * np.pi * (turns * t + np.arange(interleaves)[:, None] / interleaves)
    arms: Points = 0.5 * (t**power)[:, None] * np.stack([np.sin(phi), np.cos(phi)], axis=-1)
    return arms


def kooshball(spokes: int, samples: int) -> Points:
    """[spokes, samples, 3]: lines to heights {s p^2} of the half sphere at longitudes 2 pi {s p}, with p^3 + p = 1, the
    two-dimensional golden means 0.4656 and 0.6823; {.} is the fractional part (Chan et al. 2009)."""
    p = 0.6823278038280193
    s = np.arange(spokes)
    height = s * p**2 % 1
    flat, turn = np.sqrt(1 - height**2), 2 * np.pi * (s * p % 1)
    directions = np.stack([height, flat * np.sin(turn), flat * np.cos(turn)], axis=-1)
    return _lines(directions, samples)


def pipe_menon(points: Points, extents: Sequence[int], iterations: int) -> Points:
    """The area, in steps of the grid of frequencies, that each sample stands for (Pipe, Menon 1999).

    w <- w / (C w), where (C w)_i = sum_j C(k_i - k_j) w_j and C(k) = prod_d sinc^2(N_d k_d), whose integral over k in
    steps of the grid is one. C is the transform of the triangle prod_d (1 - |n_d| / N_d) on the doubled grid, so a
    convolution with it is a transform there and back. At the fixed point every sample sees the density one.
    """
    flat = points.reshape(-1, points.shape[-1])
    doubled = [2 * n for n in extents]
    transform = Transform(flat, doubled, np.dtype(np.float64), 1e-6)
    triangle = np.ones(())
    for n in extents:
        triangle = np.multiply.outer(triangle, 1 - np.abs(np.arange(2 * n) - n) / n)
    w = np.ones(len(flat))
    for _ in range(iterations):
        seen = transform.forward(triangle * transform.adjoint(w[None].astype(complex)))[0].real / math.prod(extents)
        w = w / np.maximum(seen, np.finfo(float).tiny)
    return w.reshape(points.shape[:-1])


def ramp(points: Points, extents: Sequence[int]) -> Points:
    """The same area for straight lines through the middle of the plane, in closed form.

    A sample at distance r of a line whose neighbours stand at the angles a and b on either side covers
    r dr (a + b) / 2; the samples in the middle share a disc of radius dr / 2. Areas are stretched by the extents of
    the image, since a step of the grid of frequencies is 1 / N_d cycles per pixel.

    Raises ValueError where the trajectory is no set of such lines.
    """
    lines, samples = points.shape[:2]
    ends = points[:, -1] - points[:, 0]
    along = np.linalg.norm(ends, axis=-1) / max(samples - 1, 1)
    angle = np.arctan2(ends[:, 0], ends[:, 1])
    straight = points[:, :1] + ends[:, None] * (np.arange(samples) / max(samples - 1, 1))[:, None]
    away = np.abs(points[..., 0] * np.cos(angle)[:, None] - points[..., 1] * np.sin(angle)[:, None])
    if points.shape[-1] != 2 or not np.allclose(straight, points, atol=1e-6) or away.max() > 1e-6:
        raise ValueError("`ramp` needs straight lines through zero frequency; `pipe_menon` takes any trajectory")
    turned = np.sort(angle % np.pi)
    gaps = np.diff(np.concatenate([turned, turned[:1] + np.pi]))
    width = (gaps + np.roll(gaps, 1)) / 2
    theta = np.empty(lines)
    theta[np.argsort(angle % np.pi)] = width
    r = np.linalg.norm(points, axis=-1)
    outer, middle = r * along[:, None] * theta[:, None], along[:, None] ** 2 / 4 * theta[:, None]
    area: Points = np.where(r < along[:, None] / 2, middle, outer) * math.prod(extents)
    return area
