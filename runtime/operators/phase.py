"""The meaning of operators of phase retrieval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import phase as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from .base import Operator


@meaning_of(words.Coded)
def coded(word: words.Coded, placed: Placed, build: Build) -> Operator:
    """Each entry of each mask is drawn on its own."""
    draw = build.generator(word.seed, getattr(placed.term, "place", ""))
    shape = (word.masks, *placed.domain.sizes)
    return CodedOperator(build.tensor(_entries(word.values, shape, draw)), placed)


def _entries(values: str, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray[Any, Any]:
    if values == "phase":
        return np.asarray(np.exp(2j * np.pi * draw.random(shape)))
    if values == "binary":
        return draw.integers(0, 2, shape).astype(float)
    if values == "ternary":
        return draw.integers(0, 2, shape) * (draw.integers(0, 2, shape) * 2.0 - 1)
    turn = np.array([1, -1, 1j, -1j])[draw.integers(0, 4, shape)]
    return turn * np.where(draw.random(shape) < 0.8, np.sqrt(0.5), np.sqrt(3.0))


class CodedOperator(Operator):
    """(A x)_k = d_k x for masks d of shape [masks, *domain]."""

    masks: Tensor
    conjugate: Tensor
    square: Tensor

    def __init__(self, masks: Tensor, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.constant("masks", masks)
        self.constant("conjugate", masks.conj().resolve_conj())
        self.constant("square", masks.abs().square().sum(0))

    def _axis(self) -> int:
        return -len(self.codomain.axes)

    def _apply_(self, x: Tensor) -> Tensor:
        return x.unsqueeze(self._axis()) * self.masks

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = (y * self.conjugate).sum(self._axis())
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x

    def _gram_(self, x: Tensor) -> Tensor:
        return x * self.square

    def norm(self) -> float:
        """The root of the largest sum of |d_k|^2 over the masks."""
        return math.sqrt(float(self.square.max()))
