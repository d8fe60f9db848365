"""Projections at poses against those of tilt series, Gaussians whose projections are known, and the torch fallback."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
import torch
from recon.runtime.electrons.poses import Poses
from recon.runtime.electrons.tilts import TiltSeries
from scipy.spatial.transform import Rotation

from .test_tilts import ANGLES, blob, rotation

RANDOM = Rotation.random(12, random_state=0).as_matrix()
SIZES = (7, 8, 9)


@pytest.mark.parametrize("about", ["col", "row"])
@pytest.mark.parametrize("sizes", [(7, 8, 9), (8, 5, 6)])
def test_tilts_are_poses(about: str, sizes: tuple[int, int, int]) -> None:
    volume = torch.randn(sizes, dtype=torch.float64)
    matrices = torch.from_numpy(np.stack([rotation(a, about) for a in ANGLES]))
    expected = TiltSeries(sizes, ANGLES, about).project(volume)
    np.testing.assert_allclose(Poses(sizes, matrices).project(volume), expected, atol=1e-12)


def test_projections_of_a_gaussian() -> None:
    """As for tilts, with linear interpolation in both directions of a plane: twice 1 / (8 width^2) of the peak."""
    width, centre, sizes = 3.0, np.array([2.3, -4.0, 3.1]), (41, 41, 41)
    images = Poses(sizes, torch.from_numpy(RANDOM)).project(torch.from_numpy(blob(sizes, centre, width))).numpy()
    for image, matrix in zip(images, RANDOM, strict=True):
        expected = sqrt(2 * pi) * width * blob(sizes[1:], (matrix @ centre)[:2], width)
        np.testing.assert_allclose(image, expected, atol=2 * sqrt(2 * pi) * width / (8 * width**2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128])
def test_kernels_and_torch_agree_and_are_adjoint(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    poses = Poses(SIZES, torch.from_numpy(RANDOM))
    x, y = torch.randn(2, *SIZES, dtype=dtype), torch.randn(2, 12, *SIZES[1:], dtype=dtype)
    image, back = poses.project(x), poses.backproject(y)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    left, right = torch.vdot(y.flatten(), image.flatten()), torch.vdot(back.flatten(), x.flatten())
    assert abs(left - right) <= tolerance * x.norm() * y.norm()
    monkeypatch.setenv("RECON_NATIVE", "0")
    np.testing.assert_allclose(poses.project(x), image, atol=10 * tolerance)
    np.testing.assert_allclose(poses.backproject(y), back, atol=10 * tolerance)


def test_threads_change_nothing() -> None:
    poses, y = Poses(SIZES, torch.from_numpy(RANDOM)), torch.randn(12, *SIZES[1:])
    one = poses.backproject(y)
    torch.set_num_threads(2)
    try:
        assert torch.equal(poses.backproject(y), one)
    finally:
        torch.set_num_threads(1)


def test_matrices_that_are_no_rotations() -> None:
    for wrong in (2 * np.eye(3), np.diag([1.0, 1.0, -1.0]), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="pose 2 is no rotation"):
            Poses(SIZES, torch.from_numpy(np.stack([np.eye(3), wrong])))
    with pytest.raises(ValueError, match=r"not \[3, 3\]"):
        Poses(SIZES, torch.eye(3))
