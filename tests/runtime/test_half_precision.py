"""`run { precision = "bf16" }`: networks compute in bfloat16, everything else in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page
from small_weights import small

PAGE = """recon 1
weights w = folder("w")
data cam = sample("camera")
image x : real[32, 32] {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = 0.1)
{solved}
metrics [psnr]
run {{ precision = "{precision}" }}
"""
SOLVED = {
    "a prior": "prior x ~ denoiser(w)\nsolver admm(iterations = 3) { sigma = 0.1 }",
    "a solver": "solver network(w)",
}


@pytest.mark.parametrize("solved", SOLVED)
def test_answers_differ_by_the_rounding_of_bfloat16(solved: str, tmp_path: Path) -> None:
    small(tmp_path / "w")
    found = {}
    for precision in ("float32", "bf16"):
        text = PAGE.format(solved=SOLVED[solved], precision=precision)
        page = parse(Source("page.recon", text))
        done = run_page(page, tmp_path, [], out=tmp_path / precision, device="cpu")
        found[precision] = np.load(done.folder / "reconstruction.npy")
        assert found[precision].dtype == np.float32
    apart = np.abs(found["bf16"] - found["float32"]).max()
    assert 0 < apart <= 0.05 * np.abs(found["float32"]).max()
