"""Did you mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recon.dsl.diagnostics.nearest import distance, nearest

WORDS = ["iterations", "init", "step", "fista", "pdhg", "tv", "l1", "wavelet", "gaussian"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("iteratons", "iterations"), ("fitsa", "fista"), ("FISTA", "fista"), ("wave", "wavelet"), ("setp", "step"),
     ("gausian", "gaussian"), ("tvv", "tv"), ("banana", None), ("zz", None), ("q", None), ("", None)],
)  # fmt: skip
def test_nearest(word: str, meant: str | None) -> None:
    assert nearest(word, WORDS) == meant


def test_the_first_of_equals_wins() -> None:
    assert nearest("stap", ["step", "stop"]) == "step"


@pytest.mark.parametrize(
    ("a", "b", "slips"), [("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("ca", "abc", 3)]
)
def test_known_distances(a: str, b: str, slips: int) -> None:
    """`ca` to `abc` is 3 in the restricted distance, which edits no letter twice, and 2 in the full one."""
    assert distance(a, b) == slips


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_symmetric_and_bounded(a: str, b: str, c: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))
    assert distance(a + c, b + c) <= distance(a, b)
