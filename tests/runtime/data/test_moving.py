"""The beating heart and the particles."""

from __future__ import annotations

import numpy as np
import pytest
from recon.runtime.data import heart, particles
from scipy import stats
from scipy.ndimage import label
from scipy.spatial.transform import Rotation


def test_the_heart_beats() -> None:
    still, again, tight = (heart.beating((64, 64), t) for t in (0.0, 1.0, 0.5))
    np.testing.assert_allclose(still, again, atol=1e-12)
    chamber = [(film > 0.9).sum() * (2 / 64) ** 2 for film in (still, tight)]
    for area, inner in zip(chamber, (0.2, 0.12), strict=True):
        # An ellipse of that size; cells at its edge count as outside.
        assert area == pytest.approx(np.pi * inner * 1.1 * inner, abs=2 * np.pi * 1.1 * inner * 2 / 64)
    times = np.linspace(0, 1, 101)
    moved = np.abs(np.diff([heart.contraction(t) for t in times]))
    assert moved.max() < np.pi * 1.4 / 100  # |d contraction / dt| <= pi (1 + 0.4)
    assert min(map(heart.contraction, times)) >= 0.0
    assert max(map(heart.contraction, times)) == pytest.approx(1.0)


def test_muscle_keeps_its_area() -> None:
    """pi 1.1 (outer^2 - inner^2) = 0.173; cells that its two edges cross, 3.5 long at most, may be missing."""
    for t in (0.0, 0.25, 0.5):
        parts, _ = label(np.abs(heart.beating((256, 256), t) - 0.5) < 1e-9)
        area = np.bincount(parts.ravel())[1:].max() * (2 / 256) ** 2
        assert 0.173 - 3.5 * 2 / 256 < area < 0.174


def test_poses_are_uniform() -> None:
    """Of uniform rotations each entry is uniform in -1 .. 1, and the angle has density (1 - cos) / pi."""
    drawn = [particles.pose(3, row, 2.0, (1.0, 3.0)) for row in range(2000)]
    matrices = np.stack([d["rotation"] for d in drawn])
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (2000, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    for i, j in ((2, 2), (0, 1)):
        assert stats.kstest(matrices[:, i, j], stats.uniform(-1, 2).cdf).pvalue > 1e-3
    angle = Rotation.from_matrix(matrices).magnitude()
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 1e-3
    offsets = np.concatenate([d["offset"] for d in drawn])
    assert stats.kstest(offsets, stats.norm(0, 2).cdf).pvalue > 1e-3
    assert stats.kstest([float(d["defocus"]) for d in drawn], stats.uniform(1, 2).cdf).pvalue > 1e-3


def test_a_row_depends_on_its_number_alone() -> None:
    a, b = particles.pose(1, 5, 1.0, (1, 2)), particles.pose(1, 5, 1.0, (1, 2))
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not np.array_equal(a["rotation"], particles.pose(1, 6, 1.0, (1, 2))["rotation"])


def test_the_hinge_bends() -> None:
    straight, bent = particles.hinge((24, 24, 24), 0.0), particles.hinge((24, 24, 24), 1.0)
    assert np.abs(straight - bent)[:, 14:].max() < 0.2  # the body, in the lower rows, stays
    assert np.abs(straight - bent)[:, :9].max() > 0.5
    assert straight.max() == pytest.approx(1, abs=0.05)
