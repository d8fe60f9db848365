"""What an algorithm is: a state, one step, and an estimate read off the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

Knobs = Mapping[str, float | Tensor]
"""The numbers of one iteration: the k-th entries of the schedules of an algorithm."""

S = TypeVar("S")


@dataclass(frozen=True)
class Step:
    """A number that an algorithm found for itself, with how: it is printed by `plan` and written into the trace."""

    name: str
    value: float
    why: str


class Algorithm(Protocol[S]):
    """One step function.

    `init` makes the first state and may allocate; `step` returns the next state. It may reuse the tensors of the state
    it is given (the loop never looks at an old state again), and holds no state of its own.
    """

    name: str

    def init(self) -> S: ...

    def step(self, state: S, knobs: Knobs) -> S: ...

    def estimate(self, state: S) -> Tensor: ...

    def knobs(self, iteration: int) -> Knobs: ...

    def choices(self) -> list[Step]: ...
