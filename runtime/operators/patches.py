"""The meaning of operators that make images of patches."""

from __future__ import annotations

import torch
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import patches as words
from torch import Tensor
from torch.nn.functional import fold, unfold

from ..build import Build
from ..meaning import meaning, meaning_of
from .base import Operator


@meaning_of(words.Patches)
def patches(word: words.Patches, placed: Placed, build: Build) -> Operator:
    """Overlapping patches of a dictionary's atoms."""
    return PatchesOperator(meaning(word.atoms)(word.atoms, placed.domain, build), word.step, placed)


class PatchesOperator(Operator):
    """z [atoms, down, across] -> W^{-1/2} sum_j R_j^T D z_j, for atoms [atoms, a, b] at every `step`-th pixel."""

    flat: Tensor
    weight: Tensor

    def __init__(self, atoms: Tensor, step: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        rows, columns = placed.codomain.sizes
        self.extents, self.side, self.step = (rows, columns), (atoms.shape[1], atoms.shape[2]), step
        self.constant("flat", atoms.flatten(1))
        places = placed.domain.sizes[1] * placed.domain.sizes[2]
        ones = atoms.new_ones(1, self.flat.shape[1], places)
        self.constant("weight", fold(ones, self.extents, self.side, stride=step)[0, 0].rsqrt())

    def _apply_(self, x: Tensor) -> Tensor:
        if x.is_complex():
            return torch.complex(self._apply_(x.real), self._apply_(x.imag))
        patches = self.flat.mT @ x.reshape(-1, self.flat.shape[0], x.shape[-2] * x.shape[-1])
        image = fold(patches, self.extents, self.side, stride=self.step)[:, 0] * self.weight
        return image.reshape(*x.shape[:-3], *self.extents)

    def _adjoint_(self, y: Tensor) -> Tensor:
        if y.is_complex():
            return torch.complex(self._adjoint_(y.real), self._adjoint_(y.imag))
        patches = unfold((y * self.weight).reshape(-1, 1, *self.extents), self.side, stride=self.step)
        return (self.flat @ patches).reshape(*y.shape[:-2], *self.domain.sizes)
