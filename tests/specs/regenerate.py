"""Writes what `recon check` says of each page in `bad/` beside it: `python tests/specs/regenerate.py [name ...]`.

Read the difference before it is committed: each text is what a user will be told.
"""

from __future__ import annotations

import sys
from pathlib import Path

from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import render
from recon.dsl.syntax.parse import parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import Expr

BAD = Path(__file__).parent / "bad"
SET = "# --set "


def overrides(text: str) -> list[tuple[str, Expr]]:
    """What lines such as `# --set accel = 8` at the top of a page ask for, as the command line would."""
    out = []
    for line in text.splitlines():
        if line.startswith(SET):
            path, _, value = line.removeprefix(SET).partition("=")
            out.append((path.strip(), parse_expression(Source("--set", value.strip()))))
    return out


def told(page: Path) -> str:
    """All findings of a page as a user reads them, without colour."""
    text = page.read_text(encoding="utf-8")
    try:
        findings = load(text, page.name, page.parent, overrides(text)).findings
    except SpecError as e:
        findings = list(e.diagnostics)
    return render(findings, color=False) + "\n"


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for page in sorted(BAD.glob("*.recon")):
        if not wanted or page.stem in wanted:
            page.with_suffix(".txt").write_text(told(page), encoding="utf-8")
