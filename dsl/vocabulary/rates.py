"""How the learning rate changes over training."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Le

from ..model.fields import Field, NonNegative, Whole
from ..model.word import Rates


class Constant(Rates):
    """The same learning rate throughout, after a warm-up along a line."""

    formula: ClassVar[str] = r"\eta_k = \eta \min(1, k / w)"
    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; schedule = constant() }"

    warmup: Whole = Field(0, description="steps w of the warm-up")


class Cosine(Rates):
    """From the learning rate down to a share of it along half a cosine, after a warm-up along a line."""

    formula: ClassVar[str] = r"\eta_k = \eta \left(f + (1 - f) \tfrac{1}{2} (1 + \cos(\pi \tfrac{k - w}{n - w}))\right)"
    reference: ClassVar[str] = "Loshchilov, Hutter 2017"
    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; schedule = cosine(warmup = 100) }"

    warmup: Whole = Field(0, description="steps w of the warm-up")
    floor: Annotated[NonNegative, Le(1)] = Field(0.0, description="the share f that is left at the end")
