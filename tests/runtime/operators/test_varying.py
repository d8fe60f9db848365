"""Masks that are drawn anew for each frame or row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from recon.dsl.model.place import MisfitError
from recon.dsl.model.word import Operator as OperatorWord
from recon.dsl.vocabulary.operators.basic import Mask
from recon.dsl.vocabulary.operators.fourier import Fft2
from recon.dsl.vocabulary.operators.mri import Birdcage, Cartesian, Coils
from recon.dsl.vocabulary.operators.sampling import Points
from recon.dsl.vocabulary.operators.sensing import GaussianMatrix, Rademacher, RandomRows, Signs
from recon.runtime.operators.base import Operator
from recon.runtime.operators.mri import CoilFilter

from .making import DOUBLE, grid, make, sample

LINES = [{"lines": "random"}, {"lines": "equispaced"}, {"lines": "variable"}]
MASKS = [*(Cartesian(accel=4, center=0.1, **o) for o in LINES), Points(accel=4), Mask(keep=0.25)]  # type: ignore[arg-type]
WORDS = [*MASKS, GaussianMatrix(rows=5), Rademacher(rows=5), Signs(), RandomRows(keep=0.5)]


def varying(word: OperatorWord, vary: str) -> OperatorWord:
    return type(word)(**{**{n: getattr(word, n) for n in type(word).model_fields}, "vary": vary})


def kept(operator: Operator) -> np.ndarray:
    """What the mask keeps, on the whole domain."""
    return operator(torch.ones(operator.domain.sizes, dtype=torch.complex128)).real.numpy()


def seen(word: OperatorWord, row: str = "") -> np.ndarray:
    """What the operator makes of an image or signal, for a row of the data."""
    signal = isinstance(word, (GaussianMatrix, Rademacher))
    domain = grid(24) if signal else grid(16, 24, field="complex")
    return make(word, domain=domain, build=replace(DOUBLE, row=row))(sample(domain)).numpy()


@pytest.mark.parametrize("word", MASKS, ids=str)
def test_each_frame_has_its_own_draw_of_the_same_count(word: OperatorWord) -> None:
    mask = kept(make(varying(word, "frame"), domain=grid(6, 3, 16, 24, field="complex", head=("frame", "channel"))))
    counts = mask.sum(axis=(-2, -1))
    assert (counts == 16 * 24 / 4).all()
    assert (mask == mask[:, :1]).all(), "the same in every channel"
    assert len({frame.tobytes() for frame in mask}) >= 3, "there are five equispaced ones"
    still = kept(make(word, domain=grid(6, 3, 16, 24, field="complex", head=("frame", "channel"))))
    assert (still == still[:1]).all()


@pytest.mark.parametrize("word", MASKS, ids=str)
def test_a_frame_does_not_depend_on_how_many_there_are(word: OperatorWord) -> None:
    few, many = (
        kept(make(varying(word, "frame"), domain=grid(n, 16, 24, field="complex", head=("frame",)))) for n in (4, 9)
    )
    assert (few == many[:4]).all()


def test_lines_along_other_axes() -> None:
    domain = grid(3, 4, 16, 24, field="complex", head=("frame",))
    mask = kept(make(Cartesian(axis="z", accel=2, center=0, vary="frame"), domain=domain))
    assert (mask == mask[..., :1, :1]).all()
    assert (mask[..., 0, 0].sum(axis=1) == 2).all()


def test_a_seed_of_ones_own() -> None:
    domain = grid(3, 16, 24, field="complex", head=("frame",))
    one, same, other = (
        kept(make(Cartesian(seed=s, vary="frame"), domain=domain, at=a)) for s, a in ((3, "a"), (3, "b"), (4, "b"))
    )
    assert (one == same).all()
    assert (one != other).any()


@pytest.mark.parametrize("word", WORDS, ids=str)
@pytest.mark.parametrize("seed", ["auto", 3])
def test_each_row_has_its_own_draw(word: OperatorWord, seed: int | str) -> None:
    still = type(word)(**{**{n: getattr(word, n) for n in type(word).model_fields}, "seed": seed})
    changing = varying(still, "row")
    assert (seen(still, "d/1") == seen(still, "d/2")).all()
    one, two = seen(changing, "d/1"), seen(changing, "d/2")
    assert not np.array_equal(one, two)
    assert np.array_equal(one, seen(changing, "d/1"))


def test_the_normal_operator_of_parallel_imaging_stays_fast() -> None:
    """With a mask for each frame A^H A is still a filter of columns for each coil, and equals the dense one."""
    domain = grid(3, 6, 8, field="complex", head=("frame",))
    a = make(
        Cartesian(accel=2, center=0.2, vary="frame"), Fft2(norm="ortho"), Coils(maps=Birdcage(coils=3)), domain=domain
    )
    normal = a.normal()
    assert isinstance(normal, CoilFilter)
    assert normal.filtered.spectrum.shape == (3, 1, 8)
    x = sample(domain, 2)
    torch.testing.assert_close(a.gram(x), a.adjoint(a(x)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("word", MASKS, ids=str)
def test_frames_are_asked_for(word: OperatorWord) -> None:
    with pytest.raises(MisfitError, match=r"write `\{ frames = 25 \}`"):
        make(varying(word, "frame"), domain=grid(16, 24, field="complex"))
