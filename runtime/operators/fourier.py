"""The meaning of the Fourier and cosine transforms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import cast

import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Diagonal, Facts
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import fourier as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..transforms.cosine import cosine_forward, cosine_inverse
from .base import Composition, Operator, chain, part_of
from .diagonal import GridDiagonal
from .spectral import SpectralFilter


@meaning_of(words.Fft)
@meaning_of(words.Fft2)
@meaning_of(words.Fft3)
def fourier(word: words.Fft | words.Fft2 | words.Fft3, placed: Placed, build: Build) -> Operator:
    """The centred transform over the last axes of the domain."""
    return FourierOperator(range(-word.dimensions, 0), word.norm, placed)


@meaning_of(words.Cosine)
def cosine(word: words.Cosine, placed: Placed, build: Build) -> Operator:
    """The orthonormal DCT-II over the spatial axes."""
    return CosineOperator(words.spatial_count(placed.domain), placed)


class FourierOperator(Operator):
    """A = fftshift . FFT . ifftshift over the axes `dims`, counted from the last, -1; complex to complex.

    norm "ortho": (A x)_k = N^(-1/2) sum_n x_n exp(-2 pi i <k, n / N>), k and n counted from the middle of each axis,
    index N // 2. norm "none": the same without N^(-1/2), so that A^H A = N I.
    """

    def __init__(self, dims: Iterable[int], norm: str, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.dims = sorted(dims)
        # Without a norm A^H = N A^(-1), which is torch's inverse transform that divides by nothing.
        self.scaling, self.back = ("ortho", "ortho") if norm == "ortho" else ("backward", "forward")
        self.gain = 1 if norm == "ortho" else math.prod(placed.domain.sizes[d] for d in self.dims)  # A^H A = gain I
        self.normed = norm

    def _apply_(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.fftn(_middle_first(x, self.dims), dim=self.dims, norm=self.scaling)
        return _middle_back(spectrum, self.dims)

    def _adjoint_(self, y: Tensor) -> Tensor:
        image = torch.fft.ifftn(_middle_first(y, self.dims), dim=self.dims, norm=self.back)
        return _middle_back(image, self.dims)

    def under(self, outer: Operator) -> list[Operator] | None:
        """diag(w) A = diag(w p) F diag(q): the shifts as products with phases, which cost nothing beside w.

        With c = N // 2, sum_n x_n exp(-2 pi i (k - c)(n - c) / N) is the plain transform of exp(2 pi i c n / N) x_n,
        times exp(2 pi i c (k - c) / N).
        """
        if not isinstance(outer, GridDiagonal) or not outer.values.is_complex():
            return None
        before, after = (self._phases(outer.values, first) for first in (0, 1))
        filtered = WeightedFourier(outer.values * after, self.dims, self.scaling, self.back, outer)
        return [filtered, GridDiagonal(before, self.domain, self.domain, Facts(gram=Diagonal("pixel")))]

    def _phases(self, like: Tensor, shifted: int) -> Tensor:
        """exp(2 pi i c (n - c shifted) / N) along each transformed axis, multiplied."""
        out = torch.ones((), dtype=torch.complex128)
        extents = [self.domain.sizes[d] for d in self.dims]
        for d, n in zip(self.dims, extents, strict=True):
            c = n // 2
            turns = (c * (torch.arange(n) - c * shifted) % n).to(torch.float64)
            line = torch.polar(torch.ones(n, dtype=torch.float64), turns * (2 * math.pi / n))
            out = out * line.reshape(-1, *[1] * (-d - 1))
        if all(n % 2 == 0 for n in extents):
            out = torch.complex(out.real.round(), torch.zeros_like(out.real))  # (-1)^n, exactly
        return out.to(like)

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        if (self.domain.axis(axis) or 0) - len(self.domain.axes) in self.dims:
            return None
        return FourierOperator(self.dims, self.normed, Placed(None, *part_of(self, axis, keep))), True

    def over(self, dims: Iterable[int]) -> FourierOperator:
        """The orthonormal transform over some of the axes, on grids that bear the names of the domain."""
        one = fact.identity()
        facts = Facts(gram=one, cogram=one, norm=fact.Norm(1.0, exact=True))
        return FourierOperator(dims, "ortho", Placed(None, self.domain, self.domain, facts))

    def around(self, middle: Operator) -> Operator | None:
        """A^H diag(w) A: shifts of the image cancel, and those of the spectrum are made once, on w."""
        if not isinstance(middle, GridDiagonal) or self.dims != list(range(-len(self.dims), 0)):
            return None
        weights = middle.values.real
        dims = [d for d in self.dims if -d <= weights.ndim and weights.shape[d] > 1]
        weights = cast(Tensor, torch.fft.ifftshift(weights, dim=dims)) if dims else weights
        return SpectralFilter(weights * self.gain, len(self.dims), self.domain)


class Untransformed(Operator):
    """The K' of K = U K' with a unitary U. It has the Gram matrix of K, and takes that and its norm from there."""

    def __init__(self, of: Operator, parts: list[Operator]) -> None:
        super().__init__(of.domain, of.codomain, of.facts)
        self.of, self.rest, self.precision = of, chain(parts, of.facts), of.precision

    def _apply_(self, x: Tensor) -> Tensor:
        return self.rest._apply_(x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.rest._adjoint_(y)

    def _gram_(self, x: Tensor) -> Tensor:
        return self.of._gram_(x)

    def norm(self) -> float:
        """That of K."""
        return self.of.norm()


def without_idle_transforms(operator: Operator) -> tuple[Operator, Operator] | None:
    """(U, K') of K = diag(w) F S = U K', with the transforms U along axes in which w does not vary; None without any.

    The transform over several axes is a product of unitary ones, of which these commute with diag(w): with a mask of
    k-space columns, the transform along the columns. What compares K x with data by their distance alone may compare
    K' x with U^H y.
    """
    parts = list(operator.parts) if isinstance(operator, Composition) else []
    mask, transform = (*parts, None, None)[:2]
    if not isinstance(mask, GridDiagonal) or not isinstance(transform, FourierOperator) or transform.normed != "ortho":
        return None
    varying = [d for d in transform.dims if -d <= mask.values.ndim and mask.values.shape[d] > 1]
    idle = [d for d in transform.dims if d not in varying]
    if not idle:
        return None
    left = [mask, transform.over(varying)] if varying else [mask]
    return transform.over(idle), Untransformed(operator, [*left, *cast(list[Operator], parts[2:])])


class WeightedFourier(Operator):
    """diag(w) F with the uncentred transform F over `dims`: the Fourier transform as chains of operators use it."""

    weights: Tensor
    conjugate: Tensor

    def __init__(self, weights: Tensor, dims: list[int], scaling: str, back: str, outer: Operator) -> None:
        super().__init__(outer.domain, outer.codomain, Facts())
        self.dims, self.scaling, self.back = dims, scaling, back
        self.constant("weights", weights)
        self.constant("conjugate", weights.conj().resolve_conj())

    def _apply_(self, x: Tensor) -> Tensor:
        return cast(Tensor, torch.fft.fftn(x, dim=self.dims, norm=self.scaling)).mul_(self.weights)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return cast(Tensor, torch.fft.ifftn(y * self.conjugate, dim=self.dims, norm=self.back))


def _middle_first(x: Tensor, dims: list[int]) -> Tensor:
    """ifftshift over `dims`: the entry at index N // 2 goes to the front."""
    return _rolled(x, dims, [x.shape[d] // 2 for d in dims])


def _middle_back(x: Tensor, dims: list[int]) -> Tensor:
    """fftshift over `dims`: the first entry goes to index N // 2."""
    return _rolled(x, dims, [(x.shape[d] + 1) // 2 for d in dims])


def _rolled(x: Tensor, dims: list[int], starts: list[int]) -> Tensor:
    """x read cyclically from `starts`, in one pass over memory (torch.roll makes one for each axis)."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for second in product((False, True), repeat=len(dims)):
        source, target = x, out
        for d, start, wrapped in zip(dims, starts, second, strict=True):
            n = x.shape[d]
            source = source.narrow(d, 0, start) if wrapped else source.narrow(d, start, n - start)
            target = target.narrow(d, n - start, start) if wrapped else target.narrow(d, 0, n - start)
        target.copy_(source)
    return out


class CosineOperator(Operator):
    """The orthonormal discrete cosine transform (type II) over the last `axes` axes, real or complex."""

    def __init__(self, axes: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.axes = axes

    def _apply_(self, x: Tensor) -> Tensor:
        return cosine_forward(x, self.axes)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return cosine_inverse(y, self.axes)
