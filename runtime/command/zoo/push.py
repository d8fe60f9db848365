"""`recon zoo push`: a folder of the zoo on the Hub."""

from __future__ import annotations

from pathlib import Path

import click
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import safe
from recon.dsl.model.hub import COMMIT

from ..common import FINDINGS, FileProblem, command, json_option, leave, print_findings, print_json
from .hub import hub_problems
from .pull import name_of


@command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("to", metavar="OWNER/NAME")
@click.option("--message", "-m", default="Weights, their contract and their card", help="First line of the commit.")
@click.option("--parent", metavar="COMMIT", help="The head that is expected; left out, the one that is there.")
@click.option("--private", is_flag=True, help="Make a model private that is not there yet.")
@json_option
def zoo_push(folder: Path, to: str, message: str, parent: str | None, private: bool, as_json: bool) -> None:
    """Push a folder of the zoo to a model of the Hub in one commit, pull it back, verify it, and print its address.

    Only the files of a folder of the zoo are pushed. Weights that are not what their contract says are refused, and so
    is a page among the files whose data or weights have no commit. Exits with 3 where somebody else has pushed
    meanwhile: nothing is changed then.
    """
    if parent is not None and not COMMIT.fullmatch(parent):
        raise click.UsageError("--parent takes the 40 digits of a commit")
    from recon.zoo.hub.push import folder_files, push, ready, target

    with hub_problems():
        model, files = target(to), folder_files(folder)
        ready(model)
    _check_page(files.get("spec.recon"))
    _check_folder(folder)
    with hub_problems():
        done = push(model, files, message=message, parent=parent, private=private)
    if as_json:
        print_json({"address": str(done.address), "new": done.new, "files": sorted(files)})
        return
    click.echo(f"{'pushed' if done.new else 'nothing is new'}, pulled back and verified: {', '.join(sorted(files))}")
    click.echo(f'weights {name_of(model.repository)} = "{done.address}"')


def _check_folder(folder: Path) -> None:
    """Refuse weights that are not what their contract says."""
    from recon.zoo.verify import verify

    failed = [f for f in verify(folder) if not f.holds]
    for f in failed:
        click.echo(f"error: {safe(f.what)}: {safe(f.found)}", err=True)
    if failed:
        leave(FINDINGS)


def _check_page(page: Path | None) -> None:
    """Refuse a page with errors, or one that others could not run again."""
    if page is None:
        return
    from recon.dsl.check.page import load
    from recon.dsl.check.pins import unpinned

    try:
        checked = load(page.read_text(encoding="utf-8"), str(page), page.parent)
        found = unpinned(checked.experiment)
        if found:
            raise SpecError(*found)
    except (OSError, UnicodeDecodeError) as e:
        raise FileProblem(f"cannot read {safe(str(page))}: {e}") from None
    except SpecError as e:
        print_findings(e.diagnostics, color=False, err=True)
        leave(FINDINGS)
