"""The meaning of kernels: (word, number of axes, build, place) -> tensor, a stack of kernels with one axis in front."""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage
import scipy.special
import torch
from numpy.typing import NDArray
from PIL import Image
from recon.dsl.model.files import PICTURES
from recon.dsl.vocabulary.operators import kernels as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from .arrays import load_array

RAYS = 4
"""Rays per pixel and axis of the sensor, at the least."""


@meaning_of(words.GaussianKernel)
def gaussian_kernel(word: words.GaussianKernel, dimensions: int, build: Build, place: str) -> Tensor:
    """exp(-|r|^2 / (2 w^2)) at whole r up to ceil(4 w) along each axis, divided by its sum."""
    size = word.extents(1)[0]
    line = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * word.width**2))
    return build.tensor(_separable(line, dimensions))


def _separable(line: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """The product of a line with itself over that many axes, with the sum one."""
    kernel = np.ones(())
    for _ in range(dimensions):
        kernel = np.multiply.outer(kernel, line / line.sum())
    return kernel


@meaning_of(words.Triangle)
def triangle(word: words.Triangle, dimensions: int, build: Build, place: str) -> Tensor:
    """max(0, 1 - |r| / R) at whole r along each axis, divided by its sum."""
    size = word.extents(1)[0]
    line = np.maximum(0, 1 - np.abs(np.arange(size) - size // 2) / word.radius)
    return build.tensor(_separable(line, dimensions))


@meaning_of(words.Disc)
def disc(word: words.Disc, dimensions: int, build: Build, place: str) -> Tensor:
    """The area of each pixel inside the disc, divided by that of the disc."""
    size = word.extents(dimensions)[0]
    area = disc_areas(word.radius, size)
    return build.tensor(area / area.sum())


def disc_areas(radius: float, size: int) -> NDArray[np.float64]:
    """The area inside a disc of each pixel of a size x size array, exactly, for the disc around the middle pixel.

    Pixels are unit squares. In the quarter r, c >= 0 the area under the circle over [p, q] between heights s and t is
    (p' - p) (t - s) + F(q') - F(p') - s (q' - p'), where the circle is above t up to p' and above s up to q', and
    F(x) = (x sqrt(R^2 - x^2) + R^2 arcsin(x / R)) / 2 is the area under it.
    """
    edges = np.concatenate([[0.0], np.arange(size // 2 + 1) + 0.5])  # the middle pixel is cut into quarters
    p, q = edges[:-1, None], edges[1:, None]
    s, t = edges[None, :-1], edges[None, 1:]
    inner = np.clip(np.sqrt(np.maximum(radius**2 - t**2, 0)), p, q)
    outer = np.clip(np.sqrt(np.maximum(radius**2 - s**2, 0)), p, q)

    def under(x: NDArray[np.float64]) -> NDArray[np.float64]:
        x = np.minimum(x, radius)
        under_it: NDArray[np.float64] = (x * np.sqrt(radius**2 - x**2) + radius**2 * np.arcsin(x / radius)) / 2
        return under_it

    quarter = (inner - p) * (t - s) + under(outer) - under(inner) - s * (outer - inner)
    quarter[0] *= 2
    quarter[:, 0] *= 2
    return np.pad(quarter, ((size // 2, 0), (size // 2, 0)), mode="reflect") if size > 1 else quarter


@meaning_of(words.Airy)
def airy(word: words.Airy, dimensions: int, build: Build, place: str) -> Tensor:
    """(2 J_1(v) / v)^2 at the pixels' centres, with the first zero of J_1 at the given radius; divided by its sum."""
    size = word.extents(dimensions)[0]
    r = np.hypot(*np.meshgrid(*[np.arange(size) - size // 2] * 2))
    v = np.maximum(scipy.special.jn_zeros(1, 1)[0] * r / word.radius, 1e-9)
    kernel = (2 * scipy.special.j1(v) / v) ** 2
    return build.tensor(kernel / kernel.sum())


@meaning_of(words.Motion)
def motion(word: words.Motion, dimensions: int, build: Build, place: str) -> Tensor:
    """The length of the path inside each pixel, divided by the length of the path."""
    rows, columns = word.extents(dimensions)
    return build.tensor(path_lengths(word.length, word.angle, (rows, columns)) / word.length)


def path_lengths(length: float, angle: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    """How much of a straight path lies inside each pixel of an array, exactly.

    The path is centred on the middle of pixel (rows // 2, columns // 2) and runs at `angle` counter-clockwise from the
    direction of increasing columns, rows counting downwards. Pixels are unit squares.
    """
    direction = np.array([-math.sin(angle), math.cos(angle)])  # rows, columns
    half = length / 2
    cuts = [np.array([-half, half])]
    for along, size in zip(direction, shape, strict=True):
        if abs(along) > 1e-15:
            crossings = (np.arange(size + 1) - size // 2 - 0.5) / along
            cuts.append(crossings[np.abs(crossings) < half])
    places = np.unique(np.concatenate(cuts))
    middles = (places[1:] + places[:-1]) / 2
    pixels = np.rint(middles[:, None] * direction).astype(int) + np.array(shape) // 2
    pixels = np.clip(pixels, 0, np.array(shape) - 1)  # rounding at the very ends of the path
    out = np.zeros(shape)
    np.add.at(out, (pixels[:, 0], pixels[:, 1]), np.diff(places))
    return out


@meaning_of(words.ArrayKernel)
def array_kernel(word: words.ArrayKernel, dimensions: int, build: Build, place: str) -> Tensor:
    """The file's array. Raises ValueError where it is to be divided by a sum of zero."""
    kernel = load_array(word.file, build)
    return normalised(kernel, dimensions, word.file.text) if word.normalise == "sum" else kernel


@meaning_of(words.StackOf)
def stack_of(word: words.StackOf, dimensions: int, build: Build, place: str) -> Tensor:
    """The pages of the pictures, whole numbers over the largest their type holds. Raises OSError, ValueError."""
    pages = []
    for file in word.files:
        with Image.open(file.path, formats=PICTURES) as image:
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                values = np.asarray(image)
                whole = values.dtype.kind in "iu" and values.dtype.itemsize < 4
                pages.append(values / np.iinfo(values.dtype).max if whole else values.astype(np.float64))
    kernel = build.tensor(np.stack(pages))
    if not bool(torch.isfinite(kernel).all()):
        raise ValueError(f"{word.files[0].text}: some of the numbers are not finite")
    return normalised(kernel, dimensions, word.files[0].text) if word.normalise == "sum" else kernel


def normalised(kernel: Tensor, dimensions: int, name: str) -> Tensor:
    """Each kernel divided by its sum. Raises ValueError where that is zero."""
    total = kernel.sum(tuple(range(-dimensions, 0)), keepdim=True)
    if bool((total == 0).any()):
        raise ValueError(f"{name}: a kernel sums to zero, and cannot be divided by its sum")
    return kernel / total


@meaning_of(words.Caustics)
def caustics(word: words.Caustics, dimensions: int, build: Build, place: str) -> Tensor:
    """Where rays through a random diffuser land, [depths, rows, columns], each pattern divided by its sum."""
    rows, columns = word.extents(dimensions)
    reach = 2.5 * word.bumps * word.focus  # three deviations of a ray: its slopes vary by 0.82 bumps
    fine = RAYS * math.ceil(word.zoom)
    plate = [max((n - 2 * reach) / word.zoom, 1.0) for n in (rows, columns)]
    grid = [max(round(n * fine), 1) for n in plate]
    noise = build.generator(word.seed, place).standard_normal(grid)
    slopes, width = [], word.bumps * fine
    curvature = np.sqrt(3 / (16 * np.pi)) / width**3  # deviation of a second derivative of the blurred noise
    for axis in range(2):
        order = [1 if axis == a else 0 for a in range(2)]
        slope = scipy.ndimage.gaussian_filter(noise, width, order=order, mode="wrap", truncate=5)
        slopes.append(word.focus * slope / (curvature * fine))
    lines = [(np.arange(n) + 0.5 - n / 2) / fine for n in grid]
    rays = np.meshgrid(*lines, indexing="ij")
    out = np.empty((word.depths, rows, columns))
    for depth, s in enumerate(np.linspace(1, word.zoom, word.depths)):
        r, c = (s * ray + slope + n // 2 for ray, slope, n in zip(rays, slopes, (rows, columns), strict=True))
        out[depth] = landed(r.ravel(), c.ravel(), (rows, columns))
    return build.tensor(out / out.sum((1, 2), keepdims=True))


def landed(r: NDArray[np.float64], c: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """How many rays land on each pixel, each shared linearly among the four pixels around its (row, column)."""
    rows, columns = shape
    below, left = np.floor(r).astype(int), np.floor(c).astype(int)
    out = np.zeros(rows * columns)
    for i, wi in ((below, below + 1 - r), (below + 1, r - below)):
        for j, wj in ((left, left + 1 - c), (left + 1, c - left)):
            inside = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
            out += np.bincount((i * columns + j)[inside], (wi * wj)[inside], rows * columns)
    return out.reshape(shape)
