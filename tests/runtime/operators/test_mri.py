"""Sampling patterns and coil sensitivities: counts, laws of the draws, and formulas in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.dsl.model.place import MisfitError
from recon.dsl.vocabulary.operators import fourier, mri
from recon.runtime.operators.base import Composition
from recon.runtime.operators.mri import CoilFilter, kept_lines

from .making import grid, make, sample


@pytest.mark.parametrize("lines", ["random", "equispaced", "variable"])
@pytest.mark.parametrize(("n", "accel", "center"), [(320, 4.0, 0.08), (321, 8.0, 0.04), (64, 3.3, 0.0), (40, 1.0, 0.5)])
def test_exactly_the_asked_number_of_lines(n: int, accel: float, center: float, lines: str) -> None:
    word = mri.Cartesian(accel=accel, center=center, lines=lines)  # type: ignore[arg-type]
    for seed in range(5):
        mask = kept_lines(word, n, np.random.default_rng(seed))
        assert mask.sum() == round(n / accel)
        central = round(n * center)
        middle = np.abs(np.arange(n) - n // 2 + (0.5 if central % 2 == 0 else 0)) <= central / 2 - 0.25
        assert middle.sum() == central
        assert mask[middle].all()


def test_equispaced_lines_have_equal_gaps_within_one() -> None:
    mask = kept_lines(mri.Cartesian(accel=4, center=0.0, lines="equispaced"), 322, np.random.default_rng(0))
    gaps = np.diff(np.flatnonzero(mask))
    assert set(gaps) <= {4, 5}
    offsets = {
        int(np.flatnonzero(kept_lines(mri.Cartesian(center=0, lines="equispaced"), 64, np.random.default_rng(s)))[0])
        for s in range(40)
    }
    assert offsets == {0, 1, 2, 3}


def test_random_lines_are_kept_equally_often() -> None:
    word, n, draws = mri.Cartesian(accel=4, center=0.1), 60, 4000
    rng = np.random.default_rng(1)
    often = np.mean([kept_lines(word, n, rng) for _ in range(draws)], axis=0)
    outside = np.ones(n, dtype=bool)
    outside[27:33] = False
    assert (often[~outside] == 1).all()
    chance = (15 - 6) / 54
    assert np.abs(often[outside] - chance).max() < 5 * (chance * (1 - chance) / draws) ** 0.5


def test_variable_density_draws_one_line_by_its_density() -> None:
    """With one line to draw, the chances are (1 - d)^power over their sum."""
    n, power, draws = 12, 2.5, 20000
    word, rng = mri.Cartesian(accel=n, center=0, lines="variable", power=power), np.random.default_rng(2)
    often = np.mean([kept_lines(word, n, rng) for _ in range(draws)], axis=0)
    density = (1 - np.abs(np.arange(n) - 6) / 7) ** power
    density /= density.sum()
    assert (np.abs(often - density) < 5 * (density * (1 - density) / draws) ** 0.5 + 1e-12).all()


def test_the_mask_stands_for_all_coils_and_is_what_is_measured() -> None:
    domain = grid(6, 16, field="complex")
    operator = make(mri.Cartesian(accel=4), fourier.Fft2(), mri.Coils(maps=mri.Birdcage(coils=3)), domain=domain)
    measured = operator.measured()
    assert measured is not None
    assert (measured.shape, int(measured.sum())) == ((16,), 4)
    y = operator(sample(domain))
    assert y.shape == (3, 6, 16)
    assert not y[..., ~measured].any()
    assert (y[..., measured] != 0).all()


def test_too_large_a_centre_is_refused() -> None:
    with pytest.raises(MisfitError, match="its centre of 50% alone has 8"):
        make(mri.Cartesian(accel=4, center=0.5), domain=grid(4, 16, field="complex"))


@pytest.mark.parametrize("radius", [1.0, 1.5])
def test_coils_are_the_formula(radius: float) -> None:
    domain = grid(2, 6, 7, field="complex", head=("frame",))
    operator = make(mri.Coils(maps=mri.Birdcage(coils=5, radius=radius)), domain=domain)
    rows, columns = np.mgrid[:6, :7]
    pixels = (columns - 3) / 3.5 + 1j * (rows - 3) / 3
    distance = pixels - radius * np.exp(2j * np.pi * np.arange(5) / 5)[:, None, None]
    maps = np.exp(1j * np.angle(distance)) / np.maximum(np.abs(distance), 1e-3)
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    x, y = sample(domain), sample(operator.codomain, seed=1)
    np.testing.assert_allclose(operator(x), x.numpy()[:, None] * maps, atol=1e-12)
    np.testing.assert_allclose(operator.adjoint(y), (y.numpy() * maps.conj()).sum(1), atol=1e-12)
    np.testing.assert_allclose(operator.gram(x), x, atol=1e-12)


def test_coils_are_those_of_sigpy_up_to_a_phase_each() -> None:
    """sigpy turns coil c by exp(i (pi / 2 - 2 pi c / C)): the same coils, with other constant phases."""
    theirs = pytest.importorskip("sigpy.mri").birdcage_maps((5, 12, 16), r=1.7)
    operator = make(mri.Coils(maps=mri.Birdcage(coils=5, radius=1.7)), domain=grid(12, 16, field="complex"))
    ours = operator(torch.ones(12, 16, dtype=torch.complex128)).numpy()
    turned = 1j * np.exp(-2j * np.pi * np.arange(5) / 5)[:, None, None]
    np.testing.assert_allclose(theirs, turned * ours, atol=1e-12)


@pytest.mark.parametrize("sizes", [(6, 8), (7, 9), (4, 6, 5)])
def test_shifts_are_folded_into_masks_and_images(sizes: tuple[int, ...]) -> None:
    """The quick chain is products, one plain transform, and coils: as many passes as without shifts."""
    domain = grid(*sizes, field="complex")
    transform = fourier.Fft3() if len(sizes) == 3 else fourier.Fft2()
    operator = make(mri.Cartesian(accel=2), transform, mri.Coils(maps=mri.Birdcage(coils=3)), domain=domain)
    assert isinstance(operator, Composition)
    assert [type(p).__name__ for p in operator.quick] == ["WeightedFourier", "CoilsOperator", "GridDiagonal"]
    x, y = sample(domain, 2), sample(operator.codomain, 2, seed=1)
    mask, plain, coils = operator.parts
    torch.testing.assert_close(operator(x), mask(plain(coils(x))), rtol=0, atol=1e-13)
    torch.testing.assert_close(operator.adjoint(y), coils.adjoint(plain.adjoint(mask.adjoint(y))), rtol=0, atol=1e-13)


def test_coils_of_a_volume_are_constant_along_z() -> None:
    flat = make(mri.Coils(maps=mri.Birdcage(coils=3)), domain=grid(4, 5, field="complex"))
    deep = make(mri.Coils(maps=mri.Birdcage(coils=3)), domain=grid(2, 4, 5, field="complex"))
    x = sample(deep.domain)
    torch.testing.assert_close(deep(x)[:, 1], flat(x[1]))


@pytest.mark.parametrize("sizes", [(6, 8), (7, 9), (3, 4, 6)])
def test_parallel_imaging_gram_goes_coil_by_coil(sizes: tuple[int, ...]) -> None:
    domain = grid(2, *sizes, field="complex", head=("frame",))
    operator = make(mri.Cartesian(accel=2), fourier.Fft2(), mri.Coils(maps=mri.Birdcage(coils=4)), domain=domain)
    assert isinstance(operator, Composition)
    assert isinstance(operator.middle, CoilFilter)
    x = sample(domain, 2)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)), rtol=1e-12, atol=1e-12)
