"""The meaning of the greedy solvers."""

from __future__ import annotations

from typing import Any

from recon.dsl.vocabulary import greedy as words

from ..meaning import meaning_of
from ..problem import Problem
from .base import Algorithm, Direct
from .pursuit import MatchingPursuit
from .thresholding import Cosamp, HardThresholding


@meaning_of(words.Omp)
def omp(word: words.Omp, problem: Problem) -> Direct:
    """Orthogonal matching pursuit."""
    return MatchingPursuit(problem, word.tolerance)


@meaning_of(words.Cosamp)
def cosamp(word: words.Cosamp, problem: Problem) -> Algorithm[Any]:
    """Compressive sampling matching pursuit."""
    return Cosamp(problem)


@meaning_of(words.Iht)
def iht(word: words.Iht, problem: Problem) -> Algorithm[Any]:
    """Iterative hard thresholding, normalised unless a step is given."""
    return HardThresholding(problem, None if isinstance(word.step, str) else word.step)
