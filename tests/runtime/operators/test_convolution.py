"""Convolution against scipy."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch
from recon.dsl.model.facts import Diagonal, Norm
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Leaf
from recon.dsl.model.units import ANGLE, Quantity
from recon.dsl.model.word import Kernel
from recon.dsl.vocabulary.operators.convolution import Conv
from recon.dsl.vocabulary.operators.kernels import ArrayKernel, Disc, GaussianKernel, Motion
from recon.dsl.vocabulary.operators.resampling import Sum
from recon.runtime.operators.convolution import Boundary, SummedConvolution, convolve

from .making import grid, make, sample


def stored(folder: Path, array: np.ndarray) -> ArrayKernel:
    np.save(folder / "k.npy", array)
    return ArrayKernel(file=FilePath("k.npy", str(folder / "k.npy")))


SIZES = [((8, 9), (3, 5)), ((6, 7), (4, 7)), ((11,), (4,)), ((4, 5, 6), (2, 3, 6)), ((5, 6), (5, 6)), ((7, 4), (1, 2))]
BOUNDARIES: list[Boundary] = ["circular", "zero", "reflect", "valid"]
MODES = {"circular": "wrap", "zero": "constant", "reflect": "reflect"}


def scipys(x: np.ndarray, k: np.ndarray, boundary: str) -> np.ndarray:
    """Each leading entry of x convolved with k by scipy, whose origin of an even kernel stands at k // 2 too."""
    if boundary == "valid":
        return np.stack([scipy.signal.convolve(c, k, mode="valid", method="direct") for c in x])
    return np.stack([scipy.ndimage.convolve(c, k, mode=MODES[boundary]) for c in x])


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("sizes", "kernel"), SIZES)
@pytest.mark.parametrize("field", ["real", "complex"])
def test_convolution_is_scipys(
    tmp_path: Path, sizes: tuple[int, ...], kernel: tuple[int, ...], boundary: Boundary, field: str
) -> None:
    rng = np.random.default_rng(0)
    k = rng.normal(size=kernel)
    domain = grid(2, *sizes, head=("channel",) if len(sizes) < 3 else ("frame",), field=field)
    operator, x = make(Conv(kernel=stored(tmp_path, k), boundary=boundary), domain=domain), sample(domain)
    expected = scipys(x.numpy(), k, boundary)
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)
    back = sample(operator.codomain, seed=1)
    left, right = (
        torch.vdot(back.flatten(), operator(x).flatten()),
        torch.vdot(operator.adjoint(back).flatten(), x.flatten()),
    )
    assert complex(left) == pytest.approx(complex(right), abs=1e-11)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_slices_of_a_volume_each_with_its_kernel(tmp_path: Path, boundary: Boundary) -> None:
    k = np.random.default_rng(0).normal(size=(3, 4, 3))
    word = Conv(kernel=stored(tmp_path, k), axes=("row", "col"), boundary=boundary)
    domain = grid(3, 6, 5)
    operator, x = make(word, domain=domain), sample(domain)
    expected = np.concatenate([scipys(x[j : j + 1].numpy(), k[j], boundary) for j in range(3)])
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_some_of_the_axes(tmp_path: Path, boundary: Boundary) -> None:
    k = np.random.default_rng(0).normal(size=(3, 2))
    operator = make(Conv(kernel=stored(tmp_path, k), axes=("col", "z"), boundary=boundary), domain=grid(4, 3, 5))
    x = sample(operator.domain)
    expected = np.moveaxis(scipys(np.moveaxis(x.numpy(), 1, 0), k, boundary), 0, 1)
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_an_image_of_a_volume_is_the_sum_of_its_slices(tmp_path: Path, boundary: Boundary) -> None:
    """The chain that adds up the transforms, against slices that are convolved one by one."""
    k = np.random.default_rng(0).normal(size=(3, 4, 3))
    word = Conv(kernel=stored(tmp_path, k), axes=("row", "col"), boundary=boundary)
    one = make(Sum(axis="z"), word, domain=grid(3, 6, 5))
    assert isinstance(one, SummedConvolution)
    x, y = sample(one.domain, 2), sample(one.codomain, 2, seed=1)
    np.testing.assert_allclose(one(x), sum(scipys(x[:, j].numpy(), k[j], boundary) for j in range(3)), atol=1e-12)
    assert float((one(x) * y).sum()) == pytest.approx(float((one.adjoint(y) * x).sum()), abs=1e-11)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_convolve_is_differentiable_in_image_and_kernel(boundary: Boundary, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 6, dtype=dtype, generator=generator)
    k = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    expected = scipys(x.numpy(), k.numpy(), boundary)
    np.testing.assert_allclose(convolve(x, k, boundary), expected, atol=1e-12)
    x.requires_grad_(), k.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, k: convolve(x, k, boundary), (x, k))


@pytest.mark.parametrize(
    "kernel",
    [GaussianKernel(width=0.6), Disc(radius=1.7), Motion(length=3.0, angle=Quantity(pi / 2, ANGLE))],  # type: ignore[arg-type]
)
def test_mirrored_blurs_by_symmetric_kernels_are_diagonal_in_cosines(kernel: Kernel) -> None:
    placed = place(Leaf(Conv(kernel=kernel, boundary="reflect")), grid(9, 11))
    assert placed.facts.diagonal == Diagonal("cosine", axes=2)
    assert placed.facts.norm == Norm(1.0, exact=True)
    slanted = Leaf(Conv(kernel=Motion(length=3.0, angle=Quantity(0.3, ANGLE)), boundary="reflect"))  # type: ignore[arg-type]
    assert place(slanted, grid(9, 11)).facts.diagonal is None


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
    ("shape", "axes", "domain", "message"),
    [
        ((3, 3, 3, 3), "auto", grid(8, 8), "has a kernel with 4 axes, and convolves 2"),
        ((4, 3, 3), "auto", grid(8, 8), "has 4 kernels, and .* no axis for them in front of row, col"),
        ((4, 3, 3), ("row", "col"), grid(5, 8, 8), "has 4 kernels, but .* has 5 entries along z"),
        ((3, 3), ("z", "row"), grid(8, 8), "along z: .* has no such axis"),
        ((3, 3), ("row", "row"), grid(8, 8), "names an axis twice"),
        ((9, 3), "auto", grid(8, 8), "a kernel of 9 entries along row, longer than"),
    ],
)
def test_kernels_that_do_not_fit(
    tmp_path: Path, shape: tuple[int, ...], axes: Any, domain: Space, message: str
) -> None:
    with pytest.raises(MisfitError, match=message):
        make(Conv(kernel=stored(tmp_path, np.ones(shape)), axes=axes), domain=domain)
