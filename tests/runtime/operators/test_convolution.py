"""Convolution against scipy, kernels against their definitions, downsampling against numpy."""

from __future__ import annotations

from math import pi
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError
from recon.dsl.model.units import ANGLE, Quantity
from recon.dsl.vocabulary.operators import convolution
from recon.dsl.vocabulary.operators.convolution import ArrayKernel, Conv, GaussianKernel, Motion
from recon.runtime.meaning import meaning
from recon.runtime.operators.convolution import path_lengths

from .making import DOUBLE, grid, make, sample


def stored(folder: Path, array: np.ndarray) -> ArrayKernel:
    np.save(folder / "k.npy", array)
    return ArrayKernel(file=FilePath("k.npy", str(folder / "k.npy")))


@pytest.mark.parametrize("boundary", ["circular", "zero"])
@pytest.mark.parametrize(
    ("sizes", "kernel"), [((8, 9), (3, 5)), ((6, 7), (4, 7)), ((11,), (4,)), ((4, 5, 6), (2, 3, 6))]
)
def test_convolution_is_scipys(tmp_path: Path, sizes: tuple[int, ...], kernel: tuple[int, ...], boundary: str) -> None:
    k = np.random.default_rng(0).normal(size=kernel)
    domain = grid(2, *sizes, head=("channel",))
    operator = make(Conv(kernel=stored(tmp_path, k), boundary=boundary), domain=domain)  # type: ignore[arg-type]
    x = sample(domain)
    if boundary == "zero":
        full = np.stack([scipy.signal.convolve(c, k, mode="full") for c in x.numpy()])
    else:  # the kernel reaches at most once around
        pad = [(0, 0), *[(n, n) for n in sizes]]
        wide = np.pad(x.numpy(), pad, mode="wrap")
        full = np.stack([scipy.signal.convolve(c, k, mode="full") for c in wide])
    crop = tuple(slice(m // 2 + (0 if boundary == "zero" else n), None) for m, n in zip(kernel, sizes, strict=True))
    expected = full[(slice(None), *crop)][(slice(None), *(slice(n) for n in sizes))]
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)


def test_complex_images_and_complex_kernels(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    k = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    for field in ("real", "complex"):
        operator = make(Conv(kernel=stored(tmp_path, k), boundary="zero"), domain=grid(7, 8, field=field))
        x = sample(operator.domain)
        np.testing.assert_allclose(operator(x), scipy.signal.convolve2d(x.numpy(), k, mode="same"), atol=1e-12)


@pytest.mark.parametrize("width", [0.7, 1.5])
def test_gaussian_blur_is_scipys(width: float) -> None:
    domain = grid(20, 24)
    operator, x = make(Conv(kernel=GaussianKernel(width=width)), domain=domain), sample(domain)
    radius = int(np.ceil(4 * width))
    expected = scipy.ndimage.gaussian_filter(x.numpy(), width, mode="wrap", radius=radius)
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("length", "angle"), [(5.0, 0.0), (7.3, 0.4), (6.0, pi / 4), (4.2, 2.0), (9.0, pi / 2), (0.3, 1.0)]
)
def test_motion_is_the_length_of_the_path_in_each_pixel(length: float, angle: float) -> None:
    word = Motion(length=length, angle=Quantity(angle, ANGLE))  # type: ignore[arg-type]
    kernel = meaning(word)(word, 2, DOUBLE)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)
    # Many points on the path, counted by pixel.
    t = (np.arange(400001) / 400000 - 0.5) * length
    rows = np.floor(-t * np.sin(angle) + kernel.shape[0] / 2).astype(int)
    columns = np.floor(t * np.cos(angle) + kernel.shape[1] / 2).astype(int)
    counted = np.zeros(kernel.shape)
    np.add.at(counted, (rows.clip(0, kernel.shape[0] - 1), columns.clip(0, kernel.shape[1] - 1)), 1 / len(t))
    np.testing.assert_allclose(kernel, counted, atol=2e-5)


def test_motion_along_the_columns_is_a_box() -> None:
    np.testing.assert_allclose(path_lengths(3.0, 0.0, (5, 5))[2], [0, 1, 1, 1, 0])
    np.testing.assert_allclose(path_lengths(2.0, pi / 2, (5, 5))[:, 2], [0, 0.5, 1, 0.5, 0], atol=1e-12)
    # Counter-clockwise: at 45 degrees the path runs from the lower left to the upper right.
    lengths = path_lengths(2.0, pi / 4, (3, 3))
    assert lengths[0, 2] > 0.2
    assert lengths[2, 2] == pytest.approx(0, abs=1e-12)


def test_a_path_that_leaves_its_array_is_refused() -> None:
    make(Conv(kernel=Motion(length=5, size=5)), domain=grid(8, 8))
    with pytest.raises(MisfitError, match="leaves its array"):
        make(Conv(kernel=Motion(length=5.1, size=5)), domain=grid(8, 8))


@pytest.mark.parametrize(("sizes", "factor"), [((6,), 3), ((4, 6), 2), ((4, 2, 6), 2)])
def test_downsampling_is_numpys(sizes: tuple[int, ...], factor: int) -> None:
    domain = grid(3, *sizes, head=("channel",), field="complex")
    x = sample(domain)
    stride = make(convolution.Downsample(factor=factor), domain=domain)
    assert torch.equal(stride(x), x[(slice(None), *[slice(None, None, factor)] * len(sizes))])
    mean = make(convolution.Downsample(factor=factor, kind="average"), domain=domain)(x).numpy()
    i = tuple(0 for _ in sizes)
    block = x.numpy()[(slice(None), *[slice(factor)] * len(sizes))].reshape(3, -1).mean(1)
    np.testing.assert_allclose(mean[(slice(None), *i)], block, atol=1e-14)
    last = x.numpy()[(slice(None), *[slice(-factor, None)] * len(sizes))].reshape(3, -1).mean(1)
    np.testing.assert_allclose(mean[(slice(None), *[-1] * len(sizes))], last, atol=1e-14)
