"""A run that is done, as trackers are told it: each outcome by itself, and what sums them up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recon.dsl.digest import problem_digest, spec_digest
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.terms import Statistic
from recon.dsl.show.text import written

from ..experiment.device import device_name
from ..experiment.document import row_pictures
from ..experiment.job import Job
from ..experiment.outcome import Outcome
from ..experiment.provenance import versions
from ..experiment.publish import ALWAYS, TABLES
from ..experiment.run import RunResult
from ..experiment.save import restored
from ..experiment.statistics import measure
from ..folder import run_name
from ..report.content import Picture, Table
from ..report.display import share_limits
from ..report.pictures import picture_png
from .base import Image, Start, Told, Tracker, Trackers, finite

SHOWN = ("truth", "estimate", "error")
"""Which pictures of a row are logged."""
SPEC = "spec.recon"
FIGURES = ("figure-", "curves-", "heatmap-")


def log_run(result: RunResult, trackers: Trackers, said: Callable[[str], None] = lambda line: None) -> Told:
    """Tell trackers of a run that came to its end, and close them. An interrupted run is told of once it is done."""
    if not trackers:
        return Told()
    if result.execution.left:
        trackers.close(result.folder)
        return Told(("not logged: the run is not done",))
    jobs = result.execution.work.jobs
    for job in jobs:
        if len(jobs) > 1:
            said(f"logging {job.number + 1} of {len(jobs)}")
        _log_outcome(job, result.execution.done[job.number], result, trackers, alone=len(jobs) == 1)
    if len(jobs) > 1:
        watched = trackers.start(_start(jobs[0], result, "summary"), result.folder)
        _log_whole(watched, result, trackers.images > 0)
        watched.finish(result.failure)
    return trackers.close(result.folder)


def group_of(experiment: Experiment) -> str:
    """What all that belongs to a page is found under."""
    return run_name(experiment.name, spec_digest(experiment))


def config_of(page: Experiment, experiment: Experiment, spec: str) -> dict[str, Any]:
    """What a cell of a page is done with: its params, and the page's resolved text and digests."""
    return {
        "experiment": experiment.name,
        "params": {name: _value(v) for name, v in experiment.params.items()},
        "seed": experiment.run.seed,
        "precision": experiment.run.precision,
        "digests": {
            "spec": spec_digest(page),
            "problem": {name or "page": problem_digest(experiment, name) for name in experiment.methods},
        },
        "versions": versions(),
        "spec": spec,
    }


def _value(value: Any) -> float | str | bool:
    return value if isinstance(value, bool | int | float | str) else written(value)


def _start(job: Job, result: RunResult, kind: Any = "reconstruction") -> Start:
    experiment = result.experiment if kind == "summary" else job.cell.checked.experiment
    spec = (result.folder / SPEC).read_text(encoding="utf-8")
    config = {**config_of(result.experiment, experiment, spec), "device": device_name(result.execution.work.device)}
    if kind != "summary":
        config |= {
            "cell": {path: _number(label) for path, label in job.cell.labels.items()},
            "data": job.data.name,
            "method": job.method,
            "solver": job.cell.checked.choices[job.method].solver.word,
        }
    single = "" if job.single else job.data.name
    parts = [*(f"{path}={label}" for path, label in job.cell.labels.items()), single, job.method]
    name = "summary" if kind == "summary" else " ".join(p for p in parts if p)
    return Start(name or result.experiment.name, group_of(result.experiment), kind, config, result.experiment.doc)


def _number(label: str) -> float | str:
    try:
        return float(label)
    except ValueError:
        return label


def _log_outcome(job: Job, o: Outcome, result: RunResult, trackers: Trackers, alone: bool) -> None:
    watched = trackers.start(_start(job, result), result.folder)
    for i, iteration in enumerate(o.iterations):
        watched.log(iteration, {f"trace/{k}": v[i] for k, v in o.trace.items() if i < len(v)})
    last = max(o.iterations, default=0)
    watched.images(last, _images(job, o, result.folder, trackers.images))
    if len(o.rows) > 1:
        names = list(o.metrics)
        rows = [[n, *(o.metrics[k][i] for k in names)] for i, n in enumerate(o.rows)]
        watched.table("rows", Table("", ["row", *names], rows))
    numbers = {k: measure(Statistic("mean", k), [o]) for k in o.metrics}
    watched.summary({**finite({k: v for k, v in numbers.items() if v is not None}), "seconds": o.seconds})
    watched.summary({"stopped": o.stopped or o.failure})
    if alone:
        _log_whole(watched, result, trackers.images > 0)
    watched.finish(o.failure)


def _log_whole(watched: Tracker, result: RunResult, pictures: bool) -> None:
    """What is of the whole page: tables, claims, figures, and the files that say what was done."""
    for i, table in enumerate(result.tables):
        watched.table(f"table-{i + 1}", table)
    if result.verdicts:
        rows = [[v.claim, _where(v.cell), v.found, "met" if v.holds else "not met"] for v in result.verdicts]
        watched.table("claims", Table("", ["claim", "cell", "found", "met"], rows))
    found = sorted(p for p in result.folder.glob("*.png") if p.name.startswith(FIGURES))
    if pictures:
        last = max((max(o.iterations, default=0) for o in result.outcomes), default=0)
        watched.images(last, {p.stem: [Image("", p.read_bytes())] for p in found})
    texts = sorted(p for p in result.folder.iterdir() if p.suffix in TABLES)
    paths = [*(result.folder / name for name in (*ALWAYS, "trace.json")), *texts]
    watched.files(group_of(result.experiment), {p.name: p for p in paths})


def _where(cell: Mapping[str, str]) -> str:
    return ", ".join(f"{k} = {v}" for k, v in cell.items())


def _images(job: Job, o: Outcome, folder: Path, most: int) -> dict[str, list[Image]]:
    """The pictures of the first rows, by their titles, on the scales of a report."""
    out: dict[str, list[Image]] = {}
    for i, row in enumerate(o.rows[:most]):
        shown = restored(folder, o, row)
        if shown is None:
            continue
        pictures = [p for p in row_pictures(job.cell, o.method, shown) if p.role in SHOWN]
        for p in share_limits(pictures):
            out.setdefault(p.title, []).append(Image(_caption(p, o, i), picture_png(p)))
    return out


def _caption(picture: Picture, o: Outcome, i: int) -> str:
    row = f"row {o.rows[i] + 1}" if len(o.rows) > 1 else ""
    numbers = ", ".join(f"{k} {v[i]:.4g}" for k, v in o.metrics.items()) if picture.role == "estimate" else ""
    return ": ".join(t for t in (row, numbers) if t)
