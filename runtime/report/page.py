"""A report as one HTML file: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ..folder import FolderError, reason
from .colours import encode_png, lookup, pixels
from .content import Cell, Curve, Heatmap, Picture, Plate, Report, Section, Table
from .curves import curve_summary, curve_svg, line_style
from .display import LARGEST, Shown, share_limits, shown
from .drawing import tick, ticks
from .heatmaps import heatmap_summary, heatmap_svg
from .pictures import line_of
from .plates import plate_file
from .tables import cell_text, is_best, is_numeric
from .text import clean, escape

ROLE_NAMES = {"truth": "Truth", "measurement": "Measurement", "adjoint": "Adjoint", "estimate": "Reconstruction"}

# nothing may be fetched and no script may run, whatever a spec or a file name contains
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

SPEC_TOKENS = re.compile(r'(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<note>#[^\n]*)|(?P<kind>^[a-z]+\b)', re.MULTILINE)


def write_report(report: Report, path: Path) -> None:
    """Writes the report as one HTML file (UTF-8) that opens without a network.

    The same report gives the same bytes. Raises FolderError where the file cannot be written.
    """
    text = render_report(report)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise FolderError(f"cannot write {path}: {reason(error)}") from error


def render_report(report: Report) -> str:
    """The text of the HTML file: warnings, metrics, the sections, the spec, the manifest, and what to cite.

    Scales of pictures are shared over all sections (`display.share_limits`).
    """
    shared = iter(share_limits([p for section in report.sections for p in section.pictures]))
    sections = [replace(s, pictures=[next(shared) for _ in s.pictures]) for s in report.sections]
    parts = list(_parts(report, sections))
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    title = escape(report.title)
    links = "".join(f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, heading, _ in parts)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(heading)}</h2>\n{content}</section>\n'
        for name, heading, content in parts
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
        f"{_paragraphs(report.description)}{_warnings(report.warnings)}"
        f'<nav aria-label="Parts of the report"><ul>{links}</ul></nav>\n'
        f"</header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _parts(report: Report, sections: Sequence[Section]) -> Iterator[tuple[str, str, str]]:
    """Identifier, heading and HTML of each part that has anything to show."""
    metrics = _table(replace(report.metrics, title="")) if report.metrics is not None else ""
    title = (report.metrics.title if report.metrics is not None else "") or "Metrics"
    if metrics and not report.summary:
        yield "metrics", title, metrics
    folded = [(f"part-{i + 1}", s) for i, s in enumerate(sections) if s.folded]
    for index, section in enumerate(sections):
        if not section.folded:
            yield f"part-{index + 1}", section.title, _section(section, f"part-{index + 1}")
    closed = _details("metrics", title, metrics) if metrics and report.summary else ""
    closed += "".join(_details(name, s.title, _section(s, name, SMALL)) for name, s in folded)
    if closed:
        yield "runs", "Single runs", closed
    if report.spec_text:
        yield "spec", "Spec", f'<pre class="spec" tabindex="0"><code>{_spec(report.spec_text)}</code></pre>\n'
    if report.manifest:
        rows = [[name, value] for name, value in _flat(report.manifest)]
        table = _table(Table("", ["entry", "value"], rows), "manifest")
        yield "manifest", "Manifest", _details("manifest-table", "Digests, versions, settings, timings", table)
    if report.citations:
        entries = "\n\n".join(entry.strip() for entry in report.citations)
        yield "citations", "What to cite", f'<pre tabindex="0"><code>{escape(entries)}</code></pre>\n'


SMALL = 160  # most pixels along an axis of a picture in a section that is folded


def _details(name: str, heading: str, content: str) -> str:
    return f'<details id="{name}"><summary>{escape(heading)}</summary>\n{content}</details>\n'


def _section(section: Section, name: str, largest: int = LARGEST) -> str:
    pictures = "".join(_picture(p, f"{name}-picture-{i + 1}", largest) for i, p in enumerate(section.pictures))
    curves = "".join(_curve(c, f"{name}-curve-{i + 1}") for i, c in enumerate(section.curves))
    curves += "".join(_heatmap(h, f"{name}-heatmap-{i + 1}") for i, h in enumerate(section.heatmaps))
    return (
        _paragraphs(section.text)
        + "".join(_plate(plate) for plate in section.plates)
        + (f'<div class="pictures">\n{pictures}</div>\n' if pictures else "")
        + (f'<div class="curves">\n{curves}</div>\n' if curves else "")
        + "".join(_table(table) for table in section.tables)
    )


def _plate(plate: Plate) -> str:
    """A plate as one picture; what it shows is said in words for those who cannot see it."""
    source = "data:image/png;base64," + base64.b64encode(plate_file(plate, "png", 150)).decode("ascii")
    count = sum(p is not None for line in plate.lines for p in line.panels)
    columns = ", ".join(plate.heads)
    note = f'<p class="note">{escape(plate.note)}</p>\n' if plate.note else ""
    return (
        f'<figure class="sheet"><img src="{source}" alt="{escape(f"{count} pictures: {columns}")}">\n{note}</figure>\n'
    )


def _paragraphs(text: str) -> str:
    parts = [part.strip() for part in re.split(r"\n\s*\n", clean(text))]
    return "".join(f"<p>{escape(part)}</p>\n" for part in parts if part)


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(
        f'<li class="diagnostic">{escape(w)}</li>' if "\n" in w.strip() else f"<li>{escape(w)}</li>" for w in warnings
    )
    heading = "Warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    return f'<aside class="warnings" aria-label="{heading}"><h2>{heading}</h2><ul>{items}</ul></aside>\n'


# --- pictures


def _picture(picture: Picture, name: str, largest: int = LARGEST) -> str:
    seen = shown(picture, largest)
    if seen.map == "line":
        return _curve(line_of(picture, seen), name, [picture.note, *seen.notes])
    height, width = seen.values.shape[:2]
    # shares of the square that a picture may fill: style.css multiplies them by its side
    wide, high = (1.0, 1.0) if seen.stretched else (width / max(height, width), height / max(height, width))
    crisp = " crisp" if max(height, width) <= LARGEST // 4 else ""
    role = ROLE_NAMES.get(picture.role, "")
    heading = _heading(picture, role, seen.quantity)
    image = _png(pixels(seen))
    labels = "".join(
        f'<span class="{place}" aria-hidden="true">{escape(label)}</span>'
        for place, label in zip(("vertical", "horizontal"), seen.labels, strict=True)
        if label
    )
    notes = "; ".join(note for note in [picture.note.rstrip("."), *seen.notes] if note)
    return (
        f'<figure class="picture{crisp}" style="--wide:{wide:.6g};--high:{high:.6g}">\n'
        f"<figcaption>{heading}</figcaption>\n"
        f'<div class="plate"><div class="frame">{labels}<img class="raster" src="{image}" width="{width}" '
        f'height="{height}" alt="{escape(_alternative(picture, seen))}">'
        f'<input type="checkbox" title="enlarge" aria-label="enlarge {escape(picture.title)}"></div>'
        f"{_scale(seen, high)}</div>\n" + (f'<p class="note">{escape(notes)}</p>\n' if notes else "") + "</figure>\n"
    )


def _heading(picture: Picture, role: str, quantity: str) -> str:
    """The title, what the values are and their unit; before it the role, unless the title says it already."""
    lead = "" if not role or role.lower() in picture.title.lower() else f'<span class="role">{role} ·</span> '
    values = ", ".join(part for part in (quantity, f"in {picture.unit}" if picture.unit else "") if part)
    return f"{lead}{escape(picture.title)}" + (f' <span class="role">{escape(values)}</span>' if values else "")


def _alternative(picture: Picture, seen: Shown) -> str:
    height, width = seen.values.shape[:2]
    title = picture.title + (f" ({ROLE_NAMES[picture.role].lower()})" if picture.role in ROLE_NAMES else "")
    if seen.map == "colour":
        return f"{title}: colour image of {height} by {width} pixels"
    low, high = (tick(limit) for limit in seen.limits)
    of = f", {seen.quantity}" if seen.quantity else ""
    return f"{title}: image of {height} by {width} pixels{of}, scale from {low} to {high} {picture.unit}".rstrip()


def _scale(seen: Shown, high_share: float) -> str:
    """The colour bar: its colours from bottom to top, and its ticks at their share of the height."""
    if seen.map == "colour":
        return ""
    low, high = seen.limits
    most = 5 if high_share > 0.4 else 2  # a flat picture has a short bar
    bar = _png(lookup(seen.map)[::-1, np.newaxis, :])
    marks = "".join(
        f'<li style="bottom:{100 * (value / 2 - low / 2) / (high / 2 - low / 2):.4g}%">{escape(tick(value))}</li>'
        for value in ticks(low, high, most)
    )
    return f'<div class="scale" aria-hidden="true"><img src="{bar}" alt=""><ol>{marks}</ol></div>'


def _png(image: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(image)).decode("ascii")


# --- curves


def _curve(curve: Curve, name: str, notes: Sequence[str] = ()) -> str:
    keys = [] if list(curve.series) in ([], [curve.title]) else list(enumerate(curve.series))
    legend = "".join(f"<li>{_key(index)}{escape(label)}</li>" for index, label in keys)
    said = "; ".join(note for note in [curve.note.rstrip("."), *notes] if note)
    return (
        f'<figure class="curve" role="group" aria-label="{escape(curve_summary(curve))}">\n'
        f"<figcaption>{escape(curve.title)}</figcaption>\n"
        + (f'<ul class="legend">{legend}</ul>\n' if legend else "")
        + curve_svg(curve, name)
        + (f'\n<p class="note">{escape(said)}</p>' if said else "")
        + "\n</figure>\n"
    )


def _heatmap(heatmap: Heatmap, name: str) -> str:
    legend = "".join(f"<li>{_key(index)}{escape(label)}</li>" for index, label in enumerate(heatmap.lines))
    return (
        f'<figure class="curve" role="group" aria-label="{escape(heatmap_summary(heatmap))}">\n'
        f"<figcaption>{escape(heatmap.title)}</figcaption>\n"
        + (f'<ul class="legend">{legend}</ul>\n' if legend else "")
        + heatmap_svg(heatmap, name)
        + (f'\n<p class="note">{escape(heatmap.note)}</p>' if heatmap.note else "")
        + "\n</figure>\n"
    )


def _key(index: int) -> str:
    """A short piece of the index-th line, for the legend."""
    colour, dash = line_style(index)
    pattern = {"-": "", "--": "7 3", "-.": "7 3 2 3", ":": "2 3"}[dash]
    return (
        '<svg width="24" height="8" aria-hidden="true"><line x1="0" y1="4" x2="24" y2="4" stroke-width="2.5" '
        f'stroke="{colour}" stroke-dasharray="{pattern}"/></svg>'
    )


# --- tables and text


def _table(table: Table, kind: str = "data") -> str:
    right = [is_numeric(table, i) for i in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{_number_class(r)}>{escape(name)}</th>' for name, r in zip(table.columns, right, strict=True)
    )
    above = "".join(f"<tr>{_head_line(line)}</tr>" for line in table.heads)
    rows = "".join(
        f"<tr{RULED if i in table.rules else ''}>{_row(row, right)}</tr>\n" for i, row in enumerate(table.rows)
    )
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    note = f'<p class="note">{escape(table.note)}</p>\n' if table.note else ""
    return (
        f'<div class="scroll"><table class="{kind}">{caption}<thead>{above}<tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>\n{note}"
    )


RULED = ' class="ruled"'


def _head_line(line: Sequence[tuple[str, int]]) -> str:
    """A line of headings over several columns each."""
    return "".join(
        f'<th scope="colgroup" colspan="{span}" class="group">{escape(text)}</th>'
        if text
        else f'<td colspan="{span}"></td>'
        for text, span in line
    )


def _row(row: Sequence[Cell], right: Sequence[bool]) -> str:
    cells = [
        (f'<th scope="row"{_number_class(r)}>' if i == 0 else f"<td{_number_class(r)}>", _cell(cell), i)
        for i, (cell, r) in enumerate(zip(row, right, strict=True))
    ]
    return "".join(f"{start}{text}{'</th>' if i == 0 else '</td>'}" for start, text, i in cells)


def _cell(cell: Cell) -> str:
    text = escape(cell_text(cell))
    return f"<strong>{text}</strong>" if is_best(cell) else text


def _number_class(right: bool) -> str:
    return ' class="number"' if right else ""


def _flat(manifest: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Cell]]:
    """The entries of nested mappings with dotted names; what is neither a number nor text is written as JSON."""
    for key, value in manifest.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, name + ".")
        elif value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
            yield name, value
        else:
            yield name, json.dumps(value, default=str, ensure_ascii=False)


def _spec(text: str) -> str:
    """The spec with its comments, strings and statement kinds marked, and not a character of it changed."""
    out, end = [], 0
    for match in SPEC_TOKENS.finditer(text):
        out.append(escape(text[end : match.start()]))
        out.append(f'<span class="{match.lastgroup}">{escape(match.group())}</span>')
        end = match.end()
    return "".join(out) + escape(text[end:])
