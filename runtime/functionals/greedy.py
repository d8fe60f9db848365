"""The set of sparse vectors."""

from __future__ import annotations

import torch
from recon.dsl.vocabulary import greedy as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..operators.base import Operator
from .base import Functional, Scalar, indicator, real_dtype, square_rows


@meaning_of(words.Sparse)
def sparse(word: words.Sparse, operator: Operator, build: Build) -> Functional:
    """The indicator of |v|_0 <= k."""
    return SparseVectors(word.nonzeros)


class SparseVectors(Functional):
    """The indicator of the vectors with at most k entries that are not zero, real or complex; not convex.

    Blumensath, Davies 2008; Heckel 2024, 4.1.
    """

    constraint = True

    def __init__(self, nonzeros: int) -> None:
        self.nonzeros = nonzeros

    def value(self, v: Tensor) -> Tensor:
        rest = square_rows(v - self.prox(v, 1.0)).sqrt()
        return indicator(rest, square_rows(v).sqrt(), real_dtype(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The k entries with the largest moduli, the others zero; t has no influence. Of equal ones any are kept."""
        flat = v.flatten(1)
        return torch.where(largest_entries(flat.abs(), self.nonzeros), flat, 0).view_as(v)


def largest_entries(size: Tensor, count: int) -> Tensor:
    """Where the `count` largest of each row of `size` [rows, n] stand: booleans [rows, n]."""
    if count >= size.shape[1]:
        return torch.ones_like(size, dtype=torch.bool)
    places = size.topk(count, dim=1, sorted=False).indices
    return torch.zeros_like(size, dtype=torch.bool).scatter_(1, places, True)
