"""`recon plan`: what a run would do, and why, without a tensor."""

from __future__ import annotations

import click

from .common import (
    FileProblem,
    color_option,
    command,
    json_option,
    load_or_exit,
    print_json,
    set_option,
    wants_color,
    width,
)


@command()
@click.argument("spec", metavar="SPEC")
@set_option
@json_option
@color_option
def plan(spec: str, settings: tuple[str, ...], as_json: bool, color: str) -> None:
    """Show what a run would do: every value and its origin, spaces, the objective, the solver and why it was chosen,
    step sizes, memory, data, digests and sources."""
    from recon.dsl.show.plan import plan as planned

    painted = wants_color(color)
    checked = load_or_exit(spec, settings, color=painted, as_json=as_json)
    try:
        result = planned(checked)
    except OSError as e:
        raise FileProblem(f"cannot plan {spec}: {e.strerror or e}") from None
    if as_json:
        print_json(result.to_json())
        return
    from recon.dsl.show.layout import plan_text

    click.echo(plan_text(result, color=painted, width=width()), color=painted)
