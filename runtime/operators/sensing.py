"""The meaning of random matrices."""

from __future__ import annotations

import math

from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import sensing as words

from ..build import Build
from ..meaning import meaning_of
from .base import Operator
from .basic import MatrixOperator


@meaning_of(words.GaussianMatrix)
def gaussian(word: words.GaussianMatrix, placed: Placed, build: Build) -> Operator:
    """Entries from N(0, 1 / m), m the number of rows."""
    entries = build.generator(word.seed, getattr(placed.term, "place", "")).standard_normal(_shape(word, placed))
    return MatrixOperator(build.tensor(entries / math.sqrt(word.rows)), placed)


@meaning_of(words.Rademacher)
def rademacher(word: words.Rademacher, placed: Placed, build: Build) -> Operator:
    """Entries of 1 / sqrt(m) with independent signs."""
    signs = build.generator(word.seed, getattr(placed.term, "place", "")).integers(0, 2, _shape(word, placed)) * 2 - 1
    return MatrixOperator(build.tensor(signs / math.sqrt(word.rows)), placed)


def _shape(word: words.GaussianMatrix | words.Rademacher, placed: Placed) -> tuple[int, int]:
    return word.rows, placed.domain.sizes[0]
