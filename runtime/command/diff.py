"""`recon diff`: two pages compared by what they mean."""

from __future__ import annotations

from dataclasses import asdict

import click
from recon.dsl.diagnostics.render import safe

from .common import (
    FINDINGS,
    FileProblem,
    color_option,
    command,
    json_option,
    leave,
    load_or_exit,
    print_json,
    wants_color,
)


@command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@json_option
@color_option
def diff(a: str, b: str, as_json: bool, color: str) -> None:
    """Compare two pages by what they mean: layout, comments and names of bindings do not count.

    Exits with 0 where they are the same experiment, with 1 where they differ or one of them has an error, as `diff` and
    `cmp` do, and with 2 where a file cannot be read.
    """
    from recon.dsl.show.diff import differences

    painted = wants_color(color)
    pages = [load_or_exit(spec, (), color=painted, as_json=as_json).experiment for spec in (a, b)]
    try:
        found = differences(*pages)
    except OSError as e:
        raise FileProblem(f"cannot compare the pages: {e.strerror or e}") from None
    if as_json:
        print_json({"same": not found, "differences": [asdict(d) for d in found]})
    elif not found:
        click.echo("the same experiment")
    else:
        for d in found:
            click.echo(safe(str(d)))
    leave(FINDINGS if found else 0)
