"""What analyses found, as sections of the report and as tables in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..analyses.finding import Finding
from ..report.content import Curve, Section, Table
from .outcome import Outcome, safe

MOST_DRAWN = 8
"""Cells of a sweep whose curves share one plot."""


def found(outcomes: list[Outcome]) -> Iterator[tuple[Outcome, Finding]]:
    """Each finding with the first outcome that has it: methods and data sets of a cell share those of operators."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for o in outcomes:
        for title, finding in o.analyses.items():
            key = (tuple(o.cell.values()), title)
            if key not in seen:
                seen.add(key)
                yield o, finding


def analysis_sections(outcomes: list[Outcome]) -> list[Section]:
    """A section for each analysis: its numbers, and its curves with those of all cells of a sweep in one plot."""
    by_title: dict[str, list[tuple[Outcome, Finding]]] = {}
    for o, finding in found(outcomes):
        by_title.setdefault(finding.title, []).append((o, finding))
    return [_section(title, cells) for title, cells in by_title.items()]


def _section(title: str, cells: list[tuple[Outcome, Finding]]) -> Section:
    axes = list(cells[0][0].cell)
    names = list(dict.fromkeys(n for _, f in cells for n in f.numbers))
    tables = []
    if names:
        lines = [[*o.cell.values(), *(f.numbers.get(n) for n in names)] for o, f in cells]
        tables.append(Table("", [*axes, *names] if axes else names, lines))
    text = "\n\n".join(dict.fromkeys(f.text for _, f in cells[:MOST_DRAWN] if f.text))
    return Section(title, curves=_joined(cells[:MOST_DRAWN]), tables=tables, text=text)


def _joined(cells: list[tuple[Outcome, Finding]]) -> list[Curve]:
    """Curves of one title in one plot, each line with its cell's values in front."""
    out: dict[str, Curve] = {}
    for o, f in cells:
        where = ", ".join(f"{k} = {v}" for k, v in o.cell.items())
        for curve in f.curves:
            series = {" ".join(p for p in (where, name) if p): xy for name, xy in curve.series.items()}
            before = out.get(curve.title)
            out[curve.title] = replace(curve, series={**(before.series if before else {}), **series})
    return list(out.values())


def analysis_tables(outcomes: list[Outcome]) -> dict[str, str]:
    """The lists of numbers of each finding as CSV, by the name of its file."""
    out: dict[str, str] = {}
    for o, f in found(outcomes):
        if f.columns:
            where = f"{o.folder}/" if o.cell else ""
            lines = [",".join(f.columns), *(",".join(map(repr, row)) for row in zip(*f.columns.values(), strict=True))]
            out[f"{where}{safe(f.title)}"] = "\n".join(lines) + "\n"
    return out
