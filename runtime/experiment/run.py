"""`recon run`: from a page to a folder with everything about its run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from recon.dsl.diagnostics import Diagnostic
from recon.dsl.diagnostics.render import render
from recon.dsl.digest import spec_digest
from recon.dsl.elaborate.overrides import override
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.terms import Statistic
from recon.dsl.show.citations import bibliography
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.tree import Expr, Page

from ..folder import FolderError, RunFolder, run_name
from ..report.content import Table
from ..report.exports import exports
from ..report.page import render_report
from .cells import Cell, cells
from .claims import Verdict, judge
from .device import Unavailable, choose_device
from .document import report
from .execute import Execution, execute
from .fetching import Unfetched, with_weights
from .findings import analysis_tables
from .job import Progress
from .ledger import Ledger, continues
from .outcome import Outcome
from .provenance import manifest
from .statistics import measure
from .work import plan_work, with_cells

if TYPE_CHECKING:
    from ..trackers.base import Place, Trackers

DONE, FAILED, CLAIM_NOT_MET, INTERRUPTED = 0, 3, 4, 130
STATUS = {DONE: "done", FAILED: "failed", CLAIM_NOT_MET: "done, a claim was not met", INTERRUPTED: "interrupted"}


@dataclass(frozen=True)
class RunResult:
    """What was run, where the files are, what came out, and the exit code."""

    experiment: Experiment
    folder: Path
    execution: Execution
    verdicts: list[Verdict]
    findings: list[Diagnostic]
    failure: str
    """What stopped the run before its end, where something did."""
    code: int
    tables: list[Table] = field(default_factory=list)
    """What the page's `report table` lines show; without any, the metrics of each outcome."""
    trackers: Trackers | None = None
    """What the run is to be told to, where the page names trackers and they may act."""

    @property
    def outcomes(self) -> list[Outcome]:
        return self.execution.outcomes

    @property
    def skipped(self) -> list[str]:
        return self.execution.skipped


def run_page(
    page: Page,
    folder: Path,
    overrides: Sequence[tuple[str, Expr]],
    *,
    out: Path | None = None,
    device: str | None = None,
    progress: Progress = lambda what, iteration, total, move: None,
    said: Callable[[str], None] = lambda line: None,
    processes: int | None = 1,
    resume: bool = True,
    logs: Place | None = None,
) -> RunResult:
    """Check, run and write. Raises SpecError for a page with errors, DataError, FolderError, and Unavailable.

    out: the folder to write; left out, `runs/<experiment>-<digest>` below the working directory. processes: the most
    jobs at a time; None: as many as cores, where that is quicker. resume: whether to go on from an interrupted run of
    the same page. logs: where the page's trackers are; None: they are left alone. They are told of training while it
    goes on, and of the rest by `log_run`, once the run is on disk.
    """
    begin = time.perf_counter()
    all_cells = cells(page, folder, overrides)
    experiment = all_cells[0].checked.experiment
    target = choose_device(device or experiment.run.device)
    trackers = _trackers(experiment, logs)
    try:
        all_cells = with_weights(all_cells, lambda: cells(page, folder, overrides), said)
    except Unfetched as e:
        raise Unavailable(str(e)) from e
    experiment = all_cells[0].checked.experiment
    work = plan_work(all_cells, folder, target, processes)
    header = work.header()
    digest = spec_digest(experiment)
    parent, name = (
        (Path("runs"), run_name(experiment.name, digest)) if out is None else (out.resolve().parent, out.resolve().name)
    )
    execution = Execution(work)
    resumes = (lambda path: continues(path, header)) if resume else None
    for path, value in overrides:
        page = override(page, path, value)
    spec = format_page(page)
    try:
        with RunFolder(parent, name, replace=out is not None, resumes=resumes) as files:
            files.write_text("spec.recon", spec)
            if any(f.learned for c in all_cells for f in c.checked.experiment.methods.values()):
                from ..trackers.training import watching  # learning is rare, and its modules take time to load
                from ..training.stage import Stage, trained

                watch = watching(trackers, experiment, spec, files.path)
                stage = Stage(folder, target, spec, progress, said, watch)
                all_cells = trained(all_cells, stage, files)
                execution.work = work = with_cells(work, all_cells)
            failure = _execute(execution, files, Ledger(files, header), progress, said)
            with uninterrupted():
                said("writing the report")
                verdicts = judge(experiment, [o for o in execution.outcomes if o.rows or o.failure])
                code = _code(execution, verdicts, failure)
                findings = list(dict.fromkeys(d for c in all_cells for d in c.checked.findings))
                settings = [f"{p} = {v.span.text}" for p, v in overrides]
                seconds = time.perf_counter() - begin
                facts = manifest(all_cells, execution, settings, target, seconds, STATUS[code])
                warnings = _warnings(findings, execution, failure)
                citations = bibliography(experiment, [c.solver for c in all_cells[0].checked.choices.values()])
                tables = _write(files, all_cells, execution, spec, facts, verdicts, warnings, citations)
                reason = failure or "interrupted by the user"
                final = files.commit() if not execution.left else files.keep_partial(reason + execution.rest)
    except FolderError as e:
        raise FolderError(f"{e}{execution.rest}") from None
    return RunResult(experiment, final, execution, verdicts, findings, failure, code, tables, trackers)


def _trackers(experiment: Experiment, logs: Place | None) -> Trackers | None:
    """The trackers of the page. Raises Unavailable where one of them is not installed."""
    if logs is None or not experiment.trackers:
        return None
    from ..trackers.base import opened  # most pages name none

    return opened(experiment, logs)


def _execute(
    execution: Execution, files: RunFolder, ledger: Ledger, progress: Progress, said: Callable[[str], None]
) -> str:
    """Run all jobs. Returns what stopped the run before its end, if something did; raises it if nothing was done."""
    try:
        execute(execution, files, ledger, progress, said)
    except Exception as e:
        if not any(o.rows for o in execution.outcomes) or os.environ.get("RECON_DEBUG") == "1":
            raise
        return str(e) if isinstance(e, FolderError) else f"internal error: {type(e).__name__}: {e}"
    if execution.interrupted and not any(o.rows for o in execution.outcomes):
        raise KeyboardInterrupt
    return ""


def _code(execution: Execution, verdicts: list[Verdict], failure: str) -> int:
    if execution.interrupted:
        return INTERRUPTED
    if failure or any(o.failure for o in execution.outcomes):
        return FAILED
    return DONE if all(v.holds for v in verdicts) else CLAIM_NOT_MET


def _warnings(findings: list[Diagnostic], execution: Execution, failure: str) -> list[str]:
    """What stands at the top of the report."""
    out = [render([d], color=False) for d in findings if d.severity != "note"]
    told: dict[str, list[str]] = {}
    for o in execution.outcomes:
        failed = [f"failed: {o.failure}"] if o.failure else []
        for text in (*failed, *o.warnings, *o.notes):
            told.setdefault(text, []).append(o.folder or o.solver)
    for text, places in told.items():
        others = f" and {len(places) - 1} more" if len(places) > 1 else ""
        out.append(f"{places[0]}{others}: {text}")
    return out + ([failure] if failure else [])


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C does nothing meanwhile: writing takes a second, and must not lose what was done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write(
    files: RunFolder,
    all_cells: list[Cell],
    execution: Execution,
    spec: str,
    facts: dict[str, Any],
    verdicts: list[Verdict],
    warnings: list[str],
    citations: list[str],
) -> list[Table]:
    """All files but the arrays. Returns the tables that sum the run up."""
    files.write_json("manifest.json", facts)
    files.write_json("metrics.json", metrics_of(execution.outcomes, verdicts))
    files.write_json(
        "trace.json",
        [
            {
                "cell": o.cell,
                "data": o.data,
                "method": o.method,
                "solver": o.solver,
                "iterations": o.iterations,
                **o.trace,
            }
            for o in execution.outcomes
        ],
    )
    for name, table in analysis_tables(execution.outcomes).items():
        files.write_text(f"{name}.csv", table)
    files.write_text("citations.bib", "\n\n".join(citations) + "\n")
    document = report(all_cells, execution, spec, facts, verdicts, warnings, citations)
    for name, content in exports(document):
        files.write_bytes(name, content)
    files.write_text("report.html", render_report(document))
    asked = [t for section in document.sections if section.name for t in section.tables]
    return asked or ([document.metrics] if document.metrics is not None else [])


def metrics_of(outcomes: list[Outcome], verdicts: list[Verdict]) -> dict[str, Any]:
    """Every number of every row; no timings, so that the same page gives the same bytes."""
    return {
        "outcomes": [
            {
                "cell": o.cell,
                "data": o.data,
                "method": o.method,
                "solver": o.solver,
                "rows": o.rows,
                "metrics": o.metrics,
                "mean": {k: measure(Statistic("mean", k), [o]) for k in o.metrics},
                "analyses": {title: found.plain() for title, found in o.analyses.items()},
                "failure": o.failure,
                "notes": o.notes,
                "warnings": o.warnings,
            }
            for o in outcomes
        ],
        "claims": [{"claim": v.claim, "cell": v.cell, "found": v.found, "holds": v.holds} for v in verdicts],
    }


def threads_from_environment() -> None:
    """Take the number of threads from OMP_NUM_THREADS where it is set, as torch does not for all of its pools."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        torch.set_num_threads(int(given))
