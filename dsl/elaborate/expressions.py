"""Expressions of every kind: the place where an expression stands decides how it is read."""

from __future__ import annotations

from .energies import Energies
from .measures import Measures
from .operators import Operators
from .phrases import kind_in_words
from .validation import flatten
from .values import Values
from .words import Words

__all__ = ["Elaborator", "flatten", "kind_in_words"]


class Elaborator(Words, Operators, Values, Energies, Measures):
    """Reads the expressions of one page. Errors are raised as SpecError; callers collect them by statement."""
