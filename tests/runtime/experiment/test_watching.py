"""Metrics along the iterations, and epochs in traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page

PAGE = """recon 1
data cam = sample("camera")
image x : real[24, 24]
forward A = radon(views = 12)
noise y ~ gaussian(A @ x, sigma = 0.1)
method blocks { solver sgd(blocks = 4, epochs = 3) }
method whole { solver gradient(iterations = 20) }
metrics [psnr, nmse]
"""


def run(text: str, folder: Path) -> RunResult:
    return run_page(parse(Source("page.recon", text)), folder, [], out=folder / "out", device="cpu")


def test_curves_over_epochs_show_metrics_of_the_page(tmp_path: Path) -> None:
    r = run(PAGE + "report curves { along = epoch; show = [objective, nmse] }\n", tmp_path)
    traces = {t["method"]: t for t in json.loads((r.folder / "trace.json").read_text())}
    assert traces["blocks"]["epochs"] == [1, 2, 3]
    assert traces["whole"]["epochs"] == traces["whole"]["iterations"] == [1, 10, 20]
    for o in r.outcomes:
        assert traces[o.method]["nmse"][-1] == pytest.approx(o.metrics["nmse"][0], rel=1e-12)
        assert len(traces[o.method]["nmse"]) == len(traces[o.method]["epochs"])
        assert "psnr" not in traces[o.method]  # no curve shows it


def test_without_such_curves_nothing_is_scored_on_the_way(tmp_path: Path) -> None:
    r = run(PAGE, tmp_path)
    assert not any("nmse" in t for t in json.loads((r.folder / "trace.json").read_text()))
