"""Units and constant quantities.

Values are kept in base units: metre, second, radian, volt. A decibel is a dimension of its own (it never mixes with
ratios), a percent is the number 0.01.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BASES = ("length", "time", "angle", "voltage", "level")
_SYMBOLS = ("m", "s", "rad", "V", "dB")

Dimension = tuple[int, int, int, int, int]
NONE: Dimension = (0, 0, 0, 0, 0)
LENGTH: Dimension = (1, 0, 0, 0, 0)
TIME: Dimension = (0, 1, 0, 0, 0)
ANGLE: Dimension = (0, 0, 1, 0, 0)
VOLTAGE: Dimension = (0, 0, 0, 1, 0)
LEVEL: Dimension = (0, 0, 0, 0, 1)

UNITS: dict[str, tuple[float, Dimension]] = {
    "%": (0.01, NONE),
    "m": (1.0, LENGTH),
    "cm": (1e-2, LENGTH),
    "mm": (1e-3, LENGTH),
    "um": (1e-6, LENGTH),
    "µm": (1e-6, LENGTH),
    "nm": (1e-9, LENGTH),
    "pm": (1e-12, LENGTH),
    "Å": (1e-10, LENGTH),
    "s": (1.0, TIME),
    "ms": (1e-3, TIME),
    "us": (1e-6, TIME),
    "µs": (1e-6, TIME),
    "deg": (math.pi / 180, ANGLE),
    "°": (math.pi / 180, ANGLE),
    "rad": (1.0, ANGLE),
    "mrad": (1e-3, ANGLE),
    "V": (1.0, VOLTAGE),
    "kV": (1e3, VOLTAGE),
    "dB": (1.0, LEVEL),
}

_NAMES: dict[Dimension, str] = {
    NONE: "a plain number",
    LENGTH: "a length",
    TIME: "a time",
    ANGLE: "an angle",
    VOLTAGE: "a voltage",
    LEVEL: "a level in dB",
    (-1, 0, 0, 0, 0): "an inverse length",
}
_EXAMPLES: dict[Dimension, str] = {
    NONE: "`0.5`",
    LENGTH: "`0.7mm`",
    TIME: "`3ms`",
    ANGLE: "`30deg`",
    VOLTAGE: "`300kV`",
    LEVEL: "`20dB`",
    (-1, 0, 0, 0, 0): "`0.02/mm`",
}


def describe(dimension: Dimension) -> str:
    """A dimension in words, as it stands in a diagnostic."""
    if dimension in _NAMES:
        return _NAMES[dimension]
    return "a quantity in " + symbol(dimension)


def example(dimension: Dimension, as_range: bool = False) -> str:
    """A quantity of that dimension, or a range of them, as one would write it."""
    if as_range:
        return {NONE: "`0..1`", ANGLE: "`0deg..180deg`", LENGTH: "`0mm..1mm`", TIME: "`0s..6s by 3ms`"}.get(
            dimension, "a range"
        )
    return _EXAMPLES.get(dimension, f"`1 {symbol(dimension)}`")


def symbol(dimension: Dimension) -> str:
    """The dimension in base units, such as `1/m` or `m^2`."""
    above = [s if p == 1 else f"{s}^{p}" for s, p in zip(_SYMBOLS, dimension, strict=True) if p > 0]
    below = [s if p == -1 else f"{s}^{-p}" for s, p in zip(_SYMBOLS, dimension, strict=True) if p < 0]
    return "*".join(above or ["1"]) + "".join("/" + b for b in below) if above or below else "1"


@dataclass(frozen=True)
class Quantity:
    """A constant with a dimension; `value` is in base units. Plain numbers stay Python floats."""

    value: float
    dimension: Dimension

    def __str__(self) -> str:
        return f"{self.value:g} {symbol(self.dimension)}"


def quantity(value: float, dimension: Dimension) -> float | Quantity:
    """A plain float where the dimension is none, a Quantity otherwise."""
    return value if dimension == NONE else Quantity(value, dimension)


def parts(value: float | Quantity) -> tuple[float, Dimension]:
    """Number in base units and dimension."""
    return (value.value, value.dimension) if isinstance(value, Quantity) else (value, NONE)


def times(a: Dimension, b: Dimension, sign: int = 1) -> Dimension:
    """The dimension of a product (sign = 1) or a quotient (sign = -1)."""
    x = [p + sign * q for p, q in zip(a, b, strict=True)]
    return (x[0], x[1], x[2], x[3], x[4])


@dataclass(frozen=True)
class Unit:
    """The unit that stored numbers are in: a stored 1 means `factor` in base units of `dimension`."""

    factor: float = 1.0
    dimension: Dimension = NONE

    def __str__(self) -> str:
        for name, (factor, dimension) in UNITS.items():
            if name == "%":
                continue
            if math.isclose(factor, self.factor) and dimension == self.dimension:
                return name
            if math.isclose(1 / factor, self.factor) and times(NONE, dimension, -1) == self.dimension:
                return f"1/{name}"
        if self.dimension == NONE and self.factor == 1.0:
            return ""
        return f"{self.factor:g} {symbol(self.dimension)}"


PLAIN = Unit()
