"""Row by row arithmetic: what kernels do in one pass is what torch does in several, and both are the formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.runtime.algorithms.rows import conjugate_move_, conjugate_turn_, momentum_
from recon.runtime.functionals.base import distance_rows, modulus_rows

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
SIZES = [(3, 5), (2, 71, 83), (1, 5000), (4, 0), (1, 1)]
kernels = pytest.mark.parametrize("kernels", ["1", "0"])


def drawn(dtype: torch.dtype, sizes: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(sizes, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@kernels
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_sums(kernels: str, dtype: torch.dtype, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_NATIVE", kernels)
    a, b = drawn(dtype, sizes, 0), drawn(dtype, sizes, 1)
    moduli = np.abs(a.to(torch.complex128).numpy()).reshape(len(a), -1)
    squares = np.abs((a - b).to(torch.complex128).numpy()).reshape(len(a), -1) ** 2
    # Blocks of some thousand terms are summed in their own precision: errors grow like the root of their number.
    rtol = 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(modulus_rows(a).numpy(), moduli.sum(1), rtol=rtol)
    np.testing.assert_allclose(distance_rows(a, b).numpy(), squares.sum(1), rtol=rtol)


@kernels
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("watched", [False, True])
def test_momentum(
    kernels: str, dtype: torch.dtype, sizes: tuple[int, ...], watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other row points uphill: there z is x plus a multiple of the move."""
    monkeypatch.setenv("RECON_NATIVE", kernels)
    x, before = drawn(dtype, sizes, 0), drawn(dtype, sizes, 1)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0])[: len(x)].reshape(-1, *[1] * (len(sizes) - 1)).to(dtype)
    z, beta = x + signs * (x - before), torch.linspace(0.1, 0.9, len(x), dtype=dtype.to_real())
    expected_uphill = torch.tensor([watched and k % 2 == 0 and x[k].numel() > 0 for k in range(len(x))])
    share = torch.where(expected_uphill, 0, beta).reshape(signs.shape)
    expected = x + share * (x - before)
    found, uphill = momentum_(x, before.clone(), z.clone(), beta, watched)
    assert torch.equal(torch.as_tensor(uphill).expand(len(x)), expected_uphill)
    torch.testing.assert_close(found, expected, rtol=0, atol=20 * torch.finfo(dtype).eps)


@kernels
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_moves_of_conjugate_gradients(
    kernels: str, dtype: torch.dtype, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_NATIVE", kernels)
    p, q, x, r = (drawn(dtype, sizes, seed) for seed in range(4))
    alpha = torch.linspace(0.1, 0.9, len(x), dtype=dtype.to_real())
    each, atol = alpha.reshape(-1, *[1] * (len(sizes) - 1)), 20 * torch.finfo(dtype).eps
    moved, residual, square = conjugate_move_(p, q, x.clone(), r.clone(), alpha)
    torch.testing.assert_close(moved, x + each * p, rtol=0, atol=atol)
    torch.testing.assert_close(residual, r - each * q, rtol=0, atol=atol)
    expected = (np.abs(residual.to(torch.complex128).numpy()).reshape(len(x), -1) ** 2).sum(1)
    assert square.dtype == dtype.to_real()
    np.testing.assert_allclose(square.numpy(), expected, rtol=100 * torch.finfo(dtype).eps)
    torch.testing.assert_close(conjugate_turn_(r, p.clone(), alpha), r + each * p, rtol=0, atol=atol)


@kernels
def test_not_numbers_stay(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_NATIVE", kernels)
    a = torch.ones(2, 37, dtype=torch.complex64)
    a[0, 35] = torch.nan
    assert modulus_rows(a).isnan().tolist() == [True, False]
