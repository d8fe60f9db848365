"""`recon zoo card`: results of runs, in the contract and on the card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from recon.dsl.model.folder import read_contract
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.command.zoo.card import zoo_card
from recon.runtime.experiment.run import run_page
from recon.zoo.verify import verify
from small_weights import small

PAGE = """recon 1
experiment "measured"
weights w = folder("w")
data cam = sample("camera")
data coins = sample("coins")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
method own { solver network(w) }
method tv {
  prior x ~ denoiser(tv)
  solver ista(iterations = 1) { sigma = 0.1 }
}
metrics [psnr]
"""


def test_results_of_a_run_go_into_contract_and_card(tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    done = run_page(parse(Source("page.recon", PAGE)), tmp_path, [], out=tmp_path / "run", device="cpu")
    told = CliRunner().invoke(zoo_card, [str(folder), str(tmp_path / "run"), "--beside", str(tmp_path)])
    assert told.exit_code == 0, told.output
    rows = read_contract(folder).results
    scores = {(o.data, o.method): float(o.metrics["psnr"][0]) for o in done.outcomes}
    assert [row["data"] for row in rows] == ["cam", "coins"]
    for row in rows:
        assert (row["sigma"], row["metric"]) == (0.1, "psnr")
        assert row["value"] == pytest.approx(scores[row["data"], "own"], abs=1e-4)
        assert row["beside"] == {"tv": pytest.approx(scores[row["data"], "tv"], abs=1e-4)}
    text = (folder / "README.md").read_text()
    assert "| cam | 0.1 | psnr |" in text
    assert "with `solver` `network(w)`" in text, "how a page applies them"
    assert all(f.holds for f in verify(folder)), "the weights are as they were"


def test_licences_are_stated_and_results_kept(tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    before = read_contract(folder)
    given = ["--licence", "CC0-1.0", "--data-licence", "of two museums"]
    told = CliRunner().invoke(zoo_card, [str(folder), *given])
    assert told.exit_code == 0, told.output
    after = read_contract(folder)
    assert after.licences.model_dump() == {
        **before.licences.model_dump(),
        "weights": "CC0-1.0",
        "data": "of two museums",
    }
    assert after.results == before.results
    assert "- data: of two museums" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (None, "is no folder of a run that was finished"),
        ({"outcomes": []}, "has no method with the solver `network`"),
    ],
)
def test_a_folder_without_results_is_one_line(metrics: object, said: str, tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    before = (folder / "config.json").read_bytes()
    run = tmp_path / "run"
    run.mkdir()
    (run / "spec.recon").write_text("recon 1\nimage x : real[4, 4]\nnoise y ~ gaussian(x, sigma = 1)\n")
    if metrics is not None:
        (run / "metrics.json").write_text(json.dumps(metrics))
    told = CliRunner().invoke(zoo_card, [str(folder), str(run)])
    assert told.exit_code == 2
    assert said in told.output
    assert (folder / "config.json").read_bytes() == before
