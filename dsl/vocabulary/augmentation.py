"""How patches are changed while a network is trained on them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Le
from pydantic import field_validator

from ..model.fields import Field, NonNegative, Positive
from ..model.word import Augmentation


class Flip(Augmentation):
    """Mirrored along each axis with probability one half."""

    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; patches = 64; augment = [flip] }"


class Rotate90(Augmentation):
    """Turned by a whole number of quarter turns, each as likely; by a half turn at most where it is not square."""

    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; patches = 64; augment = [flip, rotate90] }"


class Rescale(Augmentation):
    """From the picture made smaller by a factor drawn anew for each patch, its logarithm evenly between two ends.

    A window larger by one over the factor, or as large as the picture allows, is cut and resampled linearly after a
    low-pass. It shows structure of other sizes, and the noise that pictures themselves have is less in it.
    """

    example: ClassVar[str] = (
        "train supervised() { data = fit; steps = 1000; patches = 64; augment = [rescale(0.5, 1)] }"
    )

    low: Annotated[Positive, Le(1)] = Field(0.5, description="the smaller factor")
    high: Annotated[Positive, Le(1)] = Field(1.0, description="the larger factor")

    @field_validator("high")
    @classmethod
    def _in_order(cls, high: float, info: Any) -> float:
        if high < info.data.get("low", 0.0):
            raise ValueError("the larger factor stands second")
        return high


class Phase(Augmentation):
    """A random smooth phase for complex patches: a constant, even in 0..2 pi, and three long waves."""

    formula: ClassVar[str] = (
        r"x \mapsto x e^{i \varphi}, \quad"
        r"\varphi(r) = a + \tfrac{s}{3} \sum_{k=1}^{3} \cos\left(2 \pi (f_k \cdot r + c_k)\right)"
    )
    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; patches = 64; augment = [phase(2)] }"

    strength: NonNegative = Field(2.0, description="the largest deviation s from the constant, in radians")
    waves: NonNegative = Field(1.0, description="the largest number of periods along each axis of a patch")
