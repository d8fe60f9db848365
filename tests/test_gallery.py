"""Every page of the gallery is laid out canonically, checks without an error and runs, small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from recon.dsl.check.page import load
from recon.dsl.model.packaged import packaged_names
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page
from small_pages import LONG, PAGES, SPECS, page_of, small

TRAINED = packaged_names()
"""Pages that train the weights which install with recon, for hours."""
SOON = [pytest.param(p, marks=pytest.mark.slow if p.stem in LONG else ()) for p in PAGES]


def test_there_are_pages() -> None:
    assert len(PAGES) >= 10


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(SPECS)))
def test_layout(path: Path) -> None:
    assert format_page(page_of(path)) == path.read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(SPECS)))
def test_check(path: Path) -> None:
    checked = load(path.read_text(), path.name, path.parent)
    assert all(d.severity != "error" for d in checked.findings)
    assert checked.experiment.doc, "a page of the gallery says what it is for"


@pytest.mark.parametrize("path", SOON, ids=lambda p: str(p.relative_to(SPECS)))
def test_runs_small(path: Path, tmp_path: Path) -> None:
    page = page_of(path)
    result = run_page(page, path.parent, small(page), out=tmp_path / "out", device="cpu")
    assert result.code in (0, 4), [o.failure for o in result.outcomes]  # claims are for the full size
    assert result.outcomes
    for o in result.outcomes:
        assert not o.failure
        assert o.metrics
        assert all(np.isfinite(v).all() for v in o.metrics.values())
    for name in ("report.html", "manifest.json", "metrics.json", "trace.json", "spec.recon", "citations.bib"):
        assert (result.folder / name).stat().st_size > 0
    assert json.loads((result.folder / "manifest.json").read_text())["status"].startswith("done")
    again = parse(Source("spec.recon", (result.folder / "spec.recon").read_text()))
    assert format_page(again) == (result.folder / "spec.recon").read_text()


WHOLE = (pytest.mark.slow, pytest.mark.timeout(1800))
HOURS = (pytest.mark.training, pytest.mark.timeout(24 * 3600))
FULL = [pytest.param(p, marks=HOURS if p.stem in TRAINED else WHOLE) for p in PAGES]


@pytest.mark.parametrize("path", FULL, ids=lambda p: str(p.relative_to(SPECS)))
def test_claims_hold_at_full_size(path: Path, tmp_path: Path) -> None:
    result = run_page(page_of(path), path.parent, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0, [str(v) for v in result.verdicts]


def test_same_page_same_bytes(tmp_path: Path) -> None:
    path = SPECS / "quickstart.recon"
    page = page_of(path)
    first = run_page(page, path.parent, small(page), out=tmp_path / "a", device="cpu")
    second = run_page(page, path.parent, small(page), out=tmp_path / "b", device="cpu")
    for name in ("reconstruction.npy", "reconstruction.png", "measurement-y.npy", "metrics.json", "spec.recon"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_another_seed_another_measurement(tmp_path: Path) -> None:
    path = SPECS / "quickstart.recon"
    page = page_of(path)
    seed = [("run.seed", parse_expression(Source("--set", "1")))]
    first = run_page(page, path.parent, small(page), out=tmp_path / "a", device="cpu")
    second = run_page(page, path.parent, [*small(page), *seed], out=tmp_path / "b", device="cpu")
    assert not np.array_equal(np.load(first.folder / "measurement-y.npy"), np.load(second.folder / "measurement-y.npy"))


def test_threads_are_one_in_tests() -> None:
    assert torch.get_num_threads() == 1
