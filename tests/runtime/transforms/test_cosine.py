"""The cosine transform against scipy, and its blocks against scipy block by block."""

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from recon.runtime.transforms import block_cosine_forward, block_cosine_inverse, cosine_forward, cosine_inverse

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
LONG = [161, 162, 200, 243, 320, 331]


def random(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def peer(x: torch.Tensor, axes: tuple[int, ...], inverse: bool = False) -> NDArray[np.generic]:
    transform = scipy.fft.idctn if inverse else scipy.fft.dctn
    if not x.is_complex():
        return transform(x.double().numpy(), norm="ortho", axes=axes)
    return peer(x.real, axes, inverse) + 1j * peer(x.imag, axes, inverse)


def close(result: torch.Tensor, expected: NDArray[np.generic], longest: int, axes: int) -> bool:
    """A product of length n rounds by at most n eps relative to the norm, an FFT by less."""
    bound = 2 * longest * axes * torch.finfo(result.dtype).eps * np.linalg.norm(expected)
    return bool(np.linalg.norm(result.numpy() - expected) <= bound)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[torch.Tensor, int]:
    axes = draw(st.integers(1, 3))
    sizes = [draw(st.integers(1, 12)) for _ in range(axes)]
    if draw(st.booleans()):
        sizes[draw(st.integers(0, axes - 1))] = draw(st.sampled_from(LONG))
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    return random((*batch, *sizes), draw(st.sampled_from(DTYPES)), draw(st.integers(0, 99))), axes


@settings(max_examples=80, deadline=None)
@given(problem=arrays())
def test_coefficients_and_inverse_of_scipy(problem: tuple[torch.Tensor, int]) -> None:
    x, axes = problem
    over, longest = tuple(range(-axes, 0)), max(x.shape[-axes:])
    for act, inverse in ((cosine_forward, False), (cosine_inverse, True)):
        result = act(x, axes)
        assert result.shape == x.shape
        assert result.dtype == x.dtype
        assert close(result, peer(x, over, inverse), longest, axes)


@pytest.mark.parametrize("size", [1, 2, 7, 160, 161, 242])
def test_matrix_is_orthogonal_and_its_transpose_the_inverse(size: int) -> None:
    identity = torch.eye(size, dtype=torch.float64)
    rows = cosine_forward(identity, 1)
    assert torch.allclose(rows @ rows.T, identity, rtol=0, atol=size * 1e-15)
    assert torch.allclose(cosine_inverse(identity, 1), rows.T, rtol=0, atol=size * 1e-15)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.sampled_from(DTYPES))
def test_blocks_of_scipy(size: int, rows: int, columns: int, batch: bool, dtype: torch.dtype) -> None:
    x = random((*((2,) if batch else ()), size * rows, size * columns), dtype)
    for act, inverse in ((block_cosine_forward, False), (block_cosine_inverse, True)):
        result, expected = act(x, size), np.zeros_like(x.numpy(), dtype=np.complex128)
        for i in range(rows):
            for j in range(columns):
                place = (..., slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size))
                expected[place] = peer(x[place], (-2, -1), inverse)
        assert result.shape == x.shape
        assert result.dtype == dtype
        assert close(result, expected, size, 2)


@pytest.mark.parametrize("size", [6, 200])
def test_gradient_is_the_adjoint(size: int) -> None:
    x, weight = random((2, size)).requires_grad_(), random((2, size), seed=1)
    with torch.inference_mode():
        cosine_forward(x, 2)  # what it keeps must be usable by autograd
    for act, adjoint in ((cosine_forward, cosine_inverse), (cosine_inverse, cosine_forward)):
        (gradient,) = torch.autograd.grad((act(x, 2) * weight).sum(), x)
        assert torch.allclose(gradient, adjoint(weight, 2), rtol=0, atol=1e-13)


def test_conjugate_views_and_empty_batches() -> None:
    x = random((6, 200), torch.complex128)
    assert torch.equal(cosine_forward(x.conj(), 2), cosine_forward(x.conj().resolve_conj(), 2))
    assert cosine_forward(torch.empty(0, 200), 1).shape == (0, 200)


def test_what_cannot_be_transformed() -> None:
    with pytest.raises(ValueError, match="do not tile"):
        block_cosine_forward(torch.zeros(16, 12), 8)
    with pytest.raises(ValueError, match="do not tile"):
        block_cosine_forward(torch.zeros(16, 16), 0)
    for axes in (0, 3):
        with pytest.raises(ValueError, match="cannot take"):
            cosine_forward(torch.zeros(4, 4), axes)
    with pytest.raises(TypeError, match="takes float32"):
        cosine_forward(torch.zeros(4, dtype=torch.int32), 1)
