"""`use base = "./base.recon"`: the names of another page of the same folder, under a prefix. Nothing is merged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..diagnostics import Diagnostic, Findings, Label, SpecError, error
from ..syntax.parse import parse
from ..syntax.source import Source
from ..syntax.tree import Page, Statement, Text
from .files import existing
from .names import Names, collect

LARGEST_PAGE = 2**22
"""Bytes of a page in use."""
MOST_PAGES = 100
"""Pages that a page may use, those behind them counted as often as they are used."""


def import_pages(page: Page, folder: Path, findings: Findings, failed: dict[str, Diagnostic]) -> Names:
    """Definitions of all pages in use, named `prefix.name`; each keeps the names of its own page.

    What cannot be read is added to the findings, and to `failed` by its prefix.
    """
    start = folder / Path(page.source.name).name
    return _Pages(folder, findings).names(page, (start.resolve(),), failed)


class _Pages:
    def __init__(self, folder: Path, findings: Findings) -> None:
        self.folder, self.findings = folder, findings
        self.left = MOST_PAGES

    def names(self, page: Page, chain: tuple[Path, ...], failed: dict[str, Diagnostic]) -> Names:
        """The names of the pages that `page` uses; `chain` are the pages that led to it."""
        out: Names = {}
        for s in page.items:
            if not (isinstance(s, Statement) and s.kind == "use" and s.name):
                continue
            try:
                names = self._names_of(s, chain)
            except SpecError as e:
                failed[s.name] = e.diagnostics[0]
                self.findings.add(*e.diagnostics)
                continue
            for name, d in names.items():
                out[f"{s.name}.{name}"] = replace(d, name=f"{s.name}.{name}", page=d.page or names)
        return out

    def _names_of(self, s: Statement, chain: tuple[Path, ...]) -> Names:
        if not isinstance(s.value, Text):
            raise SpecError(error("RF003", 'a page is named by a text: `use base = "./base.recon"`', s.span))
        self.left -= 1
        if self.left < 0:
            raise SpecError(error("RF004", f"pages use each other more than {MOST_PAGES} times", s.span))
        path = existing(self.folder, s.value.value, s.value.span, "page")
        if path in chain:
            circle = [p.name for p in chain[chain.index(path) :]] + [path.name]
            raise SpecError(
                error("RF004", "these pages use each other in a circle: " + " → ".join(circle), s.value.span)
            )
        text = self._text(path, s.value)
        try:
            other = parse(Source(s.value.value, text))
        except SpecError as e:
            own = error("RF005", f"the page `{s.value.value}` has errors of its own", Label(s.value.span))
            raise SpecError(own, *e.diagnostics) from None
        return collect(other.items, self.findings, self.names(other, (*chain, path), {}))

    def _text(self, path: Path, name: Text) -> str:
        try:
            if path.stat().st_size > LARGEST_PAGE:
                message = f"the page `{name.value}` has more than {LARGEST_PAGE} bytes"
                raise SpecError(error("RF002", message, name.span))
            return path.read_text(encoding="utf-8")
        except OSError as e:
            reason = e.strerror or "it cannot be opened"
            raise SpecError(error("RF002", f"cannot read the page `{name.value}`: {reason}", name.span)) from None
        except UnicodeDecodeError:
            raise SpecError(
                error("RF002", f"`{name.value}` is not a page: it is no text in UTF-8", name.span)
            ) from None
