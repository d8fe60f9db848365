"""Contrast transfer against closed formulas and numbers from the literature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.runtime.electrons.contrast import contrast, wavelength

UM, MM, ANGSTROM = 1e-6, 1e-3, 1e-10


@pytest.mark.parametrize(("kilovolts", "picometres"), [(100, 3.701), (200, 2.508), (300, 1.969), (1000, 0.872)])
def test_wavelengths_are_those_of_the_tables(kilovolts: float, picometres: float) -> None:
    """Williams and Carter 2009, table 1.2 (relativistic), given to a thousandth of a picometre."""
    assert wavelength(kilovolts * 1e3) * 1e12 == pytest.approx(picometres, abs=6e-4)


def test_formula_at_each_frequency() -> None:
    d, cs, a, phase, ast, axis, u = 1.3 * UM, 2.7 * MM, 0.1, 0.4, 0.3 * UM, 0.6, 0.5 * ANGSTROM
    voxel = (1.5 * ANGSTROM, 2 * ANGSTROM)
    got = contrast(
        torch.tensor(d),
        (9, 7),
        voxel,
        voltage=3e5,
        cs=cs,
        amplitude=a,
        phase=phase,
        astigmatism=ast,
        axis=axis,
        motion=u,
    )
    for i in range(9):
        for j in range(7):
            ky, kx = np.fft.fftfreq(9, voxel[0])[i], np.fft.fftfreq(7, voxel[1])[j]
            k, angle, lam = np.hypot(kx, ky), np.arctan2(ky, kx), 1.96874e-12
            local = d + ast / 2 * np.cos(2 * (angle - axis))
            gamma = np.pi * lam * k**2 * (local - 0.5 * lam**2 * k**2 * cs) + phase
            expected = -(np.sqrt(1 - a**2) * np.sin(gamma) + a * np.cos(gamma))
            expected *= np.exp(-8 * np.pi**2 * u**2 * k**2 / 4)
            # The wavelength is given to six digits: gamma to about three times as much.
            assert float(got[i, j]) == pytest.approx(expected, abs=1e-5 * (1 + abs(gamma)))


def first_zero(**optics: float) -> float:
    """The smallest frequency along the columns at which the contrast changes its sign."""
    n, voxel = 20001, 0.5 * ANGSTROM
    defocus = torch.tensor(optics.pop("defocus"))
    row = contrast(defocus, (1, n), (voxel, voxel), voltage=3e5, **optics)[0, 1 : n // 2]
    k = np.fft.fftfreq(n, voxel)[1 : n // 2]
    i = int(np.flatnonzero(np.diff(np.sign(row.numpy())))[0])
    return float(k[i] + k[i + 1]) / 2


def test_without_aberration_zeros_stand_at_the_root_of_lambda_times_defocus() -> None:
    """Reimer and Kohl 2008: sin(pi lambda d k^2) = 0 first at k = 1 / sqrt(lambda d), 14.03 A for 1 um at 300 kV."""
    assert 1 / first_zero(defocus=1 * UM, cs=0.0) == pytest.approx(14.03 * ANGSTROM, rel=1e-3)


def test_scherzer_resolution() -> None:
    """At Scherzer's extended defocus, 1.2 sqrt(Cs lambda), one sign up to 1.55 / (Cs lambda^3)^(1/4)."""
    cs, lam = 2.7 * MM, 1.9687e-12
    k = first_zero(defocus=1.2 * np.sqrt(cs * lam), cs=cs)
    assert k == pytest.approx(1.55 * (cs * lam**3) ** -0.25, rel=2e-3)


def test_real_images_stay_real_with_astigmatism_at_the_highest_frequency() -> None:
    c = contrast(torch.tensor(UM), (6, 8), (UM, UM), voltage=3e5, cs=0.0, astigmatism=1e12, axis=0.3).numpy()
    image = np.random.default_rng(0).normal(size=(6, 8))
    assert np.abs(np.fft.ifft2(np.fft.fft2(image) * c).imag).max() < 1e-15


def test_gradient_in_the_defocus() -> None:
    d = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)  # in micrometres
    optics = {"voltage": 3e5, "cs": 2.7e-3, "amplitude": 0.1}
    assert torch.autograd.gradcheck(lambda d: contrast(d * UM, (6, 5), (4e-10, 4e-10), **optics), d)
