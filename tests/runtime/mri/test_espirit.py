"""ESPIRiT maps against sigpy's on the same k-space, and against the maps that made the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.runtime.mri.espirit import CalibrationError, _by_difference, _centre, espirit

Array = NDArray[Any]


def scan(sizes: tuple[int, ...], coils: int, sigma: float = 0.005) -> tuple[Array, Array, Array]:
    """An ellipsoid with some structure, seen by coils on a ring: noisy k-space, maps, and where the object is."""
    axes = np.meshgrid(*[(np.arange(n) - n // 2) / (n / 2) for n in sizes], indexing="ij")
    inside = sum(a**2 for a in axes) < 0.6
    image = inside * (1 + 0.4 * np.sin(9 * axes[-1]) * np.cos(7 * axes[-2]))
    angles = 2 * np.pi * np.arange(coils) / coils
    distance = axes[-1] + 1j * axes[-2] - 1.5 * np.exp(1j * angles).reshape(-1, *[1] * len(sizes))
    maps = np.exp(1j * np.angle(distance)) / np.abs(distance)
    maps /= np.linalg.norm(maps, axis=0)
    spatial = tuple(range(1, len(sizes) + 1))
    k = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(image * maps, spatial), axes=spatial, norm="ortho"), spatial)
    rng = np.random.default_rng(0)
    return k + sigma * (rng.normal(size=k.shape) + 1j * rng.normal(size=k.shape)), maps, inside


@pytest.mark.parametrize(("sizes", "calib", "kernel"), [((72, 61), 24, 6), ((40, 40), 16, 5), ((14, 18, 16), 10, 4)])
def test_maps_are_those_of_sigpy(sizes: tuple[int, ...], calib: int, kernel: int) -> None:
    """sigpy finds the eigenvectors by power iterations: its default of 100 is within 2%, and many agree closely."""
    app = pytest.importorskip("sigpy.mri").app
    k, _, _ = scan(sizes, 5)
    ours = espirit(torch.from_numpy(k), calib, kernel, 0.02, 0.95).numpy()
    for iterations, tolerance in ((100, 0.02), (1500, 1e-3)):
        theirs = app.EspiritCalib(
            k, calib_width=calib, kernel_width=kernel, thresh=0.02, crop=0.95, max_iter=iterations, show_pbar=False
        ).run()
        both = (np.abs(ours).sum(0) > 0) & (np.abs(theirs).sum(0) > 0)
        either = (np.abs(ours).sum(0) > 0) | (np.abs(theirs).sum(0) > 0)
        assert (both != either).mean() < 0.005
        assert np.linalg.norm((ours - theirs)[:, both]) < tolerance * np.linalg.norm(theirs[:, both])


@pytest.mark.parametrize("dtype", [torch.complex128, torch.complex64])
def test_maps_are_those_that_made_the_data(dtype: torch.dtype) -> None:
    """Up to the phase of the first coil: within some percent of noise on the object, and zero far from it."""
    k, maps, inside = scan((80, 64), 6)
    found = espirit(torch.from_numpy(k).to(dtype), 24, 6, 0.02, 0.95).numpy()
    assert found.dtype == torch.empty((), dtype=dtype).numpy().dtype
    reference = maps * np.exp(-1j * np.angle(maps[0]))
    assert np.linalg.norm((found - reference)[:, inside]) < 0.03 * np.linalg.norm(reference[:, inside])
    power = (np.abs(found) ** 2).sum(0)
    np.testing.assert_allclose(power[power > 0], 1, rtol=1e-5)
    assert not found[:, :4, :4].any()


def test_a_whole_image_of_noise_has_no_maps() -> None:
    k = torch.randn(4, 48, 48, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert (espirit(k, 24, 6, 0.5, 0.95).abs().sum(0) > 0).double().mean() < 0.05


def test_differences_are_summed() -> None:
    rng = np.random.default_rng(1)
    m = rng.normal(size=(2 * 9, 2 * 9))
    found = _by_difference(torch.from_numpy(m), 2, 3, 2)
    wanted = np.zeros((2, 2, 5, 5))
    split = m.reshape(2, 3, 3, 2, 3, 3)
    for a, b, c, d in np.ndindex(3, 3, 3, 3):
        wanted[:, :, a - c + 2, b - d + 2] += split[:, a, b, :, c, d]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_what_calibrates_nothing_is_refused() -> None:
    with pytest.raises(CalibrationError, match="5 samples along an axis, fewer than the 6"):
        espirit(torch.ones(3, 5, 40, dtype=torch.complex64), 24, 6, 0.02, 0.95)
    with pytest.raises(CalibrationError, match="its centre was not measured"):
        espirit(torch.zeros(3, 40, 40, dtype=torch.complex64), 24, 6, 0.02, 0.95)


def test_only_what_was_measured_calibrates() -> None:
    """Ten central columns of a k-space that has gaps beside them: the block has ten columns and the rows asked for."""
    kspace = torch.randn(3, 40, 40, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    masked = torch.zeros_like(kspace)
    masked[:, :, 15:25] = kspace[:, :, 15:25]
    masked[:, :, [2, 30, 38]] = kspace[:, :, [2, 30, 38]]
    centre = _centre(masked, 24)
    torch.testing.assert_close(centre, kspace[:, 8:32, 15:25])
    with pytest.raises(CalibrationError, match="10 samples along an axis, fewer than the 12 of the kernel"):
        espirit(masked, 24, 12, 0.02, 0.95)
