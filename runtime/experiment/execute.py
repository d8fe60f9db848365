"""The main job: every cell, data set and method of the plan, here or in processes, each once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..data.files import DataError
from ..folder import RunFiles
from ..shared import Shared
from .job import Job, Place, Progress, run_job
from .ledger import Ledger
from .outcome import Outcome
from .save import saver
from .work import Work, worth_processes
from .workers import Unstartable, work_beside


@dataclass
class Execution:
    """The outcomes of all jobs so far, by the number of the job.

    resumed: how many were taken from an interrupted run. processes: how many worked side by side.
    """

    work: Work
    done: dict[int, Outcome] = field(default_factory=dict)
    resumed: int = 0
    processes: int = 1
    interrupted: bool = False

    @property
    def outcomes(self) -> list[Outcome]:
        """In the order of the plan."""
        return [self.done[n] for n in sorted(self.done)]

    @property
    def skipped(self) -> list[str]:
        """The rows that were left out, each once."""
        return list(dict.fromkeys(row for o in self.outcomes for row in o.skipped))

    @property
    def left(self) -> int:
        """How many jobs are not finished."""
        return len(self.work.jobs) - sum(not o.interrupted for o in self.done.values())

    @property
    def rest(self) -> str:
        """What an unfinished run adds to its message; empty where nothing is done that could be gone on from."""
        jobs = len(self.work.jobs)
        if self.left == jobs:
            return ""
        return f"; {jobs - self.left} of {jobs} are done and kept, and the same command goes on from there"


def execute(
    execution: Execution, files: RunFiles, ledger: Ledger, progress: Progress, said: Callable[[str], None]
) -> None:
    """Run what is not done yet, filling `execution`; a job that fails is noted and the others go on.

    Raises DataError where no data could be read at all, and FolderError. Ctrl-C keeps what is done and sets
    `interrupted`.
    """
    work = execution.work
    before = {n: o for n, o in ledger.open().items() if n < len(work.jobs)}
    execution.done.update(before)
    execution.resumed = len(before)
    if before:
        said(f"going on from an interrupted run: {len(before)} of {len(work.jobs)} are done")
    todo = [job for job in work.jobs if job.number not in before]
    with _threads(work.threads):
        try:
            _here_or_beside(execution, todo, files, ledger, progress, said)
        except KeyboardInterrupt:
            execution.interrupted = True
    failed = [o for o in execution.outcomes if o.failure]
    if failed and len(failed) == len(work.jobs) and failed[0].unreadable:
        raise DataError(failed[0].failure)


def _here_or_beside(
    execution: Execution,
    todo: list[Job],
    files: RunFiles,
    ledger: Ledger,
    progress: Progress,
    said: Callable[[str], None],
) -> None:
    """One job after the other in this process, as long as no more of them would be quicker."""
    work = execution.work
    place = Place(work.folder, work.device, Shared(), saver(files), progress)
    seconds: list[float] = []
    beside = True

    def ended(job: Job, outcome: Outcome) -> None:
        execution.done[job.number] = outcome
        if outcome.failure or outcome.interrupted:
            ledger.drop(job.number)
        if len(work.jobs) > 1:
            said(f"{len(execution.done)} of {len(work.jobs)} done: {_summary(job, outcome)}")

    while todo:
        if beside and worth_processes(work, todo, seconds):
            execution.processes = work.processes
            try:
                for job, failure in work_beside(work, todo, files, ledger, progress):
                    outcome = job.outcome() if failure else ledger.read(job.number)
                    outcome.failure = failure or outcome.failure
                    ended(job, outcome)
                return
            except Unstartable as e:
                said(f"one process does it all: of another, {e}")
                todo = [job for job in todo if job.number not in execution.done]
                beside, execution.processes = False, 1
                continue
        job = todo.pop(0)
        begin = time.perf_counter()
        outcome = run_job(job, place)
        seconds.append(time.perf_counter() - begin)
        ledger.write(job.number, outcome)
        ended(job, outcome)
        if outcome.interrupted:
            raise KeyboardInterrupt


def _summary(job: Job, o: Outcome) -> str:
    """A job's result in a line."""
    if o.failure:
        return f"{job.what} failed: {o.failure}"
    means = (f"{k} {sum(v) / len(v):.4g}" for k, v in o.metrics.items() if v)
    return ", ".join([f"{job.what} in {o.seconds:.1f} s", *means])


class _threads:  # noqa: N801 - used like a function
    """So many threads of torch within the block."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self.before)
