"""`recon run`: the main job."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import safe, to_json
from recon.dsl.syntax.tree import Page, Statement

from .common import (
    FAILED,
    FINDINGS,
    FileProblem,
    color_option,
    command,
    json_option,
    leave,
    parse_overrides,
    print_findings,
    print_json,
    read_spec,
    set_option,
    wants_color,
)
from .freeze import refuse_drift
from .own import is_own
from .progress import ProgressLine

INTERRUPTED = 130


@command()
@click.argument("spec")
@set_option
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write; default runs/<experiment>-<digest>.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="In place of the page's own `run { device }`."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Most cells and methods at a time; default: as cores and memory allow."
)
@click.option("--fresh", is_flag=True, help="Start anew where an interrupted run of this page could be gone on with.")
@click.option("--unlocked", is_flag=True, help="Run a page although it is not what its recon.lock says.")
@click.option(
    "--publish",
    "may_publish",
    is_flag=True,
    help="Let the page's `publish` line act; by itself it does in folders of RECON_OWN only.",
)
@click.option(
    "--log/--no-log",
    "log",
    default=None,
    help="Let the page's `log` lines send, as by themselves they do in folders of RECON_OWN only; or leave them out.",
)
@json_option
@color_option
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
def run(
    spec: str,
    settings: tuple[str, ...],
    out: Path | None,
    device: str | None,
    jobs: int | None,
    fresh: bool,
    unlocked: bool,
    may_publish: bool,
    log: bool | None,
    as_json: bool,
    color: str,
    quiet: bool,
) -> None:
    """Run a page and write a folder with the reconstructions, the metrics and a report.

    Exits with 0 when done, 1 for a page with errors, 2 for files that cannot be used, 3 where a method failed or what
    was found could not be published, 4 where a claim was not met, 130 after Ctrl-C (what was done is kept, and the same
    command goes on with the rest).
    """
    from recon.dsl.syntax.parse import parse
    from recon.dsl.syntax.source import Source

    page = read_spec(spec)
    may_publish, may_send = may_publish or is_own(spec), is_own(spec) if log is None else log
    painted = wants_color(color)
    if out is not None and not out.resolve().name:
        raise FileProblem(f"a run needs a folder of its own, and {out} is none")
    try:
        tree, overrides = parse(Source(page.name, page.text)), parse_overrides(settings)
        if not unlocked:
            refuse_drift(page, as_json)
        if may_publish:
            _ready_to_publish(tree)
        with ProgressLine(quiet or as_json) as line:
            line.say("loading PyTorch")
            from ..data.files import DataError
            from ..experiment.device import Unavailable
            from ..experiment.run import run_page, threads_from_environment, uninterrupted
            from ..folder import FolderError
            from ..loop import Diverged
            from ..trackers.base import Place
            from ..values import EvaluationError

            threads_from_environment()
            try:
                result = run_page(
                    tree,
                    page.folder,
                    overrides,
                    out=out,
                    device=device,
                    progress=line.step,
                    said=line.say,
                    processes=jobs,
                    resume=not fresh,
                    logs=Place(may_send, line.say) if log is not False else None,
                )
            except (DataError, FolderError, Unavailable) as e:
                raise FileProblem(str(e)) from None
            except (EvaluationError, Diverged) as e:
                click.echo(f"error: the run failed: {safe(str(e))}", err=True)
                leave(FAILED)
            except KeyboardInterrupt:
                click.echo("interrupted before anything was done", err=True)
                leave(INTERRUPTED)
    except SpecError as e:
        if as_json:
            print_json({"page": page.name, "findings": [to_json(d) for d in e.diagnostics]})
        else:
            print_findings(e.diagnostics, color=painted, err=True)
        leave(FINDINGS)
    with uninterrupted():
        if not as_json:
            _print(result, painted)
    logged = _log(result, quiet or as_json)
    outcome = _publish(result, may_publish)
    if as_json:
        print_json({**_as_json(result), "logged": list(logged), "published": outcome.plain})
    else:
        for text in logged:
            click.echo(safe(text))
    for text in outcome.lines:
        click.echo(safe(text), err=as_json or outcome.failed)
    leave(FAILED if outcome.failed else result.code)


def _log(result: Any, quiet: bool) -> tuple[str, ...]:
    """Tell the page's trackers. Returns where it can be seen; what goes wrong is a warning and changes no exit code."""
    if result.trackers is None:
        return ()
    from ..trackers.outcomes import log_run

    try:
        with ProgressLine(quiet) as line:
            told = log_run(result, result.trackers, line.say)
    except KeyboardInterrupt:
        click.echo("warning: not logged to the end: interrupted", err=True)
        return ()
    except Exception as e:
        if os.environ.get("RECON_DEBUG") == "1":
            raise
        click.echo(f"warning: not logged to the end: {type(e).__name__}: {safe(str(e))}", err=True)
        return ()
    for text in told.warnings:
        click.echo(f"warning: {safe(text)}", err=True)
    lines: tuple[str, ...] = told.lines
    return lines


def _ready_to_publish(tree: Page) -> None:
    """Refuse a run that could not be published for want of a login, before it takes its time. Raises FileProblem."""
    if not any(isinstance(i, Statement) and i.kind == "publish" for i in tree.items):
        return
    from recon.dsl.model.hub import HubPath
    from recon.zoo.hub.client import HubError
    from recon.zoo.hub.push import ready

    try:
        ready(HubPath("publish", "", "", "model"))
    except HubError as e:
        raise FileProblem(str(e)) from None


@dataclass(frozen=True)
class _Published:
    """What became of the page's `publish` line."""

    lines: list[str] = field(default_factory=list)
    plain: dict[str, Any] | None = None
    failed: bool = False


def _publish(result: Any, allowed: bool) -> _Published:
    asked = result.experiment.publish
    if asked is None:
        return _Published()
    if not allowed:
        return _Published(["not published: `publish` acts with --publish, or in a folder that RECON_OWN names"])
    from recon.zoo.hub.client import HubError

    from ..experiment.publish import plain, publish, told, withheld

    why = withheld(result)
    if why:
        return _Published([f"not published: {why}"])
    try:
        done = publish(asked, result)
    except HubError as e:
        return _Published([f"error: not published: {e}"], failed=True)
    return _Published(told(done), plain(done))


def _as_json(result: Any) -> dict[str, Any]:
    from ..experiment.run import metrics_of
    from ..folder import plain

    out = plain(metrics_of(result.outcomes, result.verdicts))
    assert isinstance(out, dict)
    findings = [to_json(d) for d in result.findings]
    return {
        "folder": str(result.folder),
        "code": result.code,
        "failure": result.failure,
        "findings": findings,
        "skipped": result.skipped,
        "tables": [plain(asdict(table)) for table in result.tables],
        **out,
    }


def _print(result: Any, painted: bool) -> None:
    """The numbers, the claims and where to look, for people."""
    worth = [d for d in result.findings if d.severity == "warning"]
    if worth:
        print_findings(worth, color=painted, err=True)
    many = len(result.outcomes) > FEW
    told: list[object] = []
    for o in result.outcomes:
        if many and o.rows and not o.failure:
            continue
        where = " ".join([*(f"{k}={v}" for k, v in o.cell.items()), *(p for p in (o.data, o.method) if p)])
        head = f"{where} ({o.solver})" if where else o.solver
        if o.failure:
            click.echo(f"{head}: FAILED, {o.failure}")
            continue
        if not o.rows:
            click.echo(f"{head}: not finished")
            continue
        numbers = [f"{name} {_number(name, o.metrics[name])}" for name in o.metrics]
        shown = {k: v for found in o.analyses.values() for k, v in found.numbers.items() if k not in o.metrics}
        numbers += [f"{k} {v:.4g}" for k, v in shown.items()]
        rows = f", {len(o.rows)} rows" if len(o.rows) > 1 else ""
        click.echo(f"{head}: {', '.join(numbers) or 'done'}{rows}  [{o.seconds:.1f} s, {o.stopped}]")
        baseline = (o.cell, o.data, o.baseline)
        if o.baseline and baseline not in told:  # methods on the same data share it
            told.append(baseline)
            before = ", ".join(f"{name} {_number(name, [v])}" for name, v in o.baseline.items())
            click.echo(f"  the adjoint image: {before}")
        for note in o.notes:
            click.echo(f"  not measured: {note}")
        for text in o.warnings:
            click.echo(f"warning: {head}: {text}", err=True)
    if many:
        _print_tables(result)
    for verdict in result.verdicts:
        if not many or not verdict.holds:
            click.echo(str(verdict))
    if many and result.verdicts and all(v.holds for v in result.verdicts):
        click.echo(f"met: all {len(result.verdicts)} claims")
    for row in result.skipped:
        click.echo(f"skipped {row}")
    if result.failure:
        click.echo(f"error: {safe(result.failure)}{result.execution.rest}", err=True)
    if result.code == INTERRUPTED:
        click.echo(f"interrupted{result.execution.rest or '; what was done is kept'}", err=True)
    click.echo(f"report: {result.folder / 'report.html'}")


FEW = 6
"""Outcomes up to which each has a line of its own; more are summed up in tables."""
MOST_LINES = 40


def _print_tables(result: Any) -> None:
    """What sums up a sweep, in tables cut off at so many lines."""
    from ..report.tables import to_text

    for table in result.tables:
        lines = to_text(table).rstrip("\n").split("\n")
        click.echo("\n".join(lines[:MOST_LINES]))
        if len(lines) > MOST_LINES:
            click.echo(f"... {len(lines) - MOST_LINES} more lines; all are in the report")
        click.echo("")
    seconds = sum(o.seconds for o in result.outcomes)
    click.echo(f"{len(result.outcomes)} runs, {seconds:.1f} s of solving")


def _number(name: str, values: list[float]) -> str:
    known = [v for v in values if v == v]
    if not known:
        return "undefined"
    mean = sum(known) / len(known)
    return f"{mean:.2f} dB" if name.startswith("psnr") else f"{mean:.4g}"
