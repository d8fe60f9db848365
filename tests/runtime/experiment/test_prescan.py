"""A page whose noise covariance is estimated from a scan without signal, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.operators.mri import Birdcage, Coils
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.run import run_page

PAGE = """recon 1
data scans = npz("scan.npz") { y = kspace; C = covariance(prescan); x = truth }
image x : complex[16, 16]
forward A = fft2(norm = "ortho") @ coils(maps = birdcage(4))
noise y ~ gaussian(A @ x, covariance = C)
prior 0.001 * sq(x)
metrics nmse
"""


def test_a_covariance_of_each_row(tmp_path: Path) -> None:
    """Rows whose coils are noisy in turn: each row's own covariance keeps its noisy coil from spoiling the image."""
    rng = np.random.default_rng(0)

    def white(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    rows = 2
    domain = Space("complex", (Axis("row", 16), Axis("col", 16)))
    maps = build_operator(place(Leaf(Coils(maps=Birdcage(coils=4))), domain), Build())
    truth = white(rows, 16, 16).astype(np.complex64)
    images = maps.forward(torch.as_tensor(truth))
    clean = torch.fft.fftshift(
        torch.fft.fft2(torch.fft.ifftshift(images, dim=(-2, -1)), norm="ortho"), dim=(-2, -1)
    ).numpy()
    scale = np.array([[10, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 10]])[:, :, None, None]
    kspace = clean + scale * white(rows, 4, 16, 16)
    prescan = scale[..., 0] * white(rows, 4, 400)
    np.savez(tmp_path / "scan.npz", kspace=kspace, prescan=prescan, truth=truth)
    page = parse(Source("page.recon", PAGE))
    result = run_page(page, tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0, [o.failure for o in result.outcomes]
    own = np.mean(result.outcomes[0].metrics["nmse"])
    without = parse(
        Source("page.recon", PAGE.replace("covariance = C", "sigma = 1").replace("C = covariance(prescan); ", ""))
    )
    plain = run_page(without, tmp_path, [], out=tmp_path / "plain", device="cpu")
    assert own < 0.1
    assert np.mean(plain.outcomes[0].metrics["nmse"]) > 10 * own
