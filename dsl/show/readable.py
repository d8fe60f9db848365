"""Formulas in LaTeX as plain text."""

from __future__ import annotations

import re

_SIGNS = {
    r"\le": "<=",
    r"\ge": ">=",
    r"\int": "integral",
    r"\cdot": "*",
    r"\times": "x",
    r"\mid": "|",
    r"\sim": "~",
    r"\to": "->",
    r"\leftarrow": "<-",
    r"\propto": "~",
    r"\dots": "...",
    r"\pm": "+-",
    r"\infty": "inf",
    r"\nabla": "grad",
    r"\partial": "d",
    r"\langle": "<",
    r"\rangle": ">",
}


def readable(latex: str) -> str:
    """A formula in LaTeX as a line of plain text: fractions by `/`, signs spelt out. Its meaning, not its layout."""
    text = re.sub(r"\\(bigl|bigr|Bigl|Bigr|left|right|textstyle|limits)(?![a-zA-Z])", "", latex)
    text = re.sub(r"\\(quad|qquad|[,;:! ])", " ", text)
    group = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
    for _ in range(8):
        before = text
        text = re.sub(rf"\\t?frac{group}{group}", lambda m: f"{_framed(m[1])}/{_framed(m[2])}", text)
        text = re.sub(r"\\tfrac(\d)(\d)", r"\1/\2", text)
        text = re.sub(rf"\\sqrt{group}", r"sqrt(\1)", text)
        text = re.sub(rf"\\(?:mathrm|text|mathcal|mathbb|operatorname){group}", r"\1", text)
        text = re.sub(r"\\sqrt ?(\\?[a-zA-Z]+)", r"sqrt(\1)", text)
        text = re.sub(r"\\(hat|bar|tilde) ?(\w)", r"\2_\1", text)
        if text == before:
            break
    text = re.sub(r"(\\(?!arg\\)[a-zA-Z]+)(?=\\[a-zA-Z])", r"\1 ", text)  # \cos\gamma, though argmin
    for sign, plain in sorted(_SIGNS.items(), key=lambda x: -len(x[0])):
        ends = r"(?![a-zA-Z])" if sign[-1].isalpha() else ""
        text = re.sub(re.escape(sign) + ends, plain, text)
    text = re.sub(r"\\([a-zA-Z]+|[|{}])", r"\1", text)
    text = re.sub(r"([\^_])\{(\w+)\}", r"\1\2", text)
    text = re.sub(r"(?<!\\)\^\{([^{}]*)\}", r"^(\1)", text)
    text = re.sub(r"_\{([^{}]*)\}", r"_(\1)", text)
    return " ".join(text.split())


def _framed(text: str) -> str:
    return text.strip() if re.fullmatch(r"\d+|\\?[a-zA-Z]+", text.strip()) else f"({text.strip()})"
