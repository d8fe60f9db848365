"""Diagnostics as people read them on a terminal, and as programs do.

Everything that comes from a page is made harmless before it is shown: control characters, among them the escape that
starts a terminal command, and characters that reverse the direction of text appear as `\\x1b`, `\\u202e`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from ..syntax.source import Source
from .diagnostic import Diagnostic, Label

TAB = 4
COLORS = {"error": "1;31", "warning": "1;33", "note": "1;36", "gutter": "1;34", "secondary": "1;34", "bold": "1"}


def render(diagnostics: Iterable[Diagnostic], *, color: bool, width: int = 100) -> str:
    """The diagnostics as text, an empty line between two; lines of the page are cut to `width` columns."""
    return "\n\n".join(_render(d, color, width) for d in diagnostics)


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data.

    Lines and columns count from 1, columns in characters; the end is the place behind the last character. `source`,
    `line`, `column`, `end_line` and `end_column` are those of the first label, None where there is no label.
    """
    labels = [_label_json(label) for label in diagnostic.labels]
    nowhere = dict.fromkeys(("source", "line", "column", "end_line", "end_column"))
    place = {key: value for key, value in labels[0].items() if key != "text"} if labels else nowhere
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        **place,
        "labels": labels,
        "help": list(diagnostic.help),
    }


def _label_json(label: Label) -> dict[str, Any]:
    source = label.span.source
    line, column = source.position(label.span.start)
    end_line, end_column = source.position(label.span.end)
    return {
        "source": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": label.text,
    }


def safe(text: str) -> str:
    """The text with every character that a terminal could obey written as an escape."""
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def _columns(character: str) -> int:
    """How many columns a terminal gives to a shown character."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cells(line: str) -> list[tuple[str, int]]:
    """What stands for each character of a line, and how many columns it takes; a tab is four blanks."""
    shown = [" " * TAB if c == "\t" else _shown(c) for c in line]
    return [(s, sum(map(_columns, s))) for s in shown]


def _render(diagnostic: Diagnostic, color: bool, width: int) -> str:
    def paint(text: str, style: str) -> str:
        return f"\x1b[{COLORS[style]}m{text}\x1b[0m" if color else text

    severity = diagnostic.severity
    out = [f"{paint(f'{severity}[{safe(diagnostic.code)}]', severity)}{paint(': ' + safe(diagnostic.message), 'bold')}"]
    labels = diagnostic.labels
    numbers = [label.span.source.position(label.span.start)[0] for label in labels]
    gutter = max((len(str(n)) for n in numbers), default=0)
    bar = paint(" " * gutter + " |", "gutter")
    for arrow, group in _by_source(labels):
        source = group[0].span.source
        line, column = source.position(group[0].span.start)
        out.append(f"{paint(' ' * gutter + arrow, 'gutter')} {safe(source.name)}:{line}:{column}")
        before = None
        for number, on_line in groupby(sorted(group, key=_line_of), key=_line_of):
            if before is not None and number > before + 1:
                out.append(paint("...", "gutter"))
            before = number
            text, rows = _snippet(source, number, list(on_line), labels[0], width - gutter - 3)
            out.append(f"{paint(f'{number:>{gutter}} |', 'gutter')} {text}".rstrip())
            for indent, marks, is_primary in rows:
                out.append(f"{bar} {indent}{paint(marks, severity if is_primary else 'secondary')}")
    for help in diagnostic.help:
        lines = [safe(line) for line in help.split("\n")]
        sign = f"{' ' * gutter} = " if labels else "= "
        out.append(f"{paint(sign, 'gutter')}{paint('help', 'bold')}: {lines[0]}")
        out += [" " * (len(sign) + len("help: ")) + line for line in lines[1:]]
    return "\n".join(out)


def _line_of(label: Label) -> int:
    return label.span.source.position(label.span.start)[0]


def _by_source(labels: tuple[Label, ...]) -> list[tuple[str, list[Label]]]:
    """The labels of each source, that of the first label first."""
    groups: dict[Source, list[Label]] = {}
    for label in labels:
        groups.setdefault(label.span.source, []).append(label)
    return [("-->" if i == 0 else ":::", group) for i, group in enumerate(groups.values())]


def _snippet(
    source: Source, number: int, labels: list[Label], primary: Label, room: int
) -> tuple[str, list[tuple[str, str, bool]]]:
    """A line of the page, cut to the room, and the rows of marks under it: indent, marks with words, primary or not."""
    cells = _cells(source.line(number))
    edges = [0]
    for _, columns in cells:
        edges.append(edges[-1] + columns)
    places = [(label, *_marked(label, source, number, edges)) for label in labels]
    places.sort(key=lambda p: (p[0] is not primary, p[1]))
    low, high = _window(edges[-1], places[0][1], places[0][2], max(room, 20))
    shown = "".join(s for i, (s, _) in enumerate(cells) if low <= edges[i] and edges[i + 1] <= high)
    first = next((e for e in edges if e >= low), 0)
    dots = "..." if low else ""
    text = dots + shown + ("..." if high < edges[-1] else "")
    rows = []
    for label, start, end in places:
        begin, stop = min(max(start, first), high), min(max(end, first), high)
        sign = "^" if label is primary else "-"
        words = f" {safe(label.text)}" if label.text else ""
        rows.append((" " * (begin - first + len(dots)), sign * max(1, stop - begin) + words, label is primary))
    return text, rows


def _marked(label: Label, source: Source, number: int, edges: list[int]) -> tuple[int, int]:
    """The columns [start, end) of a label on its first line; the line's end may be marked too."""
    offset = source.line_starts[number - 1]
    start = min(label.span.start - offset, len(edges) - 1)
    end = min(max(label.span.end - offset, start), len(edges) - 1)
    return edges[start], max(edges[end], edges[start] + 1)


def _window(length: int, start: int, end: int, room: int) -> tuple[int, int]:
    """The columns [low, high) of a long line to show so that the marked ones are seen, with room for the dots."""
    if length <= room:
        return 0, length
    inner = room - 6
    context = max(0, inner - (end - start)) // 2
    low = max(0, min(start - context, length - inner))
    if low <= 3:
        return 0, room - 3
    if low + inner >= length - 3:
        return length - (room - 3), length
    return low, low + inner
