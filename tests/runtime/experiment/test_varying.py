"""Pages whose masks change with the row of the data or with the frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page
from recon.runtime.experiment.simulation import simulate_page

PAGE = """recon 1
data p = phantom(ellipses, count = {count})
image x : complex[24, 24]
forward A = cartesian(accel = 3, vary = {vary}) @ fft2(norm = "ortho")
noise y ~ gaussian(A @ x, sigma = 0.01)
method zero_filled {{ solver adjoint }}
method smooth {{ prior 5 * sq(x); solver cg(iterations = 5) }}
metrics [psnr] {{ of = abs(estimate) }}
"""


def lines(folder: Path, count: int, vary: str) -> list[bytes]:
    """Which columns each row of the page measures, the same with both methods."""
    page = parse(Source("page.recon", PAGE.format(count=count, vary=vary)))
    out = folder / f"{vary}-{count}"
    assert run_page(page, folder, [], out=out, device="cpu").code == 0
    found = []
    for method in ("zero_filled", "smooth"):
        files = sorted((out / method).glob("measurement-y*.npy"), key=lambda f: f.stem.removesuffix("-0000"))
        assert len(files) == count
        found.append([(np.load(f) != 0).any(axis=0) for f in files])
    assert np.array_equal(*found)
    assert all(mask.sum() == 8 for mask in found[0])
    return [mask.tobytes() for mask in found[0]]


def test_rows_have_their_own_lines(tmp_path: Path) -> None:
    three, four = lines(tmp_path, 3, "row"), lines(tmp_path, 4, "row")
    assert len(set(four)) == 4
    assert three == four[:3]
    assert len(set(lines(tmp_path, 3, "page"))) == 1


def test_what_is_simulated_is_what_is_run(tmp_path: Path) -> None:
    ran = lines(tmp_path, 3, "row")
    page = parse(Source("page.recon", PAGE.format(count=3, vary="row")))
    folder, count = simulate_page(page, tmp_path, [], out=tmp_path / "made")
    assert count == 3
    made = [np.load(f)["y"] for f in sorted(folder.glob("*.npz"))]
    assert [(y != 0).any(axis=0).tobytes() for y in made] == ran


def test_the_same_page_gives_the_same_bytes(tmp_path: Path) -> None:
    text = PAGE.format(count=2, vary="frame").replace("complex[24, 24]", "complex[24, 24] { frames = 3 }")
    page = parse(Source("page.recon", text))
    one, two = (run_page(page, tmp_path, [], out=tmp_path / name, device="cpu").folder for name in "ab")
    names = sorted(str(f.relative_to(one)) for f in one.rglob("*.npy"))
    assert len(names) >= 8
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()
    y = np.load(one / "smooth" / "measurement-y-0000.npy")
    masks = {(frame != 0).any(axis=0).tobytes() for frame in y}
    assert y.shape == (3, 24, 24)
    assert len(masks) == 3


def test_least_squares_with_a_mask_for_each_frame_is_in_closed_form(tmp_path: Path) -> None:
    """min |M F x - y|^2 / (2 sigma^2) + w |x|^2: frame by frame a division in Fourier."""
    text = PAGE.format(count=1, vary="frame").replace("complex[24, 24]", "complex[24, 24] { frames = 3 }")
    text = text.replace("solver cg(iterations = 5)", "solver closed_form()") + "run { precision = float64 }\n"
    folder = run_page(parse(Source("page.recon", text)), tmp_path, [], out=tmp_path / "c", device="cpu").folder
    y = np.load(next((folder / "smooth").glob("measurement-y*.npy"))).astype(complex)
    x = np.load(next((folder / "smooth").glob("reconstruction*.npy")))
    precision, axes = 1 / 0.01**2, (-2, -1)  # a complex sigma is the deviation of real and imaginary part
    spectrum = y * precision / (precision + 2 * 5)
    wanted = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(spectrum, axes), norm="ortho"), axes)
    assert np.abs(x - wanted).max() == pytest.approx(0, abs=1e-11 * np.abs(wanted).max())
