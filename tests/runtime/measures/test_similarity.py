"""SSIM against scikit-image and torchmetrics."""

from typing import Literal

import numpy as np
import pytest
import recon.runtime.measures.windows as windows
import skimage.data
import torch
from recon.runtime.measures import Comparison, ssim
from skimage.metrics import structural_similarity

from .peers import functional_image


def noisy(shape: tuple[int, ...], sigma: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(size=shape), axis=-1)
    truth = (truth - truth.min()) / np.ptp(truth)
    return truth + sigma * rng.normal(size=shape), truth


def referee(e: np.ndarray, t: np.ndarray, data_range: float, sigma: float = 1.5, **options: float) -> float:
    return float(
        structural_similarity(
            t, e, data_range=data_range, gaussian_weights=True, sigma=sigma, use_sample_covariance=False, **options
        )
    )


@pytest.mark.parametrize("data_range", [1.0, 3.0])
def test_gaussian_window_on_a_picture(data_range: float) -> None:
    truth = skimage.data.camera() / 255.0
    estimate = truth + 0.1 * np.random.default_rng(0).normal(size=truth.shape)
    for cast, tolerance in [(torch.float64, 1e-9), (torch.float32, 1e-6)]:
        ours = ssim(torch.tensor(estimate, dtype=cast)[None], torch.tensor(truth, dtype=cast)[None], range=data_range)
        assert ours.dtype == torch.float64
        assert ours.shape == (1,)
        assert abs(ours.item() - referee(estimate, truth, data_range)) < tolerance


@pytest.mark.parametrize(("window", "sigma"), [(11, 1.5), (7, 0.9), (15, 2.0)])
@pytest.mark.parametrize("shape", [(31, 40), (15, 15)])
def test_windows(window: int, sigma: float, shape: tuple[int, int]) -> None:
    assert window == 2 * int(3.5 * sigma + 0.5) + 1  # where scikit-image cuts its Gaussian
    e, t = noisy(shape)
    ours = ssim(torch.tensor(e)[None], torch.tensor(t)[None], range=1, by=Comparison(window, sigma, 0.02, 0.05))
    assert ours.item() == pytest.approx(referee(e, t, 1.0, sigma, K1=0.02, K2=0.05), abs=1e-9)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_uniform_window(window: int) -> None:
    e, t = noisy((20, 24))
    ours = ssim(torch.tensor(e)[None], torch.tensor(t)[None], range=1, by=Comparison(window, kind="uniform"))
    if window == 1:  # no spread in a window of one: only the means are compared
        expected = ((2 * e * t + 1e-4) / (e**2 + t**2 + 1e-4)).mean()
    else:
        expected = structural_similarity(t, e, data_range=1.0, win_size=window, use_sample_covariance=False)
    assert ours.item() == pytest.approx(float(expected), abs=1e-9)


def test_rows_channels_and_frames_are_averaged() -> None:
    e, t = noisy((2, 3, 4, 16, 18))
    peaks = [1.0, 0.5]
    ours = ssim(torch.tensor(e), torch.tensor(t), range=torch.tensor(peaks))
    for b, peak in enumerate(peaks):
        slices = [referee(e[b, c, f], t[b, c, f], peak) for c in range(3) for f in range(4)]
        assert ours[b].item() == pytest.approx(np.mean(slices), abs=1e-9)
    colour = structural_similarity(
        t[0, :, 0], e[0, :, 0], data_range=1.0, gaussian_weights=True, use_sample_covariance=False, channel_axis=0
    )
    assert ssim(torch.tensor(e[:1, :, 0]), torch.tensor(t[:1, :, 0]), range=1).item() == pytest.approx(colour, abs=1e-9)


@pytest.mark.parametrize("chunk", [2**22, 400])
def test_volumes_whole_and_slab_by_slab(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(windows, "CHUNK", chunk)
    e, t = noisy((14, 17, 12))
    ours = ssim(torch.tensor(e)[None, None], torch.tensor(t)[None, None], range=1, by=Comparison(dimensions=3))
    assert ours.item() == pytest.approx(referee(e, t, 1.0), abs=1e-9)


def test_limits() -> None:
    e, t = (torch.tensor(a)[None] for a in noisy((12, 12)))
    assert ssim(t, t, range=1).item() == pytest.approx(1, abs=1e-12)
    assert ssim(e, t, range=1).item() == pytest.approx(ssim(t, e, range=1).item(), abs=1e-12)
    # Constant images have no spread: (2 a b + c1) / (a^2 + b^2 + c1).
    a, b = torch.full((1, 12, 12), 0.3), torch.full((1, 12, 12), 0.6)
    x, y = float(a[0, 0, 0]), float(b[0, 0, 0])
    assert ssim(a, b, range=1).item() == pytest.approx((2 * x * y + 1e-4) / (x * x + y * y + 1e-4), rel=1e-9)
    zeros = torch.zeros(1, 12, 12)
    assert ssim(zeros, zeros, range=1).item() == 1
    both, broken = torch.cat([t, t]), torch.cat([e, e])
    broken[1, 0, 0] = torch.nan
    assert ssim(broken, both, range=1).isnan().tolist() == [False, True]


def test_differentiable() -> None:
    e, t = (torch.tensor(a)[None] for a in noisy((6, 7)))
    assert torch.autograd.gradcheck(lambda x: ssim(x, t, range=1, by=Comparison(window=5)), e.requires_grad_())


def test_what_cannot_be_compared() -> None:
    z = torch.zeros(1, 12, 12)
    with pytest.raises(ValueError, match="take abs"):
        ssim(z.to(torch.complex64), z, range=1)
    with pytest.raises(ValueError, match="differ in shape"):
        ssim(z, z[:, 1:], range=1)
    with pytest.raises(ValueError, match=r"at least 11 along each axis; these are 10 x 12"):
        ssim(z[:, :10], z[:, :10], range=1)
    with pytest.raises(ValueError, match="batch"):
        ssim(z[0], z[0], range=1)
    with pytest.raises(ValueError, match="batch"):
        ssim(z, z, range=1, by=Comparison(dimensions=3))
    with pytest.raises(ValueError, match="odd window"):
        ssim(z, z, range=1, by=Comparison(window=10))
    with pytest.raises(ValueError, match="positive sigma"):
        ssim(z, z, range=1, by=Comparison(sigma=0))
    with pytest.raises(ValueError, match="kind"):
        ssim(z, z, range=1, by=Comparison(kind="box"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must not be negative"):
        ssim(z, z, range=-1)


def test_a_range_of_zero_leaves_ssim_undefined() -> None:
    t = torch.full((2, 16, 16), 0.5)
    t[0, 0, 0] = 1.0
    assert ssim(t, t, range=t.flatten(1).amax(1) - t.flatten(1).amin(1)).isnan().tolist() == [False, True]


@pytest.mark.parametrize("sigma", [1.5, 0.9])
def test_sample_covariance_is_that_of_scikit_image(sigma: float) -> None:
    e, t = noisy((31, 40))
    window = 2 * int(3.5 * sigma + 0.5) + 1
    ours = ssim(
        torch.tensor(e)[None], torch.tensor(t)[None], range=1, by=Comparison(window, sigma, covariance="sample")
    )
    expected = structural_similarity(t, e, data_range=1.0, gaussian_weights=True, sigma=sigma)
    assert ours.item() == pytest.approx(float(expected), abs=1e-9)
    flat = ssim(
        torch.tensor(e)[None], torch.tensor(t)[None], range=1, by=Comparison(7, kind="uniform", covariance="sample")
    )
    assert flat.item() == pytest.approx(float(structural_similarity(t, e, data_range=1.0)), abs=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
@pytest.mark.parametrize("shape", [(2, 3, 33, 29), (2, 1, 14, 17, 12)])
def test_mirrored_borders_are_those_of_torchmetrics(
    kind: Literal["gaussian", "uniform"], shape: tuple[int, ...]
) -> None:
    e, t = (torch.tensor(a) for a in noisy(shape))
    volume = len(shape) == 5
    by = Comparison(11, kind=kind, border="reflect", dimensions=3 if volume else 2)
    expected = functional_image().structural_similarity_index_measure(
        e, t, data_range=1.0, gaussian_kernel=kind == "gaussian", kernel_size=11, reduction="none"
    )
    assert torch.allclose(ssim(e, t, range=1, by=by), expected, atol=1e-9)
    # Rows do not see each other.
    assert torch.allclose(ssim(e[1:], t[1:], range=1, by=by), ssim(e, t, range=1, by=by)[1:], atol=1e-12)


def test_parameters_out_of_bounds() -> None:
    for bad in ({"covariance": "biased"}, {"border": "wrap"}, {"dimensions": 1}, {"window": 1, "covariance": "sample"}):
        with pytest.raises(ValueError):
            Comparison(**bad)  # type: ignore[arg-type]
