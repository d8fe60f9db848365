"""A derived quantity that data bind is shown, saved and scored beside the unknowns it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.fft
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page

PAGE = """recon 1
data cam = sample("camera") { x = image }
unknown z : real[32, 32]
x = dictionary(cosine, size = [16, 16]) @ z
noise y ~ gaussian(x, sigma = 0.05)
prior l1(z)
solver fista(iterations = 30)
metrics [psnr] { of = x }
"""


def test_a_derived_quantity_has_files_and_pictures(tmp_path: Path) -> None:
    result = run_page(parse(Source("page", PAGE)), tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0
    z, x, truth = (np.load(result.folder / f"{n}.npy") for n in ("reconstruction-z", "reconstruction-x", "truth-x"))
    np.testing.assert_allclose(x, scipy.fft.idctn(z, norm="ortho")[:16, :16], atol=1e-5)
    report = (result.folder / "report.html").read_text()
    assert all(f"{what} of x" in report for what in ("truth", "reconstruction", "error"))
    psnr = -10 * np.log10(np.mean((x - truth) ** 2))  # photographs range over 0..1
    np.testing.assert_allclose(result.outcomes[0].metrics["psnr"], psnr, rtol=1e-4)
