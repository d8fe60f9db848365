"""The plan of a run's work: which jobs there are, on what they run, and in how many processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from recon.dsl.digest import canonical, spec_digest
from recon.dsl.model.solver import InBlocks, Iterative
from recon.dsl.model.terms import Statistic, everything

from .cells import Cell
from .gather import data_sets
from .job import Job

STARTING = 3.0
"""Seconds until the first process that works beside this one is ready; most of it goes into loading PyTorch."""
RATE = 3e7
"""Numbers of an unknown that an iteration passes in a second on one core, before any job has been timed."""
MEMORY = 60
"""Copies of an unknown that a job may hold at a time."""


@dataclass(frozen=True)
class Work:
    """All jobs of a run, in the order of the page: cells, then data sets, then methods.

    processes: how many jobs may run at a time. threads: of each of them; with one process they are all there are.
    Results depend on the number of threads in their last bits, and so not on whether it was worth while to start
    processes.
    """

    cells: tuple[Cell, ...]
    jobs: tuple[Job, ...]
    folder: Path
    device: torch.device
    processes: int
    threads: int

    def header(self) -> dict[str, Any]:
        """All that outcomes depend on: one run may go on where another was interrupted if theirs are equal."""
        from .provenance import versions

        experiment = self.cells[0].checked.experiment
        return {
            "spec": spec_digest(experiment),
            "shown": canonical(experiment.views),
            "precision": experiment.run.precision,
            "compiled": experiment.run.compile,
            "device": str(self.device),
            "threads": self.threads,
            "versions": versions(),
        }


def plan_work(cells: Sequence[Cell], folder: Path, device: torch.device, processes: int | None) -> Work:
    """The jobs of all cells. `processes` is the most there may be; None: as many as cores, and as memory holds."""
    jobs: list[Job] = []
    for cell in cells:
        sets = data_sets(cell.checked.experiment)
        for data in sets:
            for method in cell.checked.methods:
                jobs.append(Job(len(jobs), cell, data, method, len(sets) == 1))
    cores = torch.get_num_threads()
    if processes is None:
        processes = 1 if device.type != "cpu" or _timed(cells[0]) else min(cores_here(), _fitting(cells))
    processes = max(1, min(processes, len(jobs)))
    return Work(tuple(cells), tuple(jobs), folder, device, processes, max(1, cores // processes))


def with_cells(work: Work, cells: Sequence[Cell]) -> Work:
    """The same work on other cells in the places of its own."""
    new = {id(old): cell for old, cell in zip(work.cells, cells, strict=True)}
    jobs = tuple(replace(job, cell=new[id(job.cell)]) for job in work.jobs)
    return replace(work, cells=tuple(cells), jobs=jobs)


def cores_here() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worth_processes(work: Work, todo: Sequence[Job], seconds: Sequence[float]) -> bool:
    """Whether the jobs left are done earlier by several processes. `seconds`: what finished jobs took."""
    if work.processes == 1 or len(todo) < 2:
        return False
    each = [sum(seconds) / len(seconds)] * len(todo) if seconds else [_guess(job) for job in todo]
    beside = max(max(each), sum(each) / min(work.processes, len(todo)))
    return STARTING + beside < sum(each)


def _guess(job: Job) -> float:
    """Seconds that a job takes, roughly: its unknowns times its iterations."""
    solver = job.cell.checked.choices[job.method].solver
    iterations = solver.most if isinstance(solver, (Iterative, InBlocks)) else 1
    return _numbers(job.cell, job.method) * iterations * (job.data.options.limit or 1) / RATE


def _numbers(cell: Cell, method: str) -> int:
    """How many numbers the unknowns of a method hold; what is not known yet counts as a picture."""
    return sum(s.count or 2**18 for s in cell.checked.methods[method].problem.unknowns.values())


def _fitting(cells: Sequence[Cell]) -> int:
    """How many jobs fit into half of the memory side by side."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1
    largest = max(_numbers(c, m) for c in cells for m in c.checked.methods)
    return max(1, int(memory / 2 / (largest * 8 * MEMORY)))


def _timed(cell: Cell) -> bool:
    """Whether the page shows or claims how long things take, which jobs side by side would falsify."""
    e = cell.checked.experiment
    shown = [t for view in e.views for t in everything(view)] + [c.measure for c in e.claims]
    return any(isinstance(t, Statistic) and t.metric == "seconds" for t in shown)
