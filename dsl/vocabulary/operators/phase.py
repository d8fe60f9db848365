"""Operators of phase retrieval: masks in front of a transform."""

from __future__ import annotations

from typing import ClassVar, Literal

from annotated_types import Le

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Annotated, Count, Field, Seed
from ...model.space import Axis, Space
from ...model.word import Operator


class Coded(Operator):
    """Copies of an image behind random masks, one for each exposure; `fft2() @ coded(...)` is coded diffraction.

    Each entry of each mask is drawn alone: `octanary` 1, -1, i or -i times the root of 1/2 (four times in five) or of
    3; `phase` any number of modulus one; `ternary` 0 (every second time), 1 or -1; `binary` 0 or 1. The last two leave
    a pixel dark in every exposure with probability 1 / 2^masks, and nothing is measured of it.
    """

    formula: ClassVar[str] = r"(A x)_{k,i} = d_{k,i} x_i"
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Candes, Li, Soltanolkotabi 2015"
    example: ClassVar[str] = "forward A = fft2() @ coded(masks = 6)"
    random: ClassVar[bool] = True

    masks: Annotated[Count, Le(4096)] = Field(6, description="how many masks, along a new axis in front")
    values: Literal["octanary", "phase", "ternary", "binary"] = Field("octanary", description="the masks' entries")
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")

    @property
    def complex_valued(self) -> bool:
        return self.values in ("octanary", "phase")

    def codomain(self, domain: Space) -> Space:
        field = "complex" if self.complex_valued else domain.field
        return Space(field, (Axis("mask", self.masks), *domain.axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        return codomain.with_axes(codomain.axes[1:])

    def facts(self, domain: Space) -> Facts:
        real = domain.field == "real" and self.complex_valued
        if self.values == "phase":
            facts = Facts(gram=fact.identity(self.masks), norm=Norm(self.masks**0.5, exact=True))
        else:
            facts = Facts(gram=Diagonal("pixel"), signs=self.values == "binary")
        return fact.embed(facts) if real else facts
