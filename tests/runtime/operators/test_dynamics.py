"""Moments between frames against numpy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import Interval
from recon.dsl.model.place import MisfitError
from recon.dsl.model.units import TIME, Quantity
from recon.dsl.vocabulary.operators.dynamics import At

from .making import grid, make, sample


def seconds(*values: float) -> tuple[Quantity, ...]:
    return tuple(Quantity(v, TIME) for v in values)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_without_a_period_frames_span_the_moments(field: str) -> None:
    domain = grid(5, 2, 3, field=field, head=("frame",))
    times = [2.0, 3.7, 2.9, 6.0]
    x = sample(domain)
    got = make(At(frame=seconds(*times)), domain=domain)(x).numpy()
    for pixel in np.ndindex(2, 3):
        at = (slice(None), *pixel)
        expected = np.interp(times, np.linspace(2, 6, 5), x.numpy()[at])
        np.testing.assert_allclose(got[at], expected, atol=1e-12)


def test_with_a_period_frames_repeat() -> None:
    domain = grid(4, 2, 3, head=("frame",))
    times = np.arange(-0.3, 5, 0.37)
    x = sample(domain, 2)
    got = make(At(frame=seconds(*times), period=Quantity(1.6, TIME)), domain=domain)(x).numpy()
    for pixel in np.ndindex(2, 2, 3):
        at = (pixel[0], slice(None), *pixel[1:])
        expected = np.interp(times, np.arange(4) * 0.4, x.numpy()[at], period=1.6)
        np.testing.assert_allclose(got[at], expected, atol=1e-12)


def test_bins() -> None:
    """Each moment is that of the frame whose time, folded by the period, is nearest."""
    domain = grid(5, 2, 3, field="complex", head=("frame",))
    times = np.random.default_rng(0).uniform(-2, 7, 40)
    x = sample(domain)
    got = make(At(frame=seconds(*times), period=Quantity(1.6, TIME), between="nearest"), domain=domain)(x).numpy()
    distance = np.abs((times[:, None] - np.arange(5) * 0.32 + 0.8) % 1.6 - 0.8)
    np.testing.assert_array_equal(got, x.numpy()[distance.argmin(axis=1)])


def test_moments_stand_where_the_frames_stood() -> None:
    domain = grid(4, 2, 3, head=("frame",))
    operator = make(At(frame=Interval(0.0, 1.0, 0.25, TIME)), domain=domain)
    assert [str(a) for a in operator.codomain.axes] == ["frame 5", "row 2", "col 3"]
    assert operator.norm() == pytest.approx(float(torch.linalg.matrix_norm(operator.weights, 2)), rel=1e-12)
    with pytest.raises(MisfitError, match="frames = 25"):
        make(At(frame=seconds(0, 1)), domain=grid(4, 4))
