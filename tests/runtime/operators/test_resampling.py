"""Crops, margins, sums and coarser grids against numpy, and filtered downsampling against the published formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from recon.dsl.model.facts import Diagonal
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Compose, Leaf
from recon.dsl.model.word import Operator
from recon.dsl.vocabulary.operators.convolution import Conv
from recon.dsl.vocabulary.operators.kernels import GaussianKernel
from recon.dsl.vocabulary.operators.resampling import Crop, Downsample, Pad, Sum

from .making import grid, make, sample


@pytest.mark.parametrize(("sizes", "factor"), [((6,), 3), ((4, 6), 2), ((4, 2, 6), 2)])
def test_downsampling_is_numpys(sizes: tuple[int, ...], factor: int) -> None:
    domain = grid(3, *sizes, head=("channel",), field="complex")
    x = sample(domain)
    stride = make(Downsample(factor=factor), domain=domain)
    assert torch.equal(stride(x), x[(slice(None), *[slice(None, None, factor)] * len(sizes))])
    mean = make(Downsample(factor=factor, kind="average"), domain=domain)(x).numpy()
    i = tuple(0 for _ in sizes)
    block = x.numpy()[(slice(None), *[slice(factor)] * len(sizes))].reshape(3, -1).mean(1)
    np.testing.assert_allclose(mean[(slice(None), *i)], block, atol=1e-14)
    last = x.numpy()[(slice(None), *[slice(-factor, None)] * len(sizes))].reshape(3, -1).mean(1)
    np.testing.assert_allclose(mean[(slice(None), *[-1] * len(sizes))], last, atol=1e-14)


def keys(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cubic kernel of Keys 1981 with a = -1/2, written as in MATLAB's imresize."""
    t = np.abs(t)
    return (1.5 * t**3 - 2.5 * t**2 + 1) * (t <= 1) + (-0.5 * t**3 + 2.5 * t**2 - 4 * t + 2) * ((t > 1) & (t <= 2))


def tent(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 - np.abs(t)) * (np.abs(t) <= 1)


def lanczos3(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.sinc(t) * np.sinc(t / 3)) * (np.abs(t) < 3)


H = {"bilinear": (tent, 2), "bicubic": (keys, 4), "lanczos": (lanczos3, 6)}


def imresize(n: int, m: int, kind: str) -> NDArray[np.float64]:
    """The matrix [m, n] by which MATLAB's imresize resizes a line: its steps, with its one-based places."""
    kernel, width = H[kind]
    scale = m / n
    shrink = min(scale, 1.0)  # its kernels are stretched where a line is shrunk only
    width = width / shrink
    u = np.arange(1, m + 1) / scale + 0.5 * (1 - 1 / scale)
    taps = int(np.ceil(width)) + 2
    indices = np.floor(u - width / 2)[:, None] + np.arange(taps)
    weights = shrink * kernel(shrink * (u[:, None] - indices))
    weights /= weights.sum(1, keepdims=True)
    mirrored = np.concatenate([np.arange(n), np.arange(n)[::-1]])[np.mod(indices - 1, 2 * n).astype(int)]
    out = np.zeros((m, n))
    np.add.at(out, (np.arange(m)[:, None].repeat(taps, 1), mirrored), weights)
    return out


@pytest.mark.parametrize("kind", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("sizes", "factor"), [((24, 36), 4), ((15, 9), 3), ((4, 8), 4), ((12, 10), 2), ((6, 7), 1)])
def test_filtered_downsampling_is_imresize(kind: Any, sizes: tuple[int, int], factor: int) -> None:
    operator = make(Downsample(factor=factor, kind=kind), domain=grid(2, *sizes, head=("channel",), field="complex"))
    x, y = sample(operator.domain), sample(operator.codomain)
    rows, columns = (imresize(n, n // factor, kind) for n in sizes)
    np.testing.assert_allclose(operator(x), rows @ x.numpy() @ columns.T, atol=1e-12)
    np.testing.assert_allclose(operator.adjoint(y), rows.T @ y.numpy() @ columns, atol=1e-12)


@pytest.mark.parametrize("kind", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_away_from_the_edges_it_is_pillows_and_torchs(kind: Any, factor: int) -> None:
    """Both leave out what lies beyond the edge and weigh the rest more, where imresize mirrors."""
    domain = grid(24 * factor, 20 * factor)
    x = sample(domain)
    ours = make(Downsample(factor=factor, kind=kind), domain=domain)(x)[4:-4, 4:-4]
    modes = {
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "lanczos": Image.Resampling.LANCZOS,
    }
    pillow = np.asarray(Image.fromarray(x.numpy().astype(np.float32)).resize((20, 24), modes[kind]))
    np.testing.assert_allclose(ours, pillow[4:-4, 4:-4], atol=1e-5)
    if kind != "lanczos":
        torchs = torch.nn.functional.interpolate(x[None, None], scale_factor=1 / factor, mode=kind, antialias=True)
        np.testing.assert_allclose(ours, torchs[0, 0, 4:-4, 4:-4], atol=1e-9)


@pytest.mark.parametrize(("n", "m"), [(8, 5), (7, 4), (7, 5), (6, 6), (5, 1)])
def test_crop_keeps_the_middle_and_pad_is_its_adjoint(n: int, m: int) -> None:
    crop, pad = make(Crop(size=(m, 3)), domain=grid(n, 3)), make(Pad(size=(n, 3)), domain=grid(m, 3))
    x, y = sample(crop.domain), sample(pad.domain, 2)
    expected = np.fft.ifftshift(np.fft.fftshift(np.arange(n)))  # fftshift puts index 0 at n // 2
    middle = np.fft.fftshift(expected)
    kept = np.arange(n)[n // 2 - m // 2 :][:m]
    assert list(middle[kept]) == list(np.fft.fftshift(np.fft.fftfreq(n, 1 / n).astype(int) % n)[kept])
    np.testing.assert_array_equal(crop(x), x[kept])
    assert int(kept[m // 2]) == n // 2
    np.testing.assert_array_equal(pad(y), crop.adjoint(y))


@pytest.mark.parametrize(("kind", "mode"), [("zero", "constant"), ("reflect", "symmetric"), ("circular", "wrap")])
def test_margins_are_numpys(kind: Any, mode: str) -> None:
    domain = grid(5, 4, field="complex")
    for word, extents in ((Pad(size=(12, 7), kind=kind), (12, 7)), (Pad(factor=2, kind=kind), (10, 8))):
        operator, x = make(word, domain=domain), sample(domain, 2)
        before = [m // 2 - n // 2 for m, n in zip(extents, (5, 4), strict=True)]
        margins = [(b, m - n - b) for b, m, n in zip(before, extents, (5, 4), strict=True)]
        expected = np.pad(x.numpy(), [(0, 0), *margins], mode=mode)  # type: ignore[call-overload]
        np.testing.assert_array_equal(operator(x), expected)


def test_sum_is_numpys() -> None:
    domain = grid(3, 4, 5, 6, head=("channel",))
    x = sample(domain, 2)
    for name, axis in (("channel", 1), ("z", 2), ("row", 3), ("col", 4)):
        operator = make(Sum(axis=name), domain=domain)  # type: ignore[arg-type]
        np.testing.assert_allclose(operator(x), x.numpy().sum(axis), rtol=1e-12)
        assert [a.name for a in operator.codomain.axes] == [n for n in ("channel", "z", "row", "col") if n != name]


@pytest.mark.parametrize(
    ("word", "domain", "message"),
    [
        (Crop(size=(9,)), grid(8, 12), "to 9 entries along row is more than"),
        (Crop(size=(2, 2, 2)), grid(8, 12), "names 3 extents, but .* has 2 spatial axes"),
        (Pad(size=(7, 12)), grid(8, 12), "to 7 entries along row is less than"),
        (Pad(), grid(8, 12), r"needs `size` or `factor`; write `pad\(factor = 2\)`"),
        (Pad(factor=3, kind="reflect"), grid(8, 12), "to 24 entries along row would need .* more than once"),
        (Sum(axis="z"), grid(8, 12), "along z: .* has no such axis"),
        (Sum(axis="sample"), grid(8), "along sample would leave no axis"),
        (Downsample(factor=5, kind="bicubic"), grid(10, 12), "by 5 does not divide col 12"),
    ],
)
def test_grids_that_do_not_fit(word: Operator, domain: Space, message: str) -> None:
    with pytest.raises(MisfitError, match=message):
        make(word, domain=domain)


def test_coarser_pixels_are_larger() -> None:
    from dataclasses import replace

    fine = grid(4, 6)
    fine = fine.with_axes(tuple(replace(a, voxel=1e-3) for a in fine.axes))
    coarse = Downsample(factor=2).codomain(fine)
    assert [a.voxel for a in coarse.axes] == [2e-3, 2e-3]
    assert Downsample(factor=2).preimage(coarse) == fine


@pytest.mark.parametrize(
    ("kind", "boundary", "basis"),
    [("stride", "circular", "fourier"), ("average", "circular", "fourier"), ("average", "reflect", "cosine"),
     ("bicubic", "reflect", "cosine"), ("stride", "reflect", None), ("bicubic", "circular", None)],
)  # fmt: skip
def test_coarse_pixels_of_a_blurred_image_have_a_closed_form(kind: Any, boundary: Any, basis: str | None) -> None:
    """A A^H is diagonal on the coarse grid, so that its pseudo-inverse is a division there."""
    blur = Leaf(Conv(kernel=GaussianKernel(width=0.3), boundary=boundary))
    chain = Compose((Leaf(Downsample(factor=2, kind=kind)), blur))
    found = place(chain, grid(8, 12)).facts.cogram
    assert found == (None if basis is None else Diagonal(basis, axes=2))  # type: ignore[arg-type]
