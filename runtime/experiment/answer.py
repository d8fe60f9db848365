"""What a method makes of a batch."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.terms import Unknown
from torch import Tensor

from ..algorithms.direct import AdjointImage
from ..build import Quantified
from ..loop import Diverged, Progress, Solution
from ..meaning import meaning
from ..values import evaluate, named
from .compile import Compiled, compile_problem
from .device import finished
from .gather import Posed
from .score import score
from .solve import solve_word
from .watching import Watcher, metrics_along
from .weighing import Weighing, Weights


@dataclass(frozen=True)
class Answer:
    """The solution of a batch with its estimates, [rows, ...], by unknown and derived quantity.

    compiled: the problem; None where unknowns were found by turns. weights: those that were found. seconds: of solving
    alone.
    """

    solution: Solution
    estimates: dict[str, Tensor]
    compiled: Compiled | None
    weights: Weights | None
    seconds: float


def answer(posed: Posed, weighing: Weighing, watch: bool, tick: Progress) -> Answer:
    """Solve it. `watch`: metrics that the page draws along iterations are looked at meanwhile.

    Raises Diverged, and ValueError where measurements cannot come from their law.
    """
    checked = weighing.checked
    solver, method, build = checked.choices[weighing.name].solver, posed.method, posed.build
    begin = time.perf_counter()
    compiled: Compiled | None = None
    weights: Weights | None = None
    watcher: Watcher | None = None
    if method.problem.coupled:
        solution, estimates = meaning(solver)(solver, method, posed.measured, build, tick)
    else:
        compiled = compile_problem(method, posed.measured, build)
        compiled, weights = weighing.weighed(method, compiled, posed.measured, build)
        watcher = _watcher(checked.experiment, posed, compiled) if watch else None
        solution = solve_word(
            solver, compiled.problem, progress=tick, observe=watcher, compiled=checked.experiment.run.compile
        )
        estimates = compiled.layout.split(solution.estimate)
    finished(build.device)
    seconds = time.perf_counter() - begin - (watcher.seconds if watcher else 0.0)
    estimates = {**estimates, **_derived(posed, estimates)}
    if not all(bool(torch.isfinite(torch.view_as_real(e) if e.is_complex() else e).all()) for e in estimates.values()):
        raise Diverged(f"`{solver.word}` returned numbers that are not finite")
    return Answer(solution, estimates, compiled, weights, seconds)


def _derived(posed: Posed, estimates: dict[str, Tensor]) -> dict[str, Tensor]:
    """The derived quantities whose truth data bind, of the estimates: what the page is about, beside what it solves."""
    formulation, space = posed.method.formulation, next(iter(posed.method.problem.unknowns.values()))

    def lookup(term: object) -> Quantified:
        if isinstance(term, Unknown) and term.name in formulation.derived:
            return evaluate(formulation.derived[term.name], lookup, space, posed.build)
        if isinstance(term, Unknown) and term.name in estimates:
            return Quantified(estimates[term.name])
        return named(term, posed.build.values)  # type: ignore[arg-type]

    return {n: lookup(Unknown(n)).data for n in posed.method.derived if n in posed.truths}


def _watcher(experiment: Experiment, posed: Posed, compiled: Compiled) -> Watcher | None:
    """What measures the estimate along the way, where a page draws that."""
    along, split, formulation = metrics_along(experiment), compiled.layout.split, posed.method.formulation
    if not along:
        return None
    return Watcher(
        along, lambda x: score(experiment, formulation, split(x), posed.truths, posed.measured, posed.build)[0]
    )


def adjoint_image(answer: Answer) -> Tensor | None:
    """A^H y of the first row; None without data, or where the law has no linear reading of them."""
    if answer.compiled is None or not answer.compiled.problem.data:
        return None
    try:
        return AdjointImage(answer.compiled.problem).solve()[:1]
    except ValueError:
        return None
