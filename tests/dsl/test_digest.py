"""Digests: equal for equal meanings, however they are written; different where a result can be."""

import hashlib
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from recon.dsl.check.page import load
from recon.dsl.digest import file_digests, problem_digest, spec_digest
from recon.dsl.model.fields import FilePath

PAGE = """recon 1
param lam = 20
data cam = sample("camera")
image x : real[16, 16] { voxel = 1cm; unit = mm }
K = conv(gaussian(width = 1))
forward A = mask(keep = 50%) @ K
noise y ~ gaussian(A @ x, sigma = 0.05)
prior lam * tv(x)
prior sq(x)
solver pdhg(iterations = 100)
metrics [psnr]
"""


def digests(text: str, folder: Path = Path()) -> tuple[str, str]:
    e = load(text, "page.recon", folder).experiment
    return spec_digest(e), problem_digest(e, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("param lam", "## how strong\nparam lam"),
        ("lam = 20\n", "lam = 2 * 10   # nats\n"),
        ("param lam = 20\n", 'experiment "other"\nparam lam = 20\n'),
        ("lam * tv(x)", "2 * (10 * tv(x))"),
        ("prior lam * tv(x)\nprior sq(x)\n", "prior sq(x)\nprior lam * tv(x)\n"),
        ("prior lam * tv(x)\nprior sq(x)\n", "prior sq(x) + lam * tv(x)\n"),
        ("voxel = 1cm", "voxel = 10mm"),
        ("voxel = 1cm", "voxel = 0.01m"),
        ("keep = 50%", "keep = 0.5"),
        ("mask(keep = 50%)", "mask(50%)"),
        ("conv(gaussian(width = 1))", 'conv(gaussian(1), boundary = "circular")'),
        ("@ K\n", "@ conv(gaussian(width = 1))\n"),
        ("pdhg(iterations = 100)", "pdhg { iterations = 1e2 }"),
        (
            "metrics [psnr]\n",
            'metrics psnr\nrun { device = cpu; precision = "float64" }\nreport figure { show = [estimate] }\n',
        ),
        ("metrics [psnr]\n", 'metrics [psnr]\nlog wandb { project = "p"; images = 2 }\nlog tensorboard\n'),
        ("image x", "image\tx"),
    ],
)
def test_what_means_the_same(old: str, new: str) -> None:
    assert old in PAGE
    changed = PAGE.replace(old, new)
    if new.startswith("@ conv"):
        changed = changed.replace("K = conv(gaussian(width = 1))\n", "")
    assert digests(changed) == digests(PAGE)


def test_the_order_of_statements_means_nothing() -> None:
    first, *rest = PAGE.strip().split("\n")
    assert digests("\n".join([first, *reversed(rest)]) + "\n") == digests(PAGE)


@pytest.mark.parametrize(
    ("old", "new", "same_problem"),
    [
        ("lam = 20", "lam = 21", True),
        ("metrics [psnr]", "metrics [psnr, ssim]", True),
        ("iterations = 100", "iterations = 101", True),
        ("metrics [psnr]", "metrics [psnr]\nexpect mean(psnr) >= 3dB", True),
        ("tv(x)", "tv(x, boundary = circular)", True),
        ("metrics [psnr]", "metrics [psnr]\nsweep g { lam in [1, 2] }", True),
        ("metrics [psnr]", "metrics [psnr]\nrun { seed = 1 }", False),
        ("sigma = 0.05", "sigma = 0.06", False),
        ("keep = 50%", "keep = 51%", False),
        ("keep = 50%", "keep = 50%, seed = 1", False),
        ("real[16, 16]", "real[16, 17]", False),
        ("camera", "chelsea", False),
        ("data cam", "data photo", False),
        ("voxel = 1cm", "voxel = 2cm", False),
        ("forward A = mask(keep = 50%) @ K", "M = mask(keep = 50%)\nforward A = M @ K", False),
    ],
)
def test_what_means_something_else(old: str, new: str, same_problem: bool) -> None:
    assert old in PAGE
    spec, problem = digests(PAGE.replace(old, new))
    assert spec != digests(PAGE)[0]
    assert (problem == digests(PAGE)[1]) == same_problem


def test_swept_values_count_by_their_quantity() -> None:
    page = PAGE.replace("voxel = 1cm", "voxel = v") + "param v = 1cm\nsweep g { v in [VALUES] }\n"
    one, same, other = (digests(page.replace("VALUES", values))[0] for values in ("1cm, 2cm", "10mm, 20mm", "1cm, 3cm"))
    assert one == same != other


def test_files_count_by_their_content(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    page = PAGE.replace("conv(gaussian(width = 1))", 'conv(array("NAME.npy"))')
    numpy.save(tmp_path / "a.npy", numpy.ones((3, 3)))
    shutil.copy(tmp_path / "a.npy", tmp_path / "b.npy")
    a, b = (digests(page.replace("NAME", name), tmp_path) for name in ("a", "b"))
    assert a == b
    numpy.save(tmp_path / "b.npy", numpy.full((3, 3), 2.0))
    assert digests(page.replace("NAME", "b"), tmp_path) != a


def test_digests_are_sha256_in_hexadecimal() -> None:
    for digest in digests(PAGE):
        assert len(bytes.fromhex(digest)) == 32


def test_files_that_a_pattern_matches_count_by_content(tmp_path: Path) -> None:
    page = 'recon 1\ndata own = folder("*.png")\nimage x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 1)\n'

    def digest() -> str:
        return spec_digest(load(page, "page.recon", tmp_path).experiment)

    (tmp_path / "a.png").write_bytes(b"one")
    first = digest()
    assert digest() == first
    (tmp_path / "a.png").write_bytes(b"two")
    assert digest() != first
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "b.png").write_bytes(b"three")
    assert digest() != first


def test_large_files_are_digested_by_samples_within_a_second(tmp_path: Path) -> None:
    large = tmp_path / "large.npy"
    with large.open("wb") as f:
        f.truncate(20 * 2**30)  # a hole, which takes no room
        f.seek(0)
        f.write(b"begin")
    begin = time.perf_counter()
    (first,) = file_digests((FilePath("large.npy", str(large)),))
    assert time.perf_counter() - begin < 5
    assert first["bytes"] == 20 * 2**30
    with large.open("r+b") as f:
        f.seek(-3, 2)
        f.write(b"end")
    (second,) = file_digests((FilePath("large.npy", str(large)),))
    with large.open("r+b") as f:
        f.truncate(20 * 2**30 - 1)
    (third,) = file_digests((FilePath("large.npy", str(large)),))
    assert len({d["sha256"] for d in (first, second, third)}) == 3


def test_small_files_are_digested_whole(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(300_000)
    for place in (0, 150_000, 299_999):
        changed = bytearray(content)
        changed[place] ^= 1
        for name, data in (("a", content), ("b", bytes(changed))):
            (tmp_path / name).write_bytes(data)
        a, b = file_digests(tuple(FilePath(n, str(tmp_path / n)) for n in "ab"))
        assert a == {"sha256": hashlib.sha256(content).hexdigest()}
        assert b == {"sha256": hashlib.sha256(bytes(changed)).hexdigest()}
