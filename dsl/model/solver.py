"""The base of solver words: their options in common, and what they need of a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..syntax.source import Span
from .fields import Auto, Count, Field, NonNegative, Positive, Real
from .problem import Problem, TermFacts
from .word import Array, Schedule, Word

MeasuredAxis = Literal[
    "measurement", "view", "coil", "spoke", "interleave", "detector", "frame", "channel", "z", "row", "col", "sample"
]
"""The axes of measurements, by the names that operators give them."""


@dataclass(frozen=True)
class Misfit:
    """Why a solver does not fit: the term that is in its way, why, and what would fit."""

    term: TermFacts | None
    reason: str
    help: str = ""
    code: str = "RC032"

    @property
    def span(self) -> Span | None:
        return self.term.span if self.term else None


class Solver(Word):
    """An algorithm."""

    expression_kind: ClassVar[str] = "solver"
    role: ClassVar[str] = "run"
    """"direct" for solvers that read the answer off the measurement without iterating."""
    substitutes: ClassVar[bool] = False
    """Whether it knows no sets: where the unknown lies in a subspace it finds the coefficients instead."""
    phaseless: ClassVar[bool] = False
    """Whether it finds unknowns from magnitudes, whose sign or phase is lost."""

    def misfit(self, problem: Problem) -> Misfit | None:
        """The first thing about the problem that this solver cannot use; None where it fits."""
        return None

    def caution(self, problem: Problem) -> Misfit | None:
        """Something to warn of, where the solver runs but promises less."""
        return None


START = "where it starts: what another solver finds, an array, or a number; left out: at zero, or where the solver says"


class Iterative(Solver):
    """An algorithm that iterates."""

    @property
    def most(self) -> int:
        """Steps that it takes at most."""
        return self.iterations

    iterations: Count = Field(500, description="most iterations")
    tolerance: NonNegative = Field(
        1e-6,
        description="stop when the estimate moves by less than this, relative to its size, in ten iterations; "
        "0 never stops",
    )
    init: Solver | Array | Real | None = Field(None, description=START)


class Plugged(Solver):
    """An algorithm that a denoiser may stand in: as a proximal map, or in an energy's gradient.

    plugs: which of the two it takes, "denoiser" and "red".
    """

    plugs: ClassVar[tuple[str, ...]] = ("denoiser",)

    sigma: Positive | tuple[Positive, ...] | Schedule | None = Field(
        None,
        description="strength of a denoiser, the standard deviation of the noise that it is told: a number, a list, a "
        "schedule; the weight of the law over its square is the penalty",
    )

    def strengths(self, iterations: int) -> tuple[float, float] | None:
        """The least and the largest strength; None where none is given."""
        if self.sigma is None:
            return None
        if isinstance(self.sigma, Schedule):
            return self.sigma.extremes(iterations)
        given = self.sigma if isinstance(self.sigma, tuple) else (self.sigma,)
        return min(given), max(given)


class Certified(Iterative):
    """An algorithm for convex problems, whose duality gap may tell when it is done."""

    gap: NonNegative = Field(
        1e-5,
        description="stop when the relative duality gap, where one is known, is at most this; 0, or a tolerance of 0: "
        "do not stop by it",
    )


class InBlocks(Solver):
    """An algorithm that takes the measurements in blocks along an axis; one of its steps passes over all of them."""

    axis: MeasuredAxis | Auto = Field(
        "auto", description="axis of the measurement that is cut, such as `view`; `auto` is the first that can be"
    )
    tolerance: NonNegative = Field(
        0.0, description="stop when the estimate moves by less than this, relative to its size, in one pass; 0 never"
    )
    init: Solver | Array | Real | None = Field(None, description=START)

    @property
    def most(self) -> int:
        """Passes over the measurements that it makes at most."""
        raise NotImplementedError

    def cut_along(self, term: TermFacts) -> str | None:
        """The axis along which the measurement of a term is cut; None where it cannot be along the one that is asked.

        Of an axis that is left to choose, one that parts the work on the whole unknown goes before one that parts the
        unknown too.
        """
        cuts = term.operator.cuts if term.function.parts else ()
        if self.axis == "auto":
            return next(iter(cuts), None)
        return self.axis if self.axis in cuts else None

    def uncut(self, problem: Problem) -> Misfit | None:
        """The first data term that cannot be taken in blocks."""
        for term in problem.data:
            if self.cut_along(term) is None:
                return self._uncut(term)
        return None

    def _uncut(self, term: TermFacts) -> Misfit:
        if not term.function.parts:
            reason = f"`{self.word}` takes measurements in blocks, and `{term.label}` is no sum over its entries"
            return Misfit(term, reason)
        cuts = term.operator.cuts
        if cuts:
            known = ", ".join(f"`{c}`" for c in cuts)
            reason = f"`{self.word}` cannot cut `{term.label}` along `{self.axis}` at less than the cost of all of it"
            return Misfit(term, reason, f"it can be cut along {known}: leave `axis` out, or name one of these")
        reason = f"`{self.word}` takes measurements in blocks, and a part of `{term.label}` costs as much as all of it"
        return Misfit(term, reason)
