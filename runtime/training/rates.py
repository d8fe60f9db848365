"""Learning rates over training."""

from __future__ import annotations

import math
from collections.abc import Callable

from recon.dsl.vocabulary import rates

from ..meaning import meaning_of

Rate = Callable[[int, int], float]
"""(step, of how many) to the factor of the learning rate; steps count from 0."""


@meaning_of(rates.Constant)
def constant(word: rates.Constant) -> Rate:
    return lambda step, steps: _warm(step, word.warmup)


@meaning_of(rates.Cosine)
def cosine(word: rates.Cosine) -> Rate:
    """Half a period of the cosine from one to `floor` after the warm-up, which rises along a line."""

    def rate(step: int, steps: int) -> float:
        if step < word.warmup:
            return _warm(step, word.warmup)
        gone = (step - word.warmup) / max(1, steps - word.warmup)
        return word.floor + (1 - word.floor) * (1 + math.cos(math.pi * min(1.0, gone))) / 2

    return rate


def _warm(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / warmup) if warmup else 1.0
