"""Weights that a page leaves to a rule: what comes out is the page with the number in the rule's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page

BODY = """recon 1
{data}
image x : real[24, 24]
forward A = conv(gaussian(width = 1), boundary = "circular")
noise y ~ {law}
prior {weight} * sq(gradient() @ x)
solver {solver}
metrics [mse]
report table {{ rows = data; cells = [mean(mse), mean(weight)] }}
"""
GAUSSIAN = "gaussian(A @ x, sigma = 0.05)"
ROWS = 'data d = npy("rows.npy")'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of unlike contrast, so that each needs a weight of its own."""
    rng = np.random.default_rng(0)
    smooth = [np.cumsum(np.cumsum(rng.standard_normal((24, 24)), 0), 1) for _ in range(3)]
    rows = np.stack([a * (x - x.min()) / (x.max() - x.min()) for a, x in zip((0.3, 1.0, 4.0), smooth, strict=True)])
    np.save(tmp_path / "rows.npy", rows.astype(np.float32))
    return tmp_path


def ran(folder: Path, name: str, **of: str) -> dict[str, Any]:
    filled = {"data": ROWS, "law": GAUSSIAN, "solver": "closed_form", "weight": "auto", **of}
    result = run_page(parse(Source("page.recon", BODY.format(**filled))), folder, [], out=folder / name, device="cpu")
    (outcome,) = json.loads((folder / name / "metrics.json").read_text())["outcomes"]
    assert not outcome["failure"]
    assert result.outcomes[0].rows == outcome["rows"]
    estimates = [np.load(p) for p in sorted((folder / name).glob("reconstruction*.npy"))]
    measured = [np.load(p) for p in sorted((folder / name).glob("measurement*.npy"))]
    report = (folder / name / "report.html").read_text()
    return {**outcome, "estimates": estimates, "measured": measured, "report": report, "result": result}


@pytest.mark.parametrize("rule", ["discrepancy", "sure"])
def test_each_row_has_the_weight_that_it_has_alone(folder: Path, rule: str) -> None:
    together = ran(folder, "together", weight=f"auto({rule})")
    weights = together["metrics"]["weight"]
    assert len(set(weights)) == 3
    for n in (1, 2):
        fewer = ran(folder, f"fewer{n}", weight=f"auto({rule})", data=f"{ROWS} {{ limit = {n} }}")
        assert fewer["metrics"]["weight"] == weights[:n]
        for a, b in zip(fewer["estimates"], together["estimates"], strict=False):
            assert np.abs(a - b).max() <= 1e-5 * np.abs(b).max()


def test_the_estimate_is_that_of_the_number(folder: Path) -> None:
    found = ran(folder, "found", weight="auto(sure)", data=f"{ROWS} {{ limit = 1 }}")
    (weight,) = found["metrics"]["weight"]
    given = ran(folder, "given", weight=repr(weight), data=f"{ROWS} {{ limit = 1 }}")
    assert np.abs(found["estimates"][0] - given["estimates"][0]).max() <= 1e-6
    assert given["metrics"]["weight"] == [pytest.approx(weight)], "the report's table speaks of it"
    (outcome,) = found["result"].outcomes
    assert outcome.choices[0][0] == "weight"
    assert outcome.choices[0][1] == weight
    assert "sure" in outcome.choices[0][2]
    assert "mean(weight)" in found["report"]


def test_a_factor_in_front_of_the_rule_counts(folder: Path) -> None:
    once = ran(folder, "once", weight="auto(sure)", data=f"{ROWS} {{ limit = 1 }}")
    twice = ran(folder, "twice", weight="2 * auto(sure)", data=f"{ROWS} {{ limit = 1 }}")
    assert twice["metrics"]["weight"][0] == pytest.approx(once["metrics"]["weight"][0], rel=0.1)


def test_the_residual_is_as_large_as_the_noise(folder: Path) -> None:
    """Each row's |A x - y|^2 is m sigma^2, to what the search allows: 0.05 sqrt(2 / m), relative."""
    out = ran(folder, "out", weight="auto(discrepancy)")
    kernel = np.exp(-0.5 * np.arange(-12, 12) ** 2)
    blur = np.abs(np.fft.fft(kernel / kernel.sum()))
    transfer = blur[:, None] * blur[None]
    for x, y in zip(out["estimates"], out["measured"], strict=True):
        blurred = np.fft.ifft2(transfer * np.fft.fft2(x)).real
        assert ((blurred - y) ** 2).sum() == pytest.approx(24 * 24 * 0.05**2, rel=0.06 * np.sqrt(2 / 576))


def test_validation_finds_one_weight_for_all_rows_and_is_not_reconstructed(folder: Path) -> None:
    """Against a dense sweep over the validation data."""
    val = 'data v = npy("rows.npy") { limit = 2 }'
    rule = "auto(validation(data = v))"
    out = ran(folder, "out", data=f"{ROWS}\n{val}", weight=rule)
    weights = out["metrics"]["weight"]
    assert len(weights) == 3
    assert len(set(weights)) == 1

    def error(weight: float) -> float:
        swept = ran(folder, "swept", data='data v = npy("rows.npy") { limit = 2 }', weight=repr(weight))
        return float(np.sum(swept["metrics"]["mse"]))

    best = min(error(weights[0] * 1.15**k) for k in range(-6, 7))
    assert error(weights[0]) <= 1.003 * best  # a tenth of the weight, where the error is flat


def test_counts_meet_their_deviance(folder: Path) -> None:
    """The found weight leaves 2 KL(y, A x) at its expected value, here one for each of the many counts."""
    rows = np.load(folder / "rows.npy")[1:2] * 200 + 100
    np.save(folder / "rows.npy", rows)
    out = ran(folder, "out", law="poisson(A @ x)", weight="auto", solver="pdhg(iterations = 600)")
    kernel = np.exp(-0.5 * np.arange(-12, 12) ** 2)
    blur = np.abs(np.fft.fft(kernel / kernel.sum()))
    mean = np.fft.ifft2(blur[:, None] * blur[None] * np.fft.fft2(out["estimates"][0])).real
    y = out["measured"][0]
    deviance = 2 * (y * np.log(y / mean) + mean - y)
    assert deviance.sum() / 576 == pytest.approx((1 + 1 / (6 * mean)).mean(), rel=0.06 * np.sqrt(2 / 576))


def test_a_level_that_no_weight_meets_is_told(folder: Path) -> None:
    """A stated noise far above the real one: even the flattest image fits closer."""
    law = "gaussian(A @ x, sigma = 30)\nsimulate { noise y ~ gaussian(A @ x, sigma = 0.01) }"
    out = ran(folder, "out", law=law, weight="auto(discrepancy)", data=f"{ROWS} {{ limit = 1 }}")
    assert any("weight of row 1" in warning for warning in out["warnings"])
