"""The meaning of convolution, its kernels, and downsampling."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import convolution as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from scipy.fft import next_fast_len
from torch import Tensor

from ..build import Build
from ..meaning import meaning, meaning_of
from .arrays import load_array
from .base import Operator


@meaning_of(words.Conv)
def conv(word: words.Conv, placed: Placed, build: Build) -> Operator:
    """A x = k * x over the spatial axes, in Fourier."""
    kernel = meaning(word.kernel)(word.kernel, spatial_count(placed.domain), build)
    return ConvolutionOperator(kernel, word.boundary == "circular", placed)


class ConvolutionOperator(Operator):
    """(A x)_i = sum_j k_j x_{i - j}, with j counted from the middle of the kernel's array, index size // 2.

    Circular: x goes on periodically. Otherwise x is zero beyond the edge, and the transforms are padded so far that
    nothing wraps around onto the image. Real images under real kernels take real transforms.
    """

    spectrum: Tensor
    conjugate: Tensor
    power: Tensor

    def __init__(self, kernel: Tensor, circular: bool, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.axes, self.circular = kernel.ndim, circular
        self.dims = list(range(-kernel.ndim, 0))
        self.image = list(placed.domain.sizes[-kernel.ndim :])
        self.real = placed.codomain.field == "real"
        reach = [max(k // 2, k - 1 - k // 2) for k in kernel.shape]
        self.extents = [
            n if circular else next_fast_len(n + r, real=self.real) for n, r in zip(self.image, reach, strict=True)
        ]
        padded = kernel.new_zeros(self.extents)
        padded[tuple(slice(k) for k in kernel.shape)] = kernel
        padded = padded.roll([-(k // 2) for k in kernel.shape], self.dims)
        spectrum = torch.fft.rfftn(padded) if self.real else torch.fft.fftn(padded)
        self.constant("spectrum", spectrum)
        self.constant("conjugate", spectrum.conj().resolve_conj())
        if circular:
            self.constant("power", self.spectrum * self.conjugate)

    def _filtered(self, x: Tensor, weights: Tensor) -> Tensor:
        if self.real:
            spectrum = torch.fft.rfftn(x, s=self.extents, dim=self.dims).mul_(weights)
            y = cast(Tensor, torch.fft.irfftn(spectrum, s=self.extents, dim=self.dims))
        else:
            spectrum = torch.fft.fftn(x, s=self.extents, dim=self.dims).mul_(weights)
            y = cast(Tensor, torch.fft.ifftn(spectrum, dim=self.dims))
        for d, n in zip(self.dims, self.image, strict=True):
            y = y.narrow(d, 0, n)
        return y.contiguous()

    def _apply_(self, x: Tensor) -> Tensor:
        return self._filtered(x, self.spectrum)

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = self._filtered(y, self.conjugate)
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x

    def _gram_(self, x: Tensor) -> Tensor:
        if not self.circular:
            return super()._gram_(x)
        y = self._filtered(x, self.power)
        return y.real.contiguous() if self.domain.field == "real" and y.is_complex() else y

    def norm(self) -> float:
        """The largest |k^| where the boundary is circular and A complex-linear on its domain; else as ever."""
        exact = self.circular and self.domain.field == self.codomain.field
        return float(self.spectrum.abs().max()) if exact else super().norm()


@meaning_of(words.GaussianKernel)
def gaussian_kernel(word: words.GaussianKernel, dimensions: int, build: Build) -> Tensor:
    """exp(-|r|^2 / (2 w^2)) at whole r up to ceil(4 w) along each axis, divided by its sum."""
    size = word.extents(1)[0]
    line = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * word.width**2))
    line /= line.sum()
    kernel = np.ones(())
    for _ in range(dimensions):
        kernel = np.multiply.outer(kernel, line)
    return build.tensor(kernel)


@meaning_of(words.Motion)
def motion(word: words.Motion, dimensions: int, build: Build) -> Tensor:
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
def array_kernel(word: words.ArrayKernel, dimensions: int, build: Build) -> Tensor:
    """The file's array."""
    return load_array(word.file, build)


@meaning_of(words.Downsample)
def downsample(word: words.Downsample, placed: Placed, build: Build) -> Operator:
    """Every n-th pixel, or the means of blocks, along each spatial axis."""
    axes = spatial_count(placed.domain)
    return (StrideOperator if word.kind == "stride" else AverageOperator)(word.factor, axes, placed)


class _Coarser(Operator):
    """An operator to a grid that is coarser by `factor` along the last `axes` axes."""

    def __init__(self, factor: int, axes: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.factor, self.axes = factor, axes


class StrideOperator(_Coarser):
    """(A x)_i = x_{n i}; A^H puts zeros between."""

    def _on_grid(self, x: Tensor) -> Tensor:
        """The kept pixels of x, as a view."""
        for d in range(x.ndim - self.axes, x.ndim):
            x = x.movedim(d, 0)[:: self.factor].movedim(0, d)
        return x

    def _apply_(self, x: Tensor) -> Tensor:
        return self._on_grid(x).contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y.new_zeros(*y.shape[: y.ndim - len(self.codomain.axes)], *self.domain.sizes)
        self._on_grid(x).copy_(y)
        return x


class AverageOperator(_Coarser):
    """(A x)_i = the mean of x over the i-th block of n^d pixels; A^H spreads y_i / n^d over it."""

    def _apply_(self, x: Tensor) -> Tensor:
        first = x.ndim - self.axes
        split = [m for n in x.shape[first:] for m in (n // self.factor, self.factor)]
        return x.reshape(*x.shape[:first], *split).mean([first + 1 + 2 * d for d in range(self.axes)])

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y / float(self.factor) ** self.axes
        for d in range(y.ndim - self.axes, y.ndim):
            x = x.repeat_interleave(self.factor, d)
        return x
