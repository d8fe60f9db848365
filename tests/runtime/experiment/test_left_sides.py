"""Functions and operators left of `~`: the same problem said in two ways has the same solution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page

PAGE = """recon 1
param photons = 50
data cam = sample("camera")
image x : real[32, 32]
forward A = identity()
F = fft2(norm = "ortho")
simulate {{ noise y ~ {drawn} }}
noise {line}
prior {lam} * sq(gradient() @ x)
solver closed_form
metrics psnr
"""


def run(
    tmp_path: Path, line: str, drawn: str = "poisson(50 * A @ x + 5)", lam: float = 1.0
) -> tuple[RunResult, np.ndarray]:
    text = PAGE.format(line=line, drawn=drawn, lam=lam)
    result = run_page(parse(Source("page.recon", text)), tmp_path, [], out=tmp_path / "out", device="cpu")
    return result, np.load(next((tmp_path / "out").rglob("reconstruction.npy"))) if result.code == 0 else np.empty(0)


@pytest.mark.parametrize(
    "line",
    [
        "0.1 * y ~ gaussian(A @ x, sigma = 0.5)",
        "y / 10 ~ gaussian(A @ x, sigma = 0.5)",
        "F @ y ~ gaussian(10 * F @ x, sigma = 5)",
        "-y ~ gaussian(-10 * A @ x, sigma = 5)",
        "y - 3 ~ gaussian(10 * A @ x - 3, sigma = 5)",
    ],
)
def test_another_way_to_say_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, plain = run(tmp_path / "a", "y ~ gaussian(10 * A @ x, sigma = 5)")
    _, other = run(tmp_path / "b", line)
    np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max())


def test_a_function_of_the_measurement(tmp_path: Path) -> None:
    """Of exact data and without a prior to speak of, what stands left of `~` is the answer itself."""
    _, x = run(tmp_path, "-log(y / photons) ~ gaussian(A @ x, sigma = 0.1)", "none(A @ x + 1)", 1e-9)
    truth = np.load(next((tmp_path / "out").rglob("truth.npy")))
    np.testing.assert_allclose(x.reshape(truth.shape), -np.log((truth + 1) / 50), rtol=1e-5)


def test_values_that_are_not_finite_are_told(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "log(y) ~ gaussian(A @ x, sigma = 0.1)", "none(A @ x - 0.5)")
    assert result.code == 3
    assert "`log(y)` has values that are not finite" in result.outcomes[0].failure
