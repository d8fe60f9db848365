"""Denoisers that need no weights against other programs, and networks as denoisers of any images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bm3d
import cvxpy as cp
import numpy as np
import pytest
import pywt
import torch
from recon.dsl.model.networks import Pretrained
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import denoisers as words
from recon.dsl.vocabulary.operators.sparsity import Wavelet
from recon.dsl.vocabulary.pretrained import Zoo
from recon.runtime.build import Build
from recon.runtime.networks import denoiser_of, network_of

DOUBLE = Build(real=torch.float64)


def space(*sizes: int, field: Any = "real", names: tuple[str, ...] = ("row", "col")) -> Space:
    return Space(field, tuple(Axis(n, s) for n, s in zip(names, sizes, strict=True)))


@pytest.fixture
def picture() -> torch.Tensor:
    rng = np.random.default_rng(0)
    image = np.zeros((2, 16, 16))
    image[:, 4:9, 5:] = 1
    image[1, 10:, :7] = 0.6
    return torch.as_tensor(image + 0.1 * rng.standard_normal(image.shape))


def test_total_variation_is_its_proximal_map(picture: torch.Tensor) -> None:
    """1/2 |u - v|^2 + c sigma TV(u), at a level for each row."""
    denoise = denoiser_of(words.TvDenoiser.model_validate({"strength": 0.7, "iterations": 3000}), space(16, 16), DOUBLE)
    levels = torch.tensor([0.1, 0.3], dtype=torch.float64)
    found = denoise(picture, levels).numpy()
    for row, level, v in zip(found, levels.tolist(), picture.numpy(), strict=True):
        u = cp.Variable((16, 16))
        down = cp.vstack([u[1:] - u[:-1], np.zeros((1, 16))])
        right = cp.hstack([u[:, 1:] - u[:, :-1], np.zeros((16, 1))])
        lengths = cp.norm(cp.vstack([cp.vec(down, order="C"), cp.vec(right, order="C")]), 2, axis=0)
        energy = cp.sum_squares(u - v) / 2 + 0.7 * level * cp.sum(lengths)
        cp.Problem(cp.Minimize(energy)).solve(solver=cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=1e-10)
        np.testing.assert_allclose(row, u.value, atol=1e-4)


def test_a_hundred_steps_are_enough(picture: torch.Tensor) -> None:
    few = denoiser_of(words.TvDenoiser.model_validate({}), space(16, 16), DOUBLE)
    many = denoiser_of(words.TvDenoiser.model_validate({"iterations": 3000}), space(16, 16), DOUBLE)
    for level in (0.02, 0.1, 0.3):
        assert float((few(picture, level) - many(picture, level)).abs().max()) < 0.02 * level


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_shrinkage_is_that_of_pywavelets(kind: str, picture: torch.Tensor) -> None:
    word = words.Shrinkage.model_validate(
        {"basis": Leaf(Wavelet(name="db2", levels=2)), "threshold": 1.2, "kind": kind}
    )
    found = denoiser_of(word, space(16, 16), DOUBLE)(picture, torch.tensor([0.1, 0.2], dtype=torch.float64)).numpy()
    for row, level, v in zip(found, (0.1, 0.2), picture.numpy(), strict=True):
        coarse, *details = pywt.wavedec2(v, "db2", "periodization", level=2)
        shrunk = [tuple(pywt.threshold(d, 1.2 * level, kind) for d in scale) for scale in details]
        np.testing.assert_allclose(row, pywt.waverec2([coarse, *shrunk], "db2", "periodization"), atol=1e-10)


def test_cycle_spinning_is_the_mean_over_shifts(picture: torch.Tensor) -> None:
    basis = Leaf(Wavelet(name="haar", levels=2))
    once = denoiser_of(words.Shrinkage(basis=basis), space(16, 16), DOUBLE)  # type: ignore[call-arg]
    spun = denoiser_of(words.Shrinkage(basis=basis, shifts=4), space(16, 16), DOUBLE)  # type: ignore[call-arg]
    parts = [
        torch.roll(once(torch.roll(picture, (i, j), (1, 2)), 0.1), (-i, -j), (1, 2)) for i in range(4) for j in range(4)
    ]
    torch.testing.assert_close(spun(picture, 0.1), torch.stack(parts).mean(0))
    # Four shifts are all that two levels of Haar wavelets tell apart.
    moved = torch.roll(picture, (1, 2), (1, 2))
    torch.testing.assert_close(spun(moved, 0.1), torch.roll(spun(picture, 0.1), (1, 2), (1, 2)))


def test_bm3d_is_that_of_its_package(picture: torch.Tensor) -> None:
    denoise = denoiser_of(words.Bm3d(), space(16, 16, field="complex"), DOUBLE)
    v = torch.complex(picture, picture.flip(-1))
    found = denoise(v, torch.tensor([0.1, 0.2], dtype=torch.float64)).numpy()
    for row, level, image in zip(found, (0.1, 0.2), v.numpy(), strict=True):
        np.testing.assert_allclose(row.real, bm3d.bm3d(image.real, level), atol=1e-6)
        np.testing.assert_allclose(row.imag, bm3d.bm3d(image.imag, level), atol=1e-6)  # it computes in single precision


@pytest.mark.parametrize("word", [words.TvDenoiser.model_validate({}), words.Shrinkage.model_validate({})])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_maps_that_are_proximal_are_firmly_non_expansive(word: Any, field: str) -> None:
    """|D a - D b|^2 <= Re <D a - D b, a - b>, up to what a hundred steps leave."""
    torch.manual_seed(0)
    denoise = denoiser_of(word, space(16, 16, field=field), DOUBLE)
    dtype = torch.complex128 if field == "complex" else torch.float64
    for scale in (0.01, 1.0):
        a = torch.randn((4, 16, 16), dtype=dtype)
        b = a + scale * torch.randn((4, 16, 16), dtype=dtype)
        before = a.clone()
        move, apart = denoise(a, 0.3) - denoise(b, 0.3), a - b
        assert torch.equal(a, before)
        left = move.abs().square().sum((1, 2))
        right = (move.conj() * apart).real.sum((1, 2))
        assert bool((left <= right * (1 + 1e-3)).all())


@pytest.mark.parametrize("word", [words.TvDenoiser.model_validate({}), words.Shrinkage.model_validate({})])
def test_they_follow_the_scale_of_the_image(word: Any, picture: torch.Tensor) -> None:
    denoise = denoiser_of(word, space(16, 16), DOUBLE)
    torch.testing.assert_close(denoise(100 * picture, 10.0), 100 * denoise(picture, 0.1))


def test_total_variation_of_a_volume_spans_slices() -> None:
    torch.manual_seed(0)
    volume = torch.randn((1, 3, 16, 16), dtype=torch.float64)
    word = words.TvDenoiser.model_validate({})
    whole = denoiser_of(word, space(3, 16, 16, names=("z", "row", "col")), DOUBLE)(volume, 0.5)
    slices = denoiser_of(word, space(16, 16), DOUBLE)(volume[0], 0.5)
    assert not torch.allclose(whole[0], slices, atol=1e-2)


GRAY = Pretrained.of(Zoo(name="denoiser-gray"), Path())


def test_networks_take_volumes_slice_by_slice_and_colours_one_by_one() -> None:
    torch.manual_seed(0)
    v = torch.rand((2, 3, 20, 24))
    levels = torch.tensor([0.1, 0.2])
    plain = network_of(GRAY, space(20, 24))
    each = torch.stack([plain(v[i], levels[i].expand(3)) for i in range(2)])
    for names in (("z", "row", "col"), ("channel", "row", "col"), ("frame", "row", "col")):
        found = denoiser_of(GRAY, space(3, 20, 24, names=names), Build())(v, levels)
        torch.testing.assert_close(found, each, atol=1e-5, rtol=1e-4)
    film = v[:, :, None].expand(2, 3, 2, 20, 24)
    found = denoiser_of(GRAY, space(3, 2, 20, 24, names=("channel", "frame", "row", "col")), Build())(film, levels)
    torch.testing.assert_close(found, each[:, :, None].expand_as(found), atol=1e-5, rtol=1e-4)


def test_a_declared_range_is_brought_to_that_of_the_network() -> None:
    torch.manual_seed(0)
    v = torch.rand((1, 16, 16), dtype=torch.float64)
    found = denoiser_of(GRAY, space(16, 16), DOUBLE, (-3.0, 7.0))(10 * v - 3, 1.0)
    assert found.dtype == torch.float64
    torch.testing.assert_close((found + 3) / 10, denoiser_of(GRAY, space(16, 16), DOUBLE)(v, 0.1), atol=1e-5, rtol=0)
