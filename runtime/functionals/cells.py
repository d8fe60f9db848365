"""Laws of noise that tell a cell in which the mean lies: rounding, impulses, JPEG."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from recon.dsl.model.problem import Affine
from recon.dsl.vocabulary import cells as words
from torch import Tensor

from ..meaning import meaning_of
from ..operators.base import Operator
from ..transforms.cosine import block_cosine_forward, block_cosine_inverse
from ..transforms.jpeg import BLOCK, decoded, levels, quantisation
from .base import Functional, Scalar, indicator, largest_rows, per_row
from .law import LawMeaning, linear_target, on_support, standard_uniform
from .quadratic import DataTerm


class Cell(DataTerm):
    """The indicator of low_i <= v_i <= high_i, for real v; bounds may be infinite, and equal.

    `target` is the measurement itself, which lies in the cell or stands for a cell without bounds.
    """

    constraint = True
    separable = True

    def __init__(self, low: Tensor, high: Tensor, target: Tensor | None = None) -> None:
        """Raises TypeError for complex bounds, ValueError unless low <= high everywhere."""
        if low.is_complex() or high.is_complex():
            raise TypeError("a cell needs real numbers, but the measurement is complex")
        if not bool((low <= high).all()):
            raise ValueError("a cell needs low <= high everywhere")
        self.low, self.high, self.target = low, high, target
        finite = [b.masked_fill(b.isinf(), 0) for b in (low, high)]
        self._size = torch.maximum(*(largest_rows(b) for b in finite))

    def value(self, v: Tensor) -> Tensor:
        excess = largest_rows(v - self.prox(v, 1.0))
        return indicator(excess, torch.maximum(largest_rows(v), self._size), v.dtype)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection: each entry to the nearest number of its cell; t has no influence."""
        return torch.clamp(v, self.low, self.high)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        return self.prox(v, t) if torch.is_grad_enabled() else v.clamp_(self.low, self.high)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """v - clip(v, s low, s high), exactly zero where v / s lies in the cell."""
        c = per_row(s, v)
        return v - torch.clamp(v, self.low * c, self.high * c)

    def conjugate(self, p: Tensor) -> Tensor:
        """The support function, sum_i max(low_i p_i, high_i p_i)."""
        total = torch.zeros(p.shape[0], dtype=torch.float64, device=p.device)
        for part, bound in ((p.clamp(min=0), self.high), (p.clamp(max=0), self.low)):
            open_ = bound.isinf()
            total = total + (part * bound.masked_fill(open_, 0)).flatten(1).sum(1, dtype=torch.float64)
            total = total + indicator(largest_rows(part * open_), largest_rows(p), p.dtype)
        return total

    def linearise(self) -> Tensor:
        """The measurement. Raises ValueError where there is none."""
        if self.target is None:
            raise ValueError("a cell alone has no data to linearise")
        return self.target


class CosineCell(DataTerm):
    """The indicator of a cell of the cosine coefficients of 8 x 8 blocks: g(C v) for the orthonormal C."""

    constraint = True

    def __init__(self, cell: Functional, target: Tensor) -> None:
        self.cell, self.target = cell, target

    def value(self, v: Tensor) -> Tensor:
        return self.cell.value(block_cosine_forward(v, BLOCK))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection, C^T P(C v)."""
        return block_cosine_inverse(self.cell.prox(block_cosine_forward(v, BLOCK), t), BLOCK)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        return block_cosine_inverse(self.cell.conjugate_prox(block_cosine_forward(v, BLOCK), s), BLOCK)

    def conjugate(self, p: Tensor) -> Tensor | None:
        return self.cell.conjugate(block_cosine_forward(p, BLOCK))

    def linearise(self) -> Tensor:
        assert self.target is not None
        return self.target


def _open(low: Tensor, high: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """The bounds without those of the entries `where`."""
    return low.masked_fill(where, -torch.inf), high.masked_fill(where, torch.inf)


def _cell(low: Tensor, high: Tensor, target: Tensor, operator: Operator) -> Cell:
    """The cell of the entries that are measured."""
    measured = operator.measured()
    if measured is not None:
        low, high = _open(low, high, ~measured)
    return Cell(low, high, target)


class UniformLaw(LawMeaning):
    """Errors evenly spread over -radius..radius."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        target = linear_target(mean, y, operator, "uniform")
        return _cell(target - self.radius, target + self.radius, target, operator)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        drawn = mean_value + self.radius * (2 * standard_uniform(mean_value, generators) - 1)
        return on_support(drawn, operator)


class QuantisedLaw(LawMeaning):
    """The nearest of evenly spaced levels."""

    def __init__(self, word: words.Quantised) -> None:
        self.step, self.range = word.distance, None if word.bits is None else word.range

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """The cell of half a step to each side; open at the ends of the range, where more was cut off."""
        target = linear_target(mean, y, operator, "quantised")
        low, high = target - self.step / 2, target + self.step / 2
        if self.range is not None:
            low = low.masked_fill(y <= self.range.start + self.step / 4, -torch.inf)
            high = high.masked_fill(y >= self.range.stop - self.step / 4, torch.inf)
        return _cell(low, high, target, operator)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        start = 0.0 if self.range is None else self.range.start
        drawn = start + self.step * torch.round((mean_value - start) / self.step)
        if self.range is not None:
            drawn = drawn.clamp(self.range.start, self.range.stop)
        return on_support(drawn, operator)


class SaltPepperLaw(LawMeaning):
    """Entries replaced by the ends of a range, each with probability fraction / 2."""

    def __init__(self, word: words.SaltPepper) -> None:
        self.fraction, self.low, self.high = word.fraction, word.range.start, word.range.stop

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """Exact between the ends, and nothing known at them."""
        target = linear_target(mean, y, operator, "salt_pepper")
        low, high = _open(target, target, (y <= self.low) | (y >= self.high))
        return _cell(low, high, target, operator)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        chance = standard_uniform(mean_value, generators, torch.float64)
        drawn = mean_value.masked_fill(chance < self.fraction / 2, self.low)
        return on_support(drawn.masked_fill(chance >= 1 - self.fraction / 2, self.high), operator)


class JpegLaw(LawMeaning):
    """Baseline JPEG of one channel: cosine coefficients of 8 x 8 blocks, each rounded to a multiple of its step."""

    def __init__(self, word: words.Jpeg) -> None:
        self.table = quantisation(word.quality)
        self.black, self.scale = word.range.start, 255 / (word.range.stop - word.range.start)

    def _grey(self, v: Tensor) -> Tensor:
        """Values on the scale 0..255."""
        return (v - self.black) * self.scale

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """The cell of half a step around each coefficient that was kept.

        y may be a decoded file, rounded to grey levels and cut at black and white: the coefficients are rounded to
        the nearest multiples of their steps, which undoes that where the steps are large beside it.
        """
        target = linear_target(mean, y, operator, "jpeg")
        _whole(operator)
        table = self.table.to(y)
        kept = levels(self._grey(y), table)
        centre = block_cosine_forward((decoded(kept, table) / self.scale + self.black) - mean.offset, BLOCK)
        half = _tiled(table, y) / (2 * self.scale)
        return CosineCell(Cell(centre - half, centre + half), target)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """The decoded picture, not rounded to grey levels."""
        _whole(operator)
        table = self.table.to(mean_value)
        return decoded(levels(self._grey(mean_value), table), table) / self.scale + self.black


def _whole(operator: Operator) -> None:
    if operator.measured() is not None:
        raise ValueError("`jpeg` codes whole pictures, but here a mask leaves out a part")


def _tiled(table: Tensor, like: Tensor) -> Tensor:
    return table.repeat(like.shape[-2] // BLOCK, like.shape[-1] // BLOCK)


@meaning_of(words.Uniform)
def uniform(word: words.Uniform) -> LawMeaning:
    return UniformLaw(word.radius)


@meaning_of(words.Quantised)
def quantised(word: words.Quantised) -> LawMeaning:
    return QuantisedLaw(word)


@meaning_of(words.SaltPepper)
def salt_pepper(word: words.SaltPepper) -> LawMeaning:
    return SaltPepperLaw(word)


@meaning_of(words.Jpeg)
def jpeg(word: words.Jpeg) -> LawMeaning:
    return JpegLaw(word)
