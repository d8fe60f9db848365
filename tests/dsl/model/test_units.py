"""Units, dimensions and how they read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recon.dsl.model.units import (
    ANGLE,
    LENGTH,
    LEVEL,
    NONE,
    UNITS,
    Dimension,
    Quantity,
    Unit,
    describe,
    example,
    parts,
    quantity,
    symbol,
    times,
)

dimensions = st.tuples(*[st.integers(-3, 3)] * 5)


@given(dimensions, dimensions)
def test_dimensions_multiply_like_exponents(a: Dimension, b: Dimension) -> None:
    assert times(a, b) == times(b, a)
    assert times(times(a, b), b, -1) == a
    assert times(a, NONE) == a


@pytest.mark.parametrize(
    ("unit", "base"),
    [
        ("cm", 0.01),
        ("mm", 1e-3),
        ("um", 1e-6),
        ("nm", 1e-9),
        ("Å", 1e-10),
        ("ms", 1e-3),
        ("kV", 1e3),
        ("%", 0.01),
        ("deg", math.tau / 360),
    ],
)
def test_units_in_base_units(unit: str, base: float) -> None:
    assert UNITS[unit][0] == pytest.approx(base, rel=1e-15)


def test_plain_numbers_stay_floats() -> None:
    assert quantity(2.0, NONE) == 2.0
    assert quantity(2.0, LENGTH) == Quantity(2.0, LENGTH)
    assert parts(3.0) == (3.0, NONE)
    assert parts(Quantity(3.0, ANGLE)) == (3.0, ANGLE)


@pytest.mark.parametrize(
    ("dimension", "text"),
    [
        (NONE, "1"),
        (LENGTH, "m"),
        ((-1, 0, 0, 0, 0), "1/m"),
        ((2, -1, 0, 0, 0), "m^2/s"),
        ((0, 0, 0, 0, 1), "dB"),
        ((1, 0, 0, 2, 0), "m*V^2"),
    ],
)
def test_symbols(dimension: Dimension, text: str) -> None:
    assert symbol(dimension) == text


@given(dimensions)
def test_every_dimension_can_be_said(dimension: Dimension) -> None:
    assert describe(dimension).split(" ")[0] in ("a", "an")
    assert example(dimension).startswith("`")


def test_decibels_are_no_ratios() -> None:
    assert UNITS["dB"][1] == LEVEL != NONE


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (Unit(), ""),
        (Unit(1e-3, LENGTH), "mm"),
        (Unit(1e3, (-1, 0, 0, 0, 0)), "1/mm"),
        (Unit(2.0, NONE), "2 1"),
        (Unit(1.0, (2, 0, 0, 0, 0)), "1 m^2"),
    ],
)
def test_units_read_as_they_are_written(unit: Unit, text: str) -> None:
    assert str(unit) == text
