"""Fourier shell correlation against closed formulas and a loop over frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.runtime.measures.shells import mean_correlation, resolution, shell_correlation


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_against_a_loop_over_frequencies() -> None:
    e, t = noise(2, 6, 8, 5, seed=0), noise(2, 6, 8, 5, seed=1)
    got = shell_correlation(e, t, 3)
    a, b = (np.fft.fftn(v.numpy(), axes=(1, 2, 3)) for v in (e, t))
    sums = np.zeros((3, 2, 20))
    for i, j, k in np.ndindex(6, 8, 5):
        f = np.sqrt(np.fft.fftfreq(6)[i] ** 2 + np.fft.fftfreq(8)[j] ** 2 + np.fft.fftfreq(5)[k] ** 2)
        s = round(8 * f)
        sums[0, :, s] += (a[:, i, j, k] * b[:, i, j, k].conj()).real
        sums[1, :, s] += np.abs(a[:, i, j, k]) ** 2
        sums[2, :, s] += np.abs(b[:, i, j, k]) ** 2
    assert got.shape == (2, 5)
    np.testing.assert_allclose(got, (sums[0] / np.sqrt(sums[1] * sums[2]))[:, :5], atol=1e-12)


def test_white_signal_in_white_noise() -> None:
    """E FSC = (1 + 1 / snr)^(-1/2); a shell of m independent frequencies scatters by about m^(-1/2)."""
    n, snr = 32, 0.5
    t = noise(1, n, n, n, seed=2)
    e = t + noise(1, n, n, n, seed=3) / np.sqrt(snr)
    curve = shell_correlation(e, t, 3)[0]
    expected = (1 + 1 / snr) ** -0.5
    for s in range(2, n // 2 + 1):
        independent = 4 * np.pi * s**2 / 2  # real volumes: half of the frequencies
        assert abs(float(curve[s]) - expected) < 5 / np.sqrt(independent)
    assert float(mean_correlation(e, t, 3)) == pytest.approx(expected, abs=0.03)


def test_equal_scaled_and_opposite() -> None:
    t = noise(1, 7, 9, seed=4)
    assert float(mean_correlation(3 * t, t, 2)) == pytest.approx(1)
    assert float(mean_correlation(-t, t, 2)) == pytest.approx(-1)
    assert float(resolution(t, t, 2, 0.5)) == pytest.approx(9 / 4)
    assert float(mean_correlation(torch.zeros_like(t), t, 2)) == 0


def test_resolution_is_where_a_low_pass_ends() -> None:
    """Shells up to 8 are kept and the others replaced by their quadrature: the curve falls from 1 to 0 past shell 8."""
    n = 33
    t = noise(1, n, n, seed=5)
    k = torch.fft.fftfreq(n, dtype=torch.float64)
    shell = torch.round((k[:, None] ** 2 + k**2).sqrt() * n)
    spectrum = torch.fft.fft2(t)
    e = torch.fft.ifft2(torch.where(shell <= 8, spectrum, 1j * spectrum))
    assert float(resolution(e, t + 0j, 2, 0.5)) == pytest.approx(n / 8.5)
    assert float(resolution(e, t + 0j, 2, 0.143)) == pytest.approx(n / 8.857)


def test_axes_in_front_count_together() -> None:
    e, t = noise(1, 3, 8, 8, seed=6), noise(1, 3, 8, 8, seed=7)
    together = shell_correlation(e, t, 2)
    assert together.shape == (1, 5)
    assert not torch.allclose(together, shell_correlation(e[:, 0], t[:, 0], 2))
    with pytest.raises(ValueError, match="needs a batch"):
        shell_correlation(e, t, 4)
