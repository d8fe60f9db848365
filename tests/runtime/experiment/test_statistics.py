"""Statistics over images and seeds: Student's t against scipy, and the coverage of intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from recon.dsl.model.terms import Statistic
from recon.runtime.experiment.outcome import Outcome
from recon.runtime.experiment.statistics import half_interval, measure, measured
from scipy import stats


def outcomes(values: np.ndarray, **more: str) -> list[Outcome]:
    """One outcome for each repetition, of images [I, R]."""
    count, times = values.shape
    return [
        Outcome({"run.seed": str(r), **more}, "", "", "cg", list(range(count)), {"psnr": values[:, r].tolist()})
        for r in range(times)
    ]


@pytest.mark.parametrize("shape", [(7, 1), (1, 5)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_images_alone_and_seeds_alone_have_students_interval(shape: tuple[int, int], level: float) -> None:
    v = np.random.default_rng(0).normal(30, 2, shape)
    low, high = stats.t.interval(level, v.size - 1, v.mean(), stats.sem(v.ravel()))
    assert half_interval(v, level) == pytest.approx((high - low) / 2, rel=1e-12)


def test_one_number_has_no_interval() -> None:
    found = measured(Statistic("mean", "psnr"), outcomes(np.array([[31.0]])))
    assert found is not None
    assert (found.value, found.half, found.images, found.repetitions) == (31.0, None, 1, 1)


# (spread of images, of seeds, of single runs): with seeds that matter, averaging over seeds first covers far too rarely
@pytest.mark.parametrize(
    "spread", [(1.0, 0.0, 0.3), (1.0, 0.3, 0.3), (0.0, 1.0, 0.3), (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)]
)
@pytest.mark.parametrize("shape", [(4, 3), (10, 4)])
def test_intervals_cover_the_mean(spread: tuple[float, float, float], shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    trials, hits = 1000, 0
    for _ in range(trials):
        a, b, e = (s * rng.normal(size=n) for s, n in zip(spread, ((shape[0], 1), (1, shape[1]), shape), strict=True))
        v = a + b + e
        hits += abs(v.mean()) <= half_interval(v)
    # Satterthwaite's approximation is good to a percent or two here; three standard errors of the count on top
    assert hits / trials > 0.93 - 3 * (0.95 * 0.05 / trials) ** 0.5


def test_averaging_over_seeds_first_would_not_cover() -> None:
    rng = np.random.default_rng(2)
    trials, hits = 1000, 0
    for _ in range(trials):
        m = (rng.normal(size=(10, 1)) + rng.normal(size=(1, 4))).mean(1)
        hits += abs(m.mean()) <= stats.t.ppf(0.975, 9) * stats.sem(m)
    assert hits / trials < 0.8


def test_fixed_values_are_averaged_before_the_spread_is_taken() -> None:
    v = np.random.default_rng(3).normal(size=(6, 1))
    both = outcomes(v, accel="2") + outcomes(v - 10, accel="4")
    found = measured(Statistic("mean", "psnr"), both)
    assert found is not None
    assert found.value == pytest.approx(v.mean() - 5)
    assert found.half == pytest.approx(half_interval(v))  # a difference between the two is no spread of images


def test_a_run_that_failed_leaves_the_others() -> None:
    v = np.random.default_rng(4).normal(size=(5, 3))
    some = outcomes(v)
    some[1] = Outcome({"run.seed": "1"}, "", "", "cg", failure="diverged")
    found = measured(Statistic("mean", "psnr"), some)
    assert found is not None
    assert found.repetitions == 2
    assert found.half == pytest.approx(half_interval(v[:, [0, 2]]))


@pytest.mark.parametrize(
    ("statistic", "referee"),
    [
        (Statistic("median", "psnr"), np.median),
        (Statistic("max", "psnr"), np.max),
        (Statistic("min", "psnr"), np.min),
        (Statistic("std", "psnr"), lambda v: stats.tstd(v.ravel())),
        (Statistic("quantile", "psnr", argument=0.1), lambda v: stats.scoreatpercentile(v.ravel(), 10)),
        (Statistic("fraction", "psnr", op="<=", argument=0.2), lambda v: sum(x <= 0.2 for x in v.ravel()) / v.size),
        (Statistic("fraction", "psnr", op=">", argument=0.2), lambda v: sum(x > 0.2 for x in v.ravel()) / v.size),
    ],
)
def test_other_statistics_are_of_all_numbers(statistic: Statistic, referee: object) -> None:
    v = np.random.default_rng(5).normal(size=(6, 4))
    assert measure(statistic, outcomes(v)) == pytest.approx(referee(v))  # type: ignore[operator]


def test_undefined_numbers_are_left_out() -> None:
    v = np.array([[1.0], [np.nan], [3.0]])
    assert measure(Statistic("mean", "psnr"), outcomes(v)) == 2.0
    assert measure(Statistic("mean", "psnr"), outcomes(v * np.nan)) is None


def test_what_a_run_has_one_of_is_one_number_and_not_one_for_each_image() -> None:
    some = outcomes(np.zeros((8, 2)))
    some[0].seconds, some[1].seconds = 8.0, 16.0
    found = measured(Statistic("mean", "seconds"), some)
    assert found is not None
    assert (found.value, found.images) == (1.5, 0)
    assert found.half == pytest.approx(stats.t.ppf(0.975, 1) * 0.5)
