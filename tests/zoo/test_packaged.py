"""The weights that install with recon are what their contracts, cards and pages say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recon.dsl.model.folder import read_contract
from recon.dsl.model.packaged import packaged_names, packaged_weights
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.command.zoo.card import results_of
from recon.runtime.experiment.run import run_page
from recon.zoo.card import described
from recon.zoo.verify import verify

SPECS = Path(__file__).parents[2] / "specs" / "zoo"
NAMES = sorted(packaged_names())


def test_they_are_there_and_small() -> None:
    assert set(NAMES) == {"denoiser-complex", "denoiser-gray", "dncnn-25", "srcnn-x2"}
    assert sum(p.stat().st_size for p in packaged_weights().rglob("*") if p.is_file()) < 12 * 2**20


@pytest.mark.parametrize("name", NAMES)
def test_they_are_what_they_say(name: str) -> None:
    folder = packaged_weights() / name
    assert [f for f in verify(folder) if not f.holds] == []
    contract = read_contract(folder)
    for file, text in described(contract).items():
        assert (folder / file).read_text() == text
    assert contract.licences.data != "NOASSERTION"
    assert {row["data"] for row in contract.results} == {"camera", "chelsea", "retina", "coins"}
    assert (folder / "spec.recon").read_text() == (SPECS / f"{name}.recon").read_text(), "the page that trained them"


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == "srcnn-x2" else [pytest.mark.slow]) for n in NAMES])
def test_results_come_out_again(name: str, tmp_path: Path) -> None:
    """To a hundredth: processors round differently."""
    page = parse(Source(f"{name}.recon", (SPECS / f"measured-{name}.recon").read_text()))
    done = run_page(page, SPECS, [], out=tmp_path / "out", device="cpu")
    contract = read_contract(packaged_weights() / name)
    held = {(r["data"], r.get("sigma"), r["metric"]): r["value"] for r in contract.results}
    found = results_of(done.folder, SPECS)
    assert len(found) == 8
    for row in found:
        assert row["value"] == pytest.approx(held[row["data"], row.get("sigma"), row["metric"]], abs=0.01)
    assert json.loads((done.folder / "manifest.json").read_text())["status"].startswith("done")
