"""A solver word at work on a problem."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from recon.dsl.model.solver import InBlocks, Iterative, Solver
from recon.dsl.model.word import Array
from torch import Tensor

from ..algorithms.base import Algorithm, Step
from ..algorithms.reformulate import Reformulated, reformulated, without_idle_transforms
from ..build import Build
from ..loop import Observe, Progress, Solution, appraise, solve, solve_direct
from ..meaning import meaning
from ..native.allocator import keep_freed_memory
from ..problem import Problem
from .compiled_steps import CompiledSteps


def solve_word(
    word: Solver,
    problem: Problem,
    *,
    progress: Progress | None = None,
    observe: Observe | None = None,
    compiled: bool = False,
    resume: Any = None,
    certify: bool = True,
) -> Solution:
    """Solve a problem by the algorithm that the word means.

    It starts where the word's `init` says: at what another solver finds, at an array, or at a number everywhere. A word
    with `restarts` runs so often, each time from another random start, and for each row the run is kept whose data term
    is least at the end.

    `resume` is the last state of the same word on a similar problem, from which it goes on; `certify`: whether the
    trace has duality gaps or optimality residuals.

    `compiled`: its steps go through torch.compile where that is of use; the trace's choices tell what became of it.

    Raises Diverged where the iterates grow without bound, ValueError for an array that does not fit.
    """
    keep_freed_memory()
    problem = started(word, problem)
    form = reformulated(word, problem)
    if form is not None:
        found = _undone(form, word, progress, observe, compiled)
        found.trace.choices += _told(problem)
        return found
    best: Solution | None = None
    for draw in range(getattr(word, "restarts", 1)):
        found = _once(word, replace(problem, draw=problem.draw + draw), progress, observe, compiled, resume, certify)
        best = found if best is None else _better(problem, best, found)
        if found.interrupted:
            break
    assert best is not None
    best.trace.choices += _told(problem)
    return best


def _told(problem: Problem) -> list[Step]:
    """What the problem's functions tell of how they were made, in the problem that the page states."""
    return [Step(*numbers) for t in problem.terms for numbers in t.functional.told]


def _undone(
    form: Reformulated, word: Solver, progress: Progress | None, observe: Observe | None, compiled: bool
) -> Solution:
    """The solution of a problem in other unknowns, in its own; the trace is that of the problem that was solved."""
    seen = None if observe is None else lambda k, v: observe(k, form.undo(v))
    begun = word.model_copy(update={"init": None}) if getattr(word, "init", None) is not None else word
    found = solve_word(begun, form.problem, progress=progress, observe=seen, compiled=compiled)
    return replace(found, estimate=form.undo(found.estimate))


def started(word: Solver, problem: Problem) -> Problem:
    """The problem with the start that the word's `init` says."""
    init = getattr(word, "init", None)
    if init is None:
        return problem
    if isinstance(init, Solver):
        return replace(problem, start=solve_word(init, problem).estimate)
    zeros = problem.zeros()
    if isinstance(init, Array):
        array: Tensor = meaning(init)(init, problem.space, Build(problem.real, problem.device, problem.seed))
        sizes = problem.space.sizes
        if tuple(array.shape) != sizes[len(sizes) - array.ndim :]:
            raise ValueError(f"`init` has the extents {list(array.shape)}, and the unknown {list(sizes)}")
        if array.is_complex() and not zeros.is_complex():
            raise ValueError("`init` is complex, and the unknown real")
        return replace(problem, start=zeros + array)
    return replace(problem, start=torch.full_like(zeros, init))


def _better(problem: Problem, a: Solution, b: Solution) -> Solution:
    """For each row the estimate whose data term is less, with the trace of the run that fits the first row better."""
    data = replace(problem, terms=problem.data)
    with torch.no_grad():
        won = appraise(data, b.estimate)[0] < appraise(data, a.estimate)[0]
    estimate = torch.where(won.view(-1, *[1] * (b.estimate.ndim - 1)), b.estimate, a.estimate)
    return replace(
        b if bool(won[0]) else a, estimate=estimate, seconds=a.seconds + b.seconds, interrupted=b.interrupted
    )


def _once(
    word: Solver,
    problem: Problem,
    progress: Progress | None,
    observe: Observe | None,
    compiled: bool,
    resume: Any,
    certify: bool,
) -> Solution:
    problem = without_idle_transforms(problem) if isinstance(word, Iterative) else problem
    algorithm = meaning(word)(word, problem)
    if not isinstance(algorithm, Algorithm):
        return solve_direct(algorithm, problem, observe=observe)
    assert isinstance(word, (Iterative, InBlocks))
    solver: Algorithm[Any] = CompiledSteps(algorithm, problem) if compiled else algorithm
    solution = solve(
        solver,
        problem,
        iterations=word.most,
        tolerance=word.tolerance,
        gap=getattr(word, "gap", 0.0),
        progress=progress,
        observe=observe,
        resume=resume,
        certify=certify,
    )
    if isinstance(solver, CompiledSteps):
        solution.trace.choices.append(solver.report())
    return solution
