"""A solver word at work on a problem."""

from __future__ import annotations

from typing import Any

from recon.dsl.model.solver import Iterative, Solver

from ..algorithms.base import Algorithm
from ..loop import Observe, Progress, Solution, solve, solve_direct
from ..meaning import meaning
from ..problem import Problem
from .compiled_steps import CompiledSteps


def solve_word(
    word: Solver,
    problem: Problem,
    *,
    progress: Progress | None = None,
    observe: Observe | None = None,
    compiled: bool = False,
) -> Solution:
    """Solve a problem by the algorithm that the word means.

    `compiled`: its steps go through torch.compile where that is of use; the trace's choices tell what became of it.

    Raises Diverged where the iterates grow without bound.
    """
    algorithm = meaning(word)(word, problem)
    if not isinstance(algorithm, Algorithm):
        return solve_direct(algorithm, problem, observe=observe)
    assert isinstance(word, Iterative)
    solver: Algorithm[Any] = CompiledSteps(algorithm, problem) if compiled else algorithm
    solution = solve(
        solver,
        problem,
        iterations=word.iterations,
        tolerance=word.tolerance,
        progress=progress,
        observe=observe,
    )
    if isinstance(solver, CompiledSteps):
        solution.trace.choices.append(solver.report())
    return solution
