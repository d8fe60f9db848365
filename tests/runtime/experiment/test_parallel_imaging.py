"""Pages of parallel imaging: k-space of files, sampled afterwards; maps known and estimated; the referee is dense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page

N, COILS, ROWS = 12, 4, 2


def run(text: str, folder: Path) -> RunResult:
    page = parse(Source("page.recon", "recon 1\n" + text))
    result = run_page(page, folder, [], out=folder / "out", device="cpu")
    assert result.code == 0, [o.failure for o in result.outcomes]
    return result


def centred(x: np.ndarray) -> np.ndarray:
    """The orthonormal transform of the last two axes, zero frequency at N // 2."""
    axes = (-2, -1)
    shifted: np.ndarray = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(x, axes), norm="ortho"), axes)
    return shifted


def rings(n: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:n, :n] / (n / 2) - 1
    distance = columns + 1j * rows - radius * np.exp(2j * np.pi * np.arange(COILS) / COILS)[:, None, None]
    maps = np.exp(1j * np.angle(distance)) / np.abs(distance)
    normalised: np.ndarray = maps / np.linalg.norm(maps, axis=0)
    return normalised


def test_least_squares_of_sampled_kspace_is_the_dense_solution(tmp_path: Path) -> None:
    """`y = M @ kspace` of two slices with maps of their own: numpy's lstsq of the matrix, and sigpy's SenseRecon."""
    app = pytest.importorskip("sigpy.mri").app
    rng = np.random.default_rng(0)
    maps = np.stack([rings(N, 1.4), rings(N, 2.0)])
    kspace = rng.normal(size=(ROWS, COILS, N, N)) + 1j * rng.normal(size=(ROWS, COILS, N, N))
    mask = np.zeros(N)
    mask[3:9] = 1  # a centre of half of the lines
    wanted = np.empty((ROWS, N, N), complex)
    for row in range(ROWS):
        unit = np.eye(N * N).reshape(-1, 1, N, N)
        matrix = (centred(unit * maps[row]) * mask).reshape(N * N, -1).T
        wanted[row] = np.linalg.lstsq(matrix, (kspace[row] * mask).ravel(), rcond=None)[0].reshape(N, N)
        theirs = app.SenseRecon(
            kspace[row] * mask, maps[row], weights=mask * np.ones((N, 1)), max_iter=500, tol=0, show_pbar=False
        ).run()
        np.testing.assert_allclose(theirs, wanted[row], atol=1e-6 * np.abs(wanted).max())
    np.savez(tmp_path / "scan.npz", kspace=kspace, maps=maps, wanted=wanted)
    result = run(LEAST_SQUARES, tmp_path)
    nmse = result.outcomes[0].metrics["nmse"]
    assert len(nmse) == ROWS
    assert max(nmse) < 1e-14


LEAST_SQUARES = f"""
data scan = npz("scan.npz") {{ y = M @ kspace; sens = maps; x = wanted }}
image x : complex[{N}, {N}]
M = cartesian(accel = 2, center = 50%)
forward A = M @ fft2(norm = "ortho") @ coils(maps = sens)
noise y ~ gaussian(A @ x)
solver cg(iterations = 500, tolerance = 1e-12)
metrics [nmse]
run {{ precision = "float64" }}
"""
ESTIMATED = """
data scan = npz("scan.npz") { y = M @ kspace; x = image }
image x : complex[64, 64]
M = cartesian(accel = 2, center = 30%)
forward A = M @ fft2(norm = "ortho") @ coils(maps = espirit(y, calib = 18))
noise y ~ gaussian(A @ x)
solver cg(iterations = 30)
metrics [nmse] { of = abs(estimate) }
"""


def test_maps_are_estimated_for_each_row(tmp_path: Path) -> None:
    """Two rows with different coils: both images come back to within what ESPIRiT misses of the maps."""
    rows, columns = np.mgrid[:64, :64] / 32 - 1
    inside = rows**2 + columns**2 < 0.6
    images = np.stack([inside * (1 + 0.3 * np.sin(6 * rows)), inside * (1 + 0.3 * np.cos(5 * columns))])
    maps = np.stack([rings(64, 1.4), rings(64, 2.2)[::-1]])
    np.savez(tmp_path / "scan.npz", kspace=centred(images[:, None] * maps), image=images.astype(complex))
    result = run(ESTIMATED, tmp_path)
    assert max(result.outcomes[0].metrics["nmse"]) < 0.03**2  # ESPIRiT misses these maps by 3% at most


def test_a_centre_without_data_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", kspace=np.zeros((1, 3, 64, 64), complex), image=np.ones((1, 64, 64), complex))
    page = parse(Source("page.recon", "recon 1\n" + ESTIMATED))
    result = run_page(page, tmp_path, [], out=tmp_path / "out", device="cpu")
    assert "`espirit` cannot take maps from `y`: its centre was not measured" in str(result.outcomes[0].failure)
