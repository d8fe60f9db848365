"""STAR files of RELION: the referee of rotations is the matrix of its own formula, written out."""

from __future__ import annotations

from math import cos, radians, sin
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from recon.dsl.check.page import load
from recon.runtime.data.files import DataError
from recon.runtime.data.star import star, tables
from recon.runtime.experiment.run import run_page

from .pages import run

RNG = np.random.default_rng(0)
STACK = RNG.standard_normal((3, 8, 8)).astype(np.float32)

NEW = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
1 "group one"  300.0  2.7  0.1  1.5
2 g2           200.0  1.4  0.07 3.0


# version 30001

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOriginXAngst #5
_rlnOriginYAngst #6
_rlnDefocusU #7
_rlnDefocusV #8
_rlnDefocusAngle #9
_rlnOpticsGroup #10
000003@Extract/a.mrcs  10  20  30   1.5 -3.0  15000 14000 45  1
000001@Extract/a.mrcs  -70 130 200  0    0    20000 20000 0   2
"""

OLD = """
data_

loop_
_rlnImageName
_rlnAngleRot
_rlnOriginX
_rlnOriginY
_rlnDetectorPixelSize
_rlnMagnification
_rlnDefocusU
2@Extract/a.mrcs 15 2 -1 5.0 50000 10000
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "job" / "Extract").mkdir(parents=True)
    with mrcfile.new(tmp_path / "job" / "Extract" / "a.mrcs") as f:
        f.set_data(STACK)
    (tmp_path / "job" / "new.star").write_text(NEW)
    (tmp_path / "job" / "old.star").write_text(OLD)
    return tmp_path


def euler(rot: float, tilt: float, psi: float) -> np.ndarray:
    """RELION's matrix of Euler angles, as its source writes it."""
    ca, sa, cb, sb, cg, sg = (f(radians(v)) for v in (rot, tilt, psi) for f in (cos, sin))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def test_particles_of_the_new_form(root: Path) -> None:
    every = ["image", "rotation", "offset", "defocus", "defocus_u", "defocus_v", "astigmatism", "voltage", "cs",
             "amplitude", "pixel"]  # fmt: skip
    particles = star("job/new.star", root, columns=every)
    assert len(particles) == 2
    first, second = particles.read(0), particles.read(1)
    assert np.array_equal(first["image"], STACK[2])
    assert np.array_equal(second["image"], STACK[0])
    assert np.allclose(first["rotation"], euler(10, 20, 30))
    assert np.allclose(second["rotation"], euler(-70, 130, 200))
    assert np.allclose(first["offset"], [3e-10, -1.5e-10])
    assert np.isclose(first["defocus"], 1.45e-6)
    assert np.isclose(first["astigmatism"], np.pi / 4)
    assert [float(second[k]) for k in ("voltage", "cs", "amplitude", "pixel")] == pytest.approx(
        [2e5, 1.4e-3, 0.07, 3e-10]
    )


def test_particles_of_the_old_form(root: Path) -> None:
    (row,) = [star("job/old.star", root, columns=["image", "rotation", "offset", "pixel", "defocus"]).read(0)]
    assert np.array_equal(row["image"], STACK[1])
    assert np.allclose(row["rotation"], euler(15, 0, 0))
    assert np.isclose(row["pixel"], 1e-10)  # 5 um over 50000
    assert np.allclose(row["offset"], [1e-10, -2e-10])
    assert np.isclose(row["defocus"], 1e-6)


def test_a_page_runs(root: Path) -> None:
    result = run(root, 'star("job/new.star")', "y = image; ref = image")
    assert result.code == 0
    assert np.allclose(np.load(result.folder / "reconstruction-0001.npy"), STACK[0] / 1.02, atol=1e-6)


def test_poses_and_offsets_mean_what_relion_means(tmp_path: Path) -> None:
    """A point at r lies at the first two coordinates of R r in a picture, less the origin that would centre it."""
    n, pixel, r = 16, 1.5, np.array([3.0, -2.0, 4.0])  # x, y, z from the middle
    rng, lines, pictures = np.random.default_rng(3), [], []
    grid = np.arange(n) - n // 2
    for k in range(24):
        angles, origin = rng.uniform(0, 360, 3), rng.uniform(-2, 2, 2)  # x, y in pixels
        u, v = (euler(*angles) @ r)[:2] - origin
        pictures.append(np.exp(-((grid[None] - u) ** 2 + (grid[:, None] - v) ** 2) / 2))
        lines.append(f"{k + 1}@s.mrcs " + " ".join(f"{x:.6f}" for x in (*angles, *(origin * pixel))) + f" {pixel}")
    labels = ("ImageName", "AngleRot", "AngleTilt", "AnglePsi", "OriginXAngst", "OriginYAngst", "ImagePixelSize")
    head = "data_particles\n\nloop_\n" + "".join(f"_rln{name}\n" for name in labels)
    (tmp_path / "p.star").write_text(head + "\n".join(lines) + "\n")
    with mrcfile.new(tmp_path / "s.mrcs") as f:
        f.set_data(np.array(pictures, np.float32))
    text = f"""recon 1
data p = star("p.star") {{ rows = measurements; y = image; pose = rotation; shift = offset }}
volume x : real[{n}, {n}, {n}] {{ voxel = {pixel}Å }}
forward A = translate(shift) @ project(poses = pose)
noise y ~ gaussian(A @ x, sigma = 0.1)
prior 10 * sq(x)
solver cg(iterations = 20)
"""
    page = load(text, "page.recon", tmp_path, []).experiment.page
    result = run_page(page, tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0, [o.failure for o in result.outcomes]
    x = np.load(result.folder / "reconstruction.npy")
    z, row, col = (i - n // 2 for i in np.unravel_index(x.argmax(), x.shape))
    assert (col, row, z) == tuple(r)
    assert (result.folder / "reconstruction.mrc").exists()


def test_tables() -> None:
    found = tables("data_a\n_x  3 # three\n_y 'two words'\nloop_\n_u\n_v\n1 \"b c\"\n2 d\n\ndata_b\nloop_\n_w\n")
    assert found == {"a": {"x": ["3"], "y": ["two words"], "u": ["1", "2"], "v": ["b c", "d"]}, "b": {"w": []}}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data_particles", "data_particles\n", "new.star"),  # as it was
        ("000001@Extract/a.mrcs  -70 130", "000001@Extract/a.mrcs  -70", "columns"),
        ("20000 20000", "20000 many", "could not convert"),
        ("20000 20000", "20000 nan", "not finite"),
        ("000001@Extract", "000004@Extract", "asks for number 4"),
        ("000001@Extract/a", "000001@Extract/b", "there is no such file"),
        ("000001@Extract/a", "000001@../../../a", "outside"),
        ("000001@", "first@", "is no image"),
        ("_rlnImageName", "_rlnMicrographName", "no table of particles"),
        ("_rlnDefocusU", "_rlnOther", "has no column rlnDefocusU"),
        ("0   2\n", "0   7\n", "7"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(root: Path, old: str, new: str, words: str) -> None:
    (root / "job" / "new.star").write_text(NEW.replace(old, new))
    if words == "new.star":
        assert len(star("job/new.star", root, columns=["image"])) == 2
        return

    def read() -> None:
        particles = star("job/new.star", root, columns=["image", "defocus"])
        for k in range(len(particles)):
            particles.read(k)

    with pytest.raises(DataError, match=r"new\.star|Extract|a\.mrcs") as caught:
        read()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(root) not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00" * 50, b"hello\n" * 3, NEW.encode()[:400]])
def test_files_that_are_none(root: Path, content: bytes) -> None:
    (root / "job" / "new.star").write_bytes(content)
    with pytest.raises(DataError, match=r"new\.star"):
        star("job/new.star", root, columns=["image"])
