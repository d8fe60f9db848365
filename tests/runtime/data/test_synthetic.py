"""Synthetic signals: counts, moments and filters against numpy and scipy."""

import numpy as np
import pytest
from recon.runtime.data.synthetic import cosines_and_spikes, smooth, sparse


def test_sparse_counts_and_moments() -> None:
    rows = np.stack([sparse((8, 9), nonzeros=6, seed=0, row=r) for r in range(500)])
    assert rows.shape == (500, 8, 9)
    assert rows.dtype == np.float64
    assert (np.count_nonzero(rows, axis=(1, 2)) == 6).all()
    values = rows[rows != 0]
    n = values.size
    assert abs(values.mean()) < 5 / n**0.5
    assert abs(values.var() - 1) < 5 * (2 / n) ** 0.5
    # Every place is hit with probability 6 / 72 in each row.
    hits = (rows != 0).sum(axis=0)
    p = 6 / 72
    assert np.abs(hits - 500 * p).max() < 5 * (500 * p * (1 - p)) ** 0.5


@pytest.mark.parametrize("nonzeros", [0, 5])
def test_sparse_extremes(nonzeros: int) -> None:
    assert np.count_nonzero(sparse((5,), nonzeros, 1, 2)) == nonzeros


def test_rows_depend_on_seed_and_row() -> None:
    for draw in (
        lambda seed, row: sparse((20,), 4, seed, row),
        lambda seed, row: smooth((20,), 2.0, seed, row),
        lambda seed, row: cosines_and_spikes(20, 2, 3, seed, row)["cosines"],
        lambda seed, row: cosines_and_spikes(20, 2, 3, seed, row)["spikes"],
    ):
        assert np.array_equal(draw(3, 1), draw(3, 1))
        assert not np.array_equal(draw(3, 1), draw(4, 1))
        assert not np.array_equal(draw(3, 1), draw(3, 2))


@pytest.mark.parametrize(("shape", "width"), [((256,), 5.0), ((40, 30), 1.5), ((8,), 12.0), ((50,), 0.0)])
def test_smooth_is_scaled(shape: tuple[int, ...], width: float) -> None:
    row = smooth(shape, width, 0, 2)
    assert row.shape == shape
    assert np.abs(row).max() == pytest.approx(1, rel=1e-15)


def test_smooth_has_the_correlation_of_its_filter() -> None:
    width, n, count = 3.0, 128, 1500
    rows = np.stack([smooth((n,), width, 2, r) for r in range(count)])
    # White noise through a Gaussian of width w is correlated as exp(-lag^2 / 4 w^2), the same at the border.
    rows = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True))
    for start in (0, n // 2, n - 7):
        for lag in (0, 3, 6):
            measured = (rows[:, start] * rows[:, start + lag]).mean()
            variance = (rows[:, start] ** 2).mean()
            assert measured / variance == pytest.approx(np.exp(-(lag**2) / (4 * width**2)), abs=5 / count**0.5)
    # Not periodic: the ends know nothing of each other.
    assert abs((rows[:, 0] * rows[:, -1]).mean()) < 5 / count**0.5


def test_cosines_and_spikes() -> None:
    for r in range(20):
        columns = cosines_and_spikes(64, cosines=3, spikes=5, seed=0, row=r)
        assert list(columns) == ["cosines", "spikes"]
        assert np.count_nonzero(columns["cosines"]) == 3
        assert np.count_nonzero(columns["spikes"]) == 5
        assert columns["spikes"].shape == (64,)


def test_bad_parameters() -> None:
    with pytest.raises(ValueError, match="nonzeros"):
        sparse((4,), 5, 0, 0)
    with pytest.raises(ValueError, match="nonzeros"):
        sparse((4,), -1, 0, 0)
    with pytest.raises(ValueError, match="extents"):
        sparse((), 0, 0, 0)
    for width in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="width"):
            smooth((4,), width, 0, 0)
    with pytest.raises(ValueError, match="too many"):
        smooth((4,), 1e9, 0, 0)
    with pytest.raises(ValueError, match="spikes"):
        cosines_and_spikes(4, 1, 5, 0, 0)
    with pytest.raises(ValueError):
        sparse((4,), 1, -1, 0)
    with pytest.raises(ValueError):
        sparse((4,), 1, 0, -1)
