"""Pages of users' mistakes beside what each is told, and pages that use every word without one."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from recon.dsl import vocabulary
from recon.dsl.check.page import load
from recon.dsl.elaborate.statements import SHAPES
from recon.dsl.model.terms import everything
from recon.dsl.model.word import Word
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import Statement

SPECS = Path(__file__).parent.parent / "specs"
GALLERY = SPECS.parent.parent / "specs"
BAD = sorted((SPECS / "bad").glob("*.recon"))
GOOD = sorted((SPECS / "good").glob("*.recon"))
LATER = {"attack"}
"""Statement kinds whose words are not there yet."""


def _regenerate() -> Any:
    spec = importlib.util.spec_from_file_location("regenerate", SPECS / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


told = _regenerate().told


def _id(page: Path) -> str:
    return page.stem


@pytest.mark.parametrize("page", BAD, ids=_id)
def test_a_mistake_is_told_exactly(page: Path) -> None:
    assert told(page) == page.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_mistake_has_its_text() -> None:
    assert {p.stem for p in BAD} == {p.stem for p in (SPECS / "bad").glob("*.txt")}


@pytest.mark.parametrize("page", BAD, ids=_id)
def test_every_mistake_is_noticed_where_it_stands(page: Path) -> None:
    text = page.with_suffix(".txt").read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith(("error[", "warning[", "note["))
    assert "error[" in text or "warning[" in text
    assert ":" in text.splitlines()[1] or page.stem in ("only-edition", "only-a-comment")


@pytest.mark.parametrize("page", GOOD, ids=_id)
def test_a_good_page_has_no_error(page: Path) -> None:
    found = load(page.read_text(encoding="utf-8"), page.name, page.parent).findings
    assert [d for d in found if d.severity == "error"] == []


@pytest.mark.parametrize("page", GOOD + sorted(GALLERY.rglob("*.recon")), ids=_id)
def test_a_page_is_formatted_to_a_fixed_point_that_means_the_same(page: Path) -> None:
    tree = parse(Source(page.name, page.read_text(encoding="utf-8")))
    text = format_page(tree)
    again = parse(Source(page.name, text))
    assert again == tree
    assert format_page(again) == text


def test_good_pages_use_every_statement_kind() -> None:
    trees = [parse(Source(p.name, p.read_text(encoding="utf-8"))) for p in GOOD]
    items = [i for tree in trees for i in tree.items]
    inner = [b for i in items if isinstance(i, Statement) for b in i.body or ()]
    kinds = {i.kind for i in [*items, *inner] if isinstance(i, Statement)}
    assert kinds == set(SHAPES) - LATER


def test_good_pages_use_every_word() -> None:
    used: set[tuple[str, str]] = set()
    for page in GOOD:
        e = load(page.read_text(encoding="utf-8"), page.name, page.parent).experiment
        words: list[Any] = [*e.metrics, *e.analyses, *e.views, *(d.source for d in e.data.values())]
        words += [value for d in e.data.values() for _, value in d.bindings]
        words += [e.metrics_options.of, e.metrics_options.against, *(line.tracker for line in e.trackers)]
        for f in [*e.methods.values(), *([e.simulate] if e.simulate else [])]:
            words += [f.solver, f.train, *(line.law for line in f.likelihoods), *(p.energy for p in f.priors)]
            words += [p.rule for p in f.priors if p.rule is not None]
            words += f.operators.values()
        for word in words:
            used |= {(w.expression_kind, w.word) for w in everything(word) if isinstance(w, Word)}
    used -= {("network", "learned"), ("network", "pretrained")}  # of the language itself
    elsewhere = {("weights", "folder"), ("weights", "hub")}  # no page here has a folder of its own
    assert used == set(vocabulary.words()) - elsewhere
