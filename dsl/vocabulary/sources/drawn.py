"""Sources that draw their rows: phantoms and synthetic signals."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.fields import Field, Positive, Rows, Seed, Whole
from ...model.terms import OperatorTerm
from ...model.word import Source


class Phantom(Source):
    """Phantoms drawn at the unknown's extents; values in 0..1."""

    reference: ClassVar[str] = "Shepp, Logan 1974; Toft 1996 for `shepp_logan`"
    example: ClassVar[str] = "data head = phantom(shepp_logan)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    kind: Literal["shepp_logan", "ellipses", "blobs", "beads", "beating"] = Field(
        "shepp_logan", description="what is drawn; `beating` is a heart over one beat, one moment a frame"
    )
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of random phantoms")

    def columns(self) -> tuple[str, ...]:
        return ("image",)


class Sparse(Source):
    """Random sparse signals with Gaussian entries at random places."""

    reference: ClassVar[str] = "Heckel 2024, 4.2"
    example: ClassVar[str] = "data sp = sparse(nonzeros = 30, count = 16)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    nonzeros: Whole = Field(description="number of entries that are not zero")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("signal",)


class Smooth(Source):
    """Random smooth signals: white noise, blurred by a Gaussian and scaled to a largest modulus of one."""

    reference: ClassVar[str] = "Heckel 2024, 2.3"
    example: ClassVar[str] = "data sm = smooth(width = 5)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    width: Positive = Field(description="standard deviation of the blur in samples")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("signal",)


class Subspace(Source):
    """Random signals in the span of an operator's columns: U c with coefficients c ~ N(0, 1 / d), d of them."""

    formula: ClassVar[str] = r"x = U c, \quad c \sim \mathcal{N}(0, I / d)"
    reference: ClassVar[str] = "Heckel 2024, 1.4, 13.1"
    example: ClassVar[str] = "data d = subspace(low_frequencies(size = 400, count = 40), count = 20)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    of: OperatorTerm = Field(description="U, an operator from coefficients to what the unknown is")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("signal",)


class CosinesAndSpikes(Source):
    """Signals made of few cosines and few spikes; the columns are the coefficients of each."""

    reference: ClassVar[str] = "Heckel 2024, 4.1, 4.2; Donoho, Huo 2001"
    example: ClassVar[str] = "data mix = cosines_and_spikes(cosines = 8, spikes = 12) { c = cosines; s = spikes }"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    cosines: Whole = Field(description="number of cosines")
    spikes: Whole = Field(description="number of spikes")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("cosines", "spikes")
