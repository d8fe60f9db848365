"""One job: all rows of a data set, in one cell of the sweep, by one method; from data to estimates and metrics."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.diagnostics import SpecError
from recon.dsl.digest import digest_of, maker_digest
from recon.dsl.model.experiment import DataSet, Experiment
from recon.dsl.model.options import DataOptions
from recon.dsl.model.terms import Column, Unknown
from recon.dsl.vocabulary.sources.drawn import Phantom
from recon.dsl.vocabulary.views import Figure
from torch import Tensor

from ..algorithms.direct import AdjointImage
from ..analyses.analyse import analyse
from ..analyses.subject import Subject
from ..build import Build, Quantified
from ..data.files import DataError
from ..folder import FolderError
from ..loop import Diverged
from ..meaning import meaning
from ..shared import Shared
from ..values import EvaluationError, evaluate, named
from .cells import Cell
from .compile import Compiled, compile_problem, sized
from .outcome import Outcome, Shown
from .rows import Batch, RowReader
from .score import score
from .simulate import averaged, simulate
from .solve import solve_word
from .watching import Watcher, metrics_along
from .weighing import Weighing, Weights, weight_column

Array = np.ndarray[Any, Any]
Progress = Callable[[str, int, int, float], None]
"""(what, iteration, of how many, relative move)"""

MOST_HELD = 2**28  # bytes of a data set that are kept for the other jobs that read it


@dataclass(frozen=True)
class Job:
    """What to run: `number` is its place in the plan. `single`: the page has one data set, which needs no name."""

    number: int
    cell: Cell
    data: DataSet
    method: str
    single: bool

    @property
    def what(self) -> str:
        """The job in a few words, empty for the only one of a page."""
        return " ".join(
            p for p in (*self.cell.labels.values(), "" if self.single else self.data.name, self.method) if p
        )

    def outcome(self) -> Outcome:
        """An outcome of this job with nothing in it."""
        name = "" if self.single else self.data.name
        return Outcome(self.cell.labels, name, self.method, self.cell.checked.choices[self.method].solver.word)


@dataclass(frozen=True)
class Solved:
    """A batch that is solved: its rows' places in the data set, and arrays of shape [rows, ...] by name.

    `numbered`: the data set has more rows than one, so that files need the number of theirs.
    """

    rows: list[int]
    numbered: bool
    estimates: dict[str, Tensor]
    measured: dict[str, Tensor]
    truths: dict[str, Tensor]


Sink = Callable[[Job, Outcome, Solved], None]
"""Saves a batch of an outcome."""


@dataclass(frozen=True)
class Place:
    """Where a job runs: the folder of the page, the device, what jobs share, and where batches and progress go."""

    folder: Path
    device: torch.device
    shared: Shared
    sink: Sink
    progress: Progress


def build_for(experiment: Experiment, device: torch.device, shared: Shared | None = None) -> Build:
    """What the programs of a cell are built for."""
    real = torch.float64 if experiment.run.precision == "float64" else torch.float32
    return Build(real, device, experiment.run.seed, shared=shared)


def data_sets(experiment: Experiment) -> list[DataSet]:
    """The page's data; a page without any is simulated from a phantom."""
    if experiment.data:
        return list(experiment.tests)
    name = next(iter(experiment.formulation.unknowns))
    span = experiment.formulation.unknowns[name].span
    return [DataSet("phantom", Phantom(), ((name, Column("image")),), DataOptions(), "data.phantom/phantom", span)]  # type: ignore[call-arg]


def row_build(build: Build, data: DataSet, batch: Batch) -> Build:
    """What operators that differ from row to row are built for, in a batch of one row."""
    return replace(build, values=batch.known, row=f"{data.name}/{batch.numbers[0]}")


def run_job(job: Job, place: Place) -> Outcome:
    """Run it. What goes wrong is the outcome's `failure`, so that the other jobs go on.

    Raises FolderError where results cannot be written, and KeyboardInterrupt for one that comes before any row is done;
    with RECON_DEBUG=1 also what should not happen.
    """
    outcome = job.outcome()
    try:
        _run(job, outcome, place)
    except FolderError:
        raise
    except KeyboardInterrupt:
        if not outcome.rows:
            raise
        outcome.interrupted = True
    except DataError as e:
        outcome.failure, outcome.unreadable = str(e), True
    except (EvaluationError, Diverged, ValueError, ArithmeticError) as e:
        outcome.failure = str(e)
    except SpecError as e:  # what is known only now does not fit: its place is on the page
        outcome.failure = "; ".join(d.message for d in e.diagnostics)
    except MemoryError:
        outcome.failure = NO_MEMORY
    except Exception as e:
        if isinstance(e, RuntimeError) and "memory" in str(e):
            outcome.failure = NO_MEMORY
        elif os.environ.get("RECON_DEBUG") == "1":
            raise
        else:
            outcome.failure = f"internal error: {type(e).__name__}: {e}"
    return outcome


NO_MEMORY = "out of memory; fewer rows at a time are not possible, a smaller grid is"


def _run(job: Job, outcome: Outcome, place: Place) -> None:
    checked, data = job.cell.checked, job.data
    build = build_for(checked.experiment, place.device, place.shared)
    method, maker = checked.methods[job.method], checked.makers[job.method]
    # All methods of a page read the same batches, whichever of them needs its rows one at a time.
    by_row = any(c.by_row for c in (*checked.methods.values(), *checked.makers.values()))
    batches = _batches(job, next(iter(checked.makers.values())), by_row, build, place, outcome)
    first, second = next(batches, None), next(batches, None)
    numbered = second is not None or (first is not None and max(first.numbers) > 0)
    for batch in itertools.chain(*([b] for b in (first, second) if b is not None), batches):
        here = row_build(build, data, batch) if by_row else build
        _solve(job, outcome, method, sized(maker, batch.values, batch.known), batch, numbered, here, place)
        if outcome.interrupted:
            return
    if outcome.skipped and not outcome.rows:
        outcome.failure = f"no row of `{data.name}` could be read; {len(outcome.skipped)} were skipped"


def _batches(job: Job, maker: Checked, by_row: bool, build: Build, place: Place, outcome: Outcome) -> Iterator[Batch]:
    """The rows of the data set, kept for the next job that reads them where they are not too many."""
    data, experiment = job.data, job.cell.checked.experiment
    spaces = list(maker.problem.unknowns.values()), [m.space for m in maker.measurements.values()]
    key = digest_of(["rows", data, experiment.run.seed, experiment.run.precision, by_row, spaces])
    held = place.shared.find(key)
    if held is not None:
        batches, skipped = held
        outcome.skipped += skipped
        yield from batches
        return
    reader = RowReader(data, maker, place.folder, build, outcome.skipped, one_by_one=by_row)
    kept: list[Batch] = []
    size = 0
    for batch in reader.batches():
        size += _bytes(batch.values)
        kept.append(batch)
        if size > MOST_HELD:
            kept.clear()
        yield batch
    if size <= MOST_HELD:
        place.shared.keep(key, (kept, list(outcome.skipped)), size)


def _bytes(values: dict[str, Tensor]) -> int:
    return sum(v.numel() * v.element_size() for v in values.values())


def _measured(job: Job, maker: Checked, batch: Batch, build: Build) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Measurements of a batch, simulated where data do not hold them, and its other values: truths and `ref`."""
    lines = job.cell.checked.methods[job.method].measurements
    measured = {k: v for k, v in batch.values.items() if k in lines}
    truths = {k: v for k, v in batch.values.items() if k not in measured}
    if all(n in measured for n in lines):
        return measured, truths
    assert build.shared is not None
    experiment = job.cell.checked.experiment
    key = digest_of(
        ["measured", maker_digest(experiment, job.method), job.data.name, batch.numbers, experiment.run.precision]
    )
    made = build.shared.take(
        key,
        lambda: simulate(maker, truths, job.data.name, batch.numbers, build),
        _bytes,
    )
    return {**made, **measured}, truths


def _solve(
    job: Job,
    outcome: Outcome,
    method: Checked,
    maker: Checked,
    batch: Batch,
    numbered: bool,
    build: Build,
    place: Place,
) -> None:
    """One batch: solved, scored, analysed and saved."""
    experiment = job.cell.checked.experiment
    choice = job.cell.checked.choices[job.method]
    measured, truths = _measured(job, maker, batch, build)
    method = sized(method, {**truths, **measured}, batch.known)
    if method.given:
        build = replace(build, values={**build.values, **{k: Quantified(v) for k, v in measured.items()}})
    truths = {k: _to_grid(v, method, k) for k, v in truths.items()}
    start = time.perf_counter()

    def tick(iteration: int, total: int, move: float) -> None:
        place.progress(job.what, iteration, total, move)

    compiled: Compiled | None = None
    weights: Weights | None = None
    watcher: Watcher | None = None
    if method.problem.coupled:
        solution, estimates = meaning(choice.solver)(choice.solver, method, measured, build, tick)
    else:
        compiled = compile_problem(method, measured, build)
        weighing = Weighing(job.cell.checked, job.method, place.folder, lambda solves, weight: tick(solves, 0, 0.0))
        compiled, weights = weighing.weighed(method, compiled, measured, build)
        split, along = compiled.layout.split, metrics_along(experiment)
        if along and not outcome.iterations:
            watcher = Watcher(
                along, lambda x: score(experiment, method.formulation, split(x), truths, measured, build)[0]
            )
        solution = solve_word(
            choice.solver, compiled.problem, progress=tick, observe=watcher, compiled=experiment.run.compile
        )
        estimates = compiled.layout.split(solution.estimate)
    outcome.seconds += time.perf_counter() - start - (watcher.seconds if watcher else 0.0)
    estimates = {**estimates, **_derived(method, estimates, truths, build)}
    if not all(bool(torch.isfinite(torch.view_as_real(e) if e.is_complex() else e).all()) for e in estimates.values()):
        raise Diverged(f"`{choice.solver.word}` returned numbers that are not finite")
    before: Tensor | None = None
    if not outcome.iterations:
        outcome.iterations = list(solution.trace.iterations)
        trace = solution.trace
        series = {"objective": trace.objective, "violation": trace.violation, "move": trace.move, **trace.series}
        outcome.trace = {k: [float(np.mean(v)) for v in values] for k, values in series.items()}
        outcome.trace["epochs"] = trace.epochs
        found = [*(weights.choices() if weights else []), *solution.trace.choices]
        outcome.choices = [(c.name, c.value, c.why) for c in found]
        outcome.found = {k: _numpy(v) for k, v in trace.found.items()}
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
    scores |= weight_column(experiment, method, weights, len(batch.numbers))
    undone += weights.notes if weights else []
    outcome.notes += [note for note in undone if note not in outcome.notes]
    outcome.add(scores, list(batch.numbers))
    if not solution.interrupted:
        rows = Batch(batch.numbers, truths)
        subject = Subject(method, maker, choice.solver, job.data.name, rows, build, estimates)
        analyse(experiment, subject, outcome)
    place.sink(job, outcome, Solved(batch.numbers, numbered, estimates, measured, truths))
    outcome.interrupted = bool(solution.interrupted)


def _derived(
    method: Checked, estimates: dict[str, Tensor], truths: dict[str, Tensor], build: Build
) -> dict[str, Tensor]:
    """The derived quantities whose truth data bind, of the estimates: what the page is about, beside what it solves."""
    space = next(iter(method.problem.unknowns.values()))

    def lookup(term: object) -> Quantified:
        if isinstance(term, Unknown) and term.name in method.formulation.derived:
            return evaluate(method.formulation.derived[term.name], lookup, space, build)
        if isinstance(term, Unknown) and term.name in estimates:
            return Quantified(estimates[term.name])
        return named(term, build.values)  # type: ignore[arg-type]

    return {n: lookup(Unknown(n)).data for n in method.derived if n in truths}


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
