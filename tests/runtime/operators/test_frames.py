"""Frames and dictionaries against PyWavelets, scipy and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import scipy.fft
import torch
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.terms import Adjoint, Compose, Leaf
from recon.dsl.vocabulary.operators import basic, fourier, frames, sparsity
from recon.runtime.functionals.priors import penalised_entries

from .making import grid, make, sample

COSINE = Leaf(fourier.Cosine())


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("name", ["haar", "db2", "sym5"])
def test_undecimated_is_pywts(name: str, field: str) -> None:
    domain = grid(16, 24, field=field)
    operator = make(frames.Undecimated(of=sparsity.Wavelet(name=name), levels=3), domain=domain)
    x = sample(domain, 1)
    coarse, *scales = pywt.swt2(x[0].numpy(), name, 3, norm=True, trim_approx=True)
    # Its horizontal details (low along columns... high along rows) stand before the vertical ones.
    expected = [coarse, *(scale[k] for scale in scales for k in (1, 0, 2))]
    np.testing.assert_allclose(operator(x)[0], np.stack(expected), atol=1e-12)


@pytest.mark.parametrize("sizes", [(37,), (15, 9), (5, 6, 7)])
def test_any_size_is_a_tight_frame(sizes: tuple[int, ...]) -> None:
    domain = grid(2, *sizes, head=("channel",))
    operator = make(frames.Undecimated(of=sparsity.Wavelet(name="db4"), levels=4), domain=domain)
    x = sample(domain, 2)
    assert operator.codomain.sizes == (4 * (2 ** len(sizes) - 1) + 1, 2, *sizes)
    torch.testing.assert_close(operator.adjoint(operator(x)), x)


def test_the_coarse_band_is_spared() -> None:
    operator = make(frames.Undecimated(of=sparsity.Wavelet(), levels=2), domain=grid(2, 8, 8, head=("frame",)))
    penalised = penalised_entries(operator)
    assert penalised is not None
    assert not penalised[0].any()
    assert penalised[1:].all()
    flat = operator(torch.ones(1, 2, 8, 8, dtype=torch.float64))[0]
    assert float(flat[penalised].abs().max()) < 1e-12


def test_levels_are_those_of_the_wavelet() -> None:
    assert frames.Undecimated(of=sparsity.Wavelet(levels=2)).depth() == 2
    assert frames.Undecimated(of=sparsity.Wavelet()).depth() == 3


def test_block_cosines_are_scipys() -> None:
    domain = grid(3, 16, 24, head=("channel",))
    x = sample(domain, 2)
    found = make(frames.Blocks(of=COSINE, size=8), domain=domain)(x)
    for r in range(2):
        for c in range(3):
            block = (..., slice(8 * r, 8 * r + 8), slice(8 * c, 8 * c + 8))
            expected = scipy.fft.dctn(x[block].numpy(), axes=(-2, -1), norm="ortho")
            np.testing.assert_allclose(found[block], expected, atol=1e-12)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_overlapping_blocks(step: int) -> None:
    domain = grid(12, 8)
    operator = make(frames.Blocks(of=COSINE, size=4, step=step), domain=domain)
    x = sample(domain, 2)
    found, wrapped = operator(x), np.pad(x.numpy(), ((0, 0), (0, 4), (0, 4)), mode="wrap")
    for r in range(12 // step):
        for c in range(8 // step):
            expected = scipy.fft.dctn(wrapped[:, r * step :][:, :4, c * step :][:, :, :4], axes=(1, 2), norm="ortho")
            place = found[:, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4]
            np.testing.assert_allclose(place, expected * step / 4, atol=1e-12)
    torch.testing.assert_close(operator.adjoint(found), x)


def test_the_means_of_blocks_are_spared() -> None:
    penalised = penalised_entries(make(frames.Blocks(of=COSINE, size=4), domain=grid(2, 8, 12, head=("channel",))))
    assert penalised is not None
    expected = torch.ones(8, 12, dtype=torch.bool)
    expected[::4, ::4] = False
    assert torch.equal(penalised, expected.expand(2, 8, 12))
    inner = Leaf(sparsity.Wavelet(name="haar", levels=1))
    corner = penalised_entries(make(frames.Blocks(of=inner, size=4), domain=grid(8, 8)))
    assert corner is not None
    assert (
        corner[:4, :4].tolist() == (torch.arange(16).view(4, 4) % 4 // 2 + torch.arange(4)[:, None] // 2 > 0).tolist()
    )
    assert penalised_entries(make(frames.Blocks(of=Leaf(basic.Identity()), size=4), domain=grid(8, 8))) is None


def test_a_dictionary_is_a_longer_cosine_basis() -> None:
    domain = grid(10, 12)
    operator = make(frames.Dictionary(kind="cosine", size=(5, 6), redundancy=2), domain=domain)
    z = sample(domain, 2)
    expected = scipy.fft.idctn(z.numpy(), axes=(1, 2), norm="ortho")[:, :5, :6]
    np.testing.assert_allclose(operator(z), expected, atol=1e-12)
    x = sample(operator.codomain, 1)
    torch.testing.assert_close(operator(operator.adjoint(x)), x)


def test_a_dictionary_of_patches() -> None:
    """Coefficients of each patch in a place of their own: twice the extents of the picture."""
    patches = Leaf(frames.Blocks(of=Adjoint(Leaf(frames.Dictionary(kind="cosine", size=(4, 4)))), size=4))
    domain = grid(16, 24)
    operator = make(Adjoint(patches), domain=domain)
    assert operator.codomain.sizes == (8, 12)
    z = sample(domain, 1)
    expected = scipy.fft.idctn(z[0, 8:, 8:16].numpy(), norm="ortho")[:4, :4]
    np.testing.assert_allclose(operator(z)[0, 4:, 4:8], expected, atol=1e-12)


def test_low_frequencies_are_the_first_cosines() -> None:
    operator = make(frames.LowFrequencies(size=20, count=5), domain=grid(5))
    basis = scipy.fft.idct(np.eye(20), axis=1, norm="ortho")[:5]
    np.testing.assert_allclose(operator(torch.eye(5, dtype=torch.float64)), basis, atol=1e-12)


@pytest.mark.parametrize(
    ("word", "sizes", "message"),
    [
        (
            frames.Dictionary(kind="cosine", size=(8, 8)),
            (8, 8),
            r"has 16 x 16 coefficients.*declare `unknown z : real\[16, 16\]`",
        ),
        (frames.Blocks(of=COSINE, size=8), (20, 16), "of 8 every 8 do not tile row 20; 16 or 24 would do"),
        (frames.Blocks(of=COSINE, size=8, step=3), (24, 24), "in steps of 3, which must divide 8"),
        (frames.Blocks(of=COSINE, size=(8,)), (16, 16), "has 1 sizes, and .* 2 spatial axes"),
        (frames.Blocks(of=Leaf(sparsity.Gradient()), size=8), (16, 16), "that keeps the axes of a block"),
        (frames.LowFrequencies(size=4, count=5), (5,), "takes 5 cosines of 4 entries, and there are 4"),
        (frames.LowFrequencies(size=9, count=5), (6,), "takes 5 coefficients"),
    ],
)
def test_what_does_not_fit_is_told(word: frames.Operator, sizes: tuple[int, ...], message: str) -> None:
    with pytest.raises(MisfitError, match=message):
        place(Compose((Leaf(word),)), grid(*sizes))
