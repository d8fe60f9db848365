"""Values written as a spec writes them read back as the same values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recon.dsl import vocabulary
from recon.dsl.diagnostics import Findings
from recon.dsl.elaborate.constants import evaluate
from recon.dsl.elaborate.expressions import Elaborator
from recon.dsl.elaborate.scope import Scope
from recon.dsl.model.units import ANGLE, LENGTH, LEVEL, NONE, TIME, VOLTAGE, parts, times
from recon.dsl.show.explain import example_word
from recon.dsl.show.text import Paint, columns, number, quantity, size, written
from recon.dsl.syntax.parse import parse_expression
from recon.dsl.syntax.source import Source

DIMENSIONS = [NONE, LENGTH, TIME, ANGLE, VOLTAGE, LEVEL, times(NONE, LENGTH, -1)]


def read(text: str) -> object:
    """The value of a constant expression."""
    return evaluate(parse_expression(Source("", text)), lambda name: pytest.fail(f"{name} is no constant"))


@given(st.floats(1e-12, 1e12), st.sampled_from(DIMENSIONS))
def test_quantities_read_back_to_six_digits(value: float, dimension: tuple[int, ...]) -> None:
    got, of = parts(read(quantity(value, dimension)))  # type: ignore[arg-type]
    assert of == dimension
    assert got == pytest.approx(value, rel=5.1e-6)


def test_units_that_people_use() -> None:
    assert quantity(0.0007, LENGTH) == "0.7mm" or quantity(0.0007, LENGTH) == "700um"
    assert quantity(3.141592653589793, ANGLE) == "180deg"
    assert quantity(34.0, LEVEL) == "34dB"
    assert quantity(20.0, times(NONE, LENGTH, -1)) == "20/m"
    assert number(1e-6) == "1e-6"
    assert number(60.0) == "60"


@pytest.mark.parametrize("key", sorted(vocabulary.words()), ids="-".join)
def test_words_read_back(key: tuple[str, str]) -> None:
    word = example_word(vocabulary.words()[key])
    if word is None:
        pytest.skip("its arguments are names of a page")
    for full in (False, True):
        expr = parse_expression(Source("", written(word, full=full)))
        again = Elaborator(Findings()).word(expr, key[0], Scope({}, Path()))
        for name in type(word).model_fields:
            assert getattr(again, name) == getattr(word, name) or getattr(word, name) is None


def test_layout() -> None:
    assert columns([("a", "bb"), ("ccc", "d")]) == ["  a    bb", "  ccc  d"]
    assert columns([("\x1b[31m", "x")]) == ["  \\x1b[31m  x"]
    assert size(3 * 2**20) == "3 MiB"
    assert size(12) == "12 bytes"
    assert size(None) == "known when data are read"
    assert Paint(False).bold("x") == "x"
    assert Paint(True).bold("x") == "\x1b[1mx\x1b[0m"
