"""Metrics that have no value for a row: said, and left out of means."""

from pathlib import Path

import numpy as np
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page

PAGE = """recon 1
data d = npy("t.npy")
image x : real[48, 48]
noise y ~ gaussian(x, sigma = 0.1)
solver adjoint
metrics [psnr, ssim, vif, nmse, mse, ms_ssim(weights = [0.5, 0.5])]
"""


def test_a_constant_truth(tmp_path: Path) -> None:
    rows = [np.full((48, 48), 0.5), np.random.default_rng(0).random((48, 48)), np.zeros((48, 48))]
    np.save(tmp_path / "t.npy", np.stack(rows).astype(np.float32))
    (outcome,) = run_page(parse(Source("page.recon", PAGE)), tmp_path, [], out=tmp_path / "out", device="cpu").outcomes
    lacking = {name: np.isnan(values).tolist() for name, values in outcome.metrics.items()}
    ranged = {name: [True, False, True] for name in ("psnr", "ssim", "vif", "ms_ssim")}
    assert lacking == {**ranged, "nmse": [False, False, True], "mse": [False, False, False]}
    told = " ".join(outcome.notes)
    assert all(f"`{name}` is undefined where" in told for name in [*ranged, "nmse"])
    assert "`mse`" not in told
