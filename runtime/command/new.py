"""`recon new`: a page to start from."""

from __future__ import annotations

from pathlib import Path

import click
from recon.dsl.diagnostics.nearest import nearest
from recon.dsl.show.new import SUFFIX, summary, templates
from recon.dsl.show.text import columns

from .common import FileProblem, command
from .fmt import write_file


@command()
@click.argument("template", required=False)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def new(template: str | None, path: Path | None, force: bool) -> None:
    """Write a commented page to start from; without arguments, list the templates. PATH is TEMPLATE.recon if left out,
    a folder takes a file of that name, and `-` is the standard output."""
    known = templates()
    if template is None:
        click.echo("Templates; `recon new TEMPLATE [PATH]` writes one:")
        click.echo("\n".join(columns([(name, summary(text)) for name, text in known.items()])))
        return
    if template not in known:
        close = nearest(template, known)
        hint = f"did you mean `{close}`?" if close else f"there are {', '.join(known)}"
        raise click.UsageError(f"there is no template {template!r}; {hint}")
    if path == Path("-"):
        click.echo(known[template], nl=False)
        return
    target = path or Path(template + SUFFIX)
    if target.is_dir():
        target = target / (template + SUFFIX)
    # comments name the file, as in `recon run mri.recon --set accel=8`
    _write(target, known[template].replace(template + SUFFIX, target.name), force)
    click.echo(f"{target} written; `recon check {target}` checks it, `recon run {target}` runs it")


def _write(target: Path, text: str, force: bool) -> None:
    if target.exists() and not force:
        raise FileProblem(f"{target} is there already; --force overwrites it")
    write_file(target, text)
