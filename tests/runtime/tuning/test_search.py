"""Searches against functions whose roots, minima and corners are known."""

import math
from collections.abc import Callable

import pytest
from recon.runtime.tuning.search import GOLDEN, MOST, STEP, corner, minimum, root
from scipy.optimize import brentq


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Callable[[float], float]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, t: float) -> float:
        self.calls += 1
        return self.f(t)


@pytest.mark.parametrize("start", [-3.0, 0.0, 2.5, 9.0])
@pytest.mark.parametrize(
    "f", [lambda t: t - 2.5, lambda t: math.tanh(t - 1.3), lambda t: math.exp(t) - 40, lambda t: (t + 2) ** 3 + t + 2]
)
def test_a_root_is_found(f: Callable[[float], float], start: float) -> None:
    counted = Counted(f)
    found = root(counted, start, precision=1e-9, level=1e-7)
    assert abs(f(found.t)) <= 1e-7
    assert abs(f(found.t) - f(brentq(f, -50, 50, xtol=1e-12))) <= 1e-7
    assert not found.note
    assert counted.calls <= 45


@pytest.mark.parametrize(("f", "end"), [(lambda t: 1 + math.exp(t), -1.0), (lambda t: -1 - math.exp(-t), 1.0)])
def test_without_a_root_the_end_of_the_line_is_told(f: Callable[[float], float], end: float) -> None:
    found = root(f, 0.5, precision=1e-3, level=1e-3)
    assert found.t == pytest.approx(0.5 + end * MOST * STEP)
    assert found.note


@pytest.mark.parametrize("start", [-6.0, 0.0, 1.0, 12.0])
@pytest.mark.parametrize(
    ("f", "least"),
    [
        (lambda t: (t - 1.7) ** 2, 1.7),
        (lambda t: math.exp(t) + math.exp(3 - t), 1.5),
        (lambda t: math.log(1 + (t + 2.2) ** 2), -2.2),
        (lambda t: abs(t - 0.4), 0.4),
    ],
)
def test_a_minimum_is_found(f: Callable[[float], float], least: float, start: float) -> None:
    counted = Counted(f)
    found = minimum(counted, start, precision=0.01)
    assert found.t == pytest.approx(least, abs=0.01)
    assert not found.note
    walk = abs(start - least) / STEP + 4
    assert counted.calls <= walk + math.log(0.01 / (2 * STEP)) / math.log(GOLDEN) + 2


def test_what_falls_for_ever_is_told() -> None:
    assert minimum(lambda t: -t, 0.0, precision=0.1).note
    assert minimum(lambda t: t, 0.0, precision=0.1).note


def test_the_corner_of_an_l() -> None:
    """Two straight legs that meet at t = 1, with a wiggle on one of them that is no corner."""
    ts = [0.25 * i - 3 for i in range(25)]
    xs = [0.02 * t if t <= 1 else 0.02 + 3 * (t - 1) for t in ts]
    ys = [-2 * (t - 1) + 0.1 * (i % 2) * (t < 0) if t <= 1 else -0.05 * (t - 1) for i, t in enumerate(ts)]
    assert corner(ts, xs, ys, 4).t == pytest.approx(1.0)


def test_a_curve_without_a_corner_is_told() -> None:
    ts = [float(i) for i in range(9)]
    found = corner(ts, ts, [-t for t in ts], 2)
    assert found.t == 4.0
    assert found.note
