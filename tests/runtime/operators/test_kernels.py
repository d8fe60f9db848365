"""Kernels against their definitions."""

from __future__ import annotations

from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError
from recon.dsl.model.space import SpaceError
from recon.dsl.model.units import ANGLE, Quantity
from recon.dsl.model.word import Kernel
from recon.dsl.vocabulary.operators.convolution import Conv
from recon.dsl.vocabulary.operators.kernels import Airy, ArrayKernel, Caustics, Disc, Motion, StackOf, Triangle
from recon.runtime.build import Build
from recon.runtime.meaning import meaning
from recon.runtime.operators.kernels import disc_areas, path_lengths
from torch import Tensor

from .making import DOUBLE, grid, make


def made(word: Kernel, build: Build = DOUBLE) -> Tensor:
    out: Tensor = meaning(word)(word, 2, build, "here")
    stack = word.stack(2)
    assert tuple(out.shape) == ((*(() if stack is None else (stack,)), *word.extents(2)))
    return out


@pytest.mark.parametrize(
    ("length", "angle"), [(5.0, 0.0), (7.3, 0.4), (6.0, pi / 4), (4.2, 2.0), (9.0, pi / 2), (0.3, 1.0)]
)
def test_motion_is_the_length_of_the_path_in_each_pixel(length: float, angle: float) -> None:
    word = Motion(length=length, angle=Quantity(angle, ANGLE))  # type: ignore[arg-type]
    kernel = meaning(word)(word, 2, DOUBLE, "")
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


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.7, 1.0, 2.5, 3.3, 6.0])
def test_disc_is_the_area_of_each_pixel_inside(radius: float) -> None:
    size = Disc(radius=radius).extents(2)[0]
    area = disc_areas(radius, size)
    assert area.sum() == pytest.approx(pi * radius**2, rel=1e-12)
    np.testing.assert_allclose(area, area.T, atol=1e-12)
    np.testing.assert_allclose(area, area[::-1], atol=1e-12)
    # Points on a grid of 400 x 400 in each pixel; the circle cuts at most a few of its rows.
    line = (np.arange(400) + 0.5) / 400 - 0.5
    centres = np.arange(size) - size // 2
    along = (centres[:, None] + line).ravel()
    counted = (along[:, None] ** 2 + along**2 <= radius**2).reshape(size, 400, size, 400).mean((1, 3))
    np.testing.assert_allclose(area, counted, atol=2e-3)
    assert float(made(Disc(radius=radius)).sum()) == pytest.approx(1, abs=1e-12)


def test_airy_has_its_first_dark_ring_at_the_radius() -> None:
    kernel = made(Airy(radius=40.0))
    middle = kernel.shape[0] // 2
    line = kernel[middle, middle:] / kernel[middle, middle]
    assert float(line[40]) == pytest.approx(0, abs=1e-12)
    # The first bright ring has 1.75% of the middle's intensity, at 5.136 / 3.832 of the radius.
    assert float(line[41:].max()) == pytest.approx(0.0175, abs=1e-4)
    assert int(line[40:80].argmax()) + 40 == round(40 * 5.136 / 3.832)


def stack(folder: Path, values: np.ndarray) -> ArrayKernel:
    np.save(folder / "k.npy", values)
    return ArrayKernel(file=FilePath("k.npy", str(folder / "k.npy")), normalise="sum")


def test_each_kernel_of_a_file_is_divided_by_its_sum(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 9, (3, 4, 5)).astype(np.uint16)
    word = stack(tmp_path, values)
    np.testing.assert_allclose(made(word), values / values.sum((1, 2), keepdims=True), rtol=1e-6)  # read in float32
    assert word.averages
    assert not stack(tmp_path, values.astype(float)).averages  # its header does not say that nothing is negative
    with pytest.raises(ValueError, match=r"k\.npy: a kernel sums to zero"):
        made(stack(tmp_path, np.array([[1.0, -1.0]])))


def test_stack_of_pictures_reads_pages_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    deep, flat = rng.integers(0, 65536, (2, 4, 5)).astype(np.uint16), rng.random((4, 5)).astype(np.float32)
    pages = [Image.fromarray(p) for p in deep]
    pages[0].save(tmp_path / "psf1.tif", save_all=True, append_images=pages[1:])
    Image.fromarray(flat).save(tmp_path / "psf2.tif")
    files = tuple(FilePath(n, str(tmp_path / n)) for n in ("psf1.tif", "psf2.tif"))
    plain = made(StackOf(files=files, normalise="none"))
    np.testing.assert_allclose(plain, np.concatenate([deep / 65535, flat[None]]), rtol=1e-6)
    np.testing.assert_allclose(made(StackOf(files=files)).sum((1, 2)), 1, rtol=1e-12)
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(tmp_path / "psf3.tif")
    other = StackOf(files=(files[0], FilePath("psf3.tif", str(tmp_path / "psf3.tif"))))
    with pytest.raises(SpaceError, match=r"one size, not psf1\.tif of 4 x 5 and psf3\.tif of 3 x 5"):
        other.extents(2)


def test_caustics_grow_with_nearness_and_concentrate_light() -> None:
    word = Caustics(depths=3, size=(96, 120), zoom=2.0, seed=1)
    kernel = made(word)
    assert float(kernel.min()) >= 0
    np.testing.assert_allclose(kernel.sum((1, 2)), 1, rtol=1e-12)
    rows, columns = (torch.arange(n, dtype=torch.float64) - n // 2 for n in (96, 120))
    spread = [
        float(
            (k * ((rows[:, None] - (k.sum(1) * rows).sum()) ** 2 + (columns - (k.sum(0) * columns).sum()) ** 2)).sum()
        )
        for k in kernel
    ]
    # Variance of a uniform plate grows with the square of the zoom, beside that of the deflections, a few pixels.
    assert spread[2] / spread[0] == pytest.approx(4, rel=0.25)
    lit = kernel[0][kernel[0] > 0]
    assert float(lit.max()) > 5 * float(lit.mean())  # caustics: light that is gathered into lines
    flat = made(Caustics(depths=1, size=(96, 120), focus=0.05, seed=1))[0]  # a sensor right behind the diffuser
    assert float(flat.max()) < 2 * float(flat[flat > 0].mean())
    assert torch.equal(made(word), kernel)
    assert not torch.equal(made(word.model_copy(update={"seed": 2})), kernel)
    single = made(word, Build(real=torch.float32, seed=11))
    np.testing.assert_allclose(single, kernel, rtol=1e-6)


def test_caustics_that_leave_their_array_are_refused() -> None:
    with pytest.raises(MisfitError, match="`grain` times `focus` is at most 4 there"):
        make(Conv(kernel=Caustics(depths=1, size=(32, 40), grain=5.0), axes=("row", "col")), domain=grid(1, 64, 64))


@pytest.mark.parametrize("radius", [1.0, 2.0, 3.5, 7.0])
def test_a_triangle_interpolates_linearly(radius: float) -> None:
    """Of a whole radius its shifts by that radius add up to a constant; along each axis it is the hat function."""
    kernel = made(Triangle(radius=radius)).numpy()
    assert kernel.sum() == pytest.approx(1)
    line = kernel.sum(0)
    middle = len(line) // 2
    np.testing.assert_allclose(line / line[middle], 1 - np.abs(np.arange(len(line)) - middle) / radius)
    np.testing.assert_allclose(kernel, np.multiply.outer(line, line))
    if radius == round(radius):
        r = int(radius)
        around = np.zeros(3 * r)
        np.add.at(around, (np.arange(len(line)) - middle) % (3 * r), line)
        np.testing.assert_allclose(sum(np.roll(around, k * r) for k in range(3)), 1 / radius)
