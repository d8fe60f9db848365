"""Claims of the book's second chapter: what inverting without a prior costs, and what the common regularisers do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page


def run(text: str, out: Path) -> RunResult:
    return run_page(parse(Source("page.recon", "recon 1\n" + text)), out.parent, [], out=out, device="cpu")


def test_least_squares_pays_for_every_small_singular_value(tmp_path: Path) -> None:
    """Section 2.3: E|x_LS - x|^2 = sigma^2 sum_i 1 / sigma_i^2, which grows with the condition number."""
    draws, sigma, n = 300, 0.05, 100
    spread = {}
    for width in (0.5, 0.7, 0.9):
        result = run(
            f"""
            data sm = smooth(width = 5, count = 1)
            signal x : real[{n}]
            forward A = conv(gaussian(width = {width}))
            noise y ~ gaussian(A @ x, sigma = {sigma})
            solver pseudo_inverse
            analyze [bias_variance(draws = {draws}), norm(A)]
            run {{ precision = "float64" }}
            """,
            tmp_path / f"{width}",
        )
        reach = int(np.ceil(4 * width))
        t = np.arange(-reach, reach + 1)
        kernel = np.exp(-(t**2) / (2 * width**2))
        padded = np.zeros(n)
        padded[t % n] = kernel / kernel.sum()
        inverse = 1 / np.abs(np.fft.fft(padded)) ** 2
        expected = sigma**2 * inverse.sum() / n
        # A sum of independent squares with variances sigma^2 / sigma_i^2, estimated from so many draws.
        error = np.sqrt(2 * np.sum((sigma**2 * inverse) ** 2) / (draws - 1)) / n
        found = result.outcomes[0].metrics["variance"][0]
        assert abs(found - expected) < 5 * error
        spread[width] = found
    assert spread[0.9] > 10 * spread[0.5]


@pytest.fixture(scope="module")
def regularised(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(
        """
        param lam = 1
        data head = phantom(shepp_logan)
        image x : real[96, 96]
        forward A = cartesian(accel = 3, center = 10%) @ fft2(norm = "ortho")
        noise y ~ gaussian(A @ x, sigma = 0.02)
        method zero_filled { solver adjoint }
        method l2 { prior lam * sq(stack(diff(axis = row), diff(axis = col)) @ x) }
        method tv { prior lam * tv(x); solver admm(iterations = 150) }
        metrics [psnr]
        sweep weights { lam in [0.3, 1, 3, 10, 30] }
        """,
        tmp_path_factory.mktemp("regularised") / "out",
    )


def best(result: RunResult, method: str) -> tuple[float, np.ndarray]:
    """The largest PSNR of a method over the weights, with its image."""
    o = max((o for o in result.outcomes if o.method == method), key=lambda o: o.metrics["psnr"][0])
    return o.metrics["psnr"][0], np.load(result.folder / o.folder / "reconstruction.npy")


def test_total_variation_works_well_for_accelerated_mri(regularised: RunResult) -> None:
    """Section 2.2, each at its best weight: total variation beats the quadratic prior by far."""
    zero, l2, tv = (best(regularised, m)[0] for m in ("zero_filled", "l2", "tv"))
    assert l2 > zero
    assert tv > l2 + 5


def test_a_quadratic_prior_smooths_edges_that_total_variation_keeps(regularised: RunResult) -> None:
    """The steepest steps of the phantom, across its outer rim, are flattened by the one and kept by the other."""
    truth = np.load(next(regularised.folder.rglob("truth.npy")))
    edges = np.abs(np.diff(truth, axis=0)) > 0.5
    steps = {m: np.abs(np.diff(best(regularised, m)[1], axis=0))[edges].mean() for m in ("l2", "tv")}
    true = np.abs(np.diff(truth, axis=0))[edges].mean()
    lost = {m: true - step for m, step in steps.items()}
    assert lost["l2"] > 3 * lost["tv"]
