"""Claims of the book, on our data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page

BOOK = Path(__file__).parents[1] / "specs" / "book"


def run(name: str, out: Path, **settings: str) -> RunResult:
    path = BOOK / name
    overrides = [(k, parse_expression(Source(f"--set {k}", v))) for k, v in settings.items()]
    return run_page(parse(Source(path.name, path.read_text())), path.parent, overrides, out=out, device="cpu")


def test_figure_1_7_inverting_a_blur(tmp_path: Path) -> None:
    """Without noise the inverse is exact; with a little it is worse than the blurred picture; a prior repairs it."""
    psnr = {(o.cell["s"], o.method): o.metrics["psnr"][0] for o in run("figure-1-7.recon", tmp_path / "out").outcomes}
    assert psnr["1e-12", "inverse"] > 80
    assert psnr["1e-3", "inverse"] < 10
    assert psnr["1e-2", "inverse"] == pytest.approx(psnr["1e-3", "inverse"] - 20, abs=0.5)  # the error is all noise
    assert psnr["1e-3", "tikhonov"] > 28
    assert psnr["1e-2", "tikhonov"] > 25


def test_figure_2_1_bias_and_variance(tmp_path: Path) -> None:
    """Eq. (2.4): for H = A^T A / sigma^2 + 2 lam I, bias -2 lam H^-1 x and variance tr(H^-1 A^T A H^-1) / sigma^2."""
    draws = 400
    result = run("figure-2-1.recon", tmp_path / "out", draws=str(draws))
    truth = np.load(next((result.folder).rglob("truth.npy")))
    n, sigma = truth.size, 0.05
    t = np.arange(-12, 13)  # a Gaussian of width 3, cut at four widths
    kernel = np.exp(-(t**2) / 18.0)
    kernel /= kernel.sum()
    a = np.zeros((n, n))
    for i in range(n):
        for shift, k in zip(t, kernel, strict=True):
            a[i, (i - shift) % n] += k
    bias, variance = [], []
    for o in result.outcomes:
        lam = float(o.cell["lam"])
        inverse = np.linalg.inv(a.T @ a / sigma**2 + 2 * lam * np.eye(n))
        expected_bias = np.sum((2 * lam * inverse @ truth) ** 2) / n
        covariance = inverse @ a.T @ a @ inverse / sigma**2
        expected_variance = np.trace(covariance) / n
        # The variance of an estimated variance, for a Gaussian with this covariance: 2 tr(C^2) / (draws - 1).
        error = np.sqrt(2 * np.sum(covariance**2) / (draws - 1)) / n
        assert abs(o.metrics["variance"][0] - expected_variance) < 5 * error
        of_mean = np.sqrt(4 * (truth @ (2 * lam * inverse) @ covariance @ (2 * lam * inverse) @ truth) / draws) / n
        slack = 5 * (of_mean + np.sqrt(2 * np.sum(covariance**2)) / draws / n)
        assert abs(o.metrics["bias"][0] - expected_bias) < slack + 1e-12
        bias.append(o.metrics["bias"][0])
        variance.append(o.metrics["variance"][0])
    assert variance == sorted(variance, reverse=True)
    risk = np.add(bias, variance)
    assert 0 < int(np.argmin(risk)) < len(risk) - 1, "the best weight lies inside the sweep"


def test_figure_11_5_early_stopping(tmp_path: Path) -> None:
    """Prop. 12: sum of u_i u_i^T y (1 - eta sigma_i^2)^t is left of y after t steps; the error falls, then rises."""
    result = run("figure-11-5.recon", tmp_path / "out", **{"run.precision": "float64"})
    (outcome,) = result.outcomes
    t = np.arange(-6, 7)
    line = np.zeros(100)
    line[t % 100] = 1 - np.abs(t) / 7
    squares = np.abs(np.fft.fft(line / line.sum())) ** 2
    y, x = (
        np.stack([np.load(p) for p in sorted(result.folder.glob(name))])
        for name in ("measurement-y-*.npy", "truth-x-*.npy")
    )
    error = outcome.trace["nmse(x)"]
    for iteration, found in zip(outcome.iterations, error, strict=True):
        left = np.fft.ifft((1 - squares / 10) ** iteration * np.fft.fft(y)).real  # eta sigma_1^2 = 1 / 10
        expected = np.sum((y - left - x) ** 2, 1) / np.sum(x**2, 1)
        assert found == pytest.approx(expected.mean(), rel=1e-8)
    best = int(np.argmin(error))
    assert 10 < outcome.iterations[best] < 100
    assert error[0] > 5 * error[best]
    assert error[-1] > 1.5 * error[best]
