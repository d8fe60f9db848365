"""Analyses of methods: how their estimates spread over the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ...model.fields import Count, Field, Positive
from ...model.networks import FittedNetwork, Learned
from ...model.place import Placed
from ...model.space import Space
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


class Lipschitz(Analysis):
    """How much farther apart a denoiser takes two images near the truth of each row: a lower bound, over many of them.

    The second image differs by a hundredth, along a power iteration for the largest singular value of the Jacobian;
    along random directions for denoisers that are algorithms, which finds much less. Above one the denoiser
    is not non-expansive, and what is proven of plug-and-play iterations with such denoisers does not hold.
    """

    formula: ClassVar[str] = r"L \ge \max_b \frac{\|D_\sigma(x) - D_\sigma(b)\|_2}{\|x - b\|_2}"
    reference: ClassVar[str] = "Heckel 2024, 5.1; Ryu, Liu, Wang, Chen, Wang, Yin 2019"
    example: ClassVar[str] = "analyze [lipschitz(tv(strength = 0.8), sigma = 0.1)]"
    yields: ClassVar[tuple[str, ...]] = ("lipschitz",)

    of: FittedNetwork = Field(description="a name of `weights`, or a denoiser that needs none, such as `tv`")
    sigma: Positive = Field(0.1, description="the noise level that it is told")
    iterations: Count = Field(20, description="steps of the power iteration")

    @property
    def once(self) -> Literal["page", "method", "row"]:
        return "row"

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        if isinstance(self.of, Learned):
            return "what is `learned` has no weights before it is trained", "name weights: `weights w = ...`"
        return self.of.misfit(unknown)
