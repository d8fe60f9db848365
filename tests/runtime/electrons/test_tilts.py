"""Turned volumes and their projections against scipy, numpy and the projections of Gaussians, which are known."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.runtime.electrons.tilts import TiltSeries, turning
from scipy.ndimage import affine_transform

ANGLES = (0.0, 0.4, -1.0, pi / 2, 2.5)


def rotation(angle: float, about: str) -> NDArray[np.float64]:
    """The matrix that turns (x, y, z) about x (`col`) or y (`row`)."""
    c, s = cos(angle), sin(angle)
    if about == "col":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def blob(sizes: tuple[int, ...], centre: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A Gaussian at (x, y, z) or (x, y), counted from index N // 2 of each axis; the axes are (z, row, col)."""
    grids = np.meshgrid(*[np.arange(n) - n // 2 for n in sizes], indexing="ij")
    square = sum((g - c) ** 2 for g, c in zip(grids, centre[::-1], strict=True))
    return np.asarray(np.exp(-square / (2 * width**2)))


@pytest.mark.parametrize("about", ["col", "row"])
@pytest.mark.parametrize("sizes", [(41, 41, 41), (40, 44, 42)])
def test_projections_of_a_gaussian(about: str, sizes: tuple[int, int, int]) -> None:
    """The projection of a Gaussian is the Gaussian of its turned centre times sqrt(2 pi) width.

    Linear interpolation errs by at most |f''| / 8 <= 1 / (8 width^2) of the peak at each plane that a ray crosses.
    """
    width, centre = 3.0, np.array([2.3, -4.0, 3.1])
    volume = torch.from_numpy(blob(sizes, centre, width))
    images = TiltSeries(sizes, ANGLES, about).project(volume).numpy()
    for image, angle in zip(images, ANGLES, strict=True):
        turned = rotation(angle, about) @ centre
        expected = sqrt(2 * pi) * width * blob(sizes[1:], turned[:2], width)
        np.testing.assert_allclose(image, expected, atol=sqrt(2 * pi) * width / (8 * width**2))
        # It moves nothing: the centres of mass agree far better than half a voxel, which another centre would cost.
        grids = np.meshgrid(*[np.arange(n) - n // 2 for n in sizes[1:]], indexing="ij")
        for grid, at in zip(grids, turned[1::-1], strict=True):
            assert (image * grid).sum() / image.sum() == pytest.approx(at, abs=0.02)


@pytest.mark.parametrize("sizes", [(7, 9), (8, 6)])
def test_turning_is_scipys_affine_transform(sizes: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(size=sizes)
    turned = (turning(sizes, ANGLES) @ image.ravel()).reshape(-1, *sizes)
    centre = np.array([n // 2 for n in sizes])
    for got, angle in zip(turned, ANGLES, strict=True):
        back = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        expected = affine_transform(image, back, centre - back @ centre, order=1, mode="grid-constant")
        np.testing.assert_allclose(got, expected, atol=1e-12)


def test_a_quarter_turn_moves_pixels() -> None:
    image = np.random.default_rng(2).normal(size=(7, 7))
    turned = (turning((7, 7), (pi / 2,)) @ image.ravel()).reshape(7, 7)
    np.testing.assert_allclose(turned, np.rot90(image, -1), atol=1e-12)


def test_no_tilt_is_the_sum_along_z() -> None:
    volume = torch.randn(5, 6, 7, dtype=torch.complex128)
    for about in ("col", "row"):
        np.testing.assert_allclose(TiltSeries((5, 6, 7), (0.0,), about).project(volume)[0], volume.sum(0), atol=1e-12)
