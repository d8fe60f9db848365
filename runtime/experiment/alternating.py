"""One unknown at a time, the others held: an algorithm over algorithms."""

from __future__ import annotations

import time
from typing import Any

from recon.dsl.check.blocks import block_of
from recon.dsl.check.formulate import Checked
from recon.dsl.vocabulary.alternating import Alternate
from torch import Tensor

from ..build import Build
from ..functionals.base import distance_rows, square_rows
from ..loop import Diverged, Progress, Solution, Trace
from ..meaning import meaning_of
from ..problem import Problem
from .compile import compile_problem, holding
from .solve import solve_word
from .starts import start_of


@meaning_of(Alternate)
def alternate(
    word: Alternate, method: Checked, measured: dict[str, Tensor], build: Build, progress: Progress | None = None
) -> tuple[Solution, dict[str, Tensor]]:
    """Rounds over the unknowns, those that begin at zero first; returns how it went, and each unknown.

    Each solver begins where its unknown is, with the dual variables and penalties that it had there, so that a few of
    its iterations are enough in each round. The trace has the whole objective after each round. Raises Diverged, and
    ValueError where every unknown begins at zero.
    """
    begin = time.perf_counter()
    starts = {name: start_of(u, build) for name, u in method.formulation.unknowns.items()}
    _require_start(method, starts)
    # What begins at zero is found first, for while it is zero nothing is known of the others.
    order = sorted(word.blocks, key=lambda name: bool(starts[name].any()))
    blocks = {name: block_of(method, name) for name in order}
    values, trace = dict(starts), Trace()
    states: dict[str, Any] = {}
    move, interrupted, k = float("inf"), False, 0
    for k in range(1, word.rounds + 1):
        before = dict(values)
        energies: dict[tuple[str, int], float] = {}  # of each term as it was seen last
        for name, block in blocks.items():
            compiled = compile_problem(block, measured, holding(values, method, build))
            compiled.problem.start = values[name]
            solution = solve_word(word.blocks[name], compiled.problem, resume=states.get(name), certify=False)
            values[name], states[name] = solution.estimate, solution.state
            energies |= _energies(compiled.problem, name, solution.estimate)
            interrupted = interrupted or solution.interrupted
        total = sum(energies.values())
        if not total < float("inf"):
            raise Diverged(f"`alternate` diverged in round {k}; more iterations of the inner solvers may help")
        move = max(_moved(values[n], before[n]) for n in values)
        trace.iterations.append(k)
        trace.epochs.append(float("nan"))  # the unknowns' solvers each have passes of their own
        trace.objective.append([total])
        trace.violation.append([0.0])
        trace.move.append([move])
        if progress is not None:
            progress(k, word.rounds, move)
        if interrupted or move <= word.tolerance > 0:
            break
    if interrupted:
        why = f"interrupted after {k} rounds"
    else:
        why = f"tolerance {word.tolerance:g} met after {k} rounds" if move <= word.tolerance else f"all {k} rounds done"
    first = next(iter(values.values()))
    return Solution(first, trace, k, why, interrupted, time.perf_counter() - begin), values


def _require_start(method: Checked, starts: dict[str, Tensor]) -> None:
    """From zero a product of unknowns cannot leave: its gradient is zero in both."""
    if not any(bool(starts[n].any()) for n in method.problem.coupled):
        name = method.problem.coupled[0]
        raise ValueError(f"every unknown begins at zero, where their product stays; give `{name}` an `init`")


def _energies(problem: Problem, block: str, x: Tensor) -> dict[tuple[str, int], float]:
    """The value of each term that is no set: data terms, which several blocks share, by their line; priors by block."""
    out = {}
    for i, term in enumerate(problem.terms):
        if not term.functional.constraint:
            key = (term.label, -1) if term.role == "data" else (block, i)
            out[key] = float(term.value(x).sum())
    return out


def _moved(now: Tensor, before: Tensor) -> float:
    size = float(square_rows(now).sqrt())
    distance = float(distance_rows(now, before).sqrt())
    return 0.0 if distance == 0 else distance / size if size > 0 else float("inf")
