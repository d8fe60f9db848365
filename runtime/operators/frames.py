"""The meaning of frames and dictionaries."""

from __future__ import annotations

import math
from itertools import product
from typing import cast

import torch
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import frames as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor

from ..build import Build, build_operator
from ..meaning import meaning_of
from ..transforms.cosine import cosine_forward, cosine_inverse
from ..transforms.filters import wavelet_filters
from .base import Composition, Operator
from .fourier import CosineOperator


@meaning_of(words.Undecimated)
def undecimated(word: words.Undecimated, placed: Placed, build: Build) -> Operator:
    """The undecimated wavelet transform over the spatial axes."""
    return UndecimatedOperator(word, placed, build)


class UndecimatedOperator(Operator):
    """Bands of x by products with transfer functions in the Fourier domain.

    At scale j, from 1 on, the filters h and g of the wavelet are spread by 2^(j-1): their transfer functions along an
    axis of n entries are H(2^(j-1) w), G(2^(j-1) w) at w = 2 pi k / n, with |H|^2 + |G|^2 = 1. The coarse band of a
    scale is split again at the next. Functions of one axis are stored, and a band's is their product; a shift by F / 2
    of the filters with F taps keeps edges where they are, as PyWavelets does.

    unpenalised: the slices that cut out the coarse band, for all axes of the codomain.
    """

    def __init__(self, word: words.Undecimated, placed: Placed, build: Build) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        count = spatial_count(placed.domain)
        self.dims, self.levels = list(range(-count, 0)), word.depth()
        self.extents = placed.domain.sizes[-count:]
        self.real = placed.domain.field == "real"
        low = torch.tensor(wavelet_filters(word.of.name).taps, dtype=torch.float64).flip(0)  # as analysis takes it
        signs = 1 - 2.0 * (torch.arange(len(low)) % 2)
        filters = low, -low.flip(0) * signs
        for d, n in zip(self.dims, self.extents, strict=True):
            half = n // 2 + 1 if self.real and d == -1 else n
            for j, (high, taps) in product(range(self.levels), enumerate(filters)):
                lags = (len(taps) // 2 - torch.arange(len(taps))) * 2**j % n
                angle = 2 * math.pi / n * (torch.outer(torch.arange(half), lags) % n).double()
                response = (torch.polar(torch.ones_like(angle), angle) * taps).sum(1)
                response = response.to(build.complex) / 2**0.5
                self.constant(_name(d, j, high), response.to(build.device).view(-1, *[1] * (-d - 1)))
        self.unpenalised: tuple[slice, ...] = (slice(0, 1), *[slice(None)] * len(placed.domain.axes))

    def _along(self, d: int, level: int, high: int) -> Tensor:
        return cast(Tensor, getattr(self, _name(d, level, high)))

    def _split(self, spectrum: Tensor, level: int) -> list[Tensor]:
        """The spectrum times the product of one function of each axis, for all choices of low and high."""
        parts = [spectrum]
        for d in self.dims:
            parts = [p * self._along(d, level, high) for p in parts for high in (0, 1)]
        return parts

    def _joined(self, parts: list[Tensor], level: int) -> Tensor:
        """The adjoint of `_split`; the parts are written to."""
        for d in reversed(self.dims):
            low, high = self._along(d, level, 0).conj(), self._along(d, level, 1).conj()
            parts = [a.mul_(low).add_(b.mul_(high)) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    def _apply_(self, x: Tensor) -> Tensor:
        batch = x.shape[: x.ndim - len(self.domain.axes)]
        out = x.new_empty((*batch, *self.codomain.sizes))
        bands, band = out.movedim(-len(self.codomain.axes), 0), len(out.movedim(-len(self.codomain.axes), 0))
        spectrum = self._spectrum(x)
        for level in range(self.levels):
            spectrum, *details = self._split(spectrum, level)
            band -= len(details)
            for k, detail in enumerate(details):
                bands[band + k] = self._image(detail)
        bands[0] = self._image(spectrum)
        return out

    def _adjoint_(self, y: Tensor) -> Tensor:
        bands = y.movedim(-len(self.codomain.axes), 0)
        width, spectrum = 2 ** len(self.dims) - 1, self._spectrum(bands[0])
        for level in reversed(range(self.levels)):
            first = 1 + (self.levels - 1 - level) * width
            spectrum = self._joined([spectrum, *(self._spectrum(bands[first + k]) for k in range(width))], level)
        return self._image(spectrum)

    def _spectrum(self, x: Tensor) -> Tensor:
        return cast(Tensor, torch.fft.rfftn(x, dim=self.dims) if self.real else torch.fft.fftn(x, dim=self.dims))

    def _image(self, spectrum: Tensor) -> Tensor:
        if self.real:
            return cast(Tensor, torch.fft.irfftn(spectrum, s=self.extents, dim=self.dims))
        return cast(Tensor, torch.fft.ifftn(spectrum, dim=self.dims))


def _name(d: int, level: int, high: int) -> str:
    return f"response_{-d}_{level}_{'high' if high else 'low'}"


@meaning_of(words.Blocks)
def blocks(word: words.Blocks, placed: Placed, build: Build) -> Operator:
    """An operator on each block of the spatial axes."""
    domain = placed.domain
    inner = build_operator(word.inner(domain), build)
    return BlocksOperator(inner, word.sizes(domain), word.steps(domain), word.cover(domain), placed)


class BlocksOperator(Operator):
    """The inner operator on blocks that begin at every step, each in its place, divided by the root of `cover`.

    unpenalised: a boolean array over the spatial axes of what `l1` leaves alone: of each block the mean, where the
    inner operator is the cosine transform, or what that operator leaves alone itself; None: nothing.
    """

    def __init__(
        self, inner: Operator, sizes: tuple[int, ...], steps: tuple[int, ...], cover: int, placed: Placed
    ) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.inner, self.sizes, self.steps, self.scale = inner, sizes, steps, cover**-0.5
        self.axes = len(sizes)
        self.grid = tuple(n // t for n, t in zip(placed.domain.sizes[-self.axes :], steps, strict=True))
        self.kept = inner.codomain.sizes
        self.unpenalised = self._spared()

    def _spared(self) -> Tensor | None:
        outermost = self.inner._chain()[0] if isinstance(self.inner, Composition) else self.inner
        own = getattr(outermost, "unpenalised", None)
        spared = torch.zeros(self.kept, dtype=torch.bool)
        if isinstance(outermost, CosineOperator):
            spared[(0,) * self.axes] = True
        elif own is None:
            return None
        elif isinstance(own, Tensor):
            spared |= own
        else:
            spared[own] = True
        return spared.repeat(self.grid)

    def _apply_(self, x: Tensor) -> Tensor:
        head = x.ndim - self.axes
        for k, (size, step) in enumerate(zip(self.sizes, self.steps, strict=True)):
            axis = head + k
            if size > step:  # blocks over the edge see the first entries again
                x = torch.cat([x, x.narrow(axis, 0, size - step)], axis)
            x = x.unfold(axis, size, step)  # the entries of a block go to the back
        y = self.inner._apply_(x.contiguous())
        if self.scale != 1:
            y = y * self.scale
        order = [*range(head), *(head + i + j * self.axes for i in range(self.axes) for j in (0, 1))]
        return y.permute(order).reshape(*y.shape[:head], *self.codomain.sizes[-self.axes :])

    def _adjoint_(self, y: Tensor) -> Tensor:
        head = y.ndim - self.axes
        y = y.reshape(*y.shape[:head], *(n for pair in zip(self.grid, self.kept, strict=True) for n in pair))
        order = [*range(head), *(head + 2 * i + j for j in (0, 1) for i in range(self.axes))]
        x = self.inner._adjoint_(y.permute(order).contiguous())
        if self.scale != 1:
            x = x * self.scale
        for k, (size, step) in enumerate(zip(self.sizes, self.steps, strict=True)):
            # The grid of blocks along this axis, and behind all grids still to come the entries of a block.
            place, entries = head + k, head + self.axes
            pieces = torch.unflatten(x, entries, (size // step, step)).unbind(entries)  # of each block, in steps
            total = pieces[0]
            for shift, piece in enumerate(pieces[1:], start=1):
                total = total + piece.roll(shift, place)
            x = total.movedim(entries, place + 1).flatten(place, place + 1)
        return x.contiguous()


@meaning_of(words.Dictionary)
def dictionary(word: words.Dictionary, placed: Placed, build: Build) -> Operator:
    """Cosines at finer frequencies: the first entries of a longer cosine basis."""
    return CroppedCosines(word.extents(), tuple(word.redundancy * n for n in word.extents()), placed)


@meaning_of(words.LowFrequencies)
def low_frequencies(word: words.LowFrequencies, placed: Placed, build: Build) -> Operator:
    """The lowest cosines of a basis."""
    return CroppedCosines(word.extents(), word.extents(), placed)


class CroppedCosines(Operator):
    """Coefficients, with zeros behind them, as an array by the orthonormal cosine basis of `whole`, cut to `size`."""

    def __init__(self, size: tuple[int, ...], whole: tuple[int, ...], placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.size, self.whole, self.axes = size, whole, len(size)
        self.given = placed.domain.sizes[-self.axes :]

    def _apply_(self, x: Tensor) -> Tensor:
        return _fitted(cosine_inverse(_fitted(x, self.whole), self.axes), self.size)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return _fitted(cosine_forward(_fitted(y, self.whole), self.axes), self.given)


def _fitted(x: Tensor, extents: tuple[int, ...]) -> Tensor:
    """The last axes with these extents: cut, or with zeros behind."""
    have = x.shape[x.ndim - len(extents) :]
    if tuple(have) == extents:
        return x
    if all(n <= m for n, m in zip(extents, have, strict=True)):
        for axis, n in enumerate(extents, start=x.ndim - len(extents)):
            x = x.narrow(axis, 0, n)
        return x.contiguous()
    return torch.nn.functional.pad(x, [p for n, m in zip(extents[::-1], have[::-1], strict=True) for p in (0, n - m)])
