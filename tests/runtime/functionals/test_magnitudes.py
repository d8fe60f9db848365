"""Data terms of magnitudes: values against the law, gradients against autograd, proximal maps against a search."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from recon.runtime.functionals.magnitudes import Intensities, Magnitudes, PhaselessTerm, PoissonIntensities
from scipy.optimize import minimize_scalar

Made = Callable[..., PhaselessTerm]
MADE: dict[str, Made] = {
    "amplitudes": lambda y, **k: Magnitudes(y, 2.5, 1.7, **k),
    "intensities": lambda y, **k: Intensities(y, 2.5, 1.7, **k),
    "counts": lambda y, **k: PoissonIntensities(y.abs().round(), 1.7, **k),
}


def numbers(*shape: int, field: str = "complex", seed: int = 0) -> torch.Tensor:
    dtype = torch.complex128 if field == "complex" else torch.float64
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("name", MADE)
def test_the_value_is_minus_the_log_density(name: str) -> None:
    y, v = 3 * numbers(1, 40, field="real", seed=1), 1.5 * numbers(1, 40)
    other = 1.5 * numbers(1, 40, seed=2)
    g = MADE[name](y)
    laws = {
        "amplitudes": lambda v: scipy.stats.norm.logpdf(y, 1.7 * v.abs(), 2.5**-0.5),
        "intensities": lambda v: scipy.stats.norm.logpdf(y, 1.7 * v.abs() ** 2, 2.5**-0.5),
        "counts": lambda v: scipy.stats.poisson.logpmf(y.abs().round(), 1.7 * v.abs() ** 2),
    }
    expected = -(laws[name](v) - laws[name](other)).sum()
    assert float(g.value(v) - g.value(other)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("name", MADE)
def test_gradient_is_that_of_autograd(name: str, field: str, offset: float) -> None:
    measured = torch.rand(30, generator=torch.Generator().manual_seed(4)) < 0.7
    g = MADE[name](numbers(2, 30, field="real", seed=1), offset=offset, measured=measured)
    v = numbers(2, 30, field=field).requires_grad_()
    (expected,) = torch.autograd.grad(g.value(v).sum(), v)
    torch.testing.assert_close(g.grad(v.detach()), expected, rtol=1e-10, atol=1e-10)
    assert not bool(g.grad(torch.full_like(v.detach(), -offset)).isnan().any())


@pytest.mark.parametrize("t", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", MADE)
def test_prox_is_the_global_minimiser_of_the_modulus(name: str, t: float) -> None:
    y, v = 4 * numbers(1, 12, field="real", seed=3), 2 * numbers(1, 12)
    g = MADE[name](y)
    found = g.prox(v, t)
    torch.testing.assert_close(found.angle()[found != 0], v.angle()[found != 0])  # the phase stays
    for i in range(12):
        one = MADE[name](y[:, i : i + 1])
        s = float(v[0, i].abs())

        def cost(r: float, one: PhaselessTerm = one, s: float = s) -> float:
            return float(one.value(torch.tensor([[r]], dtype=torch.float64))) + (r - s) ** 2 / (2 * t)

        edges = np.linspace(1e-9, 6, 25)
        best = min(
            (
                minimize_scalar(cost, bounds=b, method="bounded", options={"xatol": 1e-12})
                for b in itertools.pairwise(edges)
            ),
            key=lambda r: r.fun,
        )
        mine = cost(float(found[0, i].abs()))
        assert mine <= best.fun + 1e-9 * (1 + abs(best.fun))


@pytest.mark.parametrize("name", MADE)
def test_prox_leaves_what_is_not_measured(name: str) -> None:
    measured = torch.tensor([True, False, True])
    g = MADE[name](torch.ones(1, 3, dtype=torch.float64), measured=measured, offset=0.2)
    v = numbers(1, 3)
    assert g.prox(v, 1.0)[0, 1] == v[0, 1]
    assert g.projected(v)[0, 1] == v[0, 1]
    torch.testing.assert_close((g.projected(v) + 0.2).abs()[0, ::2], g.modulus()[0, ::2])


def test_amplitudes_curve_by_no_more_than_their_bound() -> None:
    """g(u) <= g(v) + <grad g(v), u - v> + L/2 |u - v|^2 for measured magnitudes that are not negative."""
    g = Magnitudes(numbers(1, 50, field="real").abs(), 2.0, 1.5)
    for seed in range(20):
        v, u = numbers(1, 50, seed=seed), 3 * numbers(1, 50, seed=seed + 100)
        bound = g.value(v) + (g.grad(v).conj() * (u - v)).real.sum() + g.curvature / 2 * (u - v).abs().square().sum()
        assert float(g.value(u)) <= float(bound) + 1e-9


@pytest.mark.parametrize("name", MADE)
def test_information_is_the_mean_square_of_the_gradient(name: str) -> None:
    """Over many draws of the data at the true v, within five standard errors (real v: no phase to average over)."""
    draw = np.random.default_rng(0)
    r = torch.linspace(1, 3, 20, dtype=torch.float64)[None]
    mean = {"amplitudes": 1.7 * r, "intensities": 1.7 * r**2, "counts": 1.7 * r**2}[name].numpy()
    squares, claims = [], []
    for _ in range(2000):
        y = draw.poisson(mean) if name == "counts" else draw.normal(mean, 2.5**-0.5)
        g = MADE[name](torch.as_tensor(y, dtype=torch.float64))
        squares.append(float(g.grad(r).square().sum()))
        claims.append(float(g.information()))  # type: ignore[arg-type]
    error = np.std(squares) / np.sqrt(len(squares)) + np.std(claims) / np.sqrt(len(claims))
    assert abs(np.mean(squares) - np.mean(claims)) < 5 * error


def test_what_cannot_be_measured_is_refused() -> None:
    y = torch.ones(1, 3)
    with pytest.raises(ValueError, match="positive"):
        Magnitudes(y, 1.0, 0.0)
    with pytest.raises(TypeError, match="complex"):
        Magnitudes(y + 0j)
    with pytest.raises(ValueError, match="negative"):
        PoissonIntensities(-y)
    with pytest.raises(ValueError, match="phases"):
        Magnitudes(y).linearise()
