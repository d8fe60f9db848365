"""The main job: cells, data sets, batches of rows and methods, from data to estimates and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.experiment import DataSet, Experiment
from recon.dsl.model.options import DataOptions
from recon.dsl.model.terms import Column
from recon.dsl.vocabulary.sources.drawn import Phantom
from recon.dsl.vocabulary.views import Figure
from torch import Tensor

from ..algorithms.direct import AdjointImage
from ..analyses.analyse import analyse
from ..analyses.subject import Subject
from ..build import Build, Quantified
from ..loop import Diverged
from ..meaning import meaning
from ..values import EvaluationError
from .cells import Cell
from .compile import Compiled, compile_problem, sized
from .outcome import Outcome, Shown
from .rows import Batch, RowReader
from .score import score
from .simulate import averaged, simulate
from .solve import solve_word

Array = np.ndarray[Any, Any]
Progress = Callable[[str, int, int, float], None]
"""(what, iteration, of how many, relative move)"""
Sink = Callable[[Outcome, list[int], dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]], None]
"""(outcome, rows, estimates, measured, truths): saves a batch."""


@dataclass
class Execution:
    """All outcomes so far, the rows that were skipped, and whether the user stopped it."""

    outcomes: list[Outcome] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    interrupted: bool = False


def build_for(experiment: Experiment, device: torch.device) -> Build:
    """What the programs of a cell are built for."""
    real = torch.float64 if experiment.run.precision == "float64" else torch.float32
    return Build(real, device, experiment.run.seed)


def execute(
    cells: Sequence[Cell], folder: Path, device: torch.device, sink: Sink, progress: Progress, execution: Execution
) -> None:
    """Run everything, filling `execution`; a method that fails is noted and the others go on.

    Raises DataError for data that cannot be read. Ctrl-C keeps what is done and sets `interrupted`.
    """
    for cell in cells:
        experiment = cell.checked.experiment
        build = build_for(experiment, device)
        for data in data_sets(experiment):
            _run_data(cell, data, folder, build, sink, progress, execution)
            if execution.interrupted:
                return


def data_sets(experiment: Experiment) -> list[DataSet]:
    """The page's data; a page without any is simulated from a phantom."""
    if experiment.data:
        return list(experiment.data.values())
    name = next(iter(experiment.formulation.unknowns))
    span = experiment.formulation.unknowns[name].span
    return [DataSet("phantom", Phantom(), ((name, Column("image")),), DataOptions(), "data.phantom/phantom", span)]  # type: ignore[call-arg]


def _run_data(
    cell: Cell, data: DataSet, folder: Path, build: Build, sink: Sink, progress: Progress, execution: Execution
) -> None:
    checked = cell.checked
    outcomes = {
        name: Outcome(cell.labels, data.name if len(checked.experiment.data) > 1 else "", name, c.solver.word)
        for name, c in checked.choices.items()
    }
    execution.outcomes += outcomes.values()
    first_maker = next(iter(checked.makers.values()))
    by_row = any(c.by_row for c in (*checked.methods.values(), *checked.makers.values()))
    reader = RowReader(data, first_maker, folder, build, execution.skipped, one_by_one=by_row)
    known = len(execution.skipped)
    for batch in reader.batches():
        made: dict[int, dict[str, Tensor]] = {}
        for name, outcome in outcomes.items():
            if outcome.failure:
                continue
            try:
                maker = sized(checked.makers[name], batch.values, batch.known)
                here = row_build(build, data, batch) if by_row else build
                interrupted = _run_method(cell, name, outcome, data, maker, batch, here, sink, progress, made)
            except (EvaluationError, Diverged, ValueError, ArithmeticError) as e:
                outcome.failure = str(e)
                continue
            except SpecError as e:  # what is known only now does not fit: its place is on the page
                outcome.failure = "; ".join(d.message for d in e.diagnostics)
                continue
            except (MemoryError, RuntimeError) as e:
                if isinstance(e, RuntimeError) and "memory" not in str(e):
                    raise
                outcome.failure = "out of memory; fewer rows at a time are not possible, a smaller grid is"
                continue
            if interrupted:
                execution.interrupted = True
                return
    skipped = len(execution.skipped) - known
    for outcome in outcomes.values():
        if skipped and not outcome.rows and not outcome.failure:
            outcome.failure = f"no row of `{data.name}` could be read; {skipped} were skipped"


def row_build(build: Build, data: DataSet, batch: Batch) -> Build:
    """What operators that differ from row to row are built for, in a batch of one row."""
    return replace(build, values=batch.known, row=f"{data.name}/{batch.numbers[0]}")


def _run_method(
    cell: Cell,
    name: str,
    outcome: Outcome,
    data: DataSet,
    maker: Checked,
    batch: Batch,
    build: Build,
    sink: Sink,
    progress: Progress,
    made: dict[int, dict[str, Tensor]],
) -> bool:
    """Solve one batch by one method. Returns whether the user interrupted it."""
    checked, experiment = cell.checked, cell.checked.experiment
    lines = checked.methods[name].measurements
    measured = {k: v for k, v in batch.values.items() if k in lines}
    truths = {k: v for k, v in batch.values.items() if k not in measured}
    if not all(n in measured for n in lines):
        key = id(checked.makers[name])
        if key not in made:
            made[key] = simulate(maker, truths, data.name, batch.numbers, build)
        measured = {**made[key], **measured}
    method = sized(checked.methods[name], {**truths, **measured}, batch.known)
    if method.given:
        build = replace(build, values={**build.values, **{k: Quantified(v) for k, v in measured.items()}})
    truths = {k: _to_grid(v, method, k) for k, v in truths.items()}
    choice = checked.choices[name]
    start = time.perf_counter()
    what = " ".join(p for p in (*cell.labels.values(), outcome.data, name) if p)

    def tick(iteration: int, total: int, move: float) -> None:
        progress(what, iteration, total, move)

    compiled: Compiled | None = None
    if method.problem.coupled:
        solution, estimates = meaning(choice.solver)(choice.solver, method, measured, build, tick)
    else:
        compiled = compile_problem(method, measured, build)
        solution = solve_word(choice.solver, compiled.problem, progress=tick, compiled=experiment.run.compile)
        estimates = compiled.layout.split(solution.estimate)
    outcome.seconds += time.perf_counter() - start
    if not all(bool(torch.isfinite(torch.view_as_real(e) if e.is_complex() else e).all()) for e in estimates.values()):
        raise Diverged(f"`{choice.solver.word}` returned numbers that are not finite")
    before: Tensor | None = None
    if not outcome.iterations:
        outcome.iterations = list(solution.trace.iterations)
        trace = solution.trace
        series = {"objective": trace.objective, "violation": trace.violation, "move": trace.move, **trace.series}
        outcome.trace = {k: [float(np.mean(v)) for v in values] for k, values in series.items()}
        outcome.choices = [(c.name, c.value, c.why) for c in solution.trace.choices]
        outcome.stopped = solution.stopped
        before = _adjoint(compiled) if compiled is not None else None
        if compiled is not None and before is not None and choice.solver.word != "adjoint" and _normalised(compiled):
            first = {k: v[:1] for k, v in truths.items()}
            seen = {k: v[:1] for k, v in measured.items()}
            scores, _ = score(experiment, method.formulation, compiled.layout.split(before), first, seen, build)
            outcome.baseline = {k: v[0] for k, v in scores.items()}
    for i in range(min(len(batch.numbers), images_shown(experiment) - len(outcome.shown))):
        adjoint = before if not outcome.shown and len(estimates) == 1 else None
        outcome.shown.append(_shown(batch.numbers[i], i, adjoint, estimates, truths, measured))
    scores, undone = score(experiment, method.formulation, estimates, truths, measured, build)
    outcome.notes += [note for note in undone if note not in outcome.notes]
    outcome.add(scores, list(batch.numbers))
    if not solution.interrupted:
        rows = Batch(batch.numbers, truths)
        subject = Subject(method, maker, choice.solver, data.name, rows, build, estimates)
        analyse(experiment, subject, outcome)
    sink(outcome, batch.numbers, estimates, measured, truths)
    return bool(solution.interrupted)


def _to_grid(x: Tensor, method: Checked, name: str) -> Tensor:
    space = method.problem.unknowns.get(name)
    return x if space is None or not space.known else averaged(x, space.sizes)


def _adjoint(compiled: Compiled) -> Tensor | None:
    """A^H y of the first row; None without data, or where the law has no linear reading of them."""
    if not compiled.problem.data:
        return None
    try:
        return AdjointImage(compiled.problem).solve()[:1]
    except ValueError:
        return None


def _normalised(compiled: Compiled) -> bool:
    """Whether the adjoint image is on the scale of the unknown: the operator's norm is known and about one."""
    norm = compiled.problem.data[0].operator.facts.norm.value
    return norm is not None and 0.5 <= norm <= 1.5


def images_shown(experiment: Experiment) -> int:
    """How many rows of the data the page's figures show."""
    return max((view.images for view in experiment.views if isinstance(view, Figure)), default=1)


def _shown(
    row: int,
    i: int,
    before: Tensor | None,
    estimates: dict[str, Tensor],
    truths: dict[str, Tensor],
    measured: dict[str, Tensor],
) -> Shown:
    """The arrays of the i-th row of a batch."""
    return Shown(
        row,
        truths={k: _numpy(v[i]) for k, v in truths.items()},
        measured={k: _numpy(v[i]) for k, v in measured.items()},
        adjoint=_numpy(before[0]) if before is not None else None,
        estimates={k: _numpy(v[i]) for k, v in estimates.items()},
    )


def _numpy(x: Tensor) -> Array:
    out: Array = x.detach().cpu().numpy()
    return out
