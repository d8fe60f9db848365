"""The one loop that runs all algorithms: stopping row by row, interruption."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from .algorithms.base import Algorithm, Direct, Finder
from .problem import Problem
from .watch import Diverged, Observe, Trace, Watch, appraise

__all__ = ["Diverged", "Observe", "Progress", "Solution", "Trace", "appraise", "solve", "solve_direct"]

Progress = Callable[[int, int, float], None]
"""(iteration, iterations, relative move of the slowest row) at every look."""


@dataclass(frozen=True)
class Solution:
    """The estimate [rows, ...], how it came about, and why the iteration stopped."""

    estimate: Tensor
    trace: Trace
    iterations: int
    stopped: str
    interrupted: bool
    seconds: float
    warning: str = ""
    """What the user should know of how it ended."""
    state: Any = field(default=None, repr=False)
    """The algorithm's last state, from which `resume` goes on; None of a direct solver."""


def solve(
    algorithm: Algorithm[Any],
    problem: Problem,
    *,
    iterations: int,
    tolerance: float,
    gap: float = 0.0,
    progress: Progress | None = None,
    observe: Observe | None = None,
    resume: Any = None,
    certify: bool = True,
) -> Solution:
    """Run the algorithm until every row meets the tolerance, for at most `iterations` iterations.

    A row is done when its estimate moves by at most `tolerance` of its size within ten iterations (or when the
    algorithm's own residual is that small); what it is at that moment is returned, so that the result of a row does not
    depend on the others. So it is where its relative duality gap is at most `gap`. A tolerance of zero never stops.
    Where rounding keeps a row from its tolerance it ends too, with a warning. Ctrl-C ends the loop with the last
    estimate. `resume` is the last state of the same algorithm on a similar problem, such as one with another weight.
    certify: whether the trace has duality gaps or optimality residuals.

    Raises Diverged, which names the step and its bound.
    """
    begin = time.perf_counter()
    with torch.no_grad(), _interruption() as asked:
        watch = Watch(algorithm, problem, tolerance, gap, observe, certify)
        state = algorithm.init() if resume is None else algorithm.resume(resume)
        watch.start(state)
        k, interrupted = 0, False
        try:
            for k in range(1, iterations + 1):
                state = algorithm.step(state, algorithm.knobs(k))
                interrupted = asked.is_set()
                if k == 1 or k % algorithm.every == 0 or k == iterations or interrupted:
                    watch.look(k, state, k == iterations or interrupted)
                    if progress is not None:
                        progress(k, iterations, watch.slowest)
                    if interrupted or watch.done:
                        break
        except KeyboardInterrupt:  # from a callback, or where no handler could be set
            interrupted = True
        return Solution(
            watch.kept,
            watch.trace,
            k,
            watch.reason(k, interrupted),
            interrupted,
            time.perf_counter() - begin,
            watch.warning(k),
            state,
        )


def solve_direct(direct: Direct, problem: Problem, *, observe: Observe | None = None) -> Solution:
    """The answer of a direct solver, with a trace of one entry. Raises Diverged where it is not finite."""
    begin = time.perf_counter()
    with torch.no_grad():
        x = direct.solve()
        if not bool(torch.isfinite(x).all()):
            raise Diverged(f"`{direct.name}` gives numbers that are not finite")
        objective, violation = appraise(problem, x)
        trace = Trace([0], [0.0], [objective.tolist()], [violation.tolist()], [[0.0] * problem.rows])
        trace.choices, trace.valued = direct.choices(), problem.valued
        trace.found = direct.found() if isinstance(direct, Finder) else {}
        if observe is not None:
            trace.series = {name: [values] for name, values in observe(0, x).items()}
    return Solution(x, trace, 0, "direct", False, time.perf_counter() - begin)


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that no step is cut in two; a second one raises KeyboardInterrupt at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
