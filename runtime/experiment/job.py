"""One job: all rows of a data set, in one cell of the sweep, by one method; from data to estimates and metrics."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.experiment import DataSet
from torch import Tensor

from ..analyses.analyse import analyse
from ..analyses.subject import Subject
from ..build import Build
from ..data.files import DataError
from ..folder import FolderError
from ..loop import Diverged
from ..shared import Shared
from ..values import EvaluationError
from .answer import answer
from .cells import Cell
from .gather import batches, build_for, pose
from .outcome import Outcome
from .record import record
from .rows import Batch
from .weighing import Weighing

Progress = Callable[[str, int, int, float], None]
"""(what, iteration, of how many, relative move)"""
NO_MEMORY = "out of memory; fewer rows at a time are not possible, a smaller grid is"


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


def _run(job: Job, outcome: Outcome, place: Place) -> None:
    checked, data = job.cell.checked, job.data
    build = build_for(checked.experiment, place.device, place.shared)
    rows = batches(checked, data, place.folder, build, outcome.skipped)
    first, second = next(rows, None), next(rows, None)
    numbered = second is not None or (first is not None and max(first.numbers) > 0)
    for batch in itertools.chain(*([b] for b in (first, second) if b is not None), rows):
        _solve(job, outcome, batch, numbered, build, place)
        if outcome.interrupted:
            return
    if outcome.skipped and not outcome.rows:
        outcome.failure = f"no row of `{data.name}` could be read; {len(outcome.skipped)} were skipped"


def _solve(job: Job, outcome: Outcome, batch: Batch, numbered: bool, build: Build, place: Place) -> None:
    """One batch: solved, scored, analysed and saved."""
    checked = job.cell.checked
    posed = pose(checked, job.method, job.data, batch, build)

    def tick(iteration: int, total: int, move: float) -> None:
        place.progress(job.what, iteration, total, move)

    weighing = Weighing(checked, job.method, place.folder, lambda solves, weight: tick(solves, 0, 0.0))
    found = answer(posed, weighing, not outcome.iterations, tick)
    record(outcome, checked.experiment, posed, found, batch.numbers)
    if not found.solution.interrupted:
        solver, rows = checked.choices[job.method].solver, Batch(batch.numbers, posed.truths)
        subject = Subject(posed.method, posed.maker, solver, job.data.name, rows, posed.build, found.estimates)
        analyse(checked.experiment, subject, outcome)
    place.sink(job, outcome, Solved(batch.numbers, numbered, found.estimates, posed.measured, posed.truths))
    outcome.interrupted = bool(found.solution.interrupted)
