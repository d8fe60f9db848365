"""`use base = "./base.recon"`: the names of another page of the same folder, under a prefix. Nothing is merged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..diagnostics import Findings, Label, SpecError, error
from ..model.files import FileError, inside
from ..syntax.parse import parse
from ..syntax.source import Source
from ..syntax.tree import Page, Statement, Text
from .names import Names, collect

DEEPEST = 16


def import_pages(page: Page, folder: Path, findings: Findings, depth: int = 0) -> Names:
    """Definitions of all pages in use, named `prefix.name`; each keeps the names of its own page."""
    out: Names = {}
    for s in page.items:
        if not (isinstance(s, Statement) and s.kind == "use" and s.name):
            continue
        if not isinstance(s.value, Text):
            findings.add(error("RF003", 'a page is named by a text: `use base = "./base.recon"`', s.span))
            continue
        if depth >= DEEPEST:
            findings.add(
                error(
                    "RF004", f"pages use each other more than {DEEPEST} deep", s.span, help="a page may not use itself"
                )
            )
            continue
        try:
            path = inside(folder, s.value.value)
            text = path.read_text(encoding="utf-8")
        except FileError as e:
            findings.add(error("RF001", str(e), s.value.span))
            continue
        except (OSError, UnicodeDecodeError) as e:
            reason = e.strerror if isinstance(e, OSError) and e.strerror else "not a text file"
            findings.add(error("RF002", f"cannot read the page `{s.value.value}`: {reason}", s.value.span))
            continue
        try:
            other = parse(Source(s.value.value, text))
        except SpecError as e:
            findings.add(
                error("RF005", f"the page `{s.value.value}` has errors of its own", Label(s.value.span)), *e.diagnostics
            )
            continue
        names = collect(other.items, findings, import_pages(other, folder, findings, depth + 1))
        for name, d in names.items():
            out[f"{s.name}.{name}"] = replace(d, name=f"{s.name}.{name}", page=names)
    return out
