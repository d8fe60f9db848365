"""Every operator word, found in the vocabulary, with random parameters on random spaces; and random algebra of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.terms import Leaf
from recon.dsl.model.word import Array, Kernel, Maps, Operator
from recon.dsl.vocabulary import words
from recon.runtime.meaning import meaning

from . import drawing
from .checks import check

torch.set_num_threads(1)
RANDOMLY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("cls", [c for c in words().values() if issubclass(c, (Operator, Array, Kernel, Maps))])
def test_word_has_a_meaning(cls: type[Operator]) -> None:
    assert callable(meaning(cls))


@pytest.mark.parametrize("cls", drawing.OPERATORS, ids=lambda c: c.__name__)
def test_word(cls: type[Operator], tmp_path: Path) -> None:
    tried, accepted = 0, 0

    @settings(RANDOMLY, max_examples=25)
    @given(st.data())
    def conforms(data: st.DataObject) -> None:
        nonlocal tried, accepted
        setting = drawing.Setting(drawing.space(data.draw), tmp_path)
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
    assert accepted >= 20
    assert accepted >= tried / 10


@settings(RANDOMLY, max_examples=120)
@given(st.data())
def test_algebra(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("files")
    setting = drawing.Setting(drawing.space(data.draw, largest=32), folder, depth=3)
    term = drawing.term(data.draw, setting, largest=300)
    check(place(term, setting.domain))
