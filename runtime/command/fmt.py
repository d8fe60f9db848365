"""`recon fmt`: one layout for every page."""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path

import click
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import safe
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source

from .common import (
    FINDINGS,
    STDIN,
    USAGE,
    FileProblem,
    Spec,
    color_option,
    command,
    leave,
    print_findings,
    read_spec,
    wants_color,
)


@command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with 1 where a page would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print what would change.")
@color_option
def fmt(specs: tuple[str, ...], only_check: bool, show_diff: bool, color: str) -> None:
    """Lay out pages in the one canonical way, in place. `-` formats the standard input to the standard output.

    A page that does not parse is left alone, its errors are printed, and the exit code is 1.
    """
    painted = wants_color(color)
    code = 0
    for spec in specs:
        try:
            page = read_spec(spec)
            text = formatted(page)
            changed = text != page.text
            if show_diff:
                _print_diff(page, text)
            if only_check:
                code = max(code, FINDINGS if changed else 0)
                if changed and not show_diff:
                    click.echo(f"{safe(page.name)} would change")
            elif spec == STDIN and not show_diff:
                click.echo(text, nl=False)
            elif changed and not show_diff and spec.startswith("hf://"):
                raise FileProblem(f"cannot write {spec}: a commit of the Hub stays as it is; --diff shows the changes")
            elif changed and not show_diff:
                write_file(Path(spec), text)
                click.echo(f"{safe(page.name)} formatted", err=True)
        except FileProblem as problem:
            problem.show()
            code = USAGE
        except SpecError as e:
            print_findings(e.diagnostics, color=painted, err=True)
            code = max(code, FINDINGS)
    leave(code)


def formatted(page: Spec) -> str:
    """The page in canonical layout. Raises SpecError where it does not parse, RuntimeError where the layout would say
    something else."""
    tree = parse(Source(page.name, page.text))
    text = format_page(tree)
    if parse(Source(page.name, text)) != tree:
        raise RuntimeError(f"formatting {page.name} would change its meaning; the file is left as it was")
    return text


def write_file(path: Path, text: str) -> None:
    """Write a file as a whole or not at all. One that is there keeps its permissions, and links keep pointing to it.

    Raises FileProblem with the reason.
    """
    target = Path(os.path.realpath(path))
    growing = target.with_name(f".{target.name[:100]}.{os.getpid()}")
    try:
        try:
            with open(growing, "x", encoding="utf-8", newline="") as f:
                f.write(text)
                f.flush()
                os.fsync(f.fileno())
            if target.exists():
                os.chmod(growing, stat.S_IMODE(target.stat().st_mode))
            os.replace(growing, target)
        except BaseException:
            growing.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise FileProblem(f"cannot write {path}: {(e.strerror or str(e)).lower()}") from None


def _print_diff(page: Spec, text: str) -> None:
    lines = difflib.unified_diff(
        page.text.splitlines(), text.splitlines(), page.name, f"{page.name} (formatted)", lineterm=""
    )
    for line in lines:
        click.echo(safe(line))
