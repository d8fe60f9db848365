"""Fourier and cosine transforms against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import torch
from recon.dsl.model.word import Operator as OperatorWord
from recon.dsl.vocabulary.operators import fourier, mri, sampling
from recon.runtime.operators.base import Composition
from recon.runtime.operators.fourier import FourierOperator, without_idle_transforms
from recon.runtime.operators.spectral import SpectralFilter

from .making import grid, make, sample


@pytest.mark.parametrize("norm", ["ortho", "none"])
@pytest.mark.parametrize(
    ("word", "sizes"),
    [
        (fourier.Fft, (7,)),
        (fourier.Fft, (8,)),
        (fourier.Fft2, (5, 6)),
        (fourier.Fft2, (4, 1)),
        (fourier.Fft3, (3, 4, 5)),
    ],
)
def test_centred_transform_is_numpys(word: type[fourier.Fft], sizes: tuple[int, ...], norm: str) -> None:
    domain = grid(*sizes, field="complex")
    operator, x = make(word(norm=norm), domain=domain), sample(domain, 2)  # type: ignore[arg-type]
    axes = tuple(range(-len(sizes), 0))
    shifted = np.fft.ifftshift(x.numpy(), axes=axes)
    expected = np.fft.fftshift(np.fft.fftn(shifted, axes=axes, norm="ortho" if norm == "ortho" else None), axes=axes)
    np.testing.assert_allclose(operator(x), expected, atol=1e-12 * np.abs(expected).max())


def test_zero_frequency_is_in_the_middle_and_a_centred_impulse_is_flat() -> None:
    domain = grid(5, 8, field="complex")
    operator = make(fourier.Fft2(), domain=domain)
    constant = operator(torch.ones(5, 8, dtype=torch.complex128))
    assert abs(complex(constant[2, 4]) - 40**0.5) < 1e-12
    assert float(constant.abs().sum()) == pytest.approx(40**0.5)
    impulse = torch.zeros(5, 8, dtype=torch.complex128)
    impulse[2, 4] = 1
    torch.testing.assert_close(operator(impulse), torch.full((5, 8), 40**-0.5, dtype=torch.complex128))


@pytest.mark.parametrize("norm", ["ortho", "none"])
@pytest.mark.parametrize("sizes", [(6, 8), (5, 7)])
def test_sampled_gram_takes_transforms_along_columns_only(sizes: tuple[int, int], norm: str) -> None:
    domain = grid(*sizes, field="complex")
    operator = make(mri.Cartesian(accel=2), fourier.Fft2(norm=norm), domain=domain)  # type: ignore[arg-type]
    assert isinstance(operator, Composition)
    assert isinstance(operator.middle, SpectralFilter)
    assert (operator.inner, operator.middle.dims) == (0, [-1])
    x = sample(domain, 3)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)), rtol=1e-12, atol=1e-12)


def test_a_real_image_takes_a_real_filter() -> None:
    operator, x = make(mri.Cartesian(accel=2), fourier.Fft2(), domain=grid(6, 8)), sample(grid(6, 8))
    assert isinstance(operator, Composition)
    assert operator.inner == 0
    assert operator.gram(x).dtype == torch.float64
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sizes", [(9,), (4, 6), (2, 3, 4)])
def test_cosine_is_scipys(sizes: tuple[int, ...]) -> None:
    domain = grid(2, *sizes, head=("channel",))
    x = sample(domain)
    expected = scipy.fft.dctn(x.numpy(), axes=range(1, 1 + len(sizes)), norm="ortho")
    np.testing.assert_allclose(make(fourier.Cosine(), domain=domain)(x), expected, atol=1e-13)


def test_lines_of_each_frame_have_weights_of_their_own() -> None:
    domain = grid(3, 4, 16, head=("frame",), field="complex")
    weights = torch.rand(3, 1, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = sample(domain, 2)
    for given in (weights, weights[0, 0]):
        expected = torch.fft.ifft(torch.fft.fft(x) * given)
        torch.testing.assert_close(SpectralFilter(given, 2, domain)(x), expected)


@pytest.mark.parametrize(
    ("sizes", "word", "coils", "idle"),
    [
        ((6, 8), mri.Cartesian(accel=2), False, [-2]),
        ((7, 9), mri.Cartesian(accel=2), True, [-2]),
        ((7, 9), mri.Cartesian(accel=2, axis="row"), True, [-1]),
        ((4, 6, 5), mri.Cartesian(accel=2), True, [-3, -2]),
        ((6, 8), sampling.Points(accel=2), True, None),
    ],
)
def test_transforms_that_a_mask_does_not_see_come_off(
    sizes: tuple[int, ...], word: OperatorWord, coils: bool, idle: list[int] | None
) -> None:
    """K = U K' with a unitary U, so that |K x - y| = |K' x - U^H y|."""
    domain = grid(*sizes, field="complex")
    transform = fourier.Fft3() if len(sizes) == 3 else fourier.Fft2()
    inner: list[OperatorWord] = [mri.Coils(maps=mri.Birdcage(coils=3))] if coils else []
    k = make(word, transform, *inner, domain=domain)
    found = without_idle_transforms(k)
    if idle is None:
        assert found is None
        return
    assert found is not None
    unitary, rest = found
    assert isinstance(unitary, FourierOperator)
    assert unitary.dims == idle
    x, y = sample(domain, 2), sample(k.codomain, 2, seed=1)
    torch.testing.assert_close(unitary(rest(x)), k(x), rtol=0, atol=1e-13)
    torch.testing.assert_close(rest.adjoint(unitary.adjoint(y)), k.adjoint(y), rtol=0, atol=1e-13)
    torch.testing.assert_close(rest.adjoint(rest(x)), rest.gram(x), rtol=0, atol=1e-13)
    torch.testing.assert_close(unitary.adjoint(unitary(y)), y, rtol=0, atol=1e-13)


def test_no_transform_comes_off_that_is_not_unitary_or_seen_by_the_mask() -> None:
    domain = grid(6, 8, field="complex")
    assert without_idle_transforms(make(mri.Cartesian(accel=2), fourier.Fft2(norm="none"), domain=domain)) is None
    assert without_idle_transforms(make(fourier.Fft2(), domain=domain)) is None
