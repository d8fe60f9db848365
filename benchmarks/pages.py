"""Pages as benchmarks solve them: the way of `recon run` from text to estimate, without its folder and report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recon.dsl.check.page import load
from recon.dsl.model.solver import Solver
from recon.runtime.build import Build
from recon.runtime.experiment.compile import Compiled, compile_problem
from recon.runtime.experiment.rows import RowReader
from recon.runtime.experiment.simulate import simulate
from recon.runtime.experiment.solve import solve_word
from recon.runtime.loop import Solution
from torch import Tensor


@dataclass(frozen=True)
class Posed:
    """What a page asks for: its solver and its problem, with the measurements that were simulated for it."""

    word: Solver
    compiled: Compiled
    measured: dict[str, Tensor]

    def solve(self, iterations: int | None = None) -> Solution:
        """The solution as a run finds it: norms, steps and right-hand sides are found anew, and the trace is on.

        With `iterations` exactly so many are done, whatever the page says.
        """
        fixed = {} if iterations is None else {"iterations": iterations, "tolerance": 0.0}
        return solve_word(self.word.model_copy(update=fixed), self.compiled.problem)


def posed(
    text: str, build: Build | None = None, measured: dict[str, Tensor] | None = None, folder: Path = Path()
) -> Posed:
    """The only method of a page in a folder, on the first batch of its only data set; or as `measured`."""
    build = Build() if build is None else build
    checked = load(text, "benchmark.recon", folder)
    ((name, method),) = checked.methods.items()
    (data,) = checked.experiment.data.values()
    if measured is None:
        maker = checked.makers[name]
        batch = next(RowReader(data, maker, folder, build).batches())
        measured = simulate(maker, batch.values, data.name, batch.numbers, build)
    return Posed(checked.choices[name].solver, compile_problem(method, measured, build), measured)
