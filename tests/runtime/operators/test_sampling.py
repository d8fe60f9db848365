"""Point masks: counts, distances, laws of the draws; and lines along a chosen axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.dsl.model.place import MisfitError
from recon.dsl.vocabulary.operators import fourier, mri, sampling
from recon.runtime.operators.mri import kept_lines
from recon.runtime.operators.sampling import _darts, kept_points, radius

from .making import grid, make, sample

DENSITIES = [sampling.Uniform(), sampling.Variable(), sampling.Gaussian(), sampling.PoissonDisc()]


@pytest.mark.parametrize("density", DENSITIES, ids=lambda d: d.word)
@pytest.mark.parametrize(
    ("extents", "accel", "center"), [((64, 48), 4.0, 0.1), ((33, 40), 8.0, 0.0), ((9, 9), 1.0, 0.5)]
)
def test_exactly_the_asked_number_of_points(
    density: sampling.Density, extents: tuple[int, int], accel: float, center: float
) -> None:
    word = sampling.Points(accel=accel, density=density, center=center)
    for seed in range(3):
        mask = kept_points(word, extents, np.random.default_rng(seed))
        assert mask.sum() == round(extents[0] * extents[1] / accel)
        rows, columns = (round(n * center) for n in extents)
        assert mask[extents[0] // 2 - rows // 2 :, extents[1] // 2 - columns // 2 :][:rows, :columns].all()


def test_darts_keep_their_distance_and_fill_the_plane() -> None:
    """By brute force: none within the distance of an earlier one, and nobody left out without such a one."""
    rng = np.random.default_rng(3)
    distance = rng.uniform(0.7, 4.2, (23, 31))
    order = rng.permutation(23 * 31).tolist()
    kept = _darts(order, 5, distance)
    stays: list[int] = []
    for number, dart in enumerate(order):
        here = np.array(divmod(dart, 31))
        free = all(((here - divmod(k, 31)) ** 2).sum() >= distance.flat[k] ** 2 and k != dart for k in stays)
        if number < 5 or free:
            stays.append(dart)
    assert kept.tolist() == stays[5:]


def test_discs_are_spread_more_evenly_than_chance() -> None:
    """Clark and Evans 1954: the mean distance to the nearest neighbour is 1 / (2 sqrt(density)) for independent points,
    with a standard deviation of 0.26 / sqrt(n density)."""
    word = sampling.Points(accel=9, density=sampling.PoissonDisc(growth=0), center=0.0)
    places = np.argwhere(kept_points(word, (90, 90), np.random.default_rng(3)))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e9 * np.eye(len(places))
    chance, deviation = 1.5, 0.26 * 3 / np.sqrt(len(places))
    assert apart.min(axis=1).mean() > chance + 20 * deviation


def test_discs_are_denser_in_the_middle() -> None:
    mask = kept_points(
        sampling.Points(accel=8, density=sampling.PoissonDisc(growth=4)), (96, 96), np.random.default_rng(0)
    )
    r = radius((96, 96))
    inner, outer = mask[(r > 0.1) & (r < 0.3)].mean(), mask[r > 0.6].mean()
    # Areas go like the square of the distance: (1 + 4 * 0.7)^2 / (1 + 4 * 0.2)^2 = 4.5.
    assert 3 < inner / outer < 6


@pytest.mark.parametrize("density", [sampling.Variable(power=1.5), sampling.Gaussian(width=0.4)], ids=lambda d: d.word)
def test_one_point_is_drawn_by_its_density(density: sampling.Density) -> None:
    draws, extents = 20000, (4, 5)
    word, rng = sampling.Points(accel=20, density=density, center=0), np.random.default_rng(2)
    often = np.mean([kept_points(word, extents, rng) for _ in range(draws)], axis=0)
    u, v = np.abs(np.arange(4) - 2) / 3, np.abs(np.arange(5) - 2) / 3
    r = np.sqrt((u[:, None] ** 2 + v**2) / 2)
    chances = (1 - r) ** 1.5 if isinstance(density, sampling.Variable) else np.exp(-(r**2) / 0.32)
    chances /= chances.sum()
    assert (np.abs(often - chances) < 5 * np.sqrt(chances * (1 - chances) / draws)).all()


def test_a_volume_is_sampled_in_z_and_columns() -> None:
    domain = grid(6, 8, 10, field="complex")
    operator = make(sampling.Points(accel=3), fourier.Fft3(), mri.Coils(maps=mri.Birdcage(coils=3)), domain=domain)
    measured = operator.measured()
    assert measured is not None
    assert (measured.shape, int(measured.sum())) == ((6, 1, 10), 20)
    y = operator(sample(domain))
    assert y.shape == (3, 6, 8, 10)
    assert torch.equal(y[0] != 0, measured.expand(6, 8, 10))
    flat = make(sampling.Points(accel=3, plane=("col", "row")), domain=domain).measured()
    assert flat is not None
    assert flat.shape == (8, 10)


def test_what_cannot_be_sampled_is_refused() -> None:
    with pytest.raises(MisfitError, match=r"which .* does not have both"):
        make(sampling.Points(plane=("z", "col")), domain=grid(6, 8, field="complex"))
    with pytest.raises(MisfitError, match="two directions, not 1"):
        make(sampling.Points(plane=("col",)), domain=grid(6, 8, field="complex"))
    with pytest.raises(MisfitError, match="its centre, 90% of each direction, alone has"):
        make(sampling.Points(center=0.9), domain=grid(16, 16, field="complex"))
    with pytest.raises(MisfitError, match="along z, which"):
        make(mri.Cartesian(axis="z"), domain=grid(16, 16, field="complex"))


def test_lines_along_rows() -> None:
    measured = make(mri.Cartesian(accel=4, axis="row"), domain=grid(3, 16, 8, field="complex")).measured()
    assert measured is not None
    assert (measured.shape, int(measured.sum())) == ((16, 1), 4)


@pytest.mark.parametrize(("n", "accel", "center"), [(320, 4.0, 0.08), (368, 8.0, 0.04), (201, 3.0, 0.1)])
def test_equispaced_lines_go_on_across_the_centre(n: int, accel: float, center: float) -> None:
    """fastMRI's step, accel (central - n) / (central accel - n), from one offset on both sides of the centre."""
    central = round(n * center)
    step = accel * (central - n) / (central * accel - n)
    mask = kept_lines(mri.Cartesian(accel=accel, center=center, lines="equispaced"), n, np.random.default_rng(5))
    start = n // 2 - central // 2
    outside = np.flatnonzero(mask & ~((np.arange(n) >= start) & (np.arange(n) < start + central)))
    steps = np.rint((outside - outside[0]) / step)
    # floor(offset + i step) for one offset: what remains lies within less than one line.
    assert np.ptp(outside - steps * step) < 1 + 0.05 * step  # the step is that of round(n / accel) lines, within 5%
