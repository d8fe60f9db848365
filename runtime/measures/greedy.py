"""How much of a sparse support was found."""

from __future__ import annotations

import torch
from recon.dsl.vocabulary import greedy as words
from torch import Tensor

from ..meaning import meaning_of
from .errors import check_pair


@meaning_of(words.Support)
def _support(word: words.Support, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return support(estimate, truth, word.threshold)


def support(estimate: Tensor, truth: Tensor, threshold: float = 0.0) -> Tensor:
    """The fraction of the K nonzero places of the truth that are among the K largest moduli of the estimate.

    Places where the estimate is zero are not found. NaN, that is undefined, where the truth is zero.

    Args:
        estimate: real or complex tensor [B, ...].
        truth: tensor of the same shape.
        threshold: entries of the truth up to this part of its largest modulus count as zero.

    Returns:
        float64 tensor [B].

    Raises:
        ValueError: the shapes differ, or there is nothing to measure.
    """
    check_pair(estimate, truth)
    size, wanted = estimate.abs().flatten(1), truth.abs().flatten(1)
    wanted = wanted > threshold * wanted.amax(1, keepdim=True)
    order = size.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(size.shape[1], device=size.device)
    first = torch.zeros_like(wanted).scatter_(1, order, places < wanted.sum(1, keepdim=True))
    found = (wanted & first & (size > 0)).sum(1, dtype=torch.float64)
    count = wanted.sum(1, dtype=torch.float64)
    return found / torch.where(count > 0, count, torch.nan)
