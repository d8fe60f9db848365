"""What each code of a diagnostic means, as `recon explain CODE` tells it."""

from __future__ import annotations

from ..syntax.codes import CODES as SYNTAX
from .codes_check import CHECK
from .codes_expressions import EXPRESSIONS
from .codes_page import PAGE
from .entry import Entry

ENTRIES: dict[str, Entry] = {**PAGE, **EXPRESSIONS, **CHECK}
"""The codes of elaboration and of the check; those of syntax stand in `dsl.syntax.codes`."""


def documented() -> list[str]:
    """All codes, sorted."""
    return sorted({*SYNTAX, *ENTRIES})


def code_text(code: str) -> str | None:
    """The explanation of a code with a wrong and a right example; None where there is no such code."""
    if code in SYNTAX:
        return SYNTAX[code]
    entry = ENTRIES.get(code)
    return None if entry is None else entry.text
