"""Solvers of problems in which an operator takes an unknown as a parameter: blind deconvolution, unknown coil maps."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Count, Field, NonNegative
from ..model.solver import Solver


class Alternate(Solver):
    """Find one unknown at a time while the others are held, round after round.

    Each unknown has a solver of its own, which starts from where the unknown is; one that is left out is chosen.
    """

    formula: ClassVar[str] = (
        r"x \leftarrow \arg\min_x J(x, k),\quad k \leftarrow \arg\min_k J(x, k),\quad "
        r"J(x, k) = -\log p(y \mid A(k) x) + g(x) + h(k)"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Chan, Wong 1998"
    example: ClassVar[str] = "solver alternate(rounds = 40) { x = pdhg(iterations = 50); k = cg(iterations = 20) }"
    keyed: ClassVar[str | None] = "blocks"

    rounds: Count = Field(20, description="most rounds, in each of which every unknown is found once")
    tolerance: NonNegative = Field(
        1e-4, description="stop when no unknown moves by more than this in a round, relative to its size; 0 never stops"
    )
    blocks: dict[str, Solver] = Field(
        {}, description="the solver of each unknown under its name, in order; those that begin at zero come first"
    )
