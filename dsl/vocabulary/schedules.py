"""Schedules: a number for each iteration."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Count, Field, Positive
from ..model.word import Schedule


class Geometric(Schedule):
    """A number that is multiplied by one factor in each iteration, from the first to the last."""

    formula: ClassVar[str] = r"a_k = a \, (b / a)^{(k - 1) / (n - 1)}"
    reference: ClassVar[str] = "the geometric series"
    example: ClassVar[str] = "solver hqs(iterations = 60) { rho = geometric(0.1, 100) }"

    start: Positive = Field(description="the number of the first iteration")
    stop: Positive = Field(description="the number of the last")
    count: Count | None = Field(
        default=None, description="iterations that it takes; later ones keep `stop`; left out: all"
    )

    def extremes(self, iterations: int) -> tuple[float, float]:
        return min(self.start, self.stop), max(self.start, self.stop)


class Harmonic(Schedule):
    """A number that falls like 1 / k: as steps of stochastic gradients must for them to converge."""

    formula: ClassVar[str] = r"a_k = a \, \frac{c}{c + k - 1}"
    reference: ClassVar[str] = "Heckel 2024, 3.5.1; Robbins, Monro 1951"
    example: ClassVar[str] = "solver sgd(blocks = 20, epochs = 20) { decay = harmonic(1, offset = 5) }"

    start: Positive = Field(1.0, description="the number of the first iteration")
    offset: Positive = Field(1.0, description="iterations after which it is half of that")

    def extremes(self, iterations: int) -> tuple[float, float]:
        return self.start * self.offset / (self.offset + iterations - 1), self.start
