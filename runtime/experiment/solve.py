"""A solver word at work on a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recon.dsl.model.solver import Iterative, Solver
from torch import Tensor

from ..algorithms.base import Algorithm
from ..loop import Observe, Progress, Solution, solve, solve_direct
from ..meaning import meaning
from ..problem import Problem


def solve_word(
    word: Solver,
    problem: Problem,
    *,
    progress: Progress | None = None,
    observe: Observe | None = None,
    compiled: bool = False,
) -> Solution:
    """Solve a problem by the algorithm that the word means. `compiled`: its step goes through torch.compile.

    Raises Diverged where the iterates grow without bound.
    """
    algorithm = meaning(word)(word, problem)
    if not isinstance(algorithm, Algorithm):
        return solve_direct(algorithm, problem, observe=observe)
    assert isinstance(word, Iterative)
    if compiled:
        algorithm = Compiled(algorithm)
    return solve(
        algorithm,
        problem,
        iterations=word.iterations,
        tolerance=word.tolerance,
        progress=progress,
        observe=observe,
    )


class Compiled(Algorithm[Any]):
    """An algorithm whose step is compiled; everything else is its own."""

    def __init__(self, of: Algorithm[Any]) -> None:
        import torch

        self.name = of.name
        self.of = of
        step: Callable[[Any, Any], Any] = of.step
        self._step = torch.compile(step, dynamic=False)

    def init(self) -> Any:
        return self.of.init()

    def step(self, state: Any, knobs: Any) -> Any:
        return self._step(state, knobs)

    def estimate(self, state: Any) -> Tensor:
        return self.of.estimate(state)

    def knobs(self, iteration: int) -> Any:
        return self.of.knobs(iteration)

    def choices(self) -> Any:
        return self.of.choices()

    def residual(self, state: Any) -> Tensor | None:
        return self.of.residual(state)

    def companions(self, state: Any) -> list[Tensor]:
        return self.of.companions(state)
