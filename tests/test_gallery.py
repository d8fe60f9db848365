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
from recon.dsl.syntax.tree import Argument, Binding, Call, Expr, Index, Name, Number, Page, Statement
from recon.runtime.experiment.run import run_page

SPECS = Path(__file__).parents[1] / "specs"
PAGES = sorted(SPECS.rglob("*.recon"))
SMALL = {"n": "64", "draws": "5", "m": "32", "k": "3", "views": "20", "side": "24", "frames": "6", "scan": "1s"}

OFTEN = {"iterations": "4", "rounds": "2"}
LONG = ("measured-denoiser-complex", "measured-denoiser-gray", "measured-dncnn-25", "tune-baselines")
"""Pages of BM3D or of thirty cells on many pictures, which take long however small these are."""
TRAINED = packaged_names()
"""Pages that train the weights which install with recon, for hours."""
SOON = [pytest.param(p, marks=pytest.mark.slow if p.stem in LONG else ()) for p in PAGES]


def page_of(path: Path) -> Page:
    return parse(Source(path.name, path.read_text()))


def iterating(statements: tuple[object, ...] | None, path: str = "") -> list[tuple[str, str]]:
    """Overrides of the options of solvers that say how often something is done."""
    out = []
    for s in statements or ():
        if isinstance(s, Statement) and s.kind == "method" and isinstance(s.value, Name):
            out += iterating(s.body, f"{s.value.id}.")
        elif isinstance(s, Statement) and s.kind == "solver" and isinstance(s.value, Call):
            given = [a.name for a in s.value.arguments if isinstance(a, Argument) and a.name in OFTEN]
            out += [(f"{path}solver.{name}", OFTEN[name]) for name in given]
    return out


def training(statements: tuple[object, ...] | None, path: str = "") -> list[str]:
    """Paths of the options `steps` and `batch` of the `train` lines of a page."""
    out = []
    for s in statements or ():
        if isinstance(s, Statement) and s.kind == "method" and isinstance(s.value, Name):
            out += training(s.body, f"{s.value.id}.")
        elif isinstance(s, Statement) and s.kind == "train":
            given = {b.name for b in s.body or () if isinstance(b, Binding)}
            out += [f"{path}train.{name}" for name in ("steps", "batch") if name in given]
    return out


def whole_pictures(page: Page) -> list[tuple[str, str]]:
    """Overrides of images that are as large as the pictures they are scored on."""
    out = []
    for s in page.items:
        if isinstance(s, Statement) and s.kind == "image" and isinstance(s.value, Index):
            of, extents = s.value.base, s.value.items
            if (
                isinstance(of, Name)
                and s.name is not None
                and all(isinstance(e, Name) and e.id == "auto" for e in extents)
            ):
                out.append((s.name, f"{of.id}[64, 64]"))
    return out


def too_large(param: Statement) -> bool:
    """Whether a parameter is an extent or a count above that of small runs."""
    if param.kind != "param" or param.name not in SMALL:
        return False
    given = param.value
    return not isinstance(given, Number) or given.value > float(SMALL[param.name])


def small(page: Page) -> list[tuple[str, Expr]]:
    """Overrides that make a page run in about a second."""
    settings = [(s.name, SMALL[s.name]) for s in page.items if isinstance(s, Statement) and too_large(s)]
    settings += iterating(page.items)
    steps = training(page.items)
    settings += [(p, "2") for p in steps]
    settings += whole_pictures(page) if steps else []
    return [(p, parse_expression(Source(f"--set {p}", v))) for p, v in settings if p is not None]


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
