"""Numbers that are drawn at random."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from ..model.fields import Field, Seed
from ..model.units import Dimension, Quantity, describe, parts
from ..model.word import Draw


class Uniform(Draw):
    """Independent numbers, uniform between two ends."""

    formula: ClassVar[str] = r"d_k \sim \mathcal{U}(a, b)"
    reference: ClassVar[str] = "the uniform distribution"
    example: ClassVar[str] = "ctf(defocus = uniform(2um, 4um))"

    low: float | Quantity = Field(description="the smaller end")
    high: float | Quantity = Field(description="the larger end, in the same unit")
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")

    @field_validator("high")
    @classmethod
    def _in_order(cls, high: float | Quantity, info: Any) -> float | Quantity:
        if "low" in info.data:
            (a, da), (b, db) = parts(info.data["low"]), parts(high)
            if da != db:
                raise ValueError(f"the ends are {describe(da)} and {describe(db)}; both are the same kind of quantity")
            if b < a:
                raise ValueError("the larger end stands second")
        return high

    @property
    def least(self) -> float:
        return parts(self.low)[0]

    @property
    def dimension(self) -> Dimension:
        return parts(self.low)[1]
