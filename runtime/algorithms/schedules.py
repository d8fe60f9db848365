"""The meaning of schedules: the number of each iteration."""

from __future__ import annotations

from collections.abc import Callable

from recon.dsl.model.word import Schedule
from recon.dsl.vocabulary import schedules as words

from ..meaning import meaning, meaning_of

Numbers = Callable[[int], float]
"""k -> the number of iteration k = 1, 2, ..."""


def numbers(given: float | tuple[float, ...] | Schedule, iterations: int) -> Numbers:
    """The numbers of a schedule over so many iterations: a constant, a list that keeps its last entry, or a word."""
    if isinstance(given, Schedule):
        made: Numbers = meaning(given)(given, iterations)
        return made
    if isinstance(given, tuple):
        return lambda k: given[min(k, len(given)) - 1]
    return lambda k: given


@meaning_of(words.Geometric)
def geometric(word: words.Geometric, iterations: int) -> Numbers:
    """a (b / a)^((k - 1) / (n - 1)), and b from iteration n on."""
    last = max((word.count or iterations) - 1, 1)
    return lambda k: float(word.start * (word.stop / word.start) ** (min(k - 1, last) / last))


@meaning_of(words.Harmonic)
def harmonic(word: words.Harmonic, iterations: int) -> Numbers:
    """a c / (c + k - 1)."""
    return lambda k: word.start * word.offset / (word.offset + k - 1)
