"""The meaning of identity, masks, diagonals, matrices, stacks and changes of shape."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.place import Placed, place
from recon.dsl.model.space import Space
from recon.dsl.vocabulary.operators import basic as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor, nn

from ..build import Build, build_operator
from ..meaning import meaning, meaning_of
from .arrays import load_array
from .base import IdentityOperator, Operator
from .diagonal import GridDiagonal, MaskOperator
from .extents import shortened
from .sampling import drawn_mask


@meaning_of(words.Identity)
def identity(word: words.Identity, placed: Placed, build: Build) -> Operator:
    """A x = x."""
    return IdentityOperator(placed.domain, placed.codomain, placed.facts)


@meaning_of(words.Mask)
def mask(word: words.Mask, placed: Placed, build: Build) -> Operator:
    """What the file marks, or round(keep N) of the N spatial positions, at least one, drawn without replacement."""
    if word.file is not None:
        return MaskOperator(load_array(word.file, build) != 0, build.real, placed.domain, placed.codomain, placed.facts)
    assert word.keep is not None
    extents = placed.domain.sizes[-spatial_count(placed.domain) :]
    count = math.prod(extents)
    kept = max(round(word.keep * count), 1)
    drawn = []
    for generator in build.generators(word, placed):
        flags = np.zeros(count, dtype=bool)
        flags[generator.permutation(count)[:kept]] = True
        drawn.append(flags.reshape(extents))
    axes = range(len(placed.domain.axes) - len(extents), len(placed.domain.axes))
    return drawn_mask(drawn, tuple(axes), placed, build)


@meaning_of(words.DiagonalOperator)
def diagonal(word: words.DiagonalOperator, placed: Placed, build: Build) -> Operator:
    """(A x)_i = d_i x_i, with d from an array word, over the last axes of the domain."""
    values = meaning(word.values)(word.values, placed.domain, build)
    return GridDiagonal(values, placed.domain, placed.codomain, placed.facts)


@meaning_of(words.Matrix)
def matrix(word: words.Matrix, placed: Placed, build: Build) -> Operator:
    """A x = Phi x, with Phi from a file."""
    return MatrixOperator(load_array(word.file, build), placed)


@meaning_of(words.Stack)
def stack(word: words.Stack, placed: Placed, build: Build) -> Operator:
    """A x = (A_1 x, A_2 x, ...), each part built at its own place."""
    return StackOperator([build_operator(place(p, placed.domain), build) for p in word.parts], placed)


@meaning_of(words.Flatten)
def flatten(word: words.Flatten, placed: Placed, build: Build) -> Operator:
    """All axes as one."""
    return FlattenOperator(placed.domain, placed.codomain, placed.facts)


class MatrixOperator(Operator):
    """y = Phi x over the last axis; `matrix` is Phi of shape [measurements, samples], real or complex."""

    matrix: Tensor

    def __init__(self, matrix: Tensor, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.constant("matrix", matrix)

    def _apply_(self, x: Tensor) -> Tensor:
        return _rows_times(x, self.matrix.mT)

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = _rows_times(y, self.matrix.conj())
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """Some of the rows; the norm of a single one is its length."""
        matrix, facts = self.matrix[keep], fact.cut(self.facts)
        if len(matrix) == 1:
            facts = replace(facts, norm=fact.Norm(float(torch.linalg.vector_norm(matrix)), exact=not self._folded))
        codomain = shortened(self.codomain, axis, keep)
        return MatrixOperator(matrix, Placed(None, self.domain, codomain, facts)), False

    @property
    def _folded(self) -> bool:
        """Whether complex rows act on real numbers, so that their norm is that of a real matrix with twice as many."""
        return self.domain.field == "real" and self.matrix.is_complex()


def _rows_times(x: Tensor, right: Tensor) -> Tensor:
    """x @ right over the last axis of x; a real factor of a complex product is not blown up to complex numbers."""
    if x.is_complex() == right.is_complex():
        return x @ right
    if right.is_complex():
        return torch.complex(x @ right.real, x @ right.imag)
    return torch.complex(x.real @ right, x.imag @ right)


class StackOperator(Operator):
    """(A_1 x, A_2 x, ...): along a new axis in front where all parts map to one shape, else end to end in one axis."""

    def __init__(self, parts: list[Operator], placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.parts = nn.ModuleList(parts)
        self.precision = parts[0].precision
        self.spaces: list[Space] = [p.codomain for p in parts]
        self.joined = (
            len(placed.codomain.axes) == len(self.spaces[0].axes) + 1 and placed.codomain.axes[0].name == "part"
        )
        self.counts = [math.prod(s.sizes) for s in self.spaces]

    def _parts(self) -> list[Operator]:
        return [cast(Operator, p) for p in self.parts]

    def _apply_(self, x: Tensor) -> Tensor:
        images = [p._apply_(x) for p in self._parts()]
        if self.joined:
            return torch.stack(images, dim=-len(self.codomain.axes))
        batch = x.shape[: x.ndim - len(self.domain.axes)]
        flat = [v.reshape(*batch, n) for v, n in zip(images, self.counts, strict=True)]
        if self.codomain.field == "complex":
            flat = [v if v.is_complex() else torch.complex(v, torch.zeros_like(v)) for v in flat]
        return torch.cat(flat, dim=-1)

    def _adjoint_(self, y: Tensor) -> Tensor:
        if self.joined:
            pieces = list(y.unbind(-len(self.codomain.axes)))
        else:
            flat = torch.split(y, self.counts, dim=-1)
            pieces = [v.reshape(*y.shape[:-1], *s.sizes) for v, s in zip(flat, self.spaces, strict=True)]
        out: Tensor | None = None
        for p, s, v in zip(self._parts(), self.spaces, pieces, strict=True):
            x = p._adjoint_(v.real.contiguous() if s.field == "real" and v.is_complex() else v)
            out = x if out is None else out + x
        assert out is not None
        return out

    def _gram_(self, x: Tensor) -> Tensor:
        if self._multiple() is not None:
            return super()._gram_(x)
        first, *others = self._parts()
        out = first._gram_(x)
        for p in others:
            out = out + p._gram_(x)
        return out

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        supports = [p.measured(given) for p in self._parts()]
        if all(m is None for m in supports):
            return None
        whole = torch.ones((), dtype=torch.bool, device=next(m.device for m in supports if m is not None))
        full = [(whole if m is None else m).expand(s.sizes) for m, s in zip(supports, self.spaces, strict=True)]
        return torch.stack(full) if self.joined else torch.cat([m.reshape(-1) for m in full])


class FlattenOperator(Operator):
    """All axes of the domain as one, in row-major order."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x.flatten(x.ndim - len(self.domain.axes))

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y.reshape(*y.shape[:-1], *self.domain.sizes)

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return None if given is None else given.expand(self.domain.sizes).reshape(-1)
