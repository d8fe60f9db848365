"""What a network is trained on: what it is given and what it is to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """A batch of examples as planes: input and target [n, channels, rows, cols], and the noise level of each, [n].

    sigma: None where the network is told none.
    """

    input: Tensor
    target: Tensor
    sigma: Tensor | None = None


class Examples(Protocol):
    """Where examples come from.

    A batch depends on the number of its step alone, so training that goes on from a checkpoint sees what it would have
    seen without a break.
    """

    def batch(self, step: int) -> Pairs: ...
