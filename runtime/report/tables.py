"""Tables as Markdown, LaTeX, CSV, and plain text."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import textwrap
from collections.abc import Sequence

import numpy as np

from .content import Cell, Estimate, Table
from .text import clean


def number(value: float) -> str:
    """A number as reports write it: four significant digits, trailing zeros kept, integers (type int) in full.

    34.1 -> "34.10", 0.00012345 -> "0.0001234", 123456.0 -> "123500", 1.5e-7 -> "1.500e-07", nan -> "nan".
    Exponents appear below 1e-4 and from 1e7 on.
    """
    if isinstance(value, int | np.integer):
        return str(value)
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value == 0:
        return "0"
    rounded = float(f"{value:.3e}")  # decides the notation after rounding: 9999.9 is 10000, not 9.999e3
    if 1e3 <= abs(rounded) < 1e7:
        return f"{rounded:.0f}"
    return f"{rounded:#.4g}" if 1e-4 <= abs(rounded) < 1e3 else f"{value:.3e}"


def rounded(value: float, half: float | None) -> tuple[str, str, int]:
    """A value and half its interval as texts to the same decimals, and the power of ten that both are times.

    The interval keeps two significant digits and the value as many decimals. Values below 1e-3 or from 1e6 on are
    written times a power of ten; without an interval, or with one of no width, the value has the digits of `number`.

    (34.1234, 0.2149) -> ("34.12", "0.21", 0); (1.23e-5, 4e-7) -> ("1.230", "0.040", -5)
    """
    if half is None or not (math.isfinite(half) and math.isfinite(value)) or half == 0:
        return number(value), "" if half != 0 else "0", 0
    top = max(abs(value), half)
    power = math.floor(math.log10(top)) if not 1e-3 <= top < 1e6 else 0
    scaled = float(f"{half / 10.0**power:.1e}")
    decimals = max(1 - math.floor(math.log10(scaled)), 0)
    return f"{value / 10.0**power:.{decimals}f}", f"{scaled:.{decimals}f}", power


def estimate_text(e: Estimate) -> str:
    """`34.12 ± 0.21`, or `(1.230 ± 0.040)·10⁻⁵`."""
    value, half, power = rounded(e.value, e.half)
    text = f"{value} ± {half}" if half else value
    return f"({text})·10{superscript(power)}" if power else text


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(n: int) -> str:
    """An exponent in plain text."""
    return str(n).translate(SUPERSCRIPTS)


def is_best(cell: Cell) -> bool:
    """Whether a cell is set in bold."""
    return isinstance(cell, Estimate) and cell.best


def cell_text(cell: Cell, missing: str = "–") -> str:
    """A cell as one line of plain text."""
    if cell is None:
        return missing
    if isinstance(cell, Estimate):
        return estimate_text(cell)
    return " ".join(clean(cell).split()) if isinstance(cell, str) else number(cell)


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers (and at least one), and so is aligned to the right."""
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


# --- Markdown (GitHub tables; a backslash may stand before any ASCII punctuation)

MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")


def to_markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with its title above and its note below where there are any."""
    right = [is_numeric(table, i) for i in range(len(table.columns))]
    head = [_markdown(name) for name in _flat_head(table)]
    body = [[_markdown(cell) for cell in row] for row in table.rows]
    widths = [max(len(row[i]) for row in [head, *body, ["---"] * len(head)]) for i in range(len(head))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    lines = [
        "| " + " | ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)) + " |"
        for row in [head, rule, *body]
    ]
    above = [f"**{_markdown(table.title)}**", ""] if table.title else []
    below = ["", _markdown(table.note)] if table.note else []
    return "\n".join([*above, *lines, *below]) + "\n"


def _markdown(cell: Cell) -> str:
    text = MARKDOWN_SPECIAL.sub(r"\\\1", cell_text(cell))
    return f"**{text}**" if is_best(cell) else text


def _flat_head(table: Table) -> list[str]:
    """The heading of each column with those above it in front, for formats that have one line of headings."""
    above = [[text for text, span in line for _ in range(span)] for line in table.heads]
    return [", ".join(t for t in (*(line[i] for line in above), name) if t) for i, name in enumerate(table.columns)]


# --- LaTeX (needs \usepackage{booktabs})

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",  # \textquotedbl needs the T1 encoding
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "×": r"$\times$",
    "–": "--",
    **{c: "\\" + c for c in "&%$#_{}"},
}


def to_latex(table: Table) -> str:
    """The table as a LaTeX `table` float with booktabs rules. The caption is the title, followed by the note."""
    columns = "".join("r" if is_numeric(table, i) else "l" for i in range(len(table.columns)))
    lines = [r"\begin{table}", r"  \centering"]
    caption = ". ".join(part.rstrip(". ") for part in (table.title, table.note) if part)
    if caption:
        lines.append(rf"  \caption{{{latex_text(caption)}}}")
    lines += [rf"  \begin{{tabular}}{{{columns}}}", r"    \toprule"]
    for line in table.heads:
        lines += _latex_heads(line)
    lines.append("    " + " & ".join(latex_text(cell_text(name)) for name in table.columns) + r" \\")
    lines.append(r"    \midrule")
    for i, row in enumerate(table.rows):
        lines += [r"    \midrule"] if i in table.rules else []
        lines.append("    " + " & ".join(_latex(cell) for cell in row) + r" \\")
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]) + "\n"


def _latex_heads(line: Sequence[tuple[str, int]]) -> list[str]:
    """One line of headings that span columns, with a rule below each that does."""
    cells, rules, at = [], [], 1
    for text, span in line:
        shown = latex_text(cell_text(text))
        cells.append(rf"\multicolumn{{{span}}}{{c}}{{{shown}}}" if span > 1 else shown)
        if text:
            rules.append(rf"\cmidrule(lr){{{at}-{at + span - 1}}}")
        at += span
    return ["    " + " & ".join(cells) + r" \\", *(["    " + " ".join(rules)] if rules else [])]


def latex_text(text: str) -> str:
    """`text` with every character that LaTeX would interpret replaced by a command that prints it."""
    # braces protect a bracket at the start of a row, where \\ would read it as its optional argument
    escaped = "".join(LATEX_SPECIAL.get(c, c) for c in text)
    return "{" + escaped + "}" if escaped.startswith(("[", "*")) else escaped


def _latex(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return latex_text(cell_text(cell))
    if isinstance(cell, Estimate):
        value, half, power = rounded(cell.value, cell.half)
        if not half:
            value = _latex(cell.value)
        value = rf"\textbf{{{value}}}" if cell.best else value
        text = rf"{value} $\pm$ {half}" if half else value
        return rf"({text}) $\times 10^{{{power}}}$" if power else text
    text = number(cell)
    if "inf" in text:
        return f"${text.replace('inf', chr(92) + 'infty')}$"
    mantissa, _, exponent = text.partition("e")
    if exponent:
        return rf"${mantissa} \times 10^{{{int(exponent)}}}$"
    return f"${text}$" if text.startswith("-") else text


# --- CSV


def to_csv(table: Table) -> str:
    """The header and the rows as CSV (RFC 4180 quoting, newline ends); a missing cell is empty. No title, no note.

    A column of numbers with intervals becomes two, the second with half the width of the interval, in full precision.
    """
    with_half = [any(_half(row[i]) is not None for row in table.rows) for i in range(len(table.columns))]
    head: list[str] = []
    for name, two in zip(_flat_head(table), with_half, strict=True):
        head += [cell_text(name), cell_text(f"{name} ±")] if two else [cell_text(name)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in table.rows:
        cells: list[str] = []
        for cell, two in zip(row, with_half, strict=True):
            half = _half(cell)
            value = cell.value if isinstance(cell, Estimate) else cell
            text = repr(float(value)) if isinstance(value, float) else cell_text(value, missing="")
            cells += [text, "" if half is None else repr(half)] if two else [text]
        writer.writerow(cells)
    return out.getvalue()


def _half(cell: Cell) -> float | None:
    return cell.half if isinstance(cell, Estimate) else None


def to_text(table: Table, width: int = 100) -> str:
    """The table in plain text for a terminal: title, headings, rows, and the note in lines of at most `width`.

    The best numbers have a star.
    """
    body = [[cell_text(cell) + ("*" if is_best(cell) else "") for cell in row] for row in table.rows]
    right = [is_numeric(table, i) for i in range(len(table.columns))]
    widths = [max(len(row[i]) for row in [list(table.columns), *body]) for i in range(len(table.columns))]
    spans = [(text, start, span) for line in table.heads for text, start, span in _placed(line)]
    for text, start, span in spans:  # a heading that is wider than what it spans widens the last column below it
        room = sum(widths[start : start + span]) + 2 * (span - 1)
        widths[start + span - 1] += max(len(text) - room, 0)

    def line(row: Sequence[str]) -> str:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return "  ".join(cells).rstrip()

    above = [table.title] if table.title else []
    for heads in table.heads:
        parts = [text.center(sum(widths[a : a + n]) + 2 * (n - 1)) for text, a, n in _placed(heads)]
        above.append("  ".join(parts).rstrip())
    note = table.note.replace("in bold", "with a star")
    lines = [*above, line(table.columns), line(["-" * w for w in widths]), *(line(row) for row in body)]
    return "\n".join([*lines, *textwrap.wrap(note, width)]) + "\n"


def _placed(line: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Headings with the first column and the number of columns each stands over."""
    starts = itertools.accumulate((span for _, span in line), initial=0)
    return [(text, start, span) for (text, span), start in zip(line, starts, strict=False)]
