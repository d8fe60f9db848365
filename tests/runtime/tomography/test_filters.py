"""Filtered back-projection against scikit-image, the phantom it starts from, and closed formulas."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from recon.runtime.tomography import FilterName, ParallelBeam, filtered_backprojection, project, ramp_response
from recon.runtime.tomography.filters import view_weights
from scipy.ndimage import gaussian_filter
from skimage.transform import iradon

FILTERS: list[FilterName] = ["ramp", "shepp-logan", "cosine", "hamming", "hann"]
SIZE = 127


@pytest.fixture(autouse=True, params=["native", "torch"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    if request.param == "torch":
        monkeypatch.setenv("RECON_NATIVE", "0")
    yield
    torch.set_num_threads(before)


def distances() -> npt.NDArray[np.float64]:
    grid = np.arange(SIZE) - (SIZE - 1) / 2
    return np.hypot(*np.meshgrid(grid, grid))


def phantom() -> torch.Tensor:
    """A soft disc of radius 45 pixels and value 2.5 with a hole of value 1."""
    disc = 2.5 * (distances() < 45) - 1.5 * (np.roll(distances(), 15, axis=1) < 12)
    return torch.from_numpy(gaussian_filter(disc, 1.0))


@pytest.mark.parametrize("name", FILTERS)
def test_it_is_iradon(name: FilterName) -> None:
    degrees = np.linspace(0, 180, 90, endpoint=False)
    geometry = ParallelBeam((SIZE, SIZE), np.deg2rad(degrees), 181)
    sinogram = project(phantom(), geometry)
    reference = iradon(sinogram.numpy().T, degrees, filter_name=name, circle=False, output_size=SIZE)
    ours = filtered_backprojection(sinogram, geometry, name).numpy()
    # iradon's hamming and hann windows are off centre by half a frequency bin of 512
    bound = 1e-9 if name in ("ramp", "shepp-logan", "cosine") else 5e-3
    assert np.abs(ours - reference).max() < bound * np.abs(reference).max()


SCANS = {
    "half turn": np.linspace(0, np.pi, 180, endpoint=False),
    "whole turn": np.linspace(0, 2 * np.pi, 360, endpoint=False),
    "both ends": np.linspace(0, np.pi, 181),
    "shuffled": np.random.default_rng(0).permutation(np.linspace(0, np.pi, 180, endpoint=False)),
    "golden angle": np.arange(200) * np.pi * (math.sqrt(5) - 1) / 2,
    "uneven": np.concatenate([np.linspace(0, 1, 120, endpoint=False), np.linspace(1, np.pi, 130, endpoint=False)]),
}


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize(
    ("pitch", "voxel", "offset", "detectors"),
    [(1.0, (1.0, 1.0), 0.0, 183), (0.35, (0.5, 0.5), 0.0, 263), (0.011, (0.01, 0.01), 0.03, 181)],
)
def test_it_returns_the_phantom_in_its_own_units(
    scan: str, pitch: float, voxel: tuple[float, float], offset: float, detectors: int
) -> None:
    truth = phantom()
    geometry = ParallelBeam((SIZE, SIZE), SCANS[scan], detectors, pitch=pitch, voxel=voxel, offset=offset)
    image = filtered_backprojection(project(truth, geometry), geometry)
    hole = np.roll(distances(), 15, axis=1)
    for region in (hole < 9, (distances() < 40) & (hole > 16), (distances() > 49) & (distances() < 60)):
        assert abs(image[region].mean() - truth[region].mean()) < 0.01 * 2.5
    assert (image - truth)[distances() < 60].norm() < 0.06 * truth.norm()


def test_windows_only_smooth() -> None:
    geometry = ParallelBeam((SIZE, SIZE), SCANS["half turn"], 183)
    sinogram = project(phantom(), geometry)
    flat = (distances() < 40) & (np.roll(distances(), 15, axis=1) > 18)
    for name in FILTERS:
        assert abs(filtered_backprojection(sinogram, geometry, name)[flat].mean() - 2.5) < 0.03


def test_complex_batches() -> None:
    geometry = ParallelBeam((21, 20), np.linspace(0, 3, 15), 31)
    y = torch.randn(2, 15, 31, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    x = filtered_backprojection(y, geometry, "hann")
    assert x.shape == (2, 21, 20)
    torch.testing.assert_close(x[1].imag, filtered_backprojection(y[1].imag, geometry, "hann"), rtol=0, atol=1e-12)
    single = filtered_backprojection(y.to(torch.complex64), geometry, "hann")
    assert single.dtype == torch.complex64
    assert (single - x).abs().max() < 1e-5 * x.abs().max()


def test_the_ramp_is_the_transform_of_the_sampled_kernel() -> None:
    pitch, size = 0.4, 64
    direct = [
        pitch
        * (
            1 / (4 * pitch**2)
            - sum(2 * math.cos(2 * math.pi * k * n / size) / (math.pi * n * pitch) ** 2 for n in range(1, 32, 2))
        )
        for k in range(33)
    ]
    np.testing.assert_allclose(ramp_response(20, pitch), direct, rtol=0, atol=1e-13)
    middle = ramp_response(500, 1.0)[200]  # |f| up to the kernel's cut at 512 lags
    assert abs(middle - 200 / 1024) < 1e-5
    ratio = ramp_response(20, pitch, "hann") / ramp_response(20, pitch)
    np.testing.assert_allclose(ratio, np.cos(np.pi * np.arange(33) / 64) ** 2, atol=1e-13)


def test_shares_of_the_half_turn() -> None:
    even = np.arange(12) * np.pi / 12
    np.testing.assert_allclose(view_weights(even), np.pi / 12)
    np.testing.assert_allclose(view_weights(np.arange(12) * np.pi / 6), np.pi / 12)
    np.testing.assert_allclose(view_weights([0.3]), np.pi)
    np.testing.assert_allclose(view_weights([0.0, 1.0, 1.5]), 0.5 * np.array([np.pi - 0.5, 1.5, np.pi - 1.0]))
    np.testing.assert_allclose(view_weights(np.linspace(0, np.pi, 13))[[0, 1, 12]], np.pi / np.array([24, 12, 24]))
    limited = np.deg2rad(np.arange(-60, 60, 2.0))
    np.testing.assert_allclose(view_weights(limited), np.deg2rad(2.0))
    np.testing.assert_allclose(view_weights([1.0, 0.9]), 0.1)
    rng = np.random.default_rng(1)
    assert view_weights(rng.uniform(-9, 9, 100)).sum() == pytest.approx(np.pi)


def test_wrong_inputs_are_refused() -> None:
    geometry = ParallelBeam((8, 8), (0.0, 1.0), 9)
    with pytest.raises(ValueError, match="unknown filter 'rampe'"):
        filtered_backprojection(torch.zeros(2, 9), geometry, "rampe")
    with pytest.raises(ValueError, match="9"):
        filtered_backprojection(torch.zeros(2, 8), geometry)
    with pytest.raises(ValueError, match="9"):
        filtered_backprojection(torch.zeros(3, 9), geometry)
    with pytest.raises(TypeError, match="int64"):
        filtered_backprojection(torch.zeros(2, 9, dtype=torch.int64), geometry)
