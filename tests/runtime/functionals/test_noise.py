"""The laws of noise: their data terms against scipy's densities, and the moments of what they draw."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from recon.dsl.model.problem import Affine
from recon.dsl.model.units import LEVEL, Quantity
from recon.dsl.vocabulary import noise
from recon.runtime.functionals.data import Ball, Exactly, HalfSquare, PoissonCounts, PoissonExponential
from recon.runtime.functionals.law import mean_of
from torch import Tensor

from .laws import LINEAR, MANY, MASK, ROWS, SIZES, Sampling, X, counts, difference, drawn, generators, law, random

# Data terms.


@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_gaussian_is_minus_the_log_density(offset: float) -> None:
    a, y = Sampling(), random(1) * MASK
    g = law(noise.Gaussian(mean=X, sigma=0.3)).term(Affine({"x": None}, offset), y, a)
    v, w = a.forward(random(2)), a.forward(random(3))

    def expected(v: Tensor) -> np.ndarray:
        return -scipy.stats.norm.logpdf(y, v + offset, 0.3)[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-12)
    torch.testing.assert_close(g.linearise()[:, MASK], y[:, MASK] - offset)
    assert bool((g.linearise()[:, ~MASK] == 0).all())


def test_sigma_is_that_of_the_real_and_of_the_imaginary_part() -> None:
    a, y = Sampling("complex"), random(1, True) * MASK
    g = law(noise.Gaussian(mean=X, sigma=0.3)).term(LINEAR, y, a)
    v, w = a.forward(random(2, True)), a.forward(random(3, True))

    def expected(v: Tensor) -> np.ndarray:
        parts = scipy.stats.norm.logpdf(y.real, v.real, 0.3) + scipy.stats.norm.logpdf(y.imag, v.imag, 0.3)
        return -parts[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-12)


def test_gaussian_without_sigma_is_the_plain_half_square() -> None:
    g = law(noise.Gaussian(mean=X)).term(LINEAR, random(1), Sampling(mask=None))
    assert isinstance(g, HalfSquare)
    assert g.weight == 1.0


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_linear_counts_are_minus_the_log_density(offset: float) -> None:
    a = Sampling()
    y = counts(2.0) * MASK
    g = law(noise.Poisson(mean=X)).term(Affine({"x": None}, offset), y, a)
    assert isinstance(g, PoissonCounts)
    v, w = a.forward(random(2).abs() + 0.1), a.forward(random(3).abs() + 0.1)

    def expected(v: Tensor) -> np.ndarray:
        return -scipy.stats.poisson.logpmf(y, v + offset)[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-11)
    torch.testing.assert_close(g.mean(g.linearise())[:, MASK], y[:, MASK])


@pytest.mark.parametrize("offset", [0.0, -0.2])
def test_beer_lambert_is_minus_the_log_density(offset: float) -> None:
    a, affine = Sampling(), Affine({"x": None}, offset, link="exp", factor=30.0)
    y = counts(9.0) * MASK
    y[0, 0, 0] = 0
    g = law(noise.Poisson(mean=X)).term(affine, y, a)
    assert isinstance(g, PoissonExponential)
    v, w = a.forward(-random(2).abs()), a.forward(-random(3).abs())

    def expected(v: Tensor) -> np.ndarray:
        return -scipy.stats.poisson.logpmf(y, 30 * (v + offset).exp())[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-11)
    torch.testing.assert_close(mean_of(affine, g.linearise())[:, MASK], y.clamp(min=0.5)[:, MASK])
    assert bool((g.linearise()[:, ~MASK] == 0).all())


def test_entries_that_are_not_measured_do_not_count() -> None:
    """Neither values left there in a file, nor the constants that a mean of factor or offset has there."""
    junk = torch.where(MASK, counts(3.0), 1e6)
    clean = junk * MASK
    for word, affine in (
        (noise.Gaussian(mean=X, sigma=0.1), Affine({}, 0.3)),
        (noise.Poisson(mean=X), Affine({}, 0.3)),
        (noise.Poisson(mean=X), Affine({}, 0.3, "exp", 10.0)),
        (noise.NoNoise(mean=X), Affine({}, 0.3)),
        (noise.Bounded(mean=X, radius=2.0), Affine({}, 0.3)),
    ):
        g, h = (law(word).term(affine, y, Sampling()) for y in (junk, clean))
        v = Sampling().forward(random(4).abs())
        assert torch.equal(g.value(v), h.value(v))
        assert torch.equal(g.linearise(), h.linearise())
    compact = law(noise.Poisson(mean=X)).term(
        Affine({}, 0.3, "exp", 10.0), clean[:, MASK], Sampling(mask=None, sizes=(22,))
    )
    torch.testing.assert_close(g_value := compact.value(v[:, MASK]), _beer(clean, v))
    assert bool(g_value.isfinite().all())


def _beer(y: Tensor, v: Tensor) -> Tensor:
    return law(noise.Poisson(mean=X)).term(Affine({}, 0.3, "exp", 10.0), y, Sampling()).value(v)


def test_exact_and_bounded_data() -> None:
    y = random(1) * MASK
    g = law(noise.NoNoise(mean=X)).term(Affine({}, 0.5), y, Sampling())
    assert isinstance(g, Exactly)
    assert g.value((y - 0.5) * MASK).tolist() == [0, 0]
    h = law(noise.Bounded(mean=X, radius=0.25)).term(LINEAR, y, Sampling())
    assert isinstance(h, Ball)
    step = torch.zeros_like(y)
    step[:, 0, 0] = 0.2499
    assert h.value(y + step).tolist() == [0, 0]
    assert h.value(y + 1.001 * step).tolist() == [torch.inf, torch.inf]


def test_means_of_the_wrong_form_are_refused() -> None:
    exponential = Affine({}, link="exp")
    for word in (noise.Gaussian(mean=X, sigma=1.0), noise.NoNoise(mean=X), noise.Bounded(mean=X, radius=1.0)):
        with pytest.raises(ValueError, match="linear"):
            law(word).term(exponential, random(1), Sampling())
    with pytest.raises(ValueError, match="not `sqrt`"):
        law(noise.Poisson(mean=X)).term(Affine({}, link="sqrt"), random(1).abs(), Sampling())
    with pytest.raises(ValueError, match="square"):
        law(noise.Poisson(mean=X)).term(Affine({}, link="abs"), random(1).abs(), Sampling())
    with pytest.raises(ValueError, match="gray"):
        mean_of(Affine({}, link="gray"), random(1))


def test_means() -> None:
    v = random(5).abs()
    torch.testing.assert_close(mean_of(Affine({}, 0.5), v), v + 0.5)
    torch.testing.assert_close(mean_of(Affine({}, 0.5, "exp", 3.0), v), 3 * torch.exp(v + 0.5))
    torch.testing.assert_close(mean_of(Affine({}, 0.0, "abs", 2.0), -v), 2 * v)


# Drawing.


def test_gaussian_moments() -> None:
    """Mean, variance and correlation within five standard errors; real and imaginary part each have sigma."""
    mean = random(6, True, rows=1) * MASK
    y = drawn(noise.Gaussian(mean=X, sigma=0.3), mean, Sampling("complex"))
    e = (y - mean)[:, MASK].numpy()
    count = e.size
    for part in (e.real, e.imag):
        assert abs(part.mean()) < 5 * 0.3 / count**0.5
        assert abs(part.var() - 0.09) < 5 * 0.09 * (2 / count) ** 0.5
        per_entry = part.mean(0) / (0.3 / MANY**0.5)
        assert np.abs(per_entry).max() < 5
    assert abs((e.real * e.imag).mean()) < 5 * 0.09 / count**0.5
    assert abs((e.real[:, 0] * e.real[:, 1]).mean()) < 5 * 0.09 / MANY**0.5
    assert abs((e.real[1:] * e.real[:-1]).mean()) < 5 * 0.09 / count**0.5
    assert scipy.stats.kstest(e.real.ravel() / 0.3, "norm").pvalue > 1e-6


def test_poisson_moments() -> None:
    mean = (torch.linspace(0, 40, 30, dtype=torch.float64).reshape(1, *SIZES)) * MASK
    y = drawn(noise.Poisson(mean=X), mean, Sampling())[:, MASK].numpy()
    m = mean[0][MASK].numpy()
    error = np.sqrt(m / MANY)
    assert (np.abs(y.mean(0) - m) <= 5 * error).all()
    # The variance of the sample variance of a Poisson law is (m + 2 m^2) / n.
    assert (np.abs(y.var(0) - m) <= 5 * np.sqrt((m + 2 * m**2) / MANY)).all()
    assert (y == np.round(y)).all()
    assert (y[:, m == 0] == 0).all()


@pytest.mark.parametrize("snr", [-5.0, 13.0])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_snr_is_the_ratio_of_powers(snr: float, field: str) -> None:
    """When drawn, of the noise to the mean; and the data term finds the same sigma again from y."""
    mean = 3 * random(7, field == "complex", rows=1) * MASK
    word, operator = noise.Gaussian(mean=X, snr=Quantity(snr, LEVEL)), Sampling(field)
    y = drawn(word, mean, operator)
    noise_power = float((y - mean)[:, MASK].abs().square().mean())
    ratio = float(mean[:, MASK].abs().square().mean()) / noise_power
    numbers = MANY * int(MASK.sum())
    assert ratio == pytest.approx(10 ** (snr / 10), rel=5 * (2 / numbers) ** 0.5)
    term = law(word).term(LINEAR, y.reshape(1, -1, 5), Sampling(field, MASK.repeat(MANY, 1), (6 * MANY, 5)))
    assert isinstance(term, HalfSquare)
    sigma = float(term.weight) ** -0.5
    per_number = noise_power / (2 if field == "complex" else 1)
    assert sigma == pytest.approx(per_number**0.5, rel=0.02)


def test_exact_data_are_the_mean() -> None:
    mean = random(8)
    y = law(noise.NoNoise(mean=X)).draw(mean, LINEAR, Sampling(), generators())
    assert torch.equal(y, mean * MASK)
    assert y.data_ptr() != mean.data_ptr()


WORDS = [noise.Gaussian(mean=X, sigma=0.5), noise.Gaussian(mean=X, snr=Quantity(3.0, LEVEL)), noise.Poisson(mean=X)]
each_word = pytest.mark.parametrize("word", WORDS, ids=["sigma", "snr", "poisson"])


@each_word
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_is_drawn_where_nothing_is_measured(word: noise.Law, dtype: torch.dtype) -> None:
    y = law(word).draw(random(9).abs().to(dtype), LINEAR, Sampling(), generators())
    assert y.dtype == dtype
    assert y.shape == (ROWS, *SIZES)
    assert bool((y[:, ~MASK] == 0).all())
    assert bool((y[:, MASK] != 0).any())


@each_word
def test_a_row_does_not_depend_on_the_batch(word: noise.Law) -> None:
    mean = random(10, rows=5).abs()
    whole = law(word).draw(mean, LINEAR, Sampling(), generators(5))
    for i in range(5):
        alone = law(word).draw(mean[i : i + 1], LINEAR, Sampling(), generators(1, first=i))
        assert torch.equal(alone[0], whole[i])
    assert not torch.equal(whole[0] - mean[0], whole[1] - mean[1])


@each_word
def test_precision_does_not_change_the_draw(word: noise.Law) -> None:
    mean = torch.linspace(1, 9, 60, dtype=torch.float64).reshape(ROWS, *SIZES).float()
    low = law(word).draw(mean, LINEAR, Sampling(), generators())
    high = law(word).draw(mean.double(), LINEAR, Sampling(), generators())
    torch.testing.assert_close(low.double(), high, rtol=1e-6, atol=1e-6)


def test_one_generator_for_each_row() -> None:
    for word in WORDS:
        with pytest.raises(ValueError, match="zip"):
            law(word).draw(random(1).abs(), LINEAR, Sampling(), generators(ROWS + 1))


def test_laws_that_cannot_be_drawn_from_say_what_to_write() -> None:
    cases = [
        (noise.Gaussian(mean=X), "no sigma.*write `sigma`"),
        (noise.Gaussian(mean=X, sigma="estimate"), "sigma = estimate.*write `sigma`"),
        (noise.Bounded(mean=X, radius=1.0), "simulate"),
    ]
    for word, message in cases:
        with pytest.raises(ValueError, match=message):
            law(word).draw(random(1), LINEAR, Sampling(), generators())


def test_negative_means_of_counts_are_refused_with_their_place() -> None:
    mean = torch.ones(ROWS, *SIZES)
    mean[1, 2, 3] = -0.25
    with pytest.raises(ValueError, match=r"in row 1 it is -0.25 at entry \(2, 3\)"):
        law(noise.Poisson(mean=X)).draw(mean, LINEAR, Sampling(mask=None), generators())
    mean[1, 2, 3] = float("nan")
    with pytest.raises(ValueError, match="nan"):
        law(noise.Poisson(mean=X)).draw(mean, LINEAR, Sampling(mask=None), generators())
    mean[1, 2, 3] = -1e-7  # rounding of a Fourier transform
    y = law(noise.Poisson(mean=X)).draw(mean, LINEAR, Sampling(mask=None), generators())
    assert y[1, 2, 3] == 0
    with pytest.raises(ValueError, match="real"):
        law(noise.Poisson(mean=X)).draw(random(1, True), LINEAR, Sampling("complex"), generators())
    with pytest.raises(ValueError, match="smallest is -2"):
        law(noise.Poisson(mean=X)).term(LINEAR, torch.full((1, *SIZES), -2.0), Sampling())


@pytest.mark.parametrize("mean", [2.0**53 * 1.001, 1e30, float("inf")])
def test_counts_that_float64_does_not_hold_are_refused(mean: float) -> None:
    means = torch.ones(ROWS, *SIZES, dtype=torch.float64)
    means[1, 0, 0] = mean
    with pytest.raises(ValueError, match=r"in row 1.*up to 2\^53"):
        law(noise.Poisson(mean=X)).draw(means, LINEAR, Sampling(mask=None), generators())


def test_the_largest_counts_have_the_spread_of_their_law() -> None:
    mean = torch.full((ROWS, *SIZES), 2.0**53, dtype=torch.float64)
    y = law(noise.Poisson(mean=X)).draw(mean, LINEAR, Sampling(mask=None), generators())
    assert float((y - mean).abs().max()) < 6 * 2**26.5
    assert float((y - mean).std()) == pytest.approx(2**26.5, rel=5 / np.sqrt(2 * y.numel()))


def test_fractional_counts_are_accepted() -> None:
    """The term is defined for them: its least value is where the mean is y."""
    y = counts(3.0) + 0.5
    g = law(noise.Poisson(mean=X)).term(LINEAR, y, Sampling(mask=None))
    assert bool((g.value(y) < g.value(1.01 * y)).all())
    assert bool((g.value(y) < g.value(0.99 * y)).all())


def test_data_without_any_noise_have_no_estimated_weight() -> None:
    for word in (noise.Gaussian(mean=X, snr=Quantity(3.0, LEVEL)), noise.Gaussian(mean=X, sigma="estimate")):
        zeros = torch.zeros(2, 40, 40)
        zeros[0].normal_(generator=torch.Generator().manual_seed(0))
        with pytest.raises(ValueError, match="row 1 comes out as 0"):
            law(word).term(LINEAR, zeros, Sampling(mask=None, sizes=(40, 40)))
