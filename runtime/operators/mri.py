"""The meaning of k-space sampling and coil sensitivities."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Diagonal, Facts
from recon.dsl.model.place import Placed
from recon.dsl.model.space import Space
from recon.dsl.model.terms import ValueTerm
from recon.dsl.vocabulary.operators import mri as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning, meaning_of
from ..mri.espirit import CalibrationError, espirit
from ..transforms.coils import LineFilter
from ..values import EvaluationError
from .base import Operator, part_of
from .diagonal import GridDiagonal
from .extents import entries, shortened
from .sampling import drawn_mask, weighted_draw
from .spectral import SpectralFilter
from .toeplitz import ToeplitzFilter


@meaning_of(words.Cartesian)
def cartesian(word: words.Cartesian, placed: Placed, build: Build) -> Operator:
    """Keeps lines along one axis: the same ones for all coils and slices."""
    axis = len(placed.domain.axes) + word.index(placed.domain)
    drawn = [kept_lines(word, placed.domain.sizes[axis], generator) for generator in build.generators(word, placed)]
    return drawn_mask(drawn, (axis,), placed, build)


def kept_lines(word: words.Cartesian, lines: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which of so many lines are kept: exactly round(lines / accel), at least one, of which round(lines * center) stand
    together around index lines // 2, zero frequency.

    The others: random, drawn without replacement with equal chances; equispaced, at equal steps that go on across the
    centre, from a random offset (fastMRI's rule with a fraction, of whose offsets only those count that give the asked
    number of lines); variable, drawn without replacement with chances proportional to
    (1 - |k - lines // 2| / (lines // 2 + 1))^power.
    """
    kept, central = word.counts(lines)
    mask = np.zeros(lines, dtype=bool)
    start = lines // 2 - central // 2
    mask[start : start + central] = True
    wanted = kept - central
    if wanted == 0:
        return mask
    if word.lines == "equispaced":
        return mask | _lattice(mask, wanted, generator)
    outer = np.flatnonzero(~mask)
    if word.lines == "random":
        chosen = generator.permutation(len(outer))[:wanted]
    else:
        distance = np.abs(outer - lines // 2) / (lines // 2 + 1)
        chosen = weighted_draw(word.power * np.log1p(-distance), wanted, generator)
    mask[outer[chosen]] = True
    return mask


def _lattice(centre: NDArray[np.bool_], wanted: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Lines at equal steps, of which exactly `wanted` lie outside the centre.

    The step is that of the lines outside the centre, (lines - central) / wanted, and the offset uniform among those
    where the number comes out. Where it never does, the lattice nearest to it loses or gains lines at random.
    """
    lines = len(centre)
    step = (lines - centre.sum()) / wanted
    tries = 16 * math.ceil(step)
    offsets = (generator.permutation(tries) + generator.random()) * (step / tries)
    best, off = np.zeros(lines, dtype=bool), lines + 1
    for offset in offsets:
        found = np.zeros(lines, dtype=bool)
        found[np.arange(offset, lines, step).astype(int)] = True
        found &= ~centre
        if abs(int(found.sum()) - wanted) < off:
            best, off = found, abs(int(found.sum()) - wanted)
        if off == 0:
            return best
    spare = int(best.sum()) - wanted
    changed = np.flatnonzero(best if spare > 0 else ~(best | centre))
    best[generator.permutation(changed)[: abs(spare)]] = spare < 0
    return best


@meaning_of(words.Coils)
def coils(word: words.Coils, placed: Placed, build: Build) -> Operator:
    """(A x)_c = S_c x."""
    if isinstance(word.maps, ValueTerm):
        maps = build.given(word.maps)
        return CoilsOperator(maps.to(build.complex), placed)
    maps = meaning(word.maps)(word.maps, placed.domain, build)
    return CoilsOperator(maps if maps.is_complex() else maps.to(build.complex), placed)


class CoilsOperator(Operator):
    """x -> (S_1 x, ..., S_C x), with a new axis of coils in front of the spatial ones; A^H y = sum_c conj(S_c) y_c.

    `maps` is S of shape [C, *spatial], complex; extents of one are broadcast.
    """

    maps: Tensor
    conjugate: Tensor

    def __init__(self, maps: Tensor, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.constant("maps", maps)
        self.constant("conjugate", maps.conj().resolve_conj())
        self.coil_dim = -maps.ndim

    def _apply_(self, x: Tensor) -> Tensor:
        return x.unsqueeze(self.coil_dim) * self.maps

    def _adjoint_(self, y: Tensor) -> Tensor:
        # Coil by coil the sum stays in the cache, and no second array of all coils is made.
        out: Tensor | None = None
        for v, conjugate in zip(y.unbind(self.coil_dim), self.conjugate, strict=True):
            out = v * conjugate if out is None else out.addcmul_(v, conjugate)
        assert out is not None
        return out

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """Some of the coils, which see the whole image; or all of them, on a part of it."""
        if axis == "coil":
            codomain = shortened(self.codomain, axis, keep)
            return CoilsOperator(self.maps[keep], Placed(None, self.domain, codomain, fact.cut(self.facts))), False
        at = entries(self.domain, axis, keep)[1:]
        spatial = len(at) < self.maps.ndim and self.maps.shape[-len(at)] > 1
        maps = self.maps[(..., *at)] if spatial else self.maps
        return CoilsOperator(maps, Placed(None, *part_of(self, axis, keep))), True

    def under(self, outer: Operator) -> list[Operator] | None:
        """A diagonal that treats all coils alike acts on the one image as well as on each coil's."""
        values = self._on_one(outer.values) if isinstance(outer, GridDiagonal) else None
        if values is None:
            return None
        return [self, GridDiagonal(values, self.domain, self.domain, Facts(gram=Diagonal("pixel")))]

    def around(self, middle: Operator) -> Operator | None:
        """sum_c S_c^H M S_c for a filter M that treats all coils alike."""
        if not isinstance(middle, (SpectralFilter, ToeplitzFilter)) or middle.axes >= self.maps.ndim:
            return None
        weights = self._on_one(middle.spectrum.real)
        return None if weights is None else CoilFilter(self, middle.on(self.domain, weights))

    def _on_one(self, values: Tensor) -> Tensor | None:
        """Values for the axes of all coils' images as those for the axes of one; None where they differ by coil."""
        if values.ndim < self.maps.ndim:
            return values
        return values.squeeze(self.coil_dim) if values.shape[self.coil_dim] == 1 else None


class CoilFilter(Operator):
    """x -> sum_c conj(S_c) M(S_c x): the Gram operator of parallel imaging (Pruessmann et al. 2001).

    On the CPU by a kernel where M filters along lines; else one coil at a time, which stays in the cache. Elsewhere all
    coils at once.
    """

    def __init__(self, coils: CoilsOperator, filtered: SpectralFilter | ToeplitzFilter) -> None:
        super().__init__(coils.domain, coils.domain, Facts())
        self.coils, self.filtered = coils, filtered
        self.lines: LineFilter | None = None
        if isinstance(filtered, SpectralFilter) and filtered.dims == [-1]:
            maps = coils.maps.expand(len(coils.maps), *coils.domain.sizes[-coils.maps.ndim + 1 :])
            weights = filtered.spectrum.real.flatten()
            self.lines = LineFilter(weights, maps) if LineFilter.fits(weights, maps) else None

    def _apply_(self, x: Tensor) -> Tensor:
        if self.lines is not None and self.lines.ready(x):
            return self.lines(x)
        maps, conjugate = self.coils.maps, self.coils.conjugate
        if x.device.type != "cpu":  # coils in front of all axes, where the filter's own axes find them alike
            shape = (len(maps), *[1] * (x.ndim - maps.ndim + 1), *maps.shape[1:])
            every = self.filtered._apply_(x * maps.view(shape))
            return every.mul_(conjugate.view(shape)).sum(0)
        out: Tensor | None = None
        for s, c in zip(maps, conjugate, strict=True):
            v = self.filtered._apply_(x * s)
            out = v.mul_(c) if out is None else out.addcmul_(v, c)
        assert out is not None
        return out

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._apply_(y)


@meaning_of(words.Birdcage)
def birdcage(word: words.Birdcage, domain: Space, build: Build) -> Tensor:
    """Maps of shape [C, rows, columns], or [C, 1, rows, columns] for a volume, whose coils are bars along z.

    Pixel (i, j) of an H x W image stands at ((j - W // 2) / (W / 2), (i - H // 2) / (H / 2)); coil c at `radius` times
    (cos a, sin a), a = 2 pi c / C. With d_c the vector from the coil to the pixel as a complex number,
    S_c = d_c / |d_c|^2, then divided by the root of sum_c |S_c|^2. A pixel on a coil is held off it by 1e-3.
    """
    height, width = domain.sizes[-2:]
    rows = (torch.arange(height, dtype=torch.float64) - height // 2) / (height / 2)
    columns = (torch.arange(width, dtype=torch.float64) - width // 2) / (width / 2)
    angles = torch.arange(word.coils, dtype=torch.float64) * (2 * math.pi / word.coils)
    pixels = torch.complex(columns.expand(height, width), rows[:, None].expand(height, width).contiguous())
    distance = pixels - torch.polar(torch.tensor(word.radius, dtype=torch.float64), angles)[:, None, None]
    modulus = distance.abs().clamp(min=1e-3)
    maps = torch.polar(1 / modulus, distance.angle())
    maps /= torch.linalg.vector_norm(maps, dim=0)
    return build.tensor(maps if domain.axis("z") is None else maps[:, None])


@meaning_of(words.Espirit)
def estimated(word: words.Espirit, domain: Space, build: Build) -> Tensor:
    """Maps of shape [C, *spatial], from the row's own measurement."""
    kspace = build.given(word.of).to(build.complex)
    if kspace.ndim == 4 and word.over == "slice":
        return torch.stack([_calibrated(word, k) for k in kspace.unbind(1)], dim=1)
    return _calibrated(word, kspace)


def _calibrated(word: words.Espirit, kspace: Tensor) -> Tensor:
    try:
        return espirit(kspace, word.calib, word.kernel, word.threshold, word.crop)
    except CalibrationError as e:
        text = word.of.span.text if word.of.span is not None else "y"
        raise EvaluationError(f"`espirit` cannot take maps from `{text}`: {e}") from None
