"""The contract of weights: what `config.json` of a folder of the zoo says, so that they can be fitted to a problem."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

FORMAT = 1
"""Of `config.json`; another one is refused."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(_Part):
    """A word of kind network, with its options."""

    name: Name
    arguments: dict[Name, Any] = {}


class NoiseLevels(_Part):
    """Gaussian noise that the network was trained on; levels in units of the range's width.

    conditional: whether the network is told the level.
    """

    conditional: bool
    levels: tuple[Finite, Finite]

    @field_validator("levels")
    @classmethod
    def _in_order(cls, levels: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= levels[0] <= levels[1]:
            raise ValueError("levels of noise are not negative, and the smaller stands first")
        return levels


class Properties(_Part):
    """What is known of the network as a map of images, in the distance of vectors.

    non_expansive: no two images are farther apart behind it. lipschitz: by which factor they may be at most.
    """

    non_expansive: bool = False
    lipschitz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Properties:
        if self.non_expansive and self.lipschitz is not None and self.lipschitz > 1:
            raise ValueError("what is non-expansive has a Lipschitz constant of 1 at most")
        return self


class Licences(_Part):
    """SPDX names, of each part apart; of data from many places a sentence, where no name fits."""

    weights: str
    code: str
    data: str


class Contract(_Part):
    """What the network is, and what it expects of an image.

    channels: planes of input and output, the map of a noise level not counted. value: of complex images a plane of
    real parts and one of imaginary parts stand side by side. range: of values in training. multiple: extents are padded
    to a multiple of it. predicts: what the layers give of imported weights; modules of recon give the image. scale: the
    factor of super-resolution; 1 where the input is on the fine grid. sha256: of `model.safetensors`. results: rows of
    `{data, sigma, metric, value, ...}`.
    """

    format: Literal[1] = 1
    network: Architecture
    role: Literal["denoiser", "restorer"]
    channels: Annotated[int, Field(ge=1, le=4096)]
    value: Literal["real", "complex"] = "real"
    range: tuple[Finite, Finite] = (0.0, 1.0)
    multiple: Annotated[int, Field(ge=1, le=4096)] = 1
    noise: NoiseLevels | None = None
    predicts: Literal["image", "noise"] = "image"
    scale: Annotated[int, Field(ge=1, le=64)] = 1
    properties: Properties = Properties()
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    licences: Licences
    provenance: Annotated[dict[str, Any], Field(max_length=100)] = {}
    results: Annotated[tuple[dict[str, Any], ...], Field(max_length=1000)] = ()

    @field_validator("range")
    @classmethod
    def _has_width(cls, range_: tuple[float, float]) -> tuple[float, float]:
        if not range_[0] < range_[1]:
            raise ValueError("a range has its smaller end first")
        if not 1e-30 < range_[1] - range_[0] < 1e30:
            raise ValueError("a range is between 1e-30 and 1e30 wide, as numbers in single precision are")
        return range_

    @model_validator(mode="after")
    def _in_pairs(self) -> Contract:
        if self.value == "complex" and self.channels % 2:
            raise ValueError("of complex images planes stand in pairs, real and imaginary part: `channels` is even")
        return self

    @property
    def width(self) -> float:
        """The width of the range."""
        return self.range[1] - self.range[0]
