"""The meaning of convolution: one pair of Fourier transforms for every boundary.

y = the first entries of F^-1(k^ . F(E x)), where E mirrors the image about its edges (`reflect`) or is the identity,
and F pads with zeros to a length that is fast to transform and long enough for what is kept to be free of what wraps
around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.place import Placed
from recon.dsl.model.terms import ValueTerm
from recon.dsl.vocabulary.operators import convolution as words
from scipy.fft import next_fast_len
from torch import Tensor

from ..build import Build
from ..meaning import meaning, meaning_of
from .base import Operator
from .mirror import fold_, mirror

Boundary = Literal["circular", "zero", "reflect", "valid"]


@meaning_of(words.Conv)
def conv(word: words.Conv, placed: Placed, build: Build) -> Operator:
    """A x = k * x over the axes, in Fourier."""
    where = word.indices(placed.domain)
    place = getattr(placed.term, "place", "")
    if isinstance(word.kernel, ValueTerm):
        kernel = build.given(word.kernel)
    else:
        kernel = meaning(word.kernel)(word.kernel, len(where), build, place)
    return ConvolutionOperator(kernel, word.boundary, where, placed)


def convolve(x: Tensor, kernel: Tensor, boundary: Boundary, dims: Sequence[int] | None = None) -> Tensor:
    """k * x over the axes `dims` (by default the last ones, as many as the kernel has), differentiable in both.

    x: [...], real or complex. kernel: [*extents], real or complex, its centre at index size // 2; with more axes than
    `dims`, the first ones are a stack that broadcasts against the axes of x in front of the last ones. The result has
    the shape of x, less the kernel's extents less one where the boundary is `valid`.
    """
    dims = tuple(range(-kernel.ndim, 0)) if dims is None else tuple(d - x.ndim if d >= 0 else d for d in dims)
    sizes, extents = [x.shape[d] for d in dims], kernel.shape[kernel.ndim - len(dims) :]
    plan = Plan(boundary, sizes, extents, dims, real=not (x.is_complex() or kernel.is_complex()))
    return plan.apply(x, plan.spectrum(kernel))


class Plan:
    """How images of given sizes are convolved with kernels of given extents over the axes `dims`, counted from the end.

    Everything is plain torch: `apply` and `adjoint` are differentiable in the image and in the spectrum.
    """

    def __init__(
        self, boundary: Boundary, sizes: Sequence[int], extents: Sequence[int], dims: Sequence[int], real: bool
    ) -> None:
        self.dims, self.sizes, self.real = tuple(dims), tuple(sizes), real
        self.margins = [(0, 0)] * len(dims)  # what mirrors in front of and behind the image
        self.shifts = [k // 2 for k in extents]  # where in the kernel's array the origin is
        self.kept = self.sizes
        if boundary == "circular":
            self.lengths = self.sizes
            return
        if boundary == "zero":
            least = [n + max(k // 2, k - 1 - k // 2) for n, k in zip(sizes, extents, strict=True)]
        else:
            self.shifts = [k - 1 for k in extents]  # the first entry that no edge reaches is kept first
            least = list(sizes)
            if boundary == "reflect":
                self.margins = [(k - 1 - k // 2, k // 2) for k in extents]
                least = [n + k - 1 for n, k in zip(sizes, extents, strict=True)]
            else:
                self.kept = tuple(n - k + 1 for n, k in zip(sizes, extents, strict=True))
        self.lengths = tuple(next_fast_len(n, real=real) for n in least)

    def spectrum(self, kernel: Tensor) -> Tensor:
        """The transform k^ of a kernel or a stack of them, shaped to multiply the transform of an image."""
        count = len(self.dims)
        last = tuple(range(-count, 0))
        extents = kernel.shape[kernel.ndim - count :]
        behind = [(0, n - k) for n, k in zip(self.lengths, extents, strict=True)]
        wide = torch.nn.functional.pad(kernel, [m for pair in reversed(behind) for m in pair])
        wide = wide.roll([-s for s in self.shifts], last)
        out = torch.fft.rfftn(wide, dim=last) if self.real else torch.fft.fftn(wide, dim=last)
        shape = [1] * -self.dims[0]
        for d, n in zip(self.dims, out.shape[-count:], strict=True):
            shape[d] = n
        shaped: Tensor = out.reshape(*kernel.shape[: kernel.ndim - count], *shape)
        return shaped

    def analyse(self, x: Tensor) -> Tensor:
        """F E x."""
        if any(m != (0, 0) for m in self.margins):
            x = mirror(x, self.margins, self.dims, self.lengths)
        transform = torch.fft.rfftn if self.real else torch.fft.fftn
        return cast(Tensor, transform(x, s=self.lengths, dim=self.dims))

    def analyse_measured(self, y: Tensor) -> Tensor:
        """F y, for y as it is kept."""
        transform = torch.fft.rfftn if self.real else torch.fft.fftn
        return cast(Tensor, transform(y, s=self.lengths, dim=self.dims))

    def kept_of(self, spectrum: Tensor) -> Tensor:
        """The entries that are kept of F^-1 `spectrum`."""
        return self._first(self._synthesise(spectrum), self.kept).contiguous()

    def image_of(self, spectrum: Tensor) -> Tensor:
        """E^H F^-1 `spectrum`."""
        wide = [n + a + b for n, (a, b) in zip(self.sizes, self.margins, strict=True)]
        return fold_(self._first(self._synthesise(spectrum), wide), self.margins, self.dims).contiguous()

    def apply(self, x: Tensor, spectrum: Tensor) -> Tensor:
        """k * x."""
        return self.kept_of(product(self.analyse(x), spectrum))

    def adjoint(self, y: Tensor, conjugate: Tensor) -> Tensor:
        """The adjoint of `apply`, given the complex conjugate of the spectrum."""
        return self.image_of(product(self.analyse_measured(y), conjugate))

    def _synthesise(self, spectrum: Tensor) -> Tensor:
        transform = torch.fft.irfftn if self.real else torch.fft.ifftn
        return cast(Tensor, transform(spectrum, s=self.lengths, dim=self.dims))

    def _first(self, x: Tensor, sizes: Sequence[int]) -> Tensor:
        for d, n in zip(self.dims, sizes, strict=True):
            x = x.narrow(d, 0, n)
        return x


def product(image: Tensor, spectrum: Tensor) -> Tensor:
    """image * spectrum, in place of the image where nothing is differentiated and the shapes allow."""
    tracked = torch.is_grad_enabled() and (image.requires_grad or spectrum.requires_grad)
    pairs = zip(spectrum.shape[::-1], image.shape[::-1], strict=False)
    wider = spectrum.ndim > image.ndim or any(m > n for m, n in pairs)
    return image * spectrum if tracked or wider else image.mul_(spectrum)


class ConvolutionOperator(Operator):
    """(A x)_i = sum_j k_j x_{i - j}, with j counted from the middle of the kernel's array, index size // 2.

    `where` are the axes of the domain that are convolved. A kernel with one axis more is a stack: one kernel for each
    entry of the axis in front of them. Real images under real kernels take real transforms.
    """

    spectrum: Tensor
    conjugate: Tensor
    power: Tensor

    def __init__(self, kernel: Tensor, boundary: Boundary, where: Sequence[int], placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.circular = boundary == "circular"
        sizes = placed.domain.sizes
        extents = kernel.shape[kernel.ndim - len(where) :]
        dims, real = [i - len(sizes) for i in where], placed.codomain.field == "real"
        self.plan = Plan(boundary, [sizes[i] for i in where], extents, dims, real)
        spectrum = self.plan.spectrum(kernel)
        self.constant("spectrum", spectrum)
        self.constant("conjugate", spectrum.conj().resolve_conj())
        if self.circular:
            self.constant("power", self.spectrum * self.conjugate)

    def _apply_(self, x: Tensor) -> Tensor:
        return self.plan.apply(x, self.spectrum)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._to_domain(self.plan.adjoint(y, self.conjugate))

    def _gram_(self, x: Tensor) -> Tensor:
        if not self.circular:
            return super()._gram_(x)
        return self._to_domain(self.plan.apply(x, self.power))

    def _to_domain(self, x: Tensor) -> Tensor:
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x

    def norm(self) -> float:
        """The largest |k^| where the boundary is circular and A complex-linear on its domain; else as ever."""
        exact = self.circular and self.domain.field == self.codomain.field
        return float(self.spectrum.abs().max()) if exact else super().norm()


class SummedConvolution(Operator):
    """The sum over one axis of convolutions over others, `axis` counted from the end: the image of a volume.

    The sum is taken of the transforms, so that one inverse transform is left, and the adjoint transforms once.
    """

    spectrum: Tensor
    conjugate: Tensor

    def __init__(self, summed: Operator, axis: int, inner: ConvolutionOperator) -> None:
        super().__init__(inner.domain, summed.codomain, fact.compose(summed.facts, inner.facts))
        self.plan, self.axis, self.precision = inner.plan, axis, inner.precision
        self.constant("spectrum", inner.spectrum)
        self.constant("conjugate", inner.conjugate)

    def _apply_(self, x: Tensor) -> Tensor:
        spectrum = product(self.plan.analyse(x), self.spectrum)
        # What is summed stays as an axis of extent one, since the plan counts its axes from the end.
        return self.plan.kept_of(spectrum.sum(self.axis, keepdim=True)).squeeze(self.axis)

    def _adjoint_(self, y: Tensor) -> Tensor:
        depth = self.domain.sizes[self.axis]
        spectrum = self.plan.analyse_measured(y.unsqueeze(self.axis))
        shape = list(spectrum.shape)
        shape[self.axis] = depth
        x = self.plan.image_of(spectrum.expand(shape) * self.conjugate)
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x
