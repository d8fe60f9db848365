"""The operators of electron microscopy as a page states them."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import Interval
from recon.dsl.model.place import MisfitError
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Adjoint, Leaf
from recon.dsl.model.units import ANGLE, LENGTH, Quantity
from recon.dsl.vocabulary.draws import Uniform
from recon.dsl.vocabulary.operators.electrons import (
    CentralSlice,
    Ctf,
    Project,
    RealPart,
    Rotate,
    Translate,
    tilt_angles,
)
from recon.dsl.vocabulary.operators.fourier import Fft2, Fft3

from .making import grid, make, sample

TILTS = Interval(-pi / 3, pi / 3, pi / 9, ANGLE)


def cubic(*sizes: int, voxel: float | None = 1e-9, field: str = "real") -> Space:
    space = grid(*sizes, field=field)
    return space.with_axes(tuple(replace(a, voxel=voxel) for a in space.axes))


def um(value: float) -> Quantity:
    return Quantity(value * 1e-6, LENGTH)


def images(views: int, *sizes: int, field: str = "real") -> Space:
    space = cubic(*sizes, field=field)
    return space.with_axes((Axis("view", views), *space.axes))


def test_tilts_count_both_ends() -> None:
    assert make(Project(tilts=TILTS), domain=cubic(4, 5, 6)).codomain.sizes == (7, 5, 6)
    assert tilt_angles(TILTS) == pytest.approx([k * pi / 9 for k in range(-3, 4)])


@pytest.mark.parametrize("about", ["col", "row"])
@pytest.mark.parametrize("sizes", [(8, 8, 8), (7, 9, 6)])
def test_the_central_slice_is_the_transform_of_the_projection(about: str, sizes: tuple[int, int, int]) -> None:
    """Eq. (1.1) without contrast transfer: sums along z of the turned volumes, over the root of the depth."""
    domain = cubic(*sizes)
    turned = make(Rotate(tilts=TILTS, about=about), domain=domain)
    chain = (RealPart(), Adjoint(Leaf(Fft2())), CentralSlice(), Fft3(), Rotate(tilts=TILTS, about=about))
    x = sample(domain)
    np.testing.assert_allclose(make(*chain, domain=domain)(x), turned(x).sum(1) / sqrt(sizes[0]), atol=1e-12)


@pytest.mark.parametrize("about", ["col", "row"])
def test_fourier_slices_and_ray_sums_agree_on_smooth_volumes(about: str) -> None:
    """Two discretisations of one projection: both interpolate linearly, off by |f''| / 8 a plane at most."""
    domain, width = cubic(32, 32, 32), 3.0
    axis = torch.arange(32, dtype=torch.float64) - 16
    along = [torch.exp(-((axis - c) ** 2) / (2 * width**2)) for c in (2.0, -3.0, 1.5)]
    x = along[0][:, None, None] * along[1][:, None] * along[2]
    chain = (RealPart(), Adjoint(Leaf(Fft2())), CentralSlice(), Fft3(), Rotate(tilts=TILTS, about=about))
    a = make(*chain, domain=domain)(x) * sqrt(32)
    b = make(Project(tilts=TILTS, about=about), domain=domain)(x)
    peak = float(b.max())
    assert peak == pytest.approx(sqrt(2 * pi) * width, rel=1 / (8 * width**2))
    assert float((a - b).abs().max()) <= 2 / (8 * width**2) * peak
    assert float((a - b).norm() / b.norm()) <= 0.02


def test_contrast_multiplies_the_waves_of_an_image() -> None:
    """A wave along the columns' axis at 1 / (16 A) comes out times c(1 / 16 A)."""
    domain = images(2, 8, 16)
    wave = torch.cos(2 * pi * torch.arange(16) * 1 / 16).double().expand(2, 8, 16)
    operator = make(Ctf(defocus=(um(1), um(2)), amplitude=0.1), domain=domain)
    for view, d in enumerate((1e-6, 2e-6)):
        k, lam = 1 / 16e-9, 1.96874e-12
        gamma = pi * lam * k**2 * (d - 0.5 * lam**2 * k**2 * 2.7e-3)
        expected = -np.sin(gamma + np.arcsin(0.1))
        np.testing.assert_allclose(operator(wave)[view], expected * wave[view], atol=1e-5)


def test_contrast_of_an_image_and_of_its_spectrum_are_one() -> None:
    domain = images(3, 6, 8, field="complex")
    word = Ctf(defocus=um(2), astigmatism=um(0.5), axis=Quantity(0.3, ANGLE))
    on_image = make(word.model_copy(update={"on": "image"}), domain=domain)
    on_spectrum = make(Adjoint(Leaf(Fft2())), word, Fft2(), domain=domain)
    x = sample(domain)
    np.testing.assert_allclose(on_image(x), on_spectrum(x), atol=1e-12)
    real = make(word, domain=images(3, 6, 8))
    np.testing.assert_allclose(real(x.real.contiguous()), on_image(x.real + 0j).real, atol=1e-12)


def test_drawn_defocus_is_one_for_each_view() -> None:
    domain = images(4, 8, 8)
    word = Ctf(defocus=Uniform(low=um(1), high=um(3)))
    x = sample(domain.with_axes(domain.axes[1:])).expand(4, 8, 8)
    first, other = make(word, domain=domain)(x), make(word, domain=domain, at="q")(x)
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first, other)
    assert torch.equal(first, make(word, domain=domain)(x))


@pytest.mark.parametrize("sizes", [(6, 7), (5, 8)])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_whole_shifts_roll(sizes: tuple[int, int], field: str) -> None:
    domain = grid(*sizes, field=field)
    x = sample(domain)
    np.testing.assert_allclose(
        make(Translate(shift=(2.0, -3.0)), domain=domain)(x), x.roll((2, -3), (0, 1)), atol=1e-12
    )


def test_shifts_by_parts_of_a_pixel_move_waves() -> None:
    domain = cubic(8, 16)
    rows, columns = torch.arange(8).double()[:, None], torch.arange(16).double()

    def wave(r: float, c: float) -> torch.Tensor:
        return torch.cos(2 * pi * (2 * (rows - r) / 8 + 3 * (columns - c) / 16))

    moved = make(Translate(shift=(0.3, -1.7)), domain=domain)(wave(0, 0))
    np.testing.assert_allclose(moved, wave(0.3, -1.7), atol=1e-12)
    lengths = Translate(shift=(Quantity(0.3e-9, LENGTH), Quantity(-1.7e-9, LENGTH)))
    np.testing.assert_allclose(make(lengths, domain=domain)(wave(0, 0)), moved, atol=1e-12)


@pytest.mark.parametrize(
    ("word", "domain", "message"),
    [
        (Project(tilts=TILTS), grid(8, 8), "a volume with axes"),
        (
            Project(tilts=TILTS),
            Space("real", tuple(Axis(a, 4, v) for a, v in zip(("z", "row", "col"), (2e-9, 1e-9, 1e-9), strict=True))),
            "cubic",
        ),
        (Ctf(defocus=um(1)), grid(8, 8), "voxel = 3Å"),
        (Ctf(defocus=um(1)), cubic(8, 8, 8), "project it first"),
        (Ctf(defocus=(um(1), um(2))), images(3, 8, 8), "each of 2 views, but its argument 3 views"),
        (Ctf(defocus=um(1), on="spectrum"), images(3, 8, 8), "a real image"),
        (CentralSlice(), grid(4, 4, 4), "transform the volume first"),
        (Translate(shift=(Quantity(1e-9, LENGTH), 0.0)), grid(4, 4), "no voxel size"),
    ],
)
def test_misfits(word: Project, domain: Space, message: str) -> None:
    with pytest.raises(MisfitError, match=message):
        make(word, domain=domain)
