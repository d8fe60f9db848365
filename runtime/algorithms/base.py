"""What an algorithm is: a state, one step, and an estimate read off the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from ..problem import Term

Knobs = Mapping[str, float | Tensor]
"""The numbers of one iteration: the k-th entries of the schedules of an algorithm."""

S = TypeVar("S")


@dataclass(frozen=True)
class Step:
    """A number that an algorithm found for itself, with how: it is printed by `plan` and written into the trace.

    `bound` is the largest value for which convergence is known, where the number could be too large.
    """

    name: str
    value: float
    why: str
    bound: float | None = None


class Algorithm(Generic[S]):
    """One step function.

    `init` makes the first state and may allocate; `step` returns the next state. It may reuse the tensors of the state
    it is given (the loop never looks at an old state again), and holds no state of its own. All its numbers that
    depend on the data are one per row, so that a row's result does not depend on the rows beside it.
    """

    name: str = ""
    every: int = 10
    """Iterations between two looks at the estimate."""
    passes: float = 1.0
    """What an iteration costs, in products with A and A^H for all measurements."""

    def init(self) -> S:
        """The first state."""
        raise NotImplementedError

    def resume(self, last: S) -> S:
        """The first state of this problem, near the last one of a problem that differs in numbers only.

        For several such problems in a row, each of which starts at the estimate of the one before: dual variables and
        penalties go on from where they were. Unless overridden only the estimate does.
        """
        return self.init()

    def step(self, state: S, knobs: Knobs) -> S:
        """The state after one more iteration."""
        raise NotImplementedError

    def estimate(self, state: S) -> Tensor:
        """The unknown, of shape [rows, ...]; may share memory with the state."""
        raise NotImplementedError

    def knobs(self, iteration: int) -> Knobs:
        """The numbers of iteration 1, 2, ..."""
        return {}

    def choices(self) -> list[Step]:
        """The numbers that were found rather than given."""
        return []

    def residual(self, state: S) -> Tensor | None:
        """What the tolerance is compared with, one number a row; None: the relative move of the estimate."""
        return None

    def fixed_point(self, state: S) -> Tensor | None:
        """How far from a fixed point the state is where there is no objective: the move of one iteration, relative to
        the estimate, [rows]; None where there is one."""
        return None

    def duals(self, state: S) -> list[tuple[Term, Tensor]]:
        """Dual variables p_j of terms of the problem, each a point where the term's conjugate is finite."""
        return []

    def proven(self, state: S) -> Tensor | None:
        """Rows whose estimate is proven to be the minimiser, so that they are done; None: nothing is proven."""
        return None

    def steady(self, state: S) -> bool:
        """Whether the step from this state is one of the many that do the same arithmetic, so that it is worth
        compiling; not where step sizes are chosen anew."""
        return True

    def companions(self, state: S) -> list[Tensor]:
        """Further iterates (dual variables) that must have slowed down too before the move of the estimate counts."""
        return []


class Direct(Protocol):
    """A solver that reads the answer off the measurement."""

    name: str

    def solve(self) -> Tensor:
        """The estimate, of shape [rows, *space.sizes]."""
        ...

    def choices(self) -> list[Step]:
        """The numbers that were found rather than given."""
        ...


@runtime_checkable
class Finder(Protocol):
    """A solver that finds more than the unknown, such as the atoms of a dictionary."""

    def found(self) -> dict[str, Tensor]:
        """Arrays by name, of the first row; once it has solved."""
        ...
