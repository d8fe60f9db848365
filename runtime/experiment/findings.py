"""What analyses found, as sections of the report and as tables in files."""

from __future__ import annotations

import re
from dataclasses import replace

from ..analyses.finding import Finding
from ..report.content import Curve, Section, Table
from .outcome import Outcome, safe

MOST_DRAWN = 8
"""Cells of a sweep whose curves share one plot."""


def found(outcomes: list[Outcome]) -> dict[str, list[tuple[dict[str, str], Finding]]]:
    """Each analysis by its title: what it found in each cell of a sweep, with the cell's values.

    Methods and data sets of a cell share what was found, and where it is the same in all cells, they do too.
    """
    by_title: dict[str, dict[tuple[str, ...], tuple[dict[str, str], Finding]]] = {}
    for o in outcomes:
        for title, finding in o.analyses.items():
            by_title.setdefault(title, {}).setdefault(tuple(o.cell.values()), (o.cell, finding))
    out = {}
    for title, cells in by_title.items():
        listed = list(cells.values())
        first = listed[0][1]
        same = all(f.plain() == first.plain() and f.columns == first.columns for _, f in listed)
        out[title] = [({}, first)] if same else listed
    return out


def analysis_sections(outcomes: list[Outcome]) -> list[Section]:
    """A section for each analysis: its numbers, and its curves, one line for each cell of a sweep."""
    return [_section(title, cells) for title, cells in found(outcomes).items()]


def _section(title: str, cells: list[tuple[dict[str, str], Finding]]) -> Section:
    axes = list(cells[0][0])
    names = list(dict.fromkeys(n for _, f in cells for n in f.numbers))
    tables = []
    if names:
        lines = [[*cell.values(), *(f.numbers.get(n) for n in names)] for cell, f in cells]
        tables.append(Table("", [*axes, *names], lines))
    texts = list(dict.fromkeys(f.text for _, f in cells))
    text = texts[0] if len(texts) == 1 else ""  # else the numbers of the cells tell them apart
    maps = [replace(h, title=_titled(h.title, cell)) for cell, f in cells[:MOST_DRAWN] for h in f.heatmaps]
    pictures = [replace(p, title=_titled(p.title, cell)) for cell, f in cells[:MOST_DRAWN] for p in f.pictures]
    return Section(title, pictures, curves=_joined(cells[:MOST_DRAWN]), heatmaps=maps, tables=tables, text=text)


def _titled(title: str, cell: dict[str, str]) -> str:
    return ", ".join([title, *(f"{k} = {v}" for k, v in cell.items())])


def _joined(cells: list[tuple[dict[str, str], Finding]]) -> list[Curve]:
    """Curves of one title in one plot: of several cells the first line of each, named by the cell's values."""
    if len(cells) == 1:
        return list(cells[0][1].curves)
    out: dict[str, Curve] = {}
    for cell, f in cells:
        where = ", ".join(f"{k} = {v}" for k, v in cell.items())
        for curve in f.curves:
            name, line = next(iter(curve.series.items()))
            before = out.get(curve.title)
            unit = curve.unit or name
            out[curve.title] = replace(curve, unit=unit, series={**(before.series if before else {}), where: line})
    return list(out.values())


def analysis_tables(outcomes: list[Outcome]) -> dict[str, str]:
    """The lists of numbers of each finding as CSV, by the name of its file."""
    out: dict[str, str] = {}
    for title, cells in found(outcomes).items():
        for cell, f in cells:
            if f.columns:
                name = "/".join([*(safe(f"{k}={v}") for k, v in cell.items()), _file_name(title)])
                rows = zip(*f.columns.values(), strict=True)
                out[name] = "\n".join([",".join(f.columns), *(",".join(map(repr, row)) for row in rows)]) + "\n"
    return out


def _file_name(title: str) -> str:
    """`rip(A, order = 6)` is rip-A-order=6."""
    return re.sub(r"[^\w.=+]+", "-", title.replace(" = ", "=")).strip("-.")[:60] or "analysis"
