"""`recon check`: every mistake in a page, found before a tensor exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from recon.dsl.diagnostics import Diagnostic, SpecError
from recon.dsl.diagnostics.render import safe, to_json

from .common import (
    FINDINGS,
    USAGE,
    FileProblem,
    Overrides,
    color_option,
    command,
    json_option,
    leave,
    load_spec,
    parse_overrides,
    print_findings,
    print_json,
    read_spec,
    set_option,
    wants_color,
)


@command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@set_option
@json_option
@color_option
def check(specs: tuple[str, ...], settings: tuple[str, ...], as_json: bool, color: str) -> None:
    """Find the mistakes in pages: names, kinds, units, spaces, solvers that do not fit.

    Exits with 0 where there is no error (warnings and notes may be printed), 1 where there is one, 2 where a file
    cannot be read. `-` reads the standard input.
    """
    painted = wants_color(color)
    try:
        overrides = parse_overrides(settings)
    except SpecError as e:
        if as_json:
            print_json({"pages": [], "findings": [to_json(d) for d in e.diagnostics]})
        else:
            print_findings(e.diagnostics, color=painted)
        leave(FINDINGS)
    code, pages = 0, list[dict[str, Any]]()
    for spec in specs:
        try:
            findings = _findings(spec, overrides)
        except FileProblem as problem:
            code = USAGE
            pages.append({"page": spec, "problem": problem.message, "findings": []})
            if not as_json:
                problem.show()
            continue
        failed = any(d.severity == "error" for d in findings)
        code = max(code, FINDINGS if failed else 0)
        pages.append({"page": spec, "problem": None, "findings": [to_json(d) for d in findings]})
        if not as_json:
            print_findings(findings, color=painted)
            click.echo(f"{safe(spec)}: {_count(findings)}")
    if as_json:
        print_json({"pages": pages, "findings": []})
    leave(code)


def _findings(spec: str, overrides: Overrides) -> Sequence[Diagnostic]:
    page = read_spec(spec)
    try:
        return load_spec(page, overrides).findings
    except SpecError as e:
        return e.diagnostics


def _count(findings: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 note`."""
    parts = []
    for severity in ("error", "warning", "note"):
        n = sum(d.severity == severity for d in findings)
        if n:
            parts.append(f"{n} {severity}{'s' if n > 1 else ''}")
    return ", ".join(parts) or "no findings"
