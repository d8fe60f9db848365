"""The base of solver words: their options in common, and what they need of a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..syntax.source import Span
from .fields import Count, Field, NonNegative, Real
from .problem import Problem, TermFacts
from .word import Array, Word


@dataclass(frozen=True)
class Misfit:
    """Why a solver does not fit: the term that is in its way, why, and what would fit."""

    term: TermFacts | None
    reason: str
    help: str = ""

    @property
    def span(self) -> Span | None:
        return self.term.span if self.term else None


class Solver(Word):
    """An algorithm."""

    expression_kind: ClassVar[str] = "solver"
    role: ClassVar[str] = "run"
    """"direct" for solvers that read the answer off the measurement without iterating."""
    phaseless: ClassVar[bool] = False
    """Whether it finds unknowns from magnitudes, whose sign or phase is lost."""

    def misfit(self, problem: Problem) -> Misfit | None:
        """The first thing about the problem that this solver cannot use; None where it fits."""
        return None

    def caution(self, problem: Problem) -> Misfit | None:
        """Something to warn of, where the solver runs but promises less."""
        return None


class Iterative(Solver):
    """An algorithm that iterates."""

    iterations: Count = Field(500, description="most iterations")
    tolerance: NonNegative = Field(
        1e-6,
        description="stop when the estimate moves by less than this, relative to its size, in ten iterations; "
        "0 never stops",
    )
    init: Solver | Array | Real | None = Field(
        None,
        description="where it starts: what another solver finds, an array, or a number; left out: at zero, "
        "or where the solver says",
    )
