"""Laplace noise, cameras and magnitudes: densities against scipy's, proximal maps, and the moments of draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
import torch
from recon.dsl.model.problem import Affine
from recon.dsl.vocabulary import densities as words
from recon.runtime.functionals.data import DataTerm, Deviation, Magnitude, MixedCounts, PoissonCounts, WeightedSquare
from torch import Tensor

from .laws import LINEAR, MANY, MASK, SIZES, Sampling, X, difference, drawn, generators, law, random

GAIN, SIGMA = 0.1, 0.15


def camera(gain: float = GAIN, sigma: float = SIGMA, approximation: str = "exact") -> words.PoissonGaussian:
    return words.PoissonGaussian(mean=X, gain=gain, sigma=sigma, approximation=approximation)  # type: ignore[arg-type]


def camera_log_density(y: np.ndarray, mean: np.ndarray, gain: float = GAIN, sigma: float = SIGMA) -> np.ndarray:
    """Summed over all photon counts that matter."""
    k = np.arange(int(mean.max() / gain + 30 * (mean.max() / gain + 1) ** 0.5 + 60))
    logs = scipy.stats.poisson.logpmf(k, mean[..., None] / gain)
    return scipy.special.logsumexp(logs + scipy.stats.norm.logpdf(y[..., None], gain * k, sigma), axis=-1)


# Data terms.


@pytest.mark.parametrize("offset", [0.0, 0.7])
@pytest.mark.parametrize("complex_", [False, True])
def test_laplace_is_minus_the_log_density(offset: float, complex_: bool) -> None:
    a = Sampling("complex" if complex_ else "real")
    y, v, w = random(1, complex_) * MASK, *(a.forward(random(s, complex_)) for s in (2, 3))
    g = law(words.Laplace(mean=X, scale=0.3)).term(Affine({"x": None}, offset), y, a)
    assert isinstance(g, Deviation)

    def expected(v: Tensor) -> np.ndarray:
        m = v + offset
        logs = scipy.stats.laplace.logpdf(y.real, m.real, 0.3)
        return -(logs + (scipy.stats.laplace.logpdf(y.imag, m.imag, 0.3) if complex_ else 0))[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.4])
@pytest.mark.parametrize("sigma", [0.1, 0.3, 2.0])
def test_rician_is_minus_the_log_density(sigma: float, offset: float) -> None:
    a = Sampling(mask=None)
    y = random(1).abs() + 0.01
    g = law(words.Rician(mean=X, sigma=sigma)).term(Affine({"x": None}, offset), y, a)
    assert isinstance(g, Magnitude)
    v, w = random(2).abs(), random(3).abs()

    def expected(v: Tensor) -> np.ndarray:
        return -scipy.stats.rice.logpdf(y, (v + offset) / sigma, scale=sigma).reshape(2, -1).sum(1)

    np.testing.assert_allclose(difference(g, v, w), expected(v) - expected(w), rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.03, 0.15, 1.0])
def test_the_exact_density_of_a_camera(sigma: float) -> None:
    a, y = Sampling(), random(1)
    mean_v, mean_w = random(2).abs() * MASK, random(3).abs() * MASK
    g = law(camera(sigma=sigma)).term(Affine({"x": None}, 0.2), y, a)
    assert isinstance(g, MixedCounts)

    def expected(v: Tensor) -> np.ndarray:
        return -camera_log_density(y.numpy(), v.numpy() + 0.2, sigma=sigma)[:, MASK].sum(1)

    np.testing.assert_allclose(difference(g, mean_v, mean_w), expected(mean_v) - expected(mean_w), rtol=1e-8)


def test_a_camera_with_many_photons() -> None:
    """Twenty thousand photons and read noise of a hundred: the window of the sum follows its largest term."""
    gain, sigma = 5e-5, 5e-3
    mean = torch.tensor([[0.2, 0.5, 1.0]], dtype=torch.float64)
    y = mean + torch.tensor([[-0.02, 0.0, 0.03]], dtype=torch.float64)
    g = MixedCounts(y, gain, sigma)
    log, k, var = g.moments(mean)
    counts = np.arange(30000)
    logs = scipy.stats.poisson.logpmf(counts, mean.numpy()[..., None] / gain) - (
        (y.numpy()[..., None] - gain * counts) ** 2 / (2 * sigma**2)
    )
    top = logs.max(-1)
    w = np.exp(logs - top[..., None])
    np.testing.assert_allclose(log, top + np.log(w.sum(-1)), rtol=1e-9)
    first = (w * counts).sum(-1) / w.sum(-1)
    np.testing.assert_allclose(k, first, rtol=1e-10)
    np.testing.assert_allclose(var, (w * (counts - first[..., None]) ** 2).sum(-1) / w.sum(-1), rtol=1e-6)


TERMS = {
    "camera": lambda y: MixedCounts(y, GAIN, SIGMA),
    "magnitude": lambda y: Magnitude(y.abs(), SIGMA),
    "magnitude, offset": lambda y: Magnitude(y.abs(), SIGMA, 0.3),
    "weighted": lambda y: WeightedSquare(y.abs() + 0.1, y),
}
each_term = pytest.mark.parametrize("make", TERMS.values(), ids=TERMS.keys())


@each_term
def test_gradients_are_those_of_the_values(make: object) -> None:
    g = make(random(4))  # type: ignore[operator]
    v, step = random(5).abs() + 0.05, 1e-6
    expected = torch.zeros_like(v)
    for i in range(v[0].numel()):
        e = torch.zeros_like(v[0]).flatten()
        e[i] = step
        e = e.reshape(v.shape[1:])
        expected[:, i // SIZES[1], i % SIZES[1]] = (g.value(v + e) - g.value(v - e)) / (2 * step)
    torch.testing.assert_close(g.grad(v), expected, rtol=1e-6, atol=1e-5)


def test_the_map_of_magnitudes_is_the_global_minimiser() -> None:
    """Brute force on a grid, polished, at low and at high signal and for short and long steps."""
    for sigma, seed in ((0.2, 6), (1.0, 7)):
        y = random(seed).abs()
        g = Magnitude(y, sigma)
        v = random(8)
        for t in (0.003, 0.3, 30.0):
            p = g.prox(v, t)
            assert bool((p * v >= 0).all())
            for i in [(0, 0, 0), (0, 3, 2), (1, 1, 4), (1, 5, 0)]:
                grid = np.linspace(-5, 5, 20001)

                def objective(
                    u: np.ndarray, i: tuple[int, ...] = i, t: float = t, g: Magnitude = g, v: Tensor = v
                ) -> np.ndarray:
                    z = np.abs(u) * float(g.target[i]) / g.variance
                    logs = np.log(scipy.special.ive(0, z)) + z
                    return u**2 / (2 * g.variance) - logs + (u - float(v[i])) ** 2 / (2 * t)

                best = grid[np.argmin(objective(grid))]
                found = scipy.optimize.minimize_scalar(
                    objective, bounds=(best - 1e-3, best + 1e-3), method="bounded", options={"xatol": 1e-11}
                )
                assert objective(np.array(float(p[i]))) <= found.fun + 1e-10 * (1 + abs(found.fun))


def test_magnitudes_are_convex_where_that_is_said() -> None:
    """The curvature at zero is 1 / sigma^2 - y^2 / (2 sigma^4), and the largest is 1 / sigma^2."""
    y = torch.tensor([[0.1, 0.28, 0.29, 2.0]], dtype=torch.float64)
    g = Magnitude(y, 0.2)
    h = 1e-5
    at_zero = (g.grad(torch.full_like(y, h)) - g.grad(torch.full_like(y, -h))) / (2 * h)
    torch.testing.assert_close(at_zero, 1 / g.variance - y.square() / (2 * g.variance**2), rtol=1e-5, atol=1e-6)
    assert (at_zero >= 0).tolist() == [[True, True, False, False]]  # sqrt(2) sigma is 0.283
    v = torch.linspace(0, 4, 4001, dtype=torch.float64)[:, None]
    slopes = (g.grad(v[1:]) - g.grad(v[:-1])) / 1e-3
    assert float(slopes.max()) <= g.lipschitz * (1 + 1e-9)


def test_large_ratios_stay_finite() -> None:
    """I_0 itself would overflow: y v / sigma^2 is a million here."""
    y = torch.full((1, 3), 1.0)
    g = Magnitude(y, 1e-3)
    v = torch.tensor([[0.0, 1.0, 2.0]])
    for out in (g.value(v), g.grad(v), g.prox(v, 1e-3)):
        assert bool(out.isfinite().all())
    torch.testing.assert_close(g.prox(v, 1.0)[0, 1:], y[0, 1:], atol=1e-5, rtol=0)


# The approximations of a camera's density.


def estimates(g: DataTerm, mean: float, weight: np.ndarray) -> tuple[float, float]:
    """Bias and variance of what g makes of many measurements of one mean, to first order, for each of them.

    Over the exact law of y, whose probabilities are `weight`: -E s / E s' and Var s / (E s')^2, s the derivative of g.
    """
    m = torch.full((1, len(weight)), mean, dtype=torch.float64)
    h = 1e-6 * mean
    s = g.grad(m)[0].numpy()
    slope = float((weight * ((g.grad(m + h) - g.grad(m - h)) / (2 * h))[0].numpy()).sum())
    first = float((weight * s).sum())
    return -first / slope, float((weight * (s - first) ** 2).sum()) / slope**2


@pytest.mark.parametrize("mean", [0.5, 5, 50])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.0])
def test_the_errors_of_the_approximations(mean: float, ratio: float) -> None:
    """What the vocabulary says of them, at half a photon to 50 and read noise of 0.3 to 2 photons.

    The shift costs at most 6% of the information, and a bias of 1% of one measurement's standard deviation (at half a
    photon 6%, by what is cut off below zero); with a variance from the data the estimate is too small, by 7% and more.
    """
    gain, most = 0.01, 0.06 if mean < 5 else 0.01
    mean, sigma = mean * gain, ratio * gain
    spread = (gain * mean + sigma**2) ** 0.5
    y = np.linspace(mean - 14 * spread, mean + 16 * spread, 20001)
    weight = np.exp(camera_log_density(y, np.full_like(y, mean), gain, sigma)) * (y[1] - y[0])
    assert weight.sum() == pytest.approx(1, abs=1e-8)
    target, whole = torch.as_tensor(y)[None], Sampling(mask=None, sizes=(len(y),))
    bias, least = estimates(law(camera(gain, sigma)).term(LINEAR, target, whole), mean, weight)
    assert abs(bias) < 1e-6 * spread
    bias, variance = estimates(law(camera(gain, sigma, "shifted_poisson")).term(LINEAR, target, whole), mean, weight)
    assert abs(bias) < most * spread
    assert least / variance > 0.94
    bias, _ = estimates(law(camera(gain, sigma, "gaussian")).term(LINEAR, target, whole), mean, weight)
    assert bias < -0.07 * spread


def test_the_shifted_counts_have_the_right_mean_and_zero() -> None:
    y = random(1) * 0.3
    g = law(camera(approximation="shifted_poisson")).term(Affine({"x": None}, 0.1), y, Sampling())
    assert isinstance(g, PoissonCounts)
    inside = MASK & (y > -(SIGMA**2) / GAIN).all(0)
    torch.testing.assert_close(g.linearise()[:, inside], (y - 0.1)[:, inside])


# Drawing.


def test_laplace_moments() -> None:
    mean = random(6, True, rows=1) * MASK
    e = (drawn(words.Laplace(mean=X, scale=0.3), mean, Sampling("complex")) - mean)[:, MASK].numpy()
    for part in (e.real, e.imag):
        n = part.size
        assert abs(part.mean()) < 5 * 0.3 * 2**0.5 / n**0.5
        assert abs(np.abs(part).mean() - 0.3) < 5 * 0.3 / n**0.5
        assert abs(part.var() - 0.18) < 5 * 0.18 * (5 / n) ** 0.5  # the kurtosis is 6
        assert scipy.stats.kstest(part.ravel() / 0.3, "laplace").pvalue > 1e-6
    assert abs((e.real * e.imag).mean()) < 5 * 0.18 / e.size**0.5


def test_camera_moments() -> None:
    mean = torch.linspace(0, 2, 30, dtype=torch.float64).reshape(1, *SIZES) * MASK
    y = drawn(camera(), mean, Sampling())[:, MASK].numpy()
    m = mean[0][MASK].numpy()
    variance = GAIN * m + SIGMA**2
    assert (np.abs(y.mean(0) - m) < 5 * (variance / MANY) ** 0.5).all()
    # The fourth cumulant is that of the photons, g^3 m.
    spread = np.sqrt((GAIN**3 * m + 2 * variance**2) / MANY)
    assert (np.abs(y.var(0) - variance) < 5 * spread).all()


def test_rician_moments() -> None:
    mean = torch.linspace(0, 1, 30, dtype=torch.float64).reshape(1, *SIZES) * MASK
    y = drawn(words.Rician(mean=X, sigma=0.3), mean, Sampling())[:, MASK].numpy()
    m = mean[0][MASK].numpy()
    assert (y >= 0).all()
    law_ = scipy.stats.rice(m / 0.3, scale=0.3)
    assert (np.abs(y.mean(0) - law_.mean()) < 5 * law_.std() / MANY**0.5).all()
    assert (np.abs((y**2).mean(0) - m**2 - 0.18) < 5 * np.sqrt((0.18**2 + 0.36 * m**2) / MANY)).all()


WORDS = [words.Laplace(mean=X, scale=0.2), camera(), words.Rician(mean=X, sigma=0.2)]
each_word = pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)


@each_word
def test_rows_masks_and_precision(word: words.Laplace) -> None:
    mean = random(10, rows=4).abs() * MASK
    whole = law(word).draw(mean, LINEAR, Sampling(), generators(4))
    assert bool((whole[:, ~MASK] == 0).all())
    for i in range(4):
        alone = law(word).draw(mean[i : i + 1], LINEAR, Sampling(), generators(1, first=i))
        assert torch.equal(alone[0], whole[i])
    single = law(word).draw(mean.float(), LINEAR, Sampling(), generators(4))
    assert single.dtype == torch.float32
    if word.word != "poisson_gaussian":  # rounding of a mean may change a count
        torch.testing.assert_close(single.double(), whole, rtol=1e-5, atol=1e-5)
    if word.word == "laplace":
        return
    with pytest.raises((ValueError, TypeError), match="complex"):
        law(word).draw(random(1, True), LINEAR, Sampling("complex"), generators())
    with pytest.raises((ValueError, TypeError), match="complex"):
        law(word).term(LINEAR, random(1, True), Sampling("complex"))


def test_negative_magnitudes_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        law(words.Rician(mean=X, sigma=0.2)).term(LINEAR, random(1), Sampling())
