"""Analyses of methods: how their estimates spread over the noise."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.fields import Count, Field
from ...model.word import Analysis


class BiasVariance(Analysis):
    """Squared bias and variance of each method's estimate, over fresh draws of the noise for the same truth."""

    formula: ClassVar[str] = (
        r"\|E[\hat x] - x\|_2^2 / n, \quad E\|\hat x - E[\hat x]\|_2^2 / n, \quad n \text{ unknowns}"
    )
    reference: ClassVar[str] = "Heckel 2024, 2.3, eq. (2.4), Fig. 2.1"
    example: ClassVar[str] = "analyze [bias_variance(draws = 200)]"
    yields: ClassVar[tuple[str, ...]] = ("bias", "variance", "mse")

    draws: Count = Field(200, description="how many times the noise is drawn", gt=1)

    @property
    def once(self) -> Literal["page", "method", "row"]:
        return "row"
