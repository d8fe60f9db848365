"""The meaning of differences and wavelets."""

from __future__ import annotations

from types import EllipsisType

import torch
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import sparsity as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..transforms.differences import Stencil
from ..transforms.filters import wavelet_filters
from ..transforms.wavelet import wavelet_forward, wavelet_inverse, wavelet_soft_threshold
from .base import Operator
from .spectral import SpectralFilter


@meaning_of(words.Diff)
def diff(word: words.Diff, placed: Placed, build: Build) -> Operator:
    """Forward differences along one axis."""
    return DifferenceOperator((word.index(placed.domain),), (1.0,), word.boundary == "circular", False, placed)


@meaning_of(words.Gradient)
def gradient(word: words.Gradient, placed: Placed, build: Build) -> Operator:
    """Weighted forward differences along several axes, with a new axis of directions in front."""
    indices, factors = word.indices(placed.domain), word.factors(placed.domain)
    return DifferenceOperator(indices, factors, word.boundary == "circular", True, placed)


@meaning_of(words.SobolevWeight)
def sobolev(word: words.SobolevWeight, placed: Placed, build: Build) -> Operator:
    """The filter (1 + s |k|^2)^(l / 2) over the spatial axes, k from -1/2 to 1/2 along each."""
    extents = placed.domain.sizes[-spatial_count(placed.domain) :]
    square = torch.zeros(extents, dtype=torch.float64)
    for i, n in enumerate(extents):
        square += torch.fft.fftfreq(n, dtype=torch.float64).square().view(-1, *[1] * (len(extents) - i - 1))
    weights = (1 + word.scale * square) ** (word.order / 2)
    return SpectralFilter(build.tensor(weights), len(extents), placed.domain)


class DifferenceOperator(Operator):
    """(A x)_i = h (x_{i+1} - x_i) along each of `indices`, axes of the domain, with h its entry of `factors`.

    The last difference along an axis is zero, or h (x_1 - x_n) where `circular`. With `directions` the differences
    stand side by side along a new axis in front of the domain's; otherwise there is one of them.
    """

    def __init__(
        self, indices: tuple[int, ...], factors: tuple[float, ...], circular: bool, directions: bool, placed: Placed
    ) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.dims, self.factors = [i - len(placed.domain.axes) for i in indices], factors
        self.circular, self.directions = circular, directions
        self.new_dim = -len(placed.codomain.axes)
        stencil = None if circular else Stencil(placed.domain.sizes, indices, factors)
        self.stencil = stencil if stencil is not None and stencil.fits else None

    def _apply_(self, x: Tensor) -> Tensor:
        batch = x.shape[: x.ndim - len(self.domain.axes)]
        out = x.new_empty(*batch, *self.codomain.sizes)
        if self.stencil is not None and self.stencil.ready(x):
            return self.stencil.forward(x, out)
        for k, d in enumerate(self.dims):
            target, n = (out.select(self.new_dim, k) if self.directions else out), x.shape[d]
            _subtract(x.narrow(d, 1, n - 1), x.narrow(d, 0, n - 1), target.narrow(d, 0, n - 1))
            last = target.narrow(d, n - 1, 1)
            if self.circular:
                _subtract(x.narrow(d, 0, 1), x.narrow(d, n - 1, 1), last)
            else:
                last.zero_()
            if self.factors[k] != 1:
                target.mul_(self.factors[k])
        return out

    def accumulate_(self, y: Tensor, x: Tensor, c: float | Tensor) -> Tensor:
        """Direction by direction: the zeros at the far edges are never written."""
        if isinstance(c, Tensor) or self.circular or not self.directions:
            return super().accumulate_(y, x, c)
        for target, d, h in zip(y.unbind(self.new_dim), self.dims, self.factors, strict=True):
            target.narrow(d, 0, x.shape[d] - 1).add_(torch.diff(x, dim=d), alpha=h * c)
        return y

    def _adjoint_(self, y: Tensor) -> Tensor:
        if self.stencil is not None and self.stencil.ready(y):
            return self.stencil.adjoint(y, y.new_empty(*y.shape[: self.new_dim], *self.domain.sizes))
        out: Tensor | None = None
        for k, d in enumerate(self.dims):
            piece, n = (y.select(self.new_dim, k) if self.directions else y), y.shape[d]
            piece = piece if self.factors[k] == 1 else piece * self.factors[k]
            out = self._backward_differences(piece, d, n) if out is None else self._added(out, piece, d, n)
        assert out is not None
        return out

    def _backward_differences(self, y: Tensor, d: int, n: int) -> Tensor:
        """x_i = y_{i-1} - y_i; without wrapping y_0 = y_n = 0 in the formula for i = 1 and i = n."""
        out = torch.empty_like(y, memory_format=torch.contiguous_format)
        _subtract(y.narrow(d, 0, n - 1), y.narrow(d, 1, n - 1), out.narrow(d, 1, n - 1))
        if self.circular:
            _subtract(y.narrow(d, n - 1, 1), y.narrow(d, 0, 1), out.narrow(d, 0, 1))
        elif n == 1:
            out.zero_()
        else:
            out.narrow(d, 0, 1).copy_(y.narrow(d, 0, 1)).neg_()
            out.narrow(d, n - 1, 1).copy_(y.narrow(d, n - 2, 1))
        return out

    def _added(self, out: Tensor, y: Tensor, d: int, n: int) -> Tensor:
        """out + the backward differences of y, in place."""
        count = n if self.circular else n - 1
        out.narrow(d, 0, count).sub_(y.narrow(d, 0, count))
        out.narrow(d, 1, n - 1).add_(y.narrow(d, 0, n - 1))
        if self.circular:
            out.narrow(d, 0, 1).add_(y.narrow(d, n - 1, 1))
        return out


def _subtract(a: Tensor, b: Tensor, out: Tensor) -> None:
    """out = a - b for a part of an array; torch.compile takes no such part as the place for a result."""
    if torch.compiler.is_compiling():
        out.copy_(a - b)
    else:
        torch.sub(a, b, out=out)


@meaning_of(words.SymmetricGradient)
def symmetric_gradient(word: words.SymmetricGradient, placed: Placed, build: Build) -> Operator:
    """The symmetrised derivative of fields of vectors."""
    return SymmetricGradientOperator(word.indices(placed.domain), word.factors(placed.domain), placed)


LONG = 32
"""Entries along an axis from which on the norm of its differences is within a thousandth of two."""


class SymmetricGradientOperator(Operator):
    """The symmetrised derivative of w [..., d, *grid]: its d diagonal components, then those of each pair k < l.

    A component along axis k lives between entries of that axis and has no last one. (A w)_kk is h_k (w_k[i] - w_k[i-1])
    along k, from the second to the last but one entry. (A w)_kl is (h_l (w_k[j+1] - w_k[j]) + h_k (w_l[i+1] - w_l[i]))
    / sqrt(2), i along k and j along l, up to the last but one entry of both. All others are zero.
    """

    def __init__(self, indices: tuple[int, ...], factors: tuple[float, ...], placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        grid = len(placed.domain.axes) - 1
        self.components = -grid - 1  # the axis of the components, from the back
        self.dims, self.factors = [i - grid for i in indices], factors
        d = len(indices)
        self.pairs = [(k, j) for k in range(d) for j in range(k + 1, d)]

    def _apply_(self, x: Tensor) -> Tensor:
        out = x.new_zeros((*x.shape[: x.ndim - len(self.domain.axes)], *self.codomain.sizes))
        for k, (d, h) in enumerate(zip(self.dims, self.factors, strict=True)):
            n = x.shape[d]
            if n > 2:
                w, target = x.select(self.components, k), out.select(self.components, k)
                target.narrow(d, 1, n - 2).add_(w.narrow(d, 1, n - 2) - w.narrow(d, 0, n - 2), alpha=h)
        for c, pair in enumerate(self.pairs, start=len(self.dims)):
            target = self._inside(out.select(self.components, c), pair)
            for k, j in (pair, pair[::-1]):
                w, (here, there) = x.select(self.components, k), self._neighbours(pair, j)
                target.add_(w[there] - w[here], alpha=self.factors[j] / 2**0.5)
        return out

    def _adjoint_(self, y: Tensor) -> Tensor:
        out = y.new_zeros((*y.shape[: y.ndim - len(self.codomain.axes)], *self.domain.sizes))
        for k, (d, h) in enumerate(zip(self.dims, self.factors, strict=True)):
            n = y.shape[d]
            if n > 2:
                w, piece = out.select(self.components, k), y.select(self.components, k).narrow(d, 1, n - 2)
                w.narrow(d, 1, n - 2).add_(piece, alpha=h)
                w.narrow(d, 0, n - 2).sub_(piece, alpha=h)
        for c, pair in enumerate(self.pairs, start=len(self.dims)):
            piece = self._inside(y.select(self.components, c), pair)
            for k, j in (pair, pair[::-1]):
                w, (here, there) = out.select(self.components, k), self._neighbours(pair, j)
                w[there].add_(piece, alpha=self.factors[j] / 2**0.5)
                w[here].sub_(piece, alpha=self.factors[j] / 2**0.5)
        return out

    def norm(self) -> float:
        """The bound of the facts on grids where it is tight: n entries fall short of it by about 2 / n^2."""
        bound = self.facts.norm.value
        tight = all(self.domain.sizes[d] >= LONG for d in self.dims)
        return bound if bound is not None and tight else super().norm()

    def _inside(self, component: Tensor, pair: tuple[int, int]) -> Tensor:
        """The part of a component up to the last but one entry of both axes."""
        for k in pair:
            component = component.narrow(self.dims[k], 0, component.shape[self.dims[k]] - 1)
        return component

    def _neighbours(self, pair: tuple[int, int], along: int) -> tuple[tuple[slice | EllipsisType, ...], ...]:
        """Where that part lies in a component, and where the next entries along one of the axes are."""
        here = [slice(None)] * (-self.components - 1)
        for k in pair:
            here[self.dims[k]] = slice(0, -1)
        there = list(here)
        there[self.dims[along]] = slice(1, None)
        return (..., *here), (..., *there)


@meaning_of(words.Wavelet)
def wavelet(word: words.Wavelet, placed: Placed, build: Build) -> Operator:
    """The periodised orthonormal wavelet transform over the spatial axes."""
    return WaveletOperator(word, placed)


class WaveletOperator(Operator):
    """W x over the last `axes` axes, in Mallat's layout with the coarsest band in the low corner.

    unpenalised: the slices, one for each of the last `axes` axes, that cut this corner out of coefficients.
    """

    def __init__(self, word: words.Wavelet, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.axes = spatial_count(placed.domain)
        self.filters, self.levels = wavelet_filters(word.name), word.depth(placed.domain)
        self.unpenalised: tuple[slice, ...] = tuple(slice(n) for n in word.coarse(placed.domain))

    def _apply_(self, x: Tensor) -> Tensor:
        return wavelet_forward(x, self.filters, self.levels, self.axes)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return wavelet_inverse(y, self.filters, self.levels, self.axes)

    def soft_threshold(self, x: Tensor, t: Tensor | float, keep_coarse: bool = True) -> Tensor:
        """W^H soft(W x, t), the proximal map of t |W x|_1, in one pass where the compiled kernel is there.

        x is [rows, ..., *domain.shape]; t is one number or one for each row, [rows]. With `keep_coarse` the coarsest
        band is left alone.
        """
        if isinstance(t, Tensor) and t.ndim == 1:
            t = t.view(-1, *[1] * (x.ndim - self.axes - 1))
        return wavelet_soft_threshold(x, self.filters, self.levels, self.axes, t, keep_coarse)
