"""Every operator word, found in the vocabulary, with random parameters on random spaces; and random algebra of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from recon.dsl.model.facts import Diagonal, Norm, identity
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Compose, Leaf
from recon.dsl.model.word import Array, Draw, Kernel, Maps, Operator
from recon.dsl.vocabulary import words
from recon.dsl.vocabulary.operators import (
    basic,
    convolution,
    fourier,
    kernels,
    mri,
    nufft,
    resampling,
    sampling,
    sparsity,
)
from recon.runtime.meaning import meaning

from . import drawing
from .checks import check, dense_norm

torch.set_num_threads(1)
RANDOMLY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("cls", [c for c in words().values() if issubclass(c, (Operator, Array, Draw, Kernel, Maps))])
def test_word_has_a_meaning(cls: type[Operator]) -> None:
    assert callable(meaning(cls))


@pytest.mark.parametrize("cls", drawing.OPERATORS, ids=lambda c: c.__name__)
def test_word(cls: type[Operator], tmp_path: Path) -> None:
    tried, accepted = 0, 0

    @settings(RANDOMLY, max_examples=80)
    @given(st.data())
    def conforms(data: st.DataObject) -> None:
        nonlocal tried, accepted
        setting = drawing.Setting(drawing.domain(data.draw, cls), tmp_path)
        word = drawing.word(data.draw, cls, setting)
        tried += 1
        try:
            placed = place(Leaf(word, "here"), setting.domain)
        except MisfitError:
            assume(False)
        assume((placed.codomain.count or 0) <= 600)
        accepted += 1
        check(placed)

    conforms()
    assert accepted >= 80
    assert accepted >= tried / 12


@pytest.mark.parametrize(
    "classes",
    [
        (mri.Cartesian, fourier.Fft2),
        (mri.Cartesian, fourier.Fft2, mri.Coils),
        (basic.DiagonalOperator, fourier.Fft2, mri.Coils),
        (sampling.Points, fourier.Fft3, mri.Coils),
        (nufft.Nufft, mri.Coils),
        (basic.Mask, fourier.Fft3),
        (basic.Mask, basic.DiagonalOperator, fourier.Fft),
        (basic.Mask, fourier.Cosine, basic.DiagonalOperator),
        (basic.Flatten, basic.Mask, convolution.Conv),
        (resampling.Downsample, convolution.Conv),
        (resampling.Downsample, resampling.Downsample),
        (resampling.Crop, resampling.Sum, convolution.Conv),
        (sparsity.Gradient, convolution.Conv),
    ],
    ids=lambda classes: "-".join(c.__name__ for c in classes),
)
def test_chain(classes: tuple[type[Operator], ...], tmp_path: Path) -> None:
    """The chains that measurements are made of, for which A^H A takes short cuts."""
    accepted = 0

    @settings(RANDOMLY, max_examples=40)
    @given(st.data())
    def conforms(data: st.DataObject) -> None:
        nonlocal accepted
        setting = drawing.Setting(drawing.space(data.draw), tmp_path)
        chain: list[Leaf] = []
        try:
            here = setting.domain
            for cls in reversed(classes):
                chain.insert(0, Leaf(drawing.word(data.draw, cls, setting.on(here)), setting.fresh()))
                here = place(Compose(tuple(chain)), setting.domain).codomain
        except MisfitError:
            assume(False)
        accepted += 1
        check(place(Compose(tuple(chain)), setting.domain))

    conforms()
    assert accepted >= 40


@settings(RANDOMLY, max_examples=150)
@given(st.data())
def test_algebra(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("files")
    setting = drawing.Setting(drawing.space(data.draw, largest=32), folder, depth=3)
    placed = place(drawing.term(data.draw, setting, largest=300), setting.domain)
    size = dense_norm(placed)
    assume(size == 0 or size > 1e-6)  # where summands cancel, what is left is their rounding
    check(placed)


IMAGE = Space("complex", (Axis("row", 4), Axis("col", 6)))
BLUR = Leaf(convolution.Conv(kernel=kernels.GaussianKernel(width=0.2)))
SENSE = Compose((Leaf(mri.Cartesian(accel=2), "m"), Leaf(fourier.Fft2()), Leaf(mri.Coils(maps=mri.Birdcage(coils=3)))))


@pytest.mark.parametrize(
    ("term", "wrong"),
    [
        (Leaf(fourier.Fft2()), {"gram": identity(2.0)}),
        (Leaf(fourier.Fft2()), {"turns": Diagonal("cosine", axes=2)}),
        (Leaf(fourier.Fft2()), {"turns": Diagonal("fourier", axes=1)}),
        (Leaf(fourier.Fft2()), {"signs": True}),
        (Leaf(fourier.Fft2(norm="none")), {"norm": Norm(1.0, exact=True)}),
        (Leaf(resampling.Downsample(factor=2)), {"folds": (Diagonal("cosine", axes=2),)}),
        (Leaf(resampling.Downsample(factor=2, kind="bicubic")), {"folds": (Diagonal("fourier", axes=2),)}),
        (Leaf(fourier.Cosine()), {"diagonal": Diagonal("cosine", axes=2)}),
        (BLUR, {"gram": Diagonal("pixel")}),
        (BLUR, {"cogram": Diagonal("fourier", axes=1)}),
        (BLUR, {"norm": Norm(0.99)}),
        (BLUR, {"norm": Norm(1.01, exact=True)}),
        (Leaf(sparsity.Gradient()), {"gram": Diagonal("fourier", axes=2)}),
        (Leaf(sparsity.Gradient()), {"cogram": Diagonal("pixel")}),
        (SENSE, {"gram": Diagonal("fourier", axes=2)}),
        (SENSE, {"gram": identity(None)}),
        (SENSE, {"apart": ("row",)}),
        (SENSE, {"blocks": ("col",)}),
        (Leaf(fourier.Fft2()), {"apart": ("row",)}),
    ],
)
def test_wrong_facts_are_caught(term: Any, wrong: dict[str, Any]) -> None:
    placed = place(term, IMAGE)
    check(placed)
    with pytest.raises(AssertionError):
        check(replace(placed, facts=replace(placed.facts, **wrong)))
