"""The kernel of coils and lines against its formula in torch, in double precision."""

from __future__ import annotations

import pytest
import torch
from recon.runtime.native import native
from recon.runtime.transforms.coils import LineFilter

pytestmark = pytest.mark.skipif(native() is None, reason="no kernels on this machine")


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize(
    ("coils", "sizes"), [(8, (64, 320)), (3, (37, 30)), (2, (5, 75)), (1, (16, 256)), (4, (3, 5, 18)), (2, (3, 1))]
)
def test_lines(coils: int, sizes: tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, x = drawn(coils, *sizes, seed=0), drawn(2, *sizes, seed=1)
    weights = torch.rand(sizes[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    filtered = torch.fft.ifft(torch.fft.fft(x[:, None] * maps) * weights)
    expected = (filtered * maps.conj()).sum(1)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("recon.runtime.transforms.coils.threads_for", lambda numbers, n=threads: n)
        found.append(LineFilter(weights.to(dtype.to_real()), maps.to(dtype))(x.to(dtype)))
    assert torch.equal(*found)
    # Errors of transforms grow with the root of the number of stages; of sums over coils likewise.
    error = torch.linalg.vector_norm(found[0] - expected) / torch.linalg.vector_norm(expected)
    assert float(error) < 10 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("sizes", [(1, 320), (2, 16, 64), (37, 30), (32, 12), (3, 5, 75)])
def test_lines_without_maps(sizes: tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    x = drawn(*sizes, seed=1)
    weights = torch.rand(sizes[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = torch.fft.ifft(torch.fft.fft(x) * weights)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("recon.runtime.transforms.coils.threads_for", lambda numbers, n=threads: n)
        found.append(LineFilter(weights.to(dtype.to_real()))(x.to(dtype)))
    assert torch.equal(*found)
    error = torch.linalg.vector_norm(found[0] - expected)
    assert float(error) <= 10 * torch.finfo(dtype).eps * float(torch.linalg.vector_norm(expected))


def test_what_it_does_not_take() -> None:
    maps = drawn(2, 4, 16, seed=0)
    assert not LineFilter.fits(torch.ones(14))
    assert not LineFilter.fits(torch.ones(4, 16))
    assert not LineFilter.fits(torch.ones(16, dtype=torch.complex64))
    assert not LineFilter.fits(torch.ones(4), maps)
    assert not LineFilter.fits(torch.ones(16), maps.real)
    with pytest.raises(ValueError, match="no kernel"):
        LineFilter(torch.ones(14))
