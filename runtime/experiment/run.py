"""`recon run`: from a page to a folder with everything about its run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from recon.dsl.vocabulary.sources.electrons import Star
from recon.dsl.vocabulary.sources.volumes import Mrc
from torch import Tensor

from ..data.files import DataError
from ..data.volumes import mrc_bytes
from ..folder import FolderError, RunFolder, run_name
from ..report.content import Picture
from ..report.display import share_limits
from ..report.exports import exports
from ..report.page import render_report
from ..report.pictures import picture_png
from .cells import Cell, cells
from .claims import Verdict, judge
from .document import report
from .execute import Execution, Progress, Sink, execute
from .findings import analysis_tables
from .outcome import Outcome
from .provenance import manifest
from .statistics import measure

DONE, FAILED, CLAIM_NOT_MET, INTERRUPTED = 0, 3, 4, 130
STATUS = {DONE: "done", FAILED: "failed", CLAIM_NOT_MET: "done, a claim was not met", INTERRUPTED: "interrupted"}


@dataclass(frozen=True)
class RunResult:
    """Where the files are, what came out, and the exit code."""

    folder: Path
    outcomes: list[Outcome]
    verdicts: list[Verdict]
    findings: list[Diagnostic]
    skipped: list[str]
    failure: str
    """What stopped the run before its end, where something did."""
    code: int


class Unavailable(Exception):  # noqa: N818 - it says what is not there
    """The machine does not have what the page or the command asks for."""


def choose_device(name: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`. Raises Unavailable where there is no such device."""
    if name == "cuda" and not torch.cuda.is_available():
        raise Unavailable("no CUDA device is at hand; write `device = auto` or `cpu`")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def run_page(
    page: Page,
    folder: Path,
    overrides: Sequence[tuple[str, Expr]],
    *,
    out: Path | None = None,
    device: str | None = None,
    progress: Progress = lambda what, iteration, total, move: None,
    said: Callable[[str], None] = lambda line: None,
) -> RunResult:
    """Check, run and write. Raises SpecError for a page with errors, DataError, and FolderError.

    out: the folder to write; left out, `runs/<experiment>-<digest>` below the working directory.
    """
    begin = time.perf_counter()
    all_cells = cells(page, folder, overrides)
    experiment = all_cells[0].checked.experiment
    target = choose_device(device or experiment.run.device)
    digest = spec_digest(experiment)
    parent, name = (
        (Path("runs"), run_name(experiment.name, digest)) if out is None else (out.resolve().parent, out.resolve().name)
    )
    execution = Execution()
    with RunFolder(parent, name, replace=out is not None) as files:
        for path, value in overrides:
            page = override(page, path, value)
        spec = format_page(page)
        files.write_text("spec.recon", spec)

        def sink(
            o: Outcome,
            rows: list[int],
            estimates: dict[str, Tensor],
            measured: dict[str, Tensor],
            truths: dict[str, Tensor],
        ) -> None:
            _save(files, o, rows, estimates, measured, truths, experiment)
            if any(isinstance(d.source, Mrc | Star) for d in experiment.data.values()):
                _save_mrc(files, o, rows, estimates, experiment)

        interrupted, failure = _execute(all_cells, folder, target, sink, progress, execution)
        with uninterrupted():
            said("writing the report")
            verdicts = judge(experiment, [o for o in execution.outcomes if o.rows or o.failure])
            code = _code(execution, verdicts, interrupted, failure)
            findings = list(dict.fromkeys(d for c in all_cells for d in c.checked.findings))
            settings = [f"{p} = {v.span.text}" for p, v in overrides]
            seconds = time.perf_counter() - begin
            facts = manifest(all_cells, execution, settings, target, seconds, STATUS[code])
            warnings = _warnings(findings, execution, failure)
            citations = bibliography(experiment, [c.solver for c in all_cells[0].checked.choices.values()])
            _write(files, all_cells, execution, spec, facts, verdicts, warnings, citations)
            final = files.keep_partial("interrupted by the user") if interrupted else files.commit()
    return RunResult(final, execution.outcomes, verdicts, findings, execution.skipped, failure, code)


def _execute(
    all_cells: list[Cell], folder: Path, device: torch.device, sink: Sink, progress: Progress, execution: Execution
) -> tuple[bool, str]:
    """Run all cells. Returns whether the user interrupted it, and what else stopped it; raises if nothing was done."""
    try:
        execute(all_cells, folder, device, sink, progress, execution)
    except KeyboardInterrupt:
        if not any(o.rows for o in execution.outcomes):
            raise
        return True, ""
    except Exception as e:
        if not any(o.rows for o in execution.outcomes) or os.environ.get("RECON_DEBUG") == "1":
            raise
        known = isinstance(e, (DataError, FolderError))
        return False, str(e) if known else f"internal error: {type(e).__name__}: {e}"
    return execution.interrupted, ""


def _code(execution: Execution, verdicts: list[Verdict], interrupted: bool, failure: str) -> int:
    if interrupted:
        return INTERRUPTED
    if failure or any(o.failure for o in execution.outcomes):
        return FAILED
    return DONE if all(v.holds for v in verdicts) else CLAIM_NOT_MET


def _warnings(findings: list[Diagnostic], execution: Execution, failure: str) -> list[str]:
    """What stands at the top of the report."""
    out = [render([d], color=False) for d in findings if d.severity != "note"]
    for o in execution.outcomes:
        where = o.folder or o.solver
        out += [f"{where} failed: {o.failure}"] if o.failure else []
        out += [f"{where}: {note}" for note in o.notes]
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
) -> None:
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
            }
            for o in outcomes
        ],
        "claims": [{"claim": v.claim, "cell": v.cell, "found": v.found, "holds": v.holds} for v in verdicts],
    }


def _save(
    files: RunFolder,
    o: Outcome,
    rows: list[int],
    estimates: dict[str, Tensor],
    measured: dict[str, Tensor],
    truths: dict[str, Tensor],
    experiment: Experiment,
) -> None:
    """The arrays of a batch, one file for each row and quantity, and a plain picture of each reconstruction."""
    below = f"{o.folder}/" if o.folder else ""
    several = len(estimates) > 1
    for i, row in enumerate(rows):
        tag = f"-{row:04d}" if max(rows) > 0 or len(o.rows) > 1 else ""
        for name, x in estimates.items():
            base = f"{below}reconstruction{'-' + name if several else ''}{tag}"
            array = x[i].cpu().numpy()
            files.write_array(f"{base}.npy", array)
            if array.ndim > 1:
                spec = experiment.formulation.unknowns.get(name)
                axes = tuple(a.name for a in spec.space.axes) if spec is not None else ()
                pictures = [Picture("reconstruction", array, "estimate", axes=axes)]
                if name in truths and truths[name].shape[1:] == x.shape[1:]:
                    truth = Picture("truth", truths[name][i].cpu().numpy(), "truth", axes=axes)
                    pictures = share_limits([truth, *pictures])
                files.write_bytes(f"{base}.png", picture_png(pictures[-1]))
        for name, y in measured.items():
            files.write_array(f"{below}measurement-{name}{tag}.npy", y[i].cpu().numpy())
        for name, t in truths.items():
            files.write_array(
                f"{below}truth{'-' + name if several or name == 'ref' else ''}{tag}.npy", t[i].cpu().numpy()
            )


def _save_mrc(
    files: RunFolder, o: Outcome, rows: list[int], estimates: dict[str, Tensor], experiment: Experiment
) -> None:
    """Volumes once more, in the format that the page's data came in."""
    below = f"{o.folder}/" if o.folder else ""
    for name, x in estimates.items():
        for i, row in enumerate(rows):
            if x.ndim != 4:
                continue
            spec = experiment.formulation.unknowns.get(name)
            voxel = [a.voxel for a in spec.space.axes[-3:]] if spec is not None else []
            known = [v for v in voxel if v is not None]
            tag = (f"-{name}" if len(estimates) > 1 else "") + (
                f"-{row:04d}" if max(rows) > 0 or len(o.rows) > 1 else ""
            )
            content = mrc_bytes(x[i].cpu().numpy(), known if len(known) == 3 else None)
            files.write_bytes(f"{below}reconstruction{tag}.mrc", content)


def threads_from_environment() -> None:
    """Take the number of threads from OMP_NUM_THREADS where it is set, as torch does not for all of its pools."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        torch.set_num_threads(int(given))
