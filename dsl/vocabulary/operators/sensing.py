"""Random matrices of compressive sensing."""

from __future__ import annotations

from typing import ClassVar

from ...model.facts import Facts
from ...model.fields import Count, Field, Seed
from ...model.space import Axis, Space, SpaceError
from ...model.word import Operator


class _RandomMatrix(Operator):
    """A dense random matrix on a signal, scaled so that columns have unit norm on average."""

    reference: ClassVar[str] = "Heckel 2024, 4.4, 4.5"
    random: ClassVar[bool] = True

    rows: Count = Field(description="number of measurements")
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) != 1:
            raise SpaceError(f"acts on a signal, not on {domain}; put `@ flatten()` behind it")
        return Space(domain.field, (Axis("measurement", self.rows),), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the length of signal its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts()

    def stored(self, domain: Space) -> int:
        return self.rows * (domain.count or 0)


class GaussianMatrix(_RandomMatrix):
    """A matrix with independent entries from a Gaussian of variance 1 / rows."""

    word: ClassVar[str] = "gaussian"
    formula: ClassVar[str] = r"A_{ij} \sim \mathcal{N}(0, 1/m)"
    example: ClassVar[str] = "forward A = gaussian(rows = 256)"


class Rademacher(_RandomMatrix):
    """A matrix with independent signs, divided by the root of the number of rows."""

    formula: ClassVar[str] = r"A_{ij} = \pm m^{-1/2}"
    example: ClassVar[str] = "forward A = rademacher(rows = 256)"
