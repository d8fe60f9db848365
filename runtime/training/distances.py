"""How far a network's answer is from the target."""

from __future__ import annotations

from collections.abc import Callable

from recon.dsl.vocabulary import distances
from torch import Tensor

from ..meaning import meaning_of

DistanceOf = Callable[[Tensor, Tensor], Tensor]
"""(answer, target) to a number, a mean over the batch."""


def mean_square(answer: Tensor, target: Tensor) -> Tensor:
    """Heckel 2024, eq. (6.1), over all numbers of the batch."""
    return (answer - target).square().mean()


def mean_modulus(answer: Tensor, target: Tensor) -> Tensor:
    """The mean absolute error over all numbers of the batch."""
    return (answer - target).abs().mean()


@meaning_of(distances.L2)
def l2(word: distances.L2) -> DistanceOf:
    return mean_square


@meaning_of(distances.L1)
def l1(word: distances.L1) -> DistanceOf:
    return mean_modulus
