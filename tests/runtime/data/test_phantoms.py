"""Phantoms against scikit-image's phantom, closed formulas of volumes and finer grids."""

import math

import numpy as np
import pytest
import skimage.data
from recon.runtime.data.phantoms import Ellipsoid, beads, blobs, draw, ellipses, shepp_logan
from scipy.ndimage import maximum_filter, minimum_filter

# value, half axes and degrees of the modified phantom, for integrals only; typed here a second time on purpose.
TABLE = [
    (1.0, 0.69, 0.92, 0.81),
    (-0.8, 0.6624, 0.874, 0.78),
    (-0.2, 0.11, 0.31, 0.22),
    (-0.2, 0.16, 0.41, 0.28),
    (0.1, 0.21, 0.25, 0.41),
    (0.1, 0.046, 0.046, 0.05),
    (0.1, 0.046, 0.046, 0.05),
    (0.1, 0.046, 0.023, 0.05),
    (0.1, 0.023, 0.023, 0.02),
    (0.1, 0.023, 0.046, 0.02),
]


def block_mean(fine: np.ndarray, factor: int) -> np.ndarray:
    for axis in range(fine.ndim):
        n = fine.shape[axis] // factor
        fine = fine.reshape(*fine.shape[:axis], n, factor, *fine.shape[axis + 1 :]).mean(axis=axis + 1)
    return fine


def test_shepp_logan_agrees_with_scikit_image_off_the_edges() -> None:
    ours, theirs = shepp_logan((400, 400)), skimage.data.shepp_logan_phantom()
    # Theirs is sampled at linspace(-1, 1), up to half a cell from our centres, and stored in 8 bit.
    differs = np.abs(ours - theirs) > 1 / 255
    edge = maximum_filter(ours, 3) - minimum_filter(ours, 3) > 1e-9
    assert not (differs & ~edge).any()
    assert edge.mean() < 0.1
    assert np.abs(ours - theirs).mean() < 0.5 * min(np.abs(o - theirs).mean() for o in (ours[::-1], ours[:, ::-1]))


@pytest.mark.parametrize(("shape", "exact"), [((401, 300), 4), ((90, 110, 100), 8)])
def test_shepp_logan_integral(shape: tuple[int, ...], exact: int) -> None:
    ball = math.pi if len(shape) == 2 else 4 * math.pi / 3
    expected = ball * sum(v * math.prod(half[: len(shape)]) for v, *half in TABLE)
    cell = 2.0 ** len(shape) / math.prod(shape)
    # Supersampled edge cells err independently; their number over the samples in each bounds the sum far below 0.1 %.
    assert shepp_logan(shape).sum() * cell == pytest.approx(expected, rel=1e-3)


def test_shepp_logan_volume_orientation_and_values() -> None:
    n = 100
    volume = shepp_logan((n, n, n))

    def at(x: float, y: float, z: float) -> float:
        return float(volume[int((z + 1) / 2 * n), int((1 - y) / 2 * n), int((x + 1) / 2 * n)])

    assert at(0, 0.89, 0) == pytest.approx(1.0)  # skull, top
    assert at(0.22, 0, 0) == pytest.approx(0.0, abs=1e-12)  # right ventricle
    assert at(0, 0.35, -0.15) == pytest.approx(0.3)  # the large ellipsoid lies low
    assert at(0, 0.35, 0.45) == pytest.approx(0.2)
    assert at(0, 0.1, 0.25) == pytest.approx(0.3)
    assert at(0, 0.1, 0.45) == pytest.approx(0.2)
    assert at(0.95, 0.95, 0) == 0.0
    assert volume.min() >= 0
    assert volume.max() <= 1


@pytest.mark.parametrize("d", [2, 3])
def test_draw_is_the_mean_over_cells(d: int) -> None:
    part = Ellipsoid(0.7, (0.4, 0.25, 0.3)[:d], (0.3, -0.55, 0.1)[:d], math.radians(30))
    n, factor = (24, 16) if d == 2 else (12, 12)
    fine = n * factor
    centres = (2 * np.arange(fine) + 1) / fine - 1
    z, y, x = np.meshgrid(centres if d == 3 else [0.1], -centres, centres, indexing="ij")
    c, s = math.cos(part.angle), math.sin(part.angle)
    u, v = x - part.centre[0], y - part.centre[1]
    inside = ((c * u + s * v) / 0.4) ** 2 + ((-s * u + c * v) / 0.25) ** 2 + ((z - 0.1) / 0.3) ** 2 <= 1
    dense = 0.7 * (inside if d == 3 else inside[0])
    # A straight edge through k samples per axis is off by at most d / (2 k) of a cell, in either grid.
    bound = 0.7 * d / 2 * (1 / {2: 8, 3: 4}[d] + 1 / factor)
    ours, expected = draw((n,) * d, [part]), block_mean(dense, factor)
    assert np.abs(ours - expected).max() <= bound
    assert ours.sum() == pytest.approx(expected.sum(), rel=5e-3)


def test_draw_outside_and_across_the_border() -> None:
    away = Ellipsoid(1.0, (0.1, 0.1), (3.0, 0.0), 0.0)
    assert draw((16, 16), [away]).sum() == 0
    half = Ellipsoid(1.0, (0.5, 0.5), (1.0, 0.0), 0.0)
    assert draw((256, 256), [half]).sum() * (2 / 256) ** 2 == pytest.approx(math.pi * 0.25 / 2, rel=1e-3)
    everything = Ellipsoid(1.0, (9.0, 9.0), (0.0, 0.0), 0.0)
    assert (draw((5, 1), [everything]) == 1).all()


@pytest.mark.parametrize("shape", [(20, 30), (10, 12, 14)])
def test_ellipses_rows_depend_on_seed_and_row_alone(shape: tuple[int, ...]) -> None:
    five = np.stack([ellipses(shape, seed=7, row=r) for r in range(5)])
    assert five.shape == (5, *shape)
    assert five.dtype == np.float64
    assert np.array_equal(five[1], ellipses(shape, 7, 1))
    assert not np.array_equal(five[0], five[1])
    assert not np.array_equal(five[0], ellipses(shape, 8, 0))
    assert five.min() >= 0
    assert five.max() <= 1
    assert five.std() > 0.05


def test_the_same_object_on_a_finer_grid() -> None:
    for row in range(3):
        coarse, fine = ellipses((32, 32), 1, row), ellipses((96, 96), 1, row)
        assert np.abs(block_mean(fine, 3) - coarse).mean() < 0.01
    centres = blobs((96, 96), seed=1)[1::3, 1::3]  # cells of the fine grid whose centres are those of the coarse one
    coarse_blobs = blobs((32, 32), seed=1)
    assert np.allclose(centres / centres.max(), coarse_blobs)


@pytest.mark.parametrize("shape", [(64, 64), (32, 40, 48)])
def test_blobs_are_smooth(shape: tuple[int, ...]) -> None:
    image = blobs(shape, seed=3)
    assert image.shape == shape
    assert image.min() >= 0
    assert image.max() == 1.0
    assert np.array_equal(image, blobs(shape, seed=3))
    assert not np.array_equal(image, blobs(shape, seed=4))
    # A smooth object: twice as fine a grid halves the steps between neighbours (a jump would keep its height).
    fine = blobs(tuple(2 * n for n in shape), seed=3)
    for axis in range(len(shape)):
        assert np.abs(np.diff(fine, axis=axis)).max() < 0.6 * np.abs(np.diff(image, axis=axis)).max()


@pytest.mark.parametrize("shape", [(4,), (2, 2, 2, 2), (0, 4), (4, -1)])
def test_bad_shapes(shape: tuple[int, ...]) -> None:
    for draw_one in (lambda: shepp_logan(shape), lambda: blobs(shape, 0), lambda: ellipses(shape, 0)):
        with pytest.raises(ValueError, match="extents"):
            draw_one()


def test_bad_rows_and_seeds() -> None:
    for seed, row in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError):
            ellipses((4, 4), seed, row)


@pytest.mark.parametrize("shape", [(96, 64), (16, 64, 96)])
def test_beads_are_few_and_small(shape: tuple[int, ...]) -> None:
    image = beads(shape, seed=3)
    assert image.shape == shape
    assert image.min() == 0
    assert image.max() == 1
    # 40 beads of the largest size fill this part of the field of view, of volume 2^d, and touch cells around them.
    share = 40 * (np.pi * 0.05**2 / 4 if len(shape) == 2 else 4 / 3 * np.pi * 0.05**2 * 0.125 / 8)
    assert 0 < image.mean() < share
    assert np.array_equal(image, beads(shape, seed=3))
    assert not np.array_equal(image, beads(shape, seed=4))
