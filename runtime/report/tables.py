"""Tables as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np

from .content import Cell, Table
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


def cell_text(cell: Cell, missing: str = "–") -> str:
    """A cell as one line of plain text."""
    if cell is None:
        return missing
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
    head = [_markdown(name) for name in table.columns]
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
    return MARKDOWN_SPECIAL.sub(r"\\\1", cell_text(cell))


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
    lines.append("    " + " & ".join(latex_text(cell_text(name)) for name in table.columns) + r" \\")
    lines.append(r"    \midrule")
    lines += ["    " + " & ".join(_latex(cell) for cell in row) + r" \\" for row in table.rows]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]) + "\n"


def latex_text(text: str) -> str:
    """`text` with every character that LaTeX would interpret replaced by a command that prints it."""
    # braces protect a bracket at the start of a row, where \\ would read it as its optional argument
    escaped = "".join(LATEX_SPECIAL.get(c, c) for c in text)
    return "{" + escaped + "}" if escaped.startswith(("[", "*")) else escaped


def _latex(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return latex_text(cell_text(cell))
    text = number(cell)
    if "inf" in text:
        return f"${text.replace('inf', chr(92) + 'infty')}$"
    mantissa, _, exponent = text.partition("e")
    if exponent:
        return rf"${mantissa} \times 10^{{{int(exponent)}}}$"
    return f"${text}$" if text.startswith("-") else text


# --- CSV


def to_csv(table: Table) -> str:
    """The header and the rows as CSV (RFC 4180 quoting, newline ends); a missing cell is empty. No title, no note."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell_text(name) for name in table.columns])
    writer.writerows([[cell_text(cell, missing="") for cell in row] for row in table.rows])
    return out.getvalue()
