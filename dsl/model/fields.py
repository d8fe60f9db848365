"""The types of parameters: numbers with bounds, quantities with a dimension, choices, and places for other words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Field

from .files import FileError, NpyHeader, npy_header
from .space import SpaceError
from .units import ANGLE, LENGTH, LEVEL, NONE, TIME, VOLTAGE, Dimension, Quantity, describe, example, parts

__all__ = [
    "Angle",
    "Annotated",
    "Arc",
    "Auto",
    "Count",
    "Decibel",
    "Field",
    "FilePath",
    "Fraction",
    "Interval",
    "Le",
    "Length",
    "Lengths",
    "NonNegative",
    "OfDimension",
    "Positive",
    "Range",
    "Real",
    "Rows",
    "Seed",
    "Shift",
    "SignedLength",
    "SignedTime",
    "Spacing",
    "Tilts",
    "Time",
    "Times",
    "Vary",
    "VaryRow",
    "Voltage",
    "Whole",
    "ordered",
]


MOST_VALUES = 10**6
"""Values of a range that are listed one by one."""


@dataclass(frozen=True)
class Interval:
    """A constant range as an argument: `0deg..360deg`, `0..1`, `-60deg..60deg by 3deg`; numbers in base units."""

    start: float
    stop: float
    step: float | None
    dimension: Dimension = NONE

    @property
    def count(self) -> int:
        """How many values there are."""
        step = self.step if self.step is not None else 1.0
        return max(int((self.stop - self.start) / step * (1 + 1e-12) + 1e-9) + 1, 0)

    def values(self) -> list[float]:
        """Start, start + step, ... up to stop, which is included where the step meets it (step 1 if none is given).

        Raises SpaceError where there are more than anybody means.
        """
        step = self.step if self.step is not None else 1.0
        if self.count > MOST_VALUES:
            raise SpaceError(f"has a range of {self.count} values, and at most {MOST_VALUES} are listed")
        return [self.start + i * step for i in range(self.count)]


@dataclass(frozen=True)
class OfDimension:
    """Marks a parameter whose values have this dimension."""

    dimension: Dimension


def _dimension(expected: Dimension) -> BeforeValidator:
    def validate(value: Any) -> Any:
        as_range = isinstance(value, Interval)
        wanted = f"expected {describe(expected)} such as {example(expected, as_range)}"
        if isinstance(value, (Quantity, Interval)):
            if value.dimension != expected:
                raise ValueError(f"{wanted}, got {describe(value.dimension)}")
            return value.value if isinstance(value, Quantity) else value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and expected != NONE:
            raise ValueError(f"{wanted}, got a plain number")
        return value

    return BeforeValidator(validate)


def ordered(value: Any) -> Any:
    """Raise ValueError where a range is none, or does not go from a smaller to a larger number."""
    if isinstance(value, (int, float, Quantity)):
        raise ValueError(f"expected a range such as `0..1`, got {describe(parts(value)[1])}")
    if isinstance(value, Interval) and not value.start < value.stop:
        raise ValueError("must go from a smaller to a larger number")
    return value


def _arc(value: Any) -> Any:
    if isinstance(value, Interval) and value.start == value.stop:
        raise ValueError("an arc goes from one angle to another, and this one has no length")
    return value


def _stepped(value: Any) -> Any:
    if isinstance(value, Interval) and value.step is None and value.dimension in (ANGLE, TIME):
        sample = "-60deg..60deg by 3deg" if value.dimension == ANGLE else "0s..6s by 3ms"
        raise ValueError(f"a range of single values says its step, as in `{sample}`")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Quantity):
        raise ValueError(f"expected a plain number, got {describe(value.dimension)}")
    return value


def _shift(value: Any) -> Any:
    if isinstance(value, Quantity) and value.dimension != LENGTH:
        raise ValueError(f"expected pixels such as `1.5` or a length such as `3Å`, got {describe(value.dimension)}")
    return value


def _spacing(value: Any) -> Any:
    if isinstance(value, Quantity) and value.dimension != LENGTH:
        raise ValueError(f"expected a length such as `1.2mm`, got {describe(value.dimension)}")
    number = value.value if isinstance(value, Quantity) else value
    if isinstance(number, (int, float)) and not number > 0:
        raise ValueError("must be greater than 0")
    return value


if TYPE_CHECKING:
    Real = float
    Positive = float
    NonNegative = float
    Fraction = float
    Count = int
    Rows = int
    Whole = int
    Length = float
    Angle = float
    Decibel = float
    Arc = Interval
    Range = Interval
    SignedLength = float
    SignedTime = float
    Time = float
    Voltage = float
    Shift = float | Quantity
    Tilts = Interval
    Times = Interval
    Lengths = Interval
    Spacing = float | Quantity
else:
    Real = Annotated[float, BeforeValidator(_plain), Field(allow_inf_nan=False)]
    Positive = Annotated[float, BeforeValidator(_plain), Gt(0), Field(allow_inf_nan=False)]
    NonNegative = Annotated[float, BeforeValidator(_plain), Ge(0), Field(allow_inf_nan=False)]
    Fraction = Annotated[float, BeforeValidator(_plain), Ge(0), Le(1)]
    Count = Annotated[int, BeforeValidator(_plain), Gt(0), Le(10**9)]
    Rows = Annotated[int, BeforeValidator(_plain), Gt(0), Le(10**6)]
    Whole = Annotated[int, BeforeValidator(_plain), Ge(0), Le(2**53)]  # beyond, floats skip whole numbers
    Length = Annotated[float, OfDimension(LENGTH), _dimension(LENGTH), Gt(0)]
    SignedLength = Annotated[float, OfDimension(LENGTH), _dimension(LENGTH)]
    Time = Annotated[float, OfDimension(TIME), _dimension(TIME), Gt(0)]
    SignedTime = Annotated[float, OfDimension(TIME), _dimension(TIME)]
    Times = Annotated[Interval, OfDimension(TIME), BeforeValidator(_stepped), _dimension(TIME)]
    Lengths = Annotated[Interval, OfDimension(LENGTH), _dimension(LENGTH)]
    Voltage = Annotated[float, OfDimension(VOLTAGE), _dimension(VOLTAGE), Gt(0)]
    Shift = Annotated[float | Quantity, BeforeValidator(_shift)]
    Tilts = Annotated[Interval, OfDimension(ANGLE), BeforeValidator(_stepped), _dimension(ANGLE)]
    Angle = Annotated[float, OfDimension(ANGLE), _dimension(ANGLE)]
    Decibel = Annotated[float, OfDimension(LEVEL), _dimension(LEVEL)]
    Spacing = Annotated[float | Quantity, BeforeValidator(_spacing)]
    Arc = Annotated[Interval, OfDimension(ANGLE), BeforeValidator(_arc), _dimension(ANGLE)]
    Range = Annotated[Interval, BeforeValidator(ordered), _dimension(NONE)]

Auto = Literal["auto"]


@dataclass(frozen=True)
class FilePath:
    """A file of the user's, as written and as found inside the spec's folder."""

    text: str
    path: str

    def header(self) -> NpyHeader:
        """The shape and type of a .npy file. Raises SpaceError where it cannot be read."""
        try:
            return npy_header(self.path)
        except FileError as e:
            raise SpaceError(f"cannot read {self.text}: {e}") from e


Seed = Whole | Literal["auto"]
Vary = Literal["page", "row", "frame"]
"""For what a random word is drawn anew: it stays the same all over the page, or changes with rows or frames."""
VaryRow = Literal["page", "row"]
