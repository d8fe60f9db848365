"""Options of statements that are no words: unknowns, metrics, the run."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from .fields import Count, Interval, Length, Whole, ordered
from .terms import ValueTerm
from .units import Quantity, Unit
from .word import Array, Kernel, Maps


def _unit(value: Any) -> Any:
    if isinstance(value, Quantity):
        return Unit(value.value, value.dimension)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError("expected a unit such as `1/mm` or `um`, got a plain number")
    return value


UnitField = Annotated[Unit, BeforeValidator(_unit)]
RangeField = Annotated[Interval, BeforeValidator(ordered)]


def _licence(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,60}", text):
        raise ValueError(f"a licence is written as the Hub calls it, such as `apache-2.0`, not `{text[:60]}`")
    return text


class Options(BaseModel):
    """The body of a statement that holds options only."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True)


class UnknownOptions(Options):
    """Options of `signal`, `image`, `volume` and `unknown`."""

    channels: Count | None = Field(None, description="number of channels, such as 3 for colour")
    frames: Count | None = Field(None, description="number of frames in time")
    range: RangeField | None = Field(None, description="the range of the values, for metrics and pictures")
    voxel: Length | tuple[Length, ...] | None = Field(
        None, description="spacing of the grid, one number or one for each axis"
    )
    init: float | Quantity | Kernel | Maps | Array | None = Field(
        None, description="where a search begins: a number, a kernel, coil maps or an array"
    )
    unit: UnitField = Field(Unit(), description="the unit of the values, such as 1/mm")


class MetricsOptions(Options):
    """Options of `metrics`."""

    of: ValueTerm | None = Field(None, description="what is measured, such as abs(estimate)")
    against: ValueTerm | None = Field(
        None, description="what it is compared with; left out: the same expression of the truth"
    )


class RunOptions(Options):
    """Options of `run`: how, not what; no part of the problem's digest except the seed."""

    seed: Whole = Field(0, description="the seed that all others derive from")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` takes a GPU where there is one")
    precision: Literal["float32", "float64", "bf16"] = Field(
        "float32",
        description="precision of real numbers; `bf16` is `float32` with the products inside networks in bfloat16",
    )
    compile: bool = Field(False, description="compile the steps with torch.compile")


class PublishOptions(Options):
    """Options of `publish`."""

    license: Annotated[str, AfterValidator(_licence)] = Field(
        description="the licence of what is published, as the Hub calls it, such as apache-2.0 or cc-by-4.0"
    )
    private: bool = Field(False, description="whether a model that is not there yet is made private")


class DataOptions(Options):
    """Options that every source has."""

    split: Literal["train", "val", "test"] | None = Field(None, description="which part of the source")
    limit: Count | None = Field(None, description="use at most this many rows")
    rows: Literal["problems", "measurements"] = Field(
        "problems", description="whether each row is a problem of its own, or all of them measure one unknown"
    )
    on_error: Literal["stop", "skip"] = Field("stop", description="what a damaged row does")
