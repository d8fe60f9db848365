"""`recon simulate`: data from the model alone."""

from __future__ import annotations

from pathlib import Path

import click
from recon.dsl.diagnostics.render import safe

from .common import FAILED, FileProblem, command, leave, parse_overrides, read_spec, set_option
from .freeze import refuse_drift


@command()
@click.argument("spec")
@set_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default runs/<experiment>-data-<digest>."
)
@click.option("--unlocked", is_flag=True, help="Simulate a page although it is not what its recon.lock says.")
def simulate(spec: str, settings: tuple[str, ...], out: Path | None, unlocked: bool) -> None:
    """Draw measurements from a page's forward model and noise, without solving anything.

    Writes one `.npz` a row, with the unknowns and the measurements under their names: another page reads them by
    `npz`. Exits with 1 for a page with errors or one that is not what it was when it was frozen, 2 for files, 3 where
    the law cannot be drawn from.
    """
    from recon.dsl.syntax.parse import parse
    from recon.dsl.syntax.source import Source

    page = read_spec(spec)
    tree, overrides = parse(Source(page.name, page.text)), parse_overrides(settings)
    if not unlocked:
        refuse_drift(page, as_json=False)
    from ..data.files import DataError
    from ..experiment.run import threads_from_environment
    from ..experiment.simulation import simulate_page
    from ..folder import FolderError
    from ..values import EvaluationError

    threads_from_environment()
    try:
        final, rows = simulate_page(tree, page.folder, overrides, out=out)
    except (DataError, FolderError) as e:
        raise FileProblem(str(e)) from None
    except (EvaluationError, ValueError) as e:
        click.echo(f"error: nothing was simulated: {safe(str(e))}", err=True)
        leave(FAILED)
    click.echo(f"{rows} row{'s' if rows != 1 else ''} written to {final}")
