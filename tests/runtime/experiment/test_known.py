"""Values that data bind for each row, as parameters of operators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.data.files import DataError
from recon.runtime.experiment.run import RunResult, run_page

N, COILS, ROWS = 12, 3, 4


def run(text: str, folder: Path, out: str = "out") -> RunResult:
    page = parse(Source("page.recon", "recon 1\n" + text))
    return run_page(page, folder, [], out=folder / out, device="cpu")


@pytest.fixture
def scan(tmp_path: Path) -> dict[str, np.ndarray]:
    """Images seen through maps that differ from row to row, without noise, in a file."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(ROWS, N, N)) + 1j * rng.normal(size=(ROWS, N, N))
    maps = rng.normal(size=(ROWS, COILS, N, N)) + 1j * rng.normal(size=(ROWS, COILS, N, N))
    arrays = {"image": image, "maps": maps, "seen": maps * image[:, None]}
    np.savez(tmp_path / "scan.npz", **arrays)
    return arrays


PAGE = f"""
data d = npz("scan.npz") {{ y = seen; x = image; sens = maps }}
image x : complex[{N}, {N}]
forward A = coils(maps = sens)
noise y ~ gaussian(A @ x, sigma = 1e-3)
solver cg(iterations = 200, tolerance = 1e-9)
metrics nmse
run {{ precision = "float64" }}
"""


def test_maps_of_each_row(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Least squares through each row's own maps gives each row's image back."""
    result = run(PAGE, tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    nmse = result.outcomes[0].metrics["nmse"]
    assert len(nmse) == ROWS
    assert max(nmse) < 1e-12


def test_simulated_through_maps_of_each_row(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    result = run(PAGE.replace("y = seen; ", "").replace("sigma = 1e-3", "sigma = 1e-9"), tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    y = np.load(result.folder / "measurement-y-0000.npy")
    np.testing.assert_allclose(y[0] if y.ndim == 4 else y, scan["seen"][0], atol=1e-7)


def test_maps_in_an_expression(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    """An operator takes a value computed from a known one: twice the maps, half the image."""
    page = PAGE.replace("maps = sens)", "maps = 2 * sens)").replace("x = image", "x = 0.5 * image")
    result = run(page, tmp_path)
    assert result.code == 0
    assert max(result.outcomes[0].metrics["nmse"]) < 1e-12


def test_maps_of_another_size_name_the_sizes(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", **{**scan, "maps": scan["maps"][:, :, 1:]})
    result = run(PAGE, tmp_path)
    assert result.code == 3
    assert "needs maps of coils x 12 x 12, and these are 3 x 11 x 12" in result.outcomes[0].failure


def test_all_rows_measure_one_unknown(tmp_path: Path) -> None:
    """Four measurements of one image through four sets of maps: one problem, with all of them in its data term."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N))
    gains = rng.normal(size=(ROWS, N, N)) + 1j * rng.normal(size=(ROWS, N, N))
    noise = 0.1 * rng.normal(size=(ROWS, N, N))
    np.savez(tmp_path / "scan.npz", image=np.stack([image] * ROWS), gain=gains, seen=gains * image + noise)
    page = PAGE.replace("sens = maps", "sens = gain; rows = measurements")
    result = run(page, tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    assert len(result.outcomes[0].metrics["nmse"]) == 1
    found = np.load(result.folder / "reconstruction.npy").reshape(N, N)
    expected = (gains.conj() * (gains * image + noise)).sum(0) / (abs(gains) ** 2).sum(0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rows_that_disagree_on_the_unknown(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", image=scan["image"], maps=scan["maps"][:, 0], seen=scan["seen"][:, 0])
    with pytest.raises(DataError, match="measure one unknown, but `x` differs between the rows 1 and 2"):
        run(PAGE.replace("sens = maps", "sens = maps; rows = measurements"), tmp_path)


def test_data_that_do_not_bind_a_value(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    text = PAGE.replace("; sens = maps", "")
    with pytest.raises(SpecError) as failed:
        run(text, tmp_path)
    assert [d.code for d in failed.value.diagnostics] == ["RN017"]
    two = PAGE.replace("data d", 'data e = npz("scan.npz") { y = seen; x = image }\ndata d')
    with pytest.raises(SpecError) as failed:
        run(two, tmp_path)
    assert [(d.code, d.message) for d in failed.value.diagnostics] == [("RN027", "`e` does not say what `sens` is")]
