"""Errors against scikit-image's metrics and their formulas."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import skimage.metrics
import torch
from recon.runtime.measures import mse, nmse, nrmse, psnr

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]


def pair(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, dtype=dtype, generator=generator), torch.randn(shape, dtype=dtype, generator=generator)


@pytest.mark.parametrize("shape", [(3, 16), (2, 1, 9, 11), (2, 3, 4, 5, 6)])
def test_real_errors_agree_with_scikit_image(shape: tuple[int, ...]) -> None:
    e, t = pair(shape)
    for b in range(shape[0]):
        x, y = e[b].numpy(), t[b].numpy()
        assert mse(e, t)[b].item() == pytest.approx(skimage.metrics.mean_squared_error(y, x), rel=1e-12)
        root = skimage.metrics.normalized_root_mse(y, x, normalization="euclidean")
        assert nrmse(e, t)[b].item() == pytest.approx(root, rel=1e-12)
        assert nmse(e, t)[b].item() == pytest.approx(root**2, rel=1e-12)
        decibels = skimage.metrics.peak_signal_noise_ratio(y, x, data_range=2.5)
        assert psnr(e, t, range=2.5)[b].item() == pytest.approx(decibels, rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_against_the_formula(dtype: torch.dtype) -> None:
    e, t = pair((2, 8, 8), dtype)
    x, y = e.numpy().astype(np.complex128), t.numpy().astype(np.complex128)
    energy = (np.abs(x - y) ** 2).sum(axis=(1, 2))
    size = (np.abs(y) ** 2).sum(axis=(1, 2))
    for ours, expected in [(mse(e, t), energy / 64), (nmse(e, t), energy / size)]:
        assert ours.dtype == torch.float64
        # One rounding of each difference.
        assert np.allclose(ours.numpy(), expected, rtol=4 * torch.finfo(dtype).eps)


def test_small_errors_on_large_values_survive_single_precision() -> None:
    t = torch.full((1, 1000), 1000.0)
    e = t + 2.0**-10
    assert mse(e, t).item() == 2.0**-20


def test_sums_do_not_lose_small_terms() -> None:
    n = 2**22
    t = torch.zeros(1, n)
    e = torch.full((1, n), 0.1)
    assert mse(e, t).item() == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-12)


def test_conjugate_views_integers_and_half_precision() -> None:
    e, t = pair((2, 5), torch.complex128)
    assert torch.allclose(mse(e.conj(), t.conj()), mse(e, t))
    a, b = torch.tensor([[0, 255]], dtype=torch.uint8), torch.tensor([[255, 0]], dtype=torch.uint8)
    assert mse(a, b).item() == pytest.approx(255**2, rel=1e-14)
    assert mse(torch.tensor([[1.0]]).half(), torch.tensor([[1.0009765625]]).half()).item() == 2.0**-20


def test_limits() -> None:
    t = torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    e = torch.tensor([[1.0, 2.0], [0.0, 1.0], [0.0, 0.0]])
    assert mse(e, t).tolist() == [0, 0.5, 0]
    assert psnr(e, t, range=1)[0].item() == math.inf
    assert nmse(e, t)[0] == 0
    for measure in (nmse, nrmse):  # the error of nothing, relative to nothing
        assert measure(e, t).isnan().tolist() == [False, True, True]
    e[1, 0] = math.nan
    assert mse(e, t).isnan().tolist() == [False, True, False]
    assert psnr(e, t, range=1).isnan().tolist() == [False, True, False]


def test_a_range_of_zero_leaves_psnr_undefined() -> None:
    e, t = torch.tensor([[1.0, 2.0], [3.0, 3.0], [3.0, 4.0]]), torch.tensor([[1.0, 3.0], [3.0, 3.0], [3.0, 3.0]])
    spans = t.amax(1) - t.amin(1)
    assert psnr(e, t, range=spans).isnan().tolist() == [False, True, True]
    assert psnr(e, t, range=0).isnan().all()


def test_a_range_for_each_row() -> None:
    e, t = pair((3, 10))
    peaks = torch.tensor([1.0, 2.0, 5.0])
    together = psnr(e, t, range=peaks)
    apart = torch.cat([psnr(e[b : b + 1], t[b : b + 1], range=float(peaks[b])) for b in range(3)])
    assert torch.equal(together, apart)


@pytest.mark.parametrize("measure", [mse, nmse, lambda e, t: psnr(e, t, range=1.0)])
def test_differentiable(measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    e, t = pair((2, 3))
    assert torch.autograd.gradcheck(lambda x: measure(x, t), e.requires_grad_())


def test_what_cannot_be_measured() -> None:
    for measure in (mse, nmse, nrmse, lambda e, t: psnr(e, t, range=1)):
        with pytest.raises(ValueError, match="differ in shape"):
            measure(torch.zeros(2, 3), torch.zeros(2, 1))
        with pytest.raises(ValueError, match="nothing to measure"):
            measure(torch.zeros(2, 0), torch.zeros(2, 0))
        with pytest.raises(ValueError, match="batch"):
            measure(torch.tensor(1.0), torch.tensor(1.0))
    for bad in (-1.0, torch.tensor([1.0, -1.0])):
        with pytest.raises(ValueError, match="not be negative"):
            psnr(torch.zeros(2, 3), torch.zeros(2, 3), range=bad)
    with pytest.raises(ValueError, match="one number"):
        psnr(torch.zeros(2, 3), torch.zeros(2, 3), range=torch.ones(3))
