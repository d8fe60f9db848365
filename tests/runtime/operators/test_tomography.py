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
from recon.dsl.vocabulary.operators.tomography import Conebeam, Fanbeam, Radon
from recon.runtime.operators.tomography import RayOperator
from recon.runtime.tomography import ConeBeam, FanBeam
from scipy.sparse.linalg import LinearOperator, cg

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
    assert isinstance(operator, RayOperator)
    assert operator.beam.angles == pytest.approx([0, pi / 4, pi / 2, 3 * pi / 4])
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
    assert isinstance(wide, RayOperator)
    assert wide.beam.pitch == pytest.approx(4 * per_pixel)


def test_flat_voxels_have_a_longer_diagonal_in_columns() -> None:
    domain = Space("real", (Axis("row", 8, 1e-3), Axis("col", 8, 5e-4)))
    assert make(Radon(views=2), domain=domain).codomain.sizes[-1] == int(np.ceil(hypot(8, 4) / 0.5))


def test_a_pitch_of_the_wrong_kind_is_refused() -> None:
    voxels = Space("real", (Axis("row", 8, 1e-3), Axis("col", 8, 1e-3)))
    with pytest.raises(MisfitError, match="without a unit"):
        make(Radon(pitch=1.0), domain=voxels)
    with pytest.raises(MisfitError, match="no voxel size"):
        make(Radon(pitch=Quantity(1e-3, LENGTH)), domain=grid(8, 8))


def test_angles_by_steps_and_one_by_one() -> None:
    tilts = Radon(angles=Interval(-pi / 3, pi / 3, pi / 60, ANGLE))
    np.testing.assert_allclose(np.degrees(tilts.directions()), np.arange(-60, 61, 3), atol=1e-12)
    few = (Quantity(0.1, ANGLE), Quantity(2.0, ANGLE), Quantity(-1.0, ANGLE))
    assert Fanbeam(angles=few).directions() == (0.1, 2.0, -1.0)
    with pytest.raises(ValueError, match="says it twice"):
        Radon(angles=few, views=3)
    with pytest.raises(ValueError, match="holds none"):
        Radon(angles=Interval(1.0, 0.0, 0.1, ANGLE))


def test_a_volume_is_scanned_slice_by_slice() -> None:
    for word in (Radon(views=5, offset=0.3), Fanbeam(views=5, source=20.0)):
        whole, slices = make(word, domain=grid(3, 8, 9)), make(word, domain=grid(8, 9))
        x = sample(grid(3, 8, 9))
        assert [a.name for a in whole.codomain.axes] == ["z", "view", "detector"]
        np.testing.assert_allclose(whole(x), np.stack([slices(s) for s in x]), atol=1e-12)


def test_thick_rays_are_means() -> None:
    thin = make(Radon(views=4, detectors=30, pitch=0.5), domain=grid(8, 9))
    thick = make(Radon(views=4, detectors=10, pitch=1.5, rays=3), domain=grid(8, 9))
    x = sample(grid(8, 9))
    np.testing.assert_allclose(thick(x), thin(x).reshape(4, 10, 3).mean(-1), atol=1e-12)
    domain = grid(4, 6, 7)
    fine = make(Conebeam(views=3, detectors=(6, 8), pitch=0.7, source=20.0), domain=domain)
    coarse = make(Conebeam(views=3, detectors=(3, 4), pitch=1.4, source=20.0, rays=2), domain=domain)
    x = sample(domain)
    np.testing.assert_allclose(coarse(x), fine(x).reshape(3, 3, 2, 4, 2).mean((2, 4)), atol=1e-12)


def test_what_a_fan_and_a_panel_take_by_themselves() -> None:
    """The source twice the diagonal away, the detector half of it; detectors that see the image's whole circle."""
    fan = make(Fanbeam(views=2), domain=grid(30, 40)).beam
    assert isinstance(fan, FanBeam)
    assert (fan.source, fan.detector, fan.pitch) == (100, 25, 1.25)
    assert abs(fan.fan).max() >= np.arcsin(0.25) * (1 - 1 / fan.detectors)
    cone = make(Conebeam(views=2), domain=grid(10, 30, 40)).beam
    assert isinstance(cone, ConeBeam)
    assert cone.plane == fan
    top = 5 * 125 / 75  # of the volume's nearest upper edge on the panel
    assert top <= cone.detectors[0] * cone.pitch[0] / 2 < top + cone.pitch[0]


def test_lengths_of_a_cone_count_in_the_inverse_of_the_images_unit() -> None:
    axes = (Axis("z", 4, 2e-3), Axis("row", 8, 1e-3), Axis("col", 8, 1e-3))
    domain = Space("real", axes, Unit(1000.0, (-1, 0, 0, 0, 0)))
    word = Conebeam(
        views=2,
        detectors=(3, 5),
        pitch=(Quantity(2e-3, LENGTH), Quantity(3e-3, LENGTH)),
        offset=Quantity(1e-3, LENGTH),
        source=Quantity(0.05, LENGTH),
        detector=Quantity(0.03, LENGTH),
    )
    beam = make(word, domain=domain).beam
    assert beam.voxel == pytest.approx((2, 1, 1))
    assert (beam.pitch, beam.offset) == (pytest.approx((2, 3)), pytest.approx((0, 1)))
    assert (beam.source, beam.detector) == (pytest.approx(50), pytest.approx(30))
    with pytest.raises(MisfitError, match="inside the image"):
        make(Conebeam(source=Quantity(0.005, LENGTH)), domain=domain)
    with pytest.raises(MisfitError, match="source = 50mm"):
        make(Conebeam(source=50.0), domain=domain)


@pytest.mark.parametrize("word", [Fanbeam(views=40), Fanbeam(views=40, kind="curved"), Conebeam(views=20)])
def test_conjugate_gradients_converge_with_the_adjoint(word: Fanbeam | Conebeam) -> None:
    """Down to the least-squares solution of the dense matrix, which another adjoint would miss."""
    domain = grid(4, 8, 8) if isinstance(word, Conebeam) else grid(12, 11)
    operator, n = make(word, domain=domain), domain.count or 0
    dense = operator(torch.eye(n, dtype=torch.float64).reshape(n, *domain.sizes)).reshape(n, -1).numpy().T
    y = torch.randn(operator.codomain.sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gram(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return operator.gram(torch.from_numpy(v).reshape(domain.sizes)).numpy().ravel()

    normal = LinearOperator((n, n), gram, dtype=np.float64)
    found, code = cg(normal, operator.adjoint(y).numpy().ravel(), rtol=1e-12, maxiter=20 * n)
    assert code == 0
    expected = np.linalg.lstsq(dense, y.numpy().ravel(), rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())
