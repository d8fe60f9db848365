"""The meaning of other grids: crops and margins, sums along an axis, and coarser pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import resampling as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from .base import Operator, dtype_of
from .convolution import ConvolutionOperator, SummedConvolution
from .mirror import fold_, mirror


@meaning_of(words.Crop)
def crop(word: words.Crop, placed: Placed, build: Build) -> Operator:
    """The middle."""
    return CropOperator(placed.domain, placed.codomain, placed.facts)


@meaning_of(words.Pad)
def pad(word: words.Pad, placed: Placed, build: Build) -> Operator:
    """A margin of zeros, of the image mirrored, or of the image again."""
    return PadOperator(word.kind, word.margins(placed.domain), placed)


@meaning_of(words.Sum)
def sum_along(word: words.Sum, placed: Placed, build: Build) -> Operator:
    """The sum along one axis."""
    return SumAlong(word.index(placed.domain) - len(placed.domain.axes), placed)


@meaning_of(words.Downsample)
def downsample(word: words.Downsample, placed: Placed, build: Build) -> Operator:
    """Every n-th pixel, the means of blocks, or filtered, along each spatial axis."""
    axes = spatial_count(placed.domain)
    if word.kind == "stride":
        return StrideOperator(word.factor, axes, word.offset, placed)
    if word.kind == "average":
        return AverageOperator(word.factor, axes, word.offset, placed)
    return FilterOperator(build.tensor(stretched(word.kind, word.factor)), axes, word.offset, placed)


class CropOperator(Operator):
    """x between n // 2 - m // 2 and m entries further, along the last axes."""

    def _part(self, x: Tensor) -> Tensor:
        fine, coarse = self.domain.sizes, self.codomain.sizes
        for d in range(-len(fine), 0):
            if fine[d] != coarse[d]:
                x = x.narrow(d, fine[d] // 2 - coarse[d] // 2, coarse[d])
        return x

    def _apply_(self, x: Tensor) -> Tensor:
        return self._part(x).contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y.new_zeros(*y.shape[: y.ndim - len(self.codomain.axes)], *self.domain.sizes)
        self._part(x).copy_(y)
        return x

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return None if given is None else self._part(given.expand(self.domain.sizes))


class PadOperator(Operator):
    """x with margins (before, behind) along the last axes."""

    def __init__(self, kind: str, margins: list[tuple[int, int]], placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.kind, self.margins = kind, margins
        self.dims = range(-len(margins), 0)

    def _apply_(self, x: Tensor) -> Tensor:
        if self.kind == "reflect":
            return mirror(x, self.margins, self.dims)
        if self.kind == "zero":
            return torch.nn.functional.pad(x, [m for pair in reversed(self.margins) for m in pair])
        for d, (before, behind) in zip(self.dims, self.margins, strict=True):
            n = x.shape[d]
            x = torch.cat([x.narrow(d, n - before, before), x, x.narrow(d, 0, behind)], d)
        return x

    def _adjoint_(self, y: Tensor) -> Tensor:
        if self.kind == "reflect":
            return fold_(y.clone(), self.margins, self.dims).contiguous()
        for d, (before, behind) in zip(self.dims, self.margins, strict=True):
            n = y.shape[d] - before - behind
            x = y.narrow(d, before, n)
            if self.kind == "circular":
                x = x.clone()
                x.narrow(d, n - before, before).add_(y.narrow(d, 0, before))
                x.narrow(d, 0, behind).add_(y.narrow(d, before + n, behind))
            y = x
        return y.contiguous()


class SumAlong(Operator):
    """The sum along one axis of the domain, counted from the end; A^H repeats its argument."""

    def __init__(self, axis: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.axis = axis

    def _apply_(self, x: Tensor) -> Tensor:
        return x.sum(self.axis)

    def _adjoint_(self, y: Tensor) -> Tensor:
        y = y.unsqueeze(self.axis)
        shape = list(y.shape)
        shape[self.axis] = self.domain.sizes[self.axis]
        return y.expand(shape).contiguous()

    def after(self, inner: Operator) -> Operator | None:
        """Convolutions of slices that are added up share one inverse transform."""
        if isinstance(inner, ConvolutionOperator) and self.axis not in inner.plan.dims:
            return SummedConvolution(self, self.axis, inner)
        return None


class Coarser(Operator):
    """An operator to a grid that is coarser by `factor` along the last `axes` axes.

    Coarse pixel i stands at place `factor` * i + `offset` of the fine grid.
    """

    def __init__(self, factor: int, axes: int, offset: float, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.factor, self.axes, self.offset = factor, axes, offset


class StrideOperator(Coarser):
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


class AverageOperator(Coarser):
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


def triangle(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel of linear interpolation."""
    out: NDArray[np.float64] = np.maximum(1 - np.abs(t), 0)
    return out


def cubic(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel of cubic interpolation with a = -1/2, which reproduces parabolas (Keys 1981)."""
    t = np.abs(t)
    inner, outer = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    out: NDArray[np.float64] = np.where(t <= 1, inner, np.where(t < 2, outer, 0.0))
    return out


def lanczos(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """sinc(t) sinc(t / 3) for |t| < 3."""
    out: NDArray[np.float64] = np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0.0)
    return out


KERNELS: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], int]] = {
    "bilinear": (triangle, 1),
    "bicubic": (cubic, 2),
    "lanczos": (lanczos, 3),
}
"""Each interpolation kernel with how far it reaches."""


def stretched(kind: str, factor: int) -> NDArray[np.float64]:
    """The weights of one coarse pixel, [blocks, factor]: of the fine pixels in its own block and those around it."""
    kernel, reach = KERNELS[kind]
    places = np.arange(-reach * factor, (reach + 1) * factor) - (factor - 1) / 2
    weights = kernel(places / factor)
    out: NDArray[np.float64] = (weights / weights.sum()).reshape(2 * reach + 1, factor)
    return out


class FilterOperator(Coarser):
    """(A x)_i = sum_b <w_b, block i + b of x>, one axis after the other, with x mirrored at its edges.

    `weights` are w, [blocks, factor]. One product takes all blocks to their shares in the coarse pixels around, and the
    shares are added up: each fine pixel is read once.
    """

    weights: Tensor

    def __init__(self, weights: Tensor, axes: int, offset: float, placed: Placed) -> None:
        super().__init__(weights.shape[1], axes, offset, placed)
        self.blocks = weights.shape[0]
        self.dims = range(-axes, 0)
        margin = self.blocks // 2 * self.factor
        self.margins = [(margin, margin)]
        self.constant("weights", weights.to(dtype_of(self.domain, weights.dtype)))

    def _apply_(self, x: Tensor) -> Tensor:
        for d in self.dims:
            wide = mirror(x, self.margins, [d]).movedim(d, -1)
            shares = wide.reshape(*wide.shape[:-1], -1, self.factor) @ self.weights.mT
            count = shares.shape[-2] - self.blocks + 1
            y = shares[..., :count, 0].clone()
            for b in range(1, self.blocks):
                y += shares[..., b : b + count, b]
            x = y.movedim(-1, d)
        return x.contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        around = self.blocks - 1
        for d in self.dims:
            wide = torch.nn.functional.pad(y.movedim(d, -1), [around, around])
            blocks = wide.unfold(-1, self.blocks, 1) @ self.weights.flip(0)
            y = fold_(blocks.flatten(-2).movedim(-1, d), self.margins, [d])
        return y.contiguous()
