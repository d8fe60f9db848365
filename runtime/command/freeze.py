"""`recon freeze`: what a page stands for now, so that later runs can tell whether it still does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from recon.dsl.diagnostics.render import safe

from .common import (
    FINDINGS,
    STDIN,
    FileProblem,
    Spec,
    color_option,
    command,
    json_option,
    leave,
    load_or_exit,
    load_spec,
    print_json,
    wants_color,
)

if TYPE_CHECKING:
    from recon.dsl.lock import Entry
    from recon.dsl.model.experiment import Experiment


@command()
@click.argument("spec", metavar="SPEC")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with 1 where the page has drifted.")
@json_option
@color_option
def freeze(spec: str, only_check: bool, as_json: bool, color: str) -> None:
    """Write `recon.lock` beside a page: its digest and those of its files, the commits of what is on the Hub, the
    SHA-256 of weights, and the version of recon.

    `recon run` then refuses the page where one of them is another, with a line for each, unless it is told --unlocked.
    """
    from recon.dsl.lock import NAME, Lock, LockError, lock_text, read_lock

    from .fmt import write_file

    if spec == STDIN or spec.startswith("hf://"):
        raise FileProblem(f"cannot freeze {spec}: a lock lies beside the file of its page")
    path = Path(spec)
    experiment = load_or_exit(spec, (), color=wants_color(color), as_json=as_json).experiment
    if only_check:
        lines = drifted(Spec(experiment.source.text, spec, path.parent), experiment)
        if lines is None:
            raise FileProblem(f"{spec} is not frozen; `recon freeze {spec}` writes {NAME}")
        _tell(spec, lines, as_json)
        leave(FINDINGS if lines else 0)
    try:
        lock = read_lock(path.parent) or Lock()
    except LockError as e:
        raise FileProblem(str(e)) from None
    made = entry_of(experiment, spec, path.parent)
    write_file(path.parent / NAME, lock_text(Lock(pages={**lock.pages, path.name: made})))
    if as_json:
        print_json({"lock": str(path.parent / NAME), "page": path.name, **made.model_dump()})
        return
    held = [f"{len(made.files)} file{'s' if len(made.files) != 1 else ''}"] if made.files else []
    held += [f"data {n}" for n in made.data] + [f"weights {n}" for n in made.weights]
    click.echo(safe(f"{path.parent / NAME}: {path.name} at {made.spec[:8]}" + (f", {', '.join(held)}" if held else "")))


def refuse_drift(page: Spec, as_json: bool) -> None:
    """Leave with exit code 1 where a page is no longer what its lock says. Raises SpecError for a page with errors."""
    lines = drifted(page)
    if not lines:
        return
    if as_json:
        print_json({"page": page.name, "drift": lines})
    else:
        for line in lines:
            click.echo(f"drift: {safe(line)}", err=True)
        hint = "`recon freeze` takes the page as it is now, and --unlocked runs it all the same"
        click.echo(f"error: {safe(page.name)} is not what it was when it was frozen; {hint}", err=True)
    leave(FINDINGS)


def drifted(page: Spec, experiment: Experiment | None = None) -> list[str] | None:
    """What of a page is no longer as it was frozen; None where it was not."""
    if not (page.folder / "recon.lock").exists():
        return None
    from recon.dsl.lock import LockError, drift, read_lock

    name = page.name.rsplit("/", 1)[-1]
    try:
        lock = read_lock(page.folder)
    except LockError as e:
        raise FileProblem(str(e)) from None
    if lock is None or name not in lock.pages:
        return None
    now = entry_of(experiment or load_spec(page, []).experiment, page.name, page.folder)
    return drift(lock.pages[name], now, page.name, page.folder)


def entry_of(experiment: Experiment, spec: str, folder: Path) -> Entry:
    """What a page stands for now. Raises FileProblem, also where the Hub is needed and cannot be reached."""
    from recon.dsl.lock import entry

    try:
        return entry(experiment, folder, _weights_hash)
    except OSError as e:
        raise FileProblem(f"cannot read the files of {spec}: {e.strerror or e}") from None


def _weights_hash(address: str) -> str:
    """The SHA-256 of weights on the Hub, as the listing of their commit names it: nothing is downloaded."""
    from recon.dsl.model.folder import WEIGHTS
    from recon.dsl.model.hub import hub_path
    from recon.zoo.hub.client import HubError
    from recon.zoo.hub.listing import repository

    at = hub_path(address, "model")
    try:
        found = repository(at)
    except HubError as e:
        raise FileProblem(str(e)) from None
    listed = found.files.get("/".join(p for p in (at.path.rstrip("/"), WEIGHTS) if p))
    if listed is None or not listed.hash.startswith("sha256:"):
        raise FileProblem(f"{address}: is no folder of the zoo, it has no `{WEIGHTS}`")
    return listed.digits


def _tell(spec: str, lines: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"page": spec, "drift": lines})
    elif not lines:
        click.echo(f"{safe(spec)} is as it was frozen")
    for line in () if as_json else lines:
        click.echo(f"drift: {safe(line)}")
