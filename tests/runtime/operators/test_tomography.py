"""Line integrals against a dense matrix of Joseph's weights, and lengths in the image's unit."""

from __future__ import annotations

from math import cos, hypot, pi, sin

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.dsl.model.fields import Interval
from recon.dsl.model.place import MisfitError
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.units import ANGLE, LENGTH, Quantity, Unit
from recon.dsl.vocabulary.operators.tomography import Radon
from recon.runtime.operators.tomography import RadonOperator

from .making import grid, make, sample


def joseph(shape: tuple[int, int], angles: list[float], detectors: int, pitch: float) -> NDArray[np.float64]:
    """The matrix of Joseph's method for unit pixels, weight by weight: [views, detectors, rows, columns]."""
    height, width = shape
    out = np.zeros((len(angles), detectors, height, width))
    for v, angle in enumerate(angles):
        c, s = cos(angle), sin(angle)
        for d in range(detectors):
            place = (d - (detectors - 1) / 2) * pitch  # the ray is x c - y s = place, y downwards
            by_rows = abs(c) >= abs(s)
            for line in range(height if by_rows else width):
                if by_rows:
                    at = (place + (line - (height - 1) / 2) * s) / c + (width - 1) / 2
                else:
                    at = ((line - (width - 1) / 2) * c - place) / s + (height - 1) / 2
                for pixel in (int(np.floor(at)), int(np.floor(at)) + 1):
                    weight = (1 - abs(at - pixel)) / max(abs(c), abs(s))
                    if 0 <= pixel < (width if by_rows else height):
                        i, j = (line, pixel) if by_rows else (pixel, line)
                        out[v, d, i, j] += weight
    return out


def test_radon_is_josephs_matrix() -> None:
    word = Radon(angles=Interval(0.1, 3.0, None, ANGLE), views=6, detectors=9, pitch=0.8)
    operator, x = make(word, domain=grid(2, 5, 6, head=("channel",))), sample(grid(2, 5, 6, head=("channel",)))
    angles = [0.1 + i * 2.9 / 6 for i in range(6)]
    expected = np.einsum("vdij,cij->cvd", joseph((5, 6), angles, 9, 0.8), x.numpy())
    np.testing.assert_allclose(operator(x), expected, atol=1e-10)


def test_angles_leave_the_end_of_the_arc_out_and_the_detector_covers_the_diagonal() -> None:
    operator = make(Radon(views=4), domain=grid(30, 40))
    assert isinstance(operator, RadonOperator)
    assert operator.geometry.angles == pytest.approx([0, pi / 4, pi / 2, 3 * pi / 4])
    assert operator.codomain.sizes == (4, 50)
    fine = make(Radon(views=4, pitch=0.5), domain=grid(30, 40))
    assert fine.codomain.sizes == (4, 100)


@pytest.mark.parametrize(("unit", "per_pixel"), [(Unit(1000.0, (-1, 0, 0, 0, 0)), 0.7), (Unit(), 0.0007)])
def test_lengths_count_in_the_inverse_of_the_images_unit(unit: Unit, per_pixel: float) -> None:
    """0.7 mm pixels of 0.02/mm: an axis-parallel ray through 8 of them has 8 * 0.7 * 0.02."""
    domain = Space("real", (Axis("row", 8, 7e-4), Axis("col", 8, 7e-4)), unit)
    operator = make(Radon(views=2, detectors=8), domain=domain)
    y = operator(torch.full((8, 8), 0.02, dtype=torch.float64))
    np.testing.assert_allclose(y, 8 * per_pixel * 0.02, rtol=1e-9)
    wide = make(Radon(views=2, detectors=2, pitch=Quantity(2.8e-3, LENGTH)), domain=domain)
    assert isinstance(wide, RadonOperator)
    assert wide.geometry.pitch == pytest.approx(4 * per_pixel)


def test_flat_voxels_have_a_longer_diagonal_in_columns() -> None:
    domain = Space("real", (Axis("row", 8, 1e-3), Axis("col", 8, 5e-4)))
    assert make(Radon(views=2), domain=domain).codomain.sizes[-1] == int(np.ceil(hypot(8, 4) / 0.5))


def test_a_pitch_of_the_wrong_kind_is_refused() -> None:
    voxels = Space("real", (Axis("row", 8, 1e-3), Axis("col", 8, 1e-3)))
    with pytest.raises(MisfitError, match="without a unit"):
        make(Radon(pitch=1.0), domain=voxels)
    with pytest.raises(MisfitError, match="no voxel size"):
        make(Radon(pitch=Quantity(1e-3, LENGTH)), domain=grid(8, 8))
