"""What the quickstart promises, at its full size."""

from __future__ import annotations

import time
from pathlib import Path

from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page

PAGE = Path(__file__).parents[1] / "specs" / "quickstart.recon"


def run(out: Path, lam: str | None = None) -> RunResult:
    page = parse(Source(PAGE.name, PAGE.read_text()))
    overrides = [] if lam is None else [("lam", parse_expression(Source("--set lam", lam)))]
    return run_page(page, PAGE.parent, overrides, out=out, device="cpu")


def test_it_gains_four_decibels_meets_its_claim_and_is_quick(tmp_path: Path) -> None:
    start = time.perf_counter()
    result = run(tmp_path / "out")
    assert time.perf_counter() - start < 30
    assert result.code == 0
    outcome = result.outcomes[0]
    assert outcome.metrics["psnr"][0] >= outcome.baseline["psnr"] + 4


def test_its_weight_is_within_a_third_of_a_decibel_of_the_best_on_a_grid(tmp_path: Path) -> None:
    own = run(tmp_path / "own").outcomes[0].metrics["psnr"][0]
    grid = [run(tmp_path / f"lam{lam}", lam).outcomes[0].metrics["psnr"][0] for lam in ("10", "20", "60", "90", "140")]
    assert own >= max(grid) - 0.3
    assert min(grid) < own - 0.3, "a grid on which the weight does not matter tests nothing"
