"""The meaning of random matrices, Hadamard transforms, random signs and random rows."""

from __future__ import annotations

import math

import numpy as np
import torch
from recon.dsl.model.facts import Diagonal, Facts, Norm
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import sensing as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..transforms.hadamard import hadamard, sequency
from .base import Operator
from .basic import MatrixOperator
from .diagonal import GridDiagonal, MaskOperator


@meaning_of(words.GaussianMatrix)
def gaussian(word: words.GaussianMatrix, placed: Placed, build: Build) -> Operator:
    """Entries from N(0, 1 / m), m the number of rows; complex ones with half of that for each part."""
    (draw,) = build.generators(word, placed)
    entries = draw.standard_normal(_shape(word, placed))
    if word.entries == "complex":
        entries = (entries + 1j * draw.standard_normal(_shape(word, placed))) / math.sqrt(2)
    return MatrixOperator(build.tensor(entries / math.sqrt(word.rows)), placed)


@meaning_of(words.Rademacher)
def rademacher(word: words.Rademacher, placed: Placed, build: Build) -> Operator:
    """Entries of 1 / sqrt(m) with independent signs."""
    (draw,) = build.generators(word, placed)
    signs = draw.integers(0, 2, _shape(word, placed)) * 2 - 1
    return MatrixOperator(build.tensor(signs / math.sqrt(word.rows)), placed)


@meaning_of(words.Hadamard)
def walsh_hadamard(word: words.Hadamard, placed: Placed, build: Build) -> Operator:
    """The orthonormal transform over the spatial axes."""
    return HadamardOperator(spatial_count(placed.domain), word.order == "sequency", placed)


@meaning_of(words.Signs)
def signs(word: words.Signs, placed: Placed, build: Build) -> Operator:
    """Independent signs, one for each entry."""
    (draw,) = build.generators(word, placed)
    drawn = draw.integers(0, 2, placed.domain.sizes, dtype=np.int8) * 2 - 1
    return GridDiagonal(build.tensor(drawn), placed.domain, placed.codomain, placed.facts)


@meaning_of(words.RandomRows)
def rows(word: words.RandomRows, placed: Placed, build: Build) -> Operator:
    """The entries with the smallest e_i / p_i, for e_i drawn from an exponential law and p_i the density.

    This draws without replacement, one entry after the other, each time in proportion to the p_i that are left
    (Efraimidis, Spirakis 2006).
    """
    sizes = placed.domain.sizes
    (draw,) = build.generators(word, placed)
    keys = draw.standard_exponential(sizes)
    if word.density != "uniform":
        keys *= np.maximum(_squared_distance(placed, word.density), 1)
    kept = np.sort(np.argpartition(keys.reshape(-1), word.kept(keys.size) - 1)[: word.kept(keys.size)])
    return RowsOperator(torch.from_numpy(kept).to(build.device), build.real, placed)


def _squared_distance(placed: Placed, origin: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Of each entry from the first one or the middle one, over the spatial axes."""
    out = np.zeros(placed.domain.sizes)
    count = spatial_count(placed.domain)
    for k, n in enumerate(placed.domain.sizes[-count:]):
        along = np.arange(n) - (n // 2 if origin == "middle" else 0.0)
        out += (along**2).reshape(-1, *[1] * (count - 1 - k))
    return out


def _shape(word: words.GaussianMatrix | words.Rademacher, placed: Placed) -> tuple[int, int]:
    return word.rows, placed.domain.sizes[0]


class HadamardOperator(Operator):
    """The orthonormal Walsh-Hadamard transform over the last `axes` axes.

    In natural order it is its own inverse; in sequency order its rows are sorted along each axis by their changes of
    sign.
    """

    def __init__(self, axes: int, sorted_rows: bool, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.axes = axes
        self.orders = [sequency(n) for n in placed.domain.sizes[-axes:]] if sorted_rows else []

    def _apply_(self, x: Tensor) -> Tensor:
        y = hadamard(x, self.axes)
        for axis, order in enumerate(self.orders, start=-self.axes):
            y = y.index_select(axis, order.to(y.device))
        return y

    def _adjoint_(self, y: Tensor) -> Tensor:
        for axis, order in enumerate(self.orders, start=-self.axes):
            y = y.index_select(axis, order.argsort().to(y.device))
        return hadamard(y, self.axes)


class RowsOperator(Operator):
    """x -> (x_i) for the flat indices i in `kept`, which ascend; the adjoint puts zeros everywhere else."""

    kept: Tensor

    def __init__(self, kept: Tensor, real: torch.dtype, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.precision = real
        self.constant("kept", kept)

    def _apply_(self, x: Tensor) -> Tensor:
        return x.flatten(x.ndim - len(self.domain.axes)).index_select(-1, self.kept)

    def _adjoint_(self, y: Tensor) -> Tensor:
        flat = y.new_zeros(*y.shape[:-1], self.domain.count or 0)
        return flat.index_copy_(-1, self.kept, y).reshape(*y.shape[:-1], *self.domain.sizes)

    def normal(self) -> Operator | None:
        """The mask of the kept entries."""
        mask = torch.zeros(self.domain.count or 0, dtype=torch.bool, device=self.kept.device)
        mask[self.kept] = True
        pixel = Diagonal("pixel")
        facts = Facts(gram=pixel, cogram=pixel, diagonal=pixel, norm=Norm(1.0, exact=True), signs=True)
        return MaskOperator(mask.reshape(self.domain.sizes), self.precision, self.domain, self.domain, facts)

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return None if given is None else given.expand(self.domain.sizes).reshape(-1)[self.kept]
