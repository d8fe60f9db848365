"""Interpolation of coarse pixels against MATLAB's imresize, Pillow and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from recon.dsl.model.place import place
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators.resampling import Downsample
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import ScaledOperator
from recon.runtime.problem import Problem
from torch import Tensor

from ..operators.test_resampling import imresize


def interpolated(problem: Problem, kind: Any) -> Tensor:
    word = words.Interpolate(kind=kind)
    out: Tensor = meaning(word)(word, problem).solve()
    return out


@pytest.mark.parametrize("kind", ["bicubic", "bilinear"])
@pytest.mark.parametrize("average", ["average", "bicubic"])
def test_interpolation_is_imresize(kit: Any, rng: np.random.Generator, kind: Any, average: Any) -> None:
    """Coarse pixels in the middle of their blocks, as Pillow and imresize take them; Pillow differs at the edges."""
    A = build_operator(place(Leaf(Downsample(factor=3, kind=average)), kit.image(30, 36)), Build(real=torch.float64))
    y = rng.standard_normal((1, 10, 12))
    problem = kit.problem(A.domain, (HalfSquare(1.0, torch.as_tensor(y)), A))
    found = interpolated(problem, kind)[0].numpy()
    rows, columns = imresize(10, 30, kind), imresize(12, 36, kind)
    np.testing.assert_allclose(found, rows @ y[0] @ columns.T, atol=1e-12)
    pillow = Image.fromarray(y[0].astype(np.float32)).resize((36, 30), Image.Resampling[kind.upper()])
    np.testing.assert_allclose(found[6:-6, 6:-6], np.asarray(pillow)[6:-6, 6:-6], atol=1e-5)


@pytest.mark.parametrize("kind", ["bicubic", "bilinear", "nearest"])
def test_interpolation_keeps_measured_pixels_where_they_stand(kit: Any, rng: np.random.Generator, kind: Any) -> None:
    """Every n-th pixel is measured as it is, so the interpolated image has it there; a factor is divided out."""
    A = build_operator(place(Leaf(Downsample(factor=3)), kit.image(30, 36)), Build(real=torch.float64))
    y = torch.as_tensor(rng.standard_normal((2, 10, 12)))
    problem = kit.problem(A.domain, (HalfSquare(1.0, 2 * y), ScaledOperator(2.0, A, A.facts)), rows=2)
    found = interpolated(problem, kind)
    np.testing.assert_allclose(A(found), y, atol=1e-12)
    if kind == "bilinear":  # straight lines between measured pixels
        between = found[:, 0:28, 0:34][:, ::3, 1::3]
        np.testing.assert_allclose(between[..., :-1], (2 * y[..., :-1] + y[..., 1:])[..., : between.shape[-1] - 1] / 3)


def test_nearest_fills_blocks(kit: Any, rng: np.random.Generator) -> None:
    word = Leaf(Downsample(factor=2, kind="average"))
    A = build_operator(place(word, kit.image(6, 8)), Build(real=torch.float64))
    y = rng.standard_normal((1, 3, 4))
    problem = kit.problem(A.domain, (HalfSquare(1.0, torch.as_tensor(y)), A))
    found = interpolated(problem, "nearest")[0]
    np.testing.assert_array_equal(found, y[0].repeat(2, 0).repeat(2, 1))
