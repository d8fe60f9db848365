"""fastMRI files as h5py writes them, read slice by slice; the referee of images is numpy's own transform."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from recon.dsl.check.page import load
from recon.runtime.build import Build
from recon.runtime.data.fastmri import fastmri
from recon.runtime.data.files import DataError
from recon.runtime.experiment.rows import RowReader
from recon.runtime.experiment.run import run_page

PAGE = """recon 1
data d = fastmri({source}) {{ {body} }}
image x : complex[auto, auto]
forward A = {forward}
noise y ~ gaussian(A @ x, sigma = 1e-6)
prior 1e4 * sq(x)
metrics [psnr(range = 1e-3)] {{ of = abs(estimate) }}
"""
SINGLE = 'fft2(norm = "ortho")'
MULTI = "fft2() @ coils(maps = birdcage(3))"


def centred_image(kspace: np.ndarray) -> np.ndarray:
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho", axes=axes), axes)


def write(path: Path, *, slices: int = 4, coils: int | None = 3, shape: tuple[int, int] = (20, 12), seed: int = 0,
          masked: bool = False, protocol: str = "CORPD_FBK") -> np.ndarray:  # fmt: skip
    """A file in the layout of the data set: reconstructions are 10 x 10 in the middle, as its 320 x 320 are."""
    rng = np.random.default_rng(seed)
    full = (slices, *(() if coils is None else (coils,)), *shape)
    k = ((rng.standard_normal(full) + 1j * rng.standard_normal(full)) * 1e-4).astype(np.complex64)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as f:
        f["ismrmrd_header"] = "<ismrmrdHeader/>"
        f.attrs["acquisition"] = protocol
        f.attrs["patient_id"] = "0123"
        if masked:
            f["mask"] = (np.arange(shape[1]) % 2 == 0).astype(np.float32)
            k = k * f["mask"][:].astype(np.float32)
        else:
            x = np.abs(centred_image(k))
            x = x if coils is None else np.sqrt((x**2).sum(1))
            x = x[:, shape[0] // 2 - 5 : shape[0] // 2 + 5, shape[1] // 2 - 5 : shape[1] // 2 + 5]
            f["reconstruction_esc" if coils is None else "reconstruction_rss"] = x.astype(np.float32)
            f.attrs["max"] = x.max()
            f.attrs["norm"] = np.linalg.norm(x)
        f["kspace"] = k
    return k


def reader(folder: Path, source: str, body: str = "y = kspace; ref = rss", forward: str = MULTI) -> RowReader:
    body += "" if "ref" in body else "; ref = abs(kspace)"
    checked = load(PAGE.format(source=source, body=body, forward=forward), "page.recon", folder, [])
    (data,) = checked.experiment.data.values()
    return RowReader(data, next(iter(checked.makers.values())), folder, Build())


def rows(folder: Path, source: str, *of: Any) -> list[dict[str, np.ndarray]]:
    r = reader(folder, source, *of)
    return [r.rows.read(i) for i in range(r.count)]


def test_a_slice_is_a_row_with_its_coils(tmp_path: Path) -> None:
    k = write(tmp_path / "a.h5")
    found = rows(tmp_path, '"a.h5"', "y = kspace; ref = reconstruction_rss")
    assert len(found) == 4
    with h5py.File(tmp_path / "a.h5") as f:
        for i, row in enumerate(found):
            assert row["kspace"].dtype == np.complex64
            assert np.array_equal(row["kspace"], k[i])
            assert np.array_equal(row["reconstruction_rss"], f["reconstruction_rss"][i])


@pytest.mark.parametrize("coils", [None, 3])
@pytest.mark.parametrize("shape", [(20, 12), (21, 13)])
def test_rss_is_the_images_of_the_file_at_the_extents_of_kspace(
    tmp_path: Path, coils: int | None, shape: tuple[int, int]
) -> None:
    k = write(tmp_path / "a.h5", coils=coils, shape=shape)
    found = rows(tmp_path, '"a.h5"', "y = kspace; ref = rss", SINGLE if coils is None else MULTI)
    x = np.abs(centred_image(k.astype(np.complex128)))
    x = x if coils is None else np.sqrt((x**2).sum(1))
    for i, row in enumerate(found):
        assert row["rss"].shape == shape
        assert np.allclose(row["rss"], x[i], rtol=1e-5, atol=1e-9)


def test_cropping_keeps_the_images_and_rss_is_then_what_the_file_holds(tmp_path: Path) -> None:
    k = write(tmp_path / "a.h5")
    for i, row in enumerate(rows(tmp_path, '"a.h5", crop = [10, 10]')):
        assert row["kspace"].shape == (3, 10, 10)
        assert np.allclose(centred_image(row["kspace"]), centred_image(k[i])[:, 5:15, 1:11], atol=1e-9)
        with h5py.File(tmp_path / "a.h5") as f:
            assert np.allclose(row["rss"], f["reconstruction_rss"][i], rtol=1e-5, atol=1e-9)
    same = rows(tmp_path, '"a.h5", crop = [20, 12]')
    assert np.allclose(same[0]["kspace"], k[0], atol=1e-9)


def test_choice_of_slices_files_splits_and_protocols(tmp_path: Path) -> None:
    ks = [write(tmp_path / f"multicoil_{s}" / f"file{n}.h5", seed=i, slices=3 + i, protocol=p)
          for i, (s, n, p) in enumerate([("train", 2, "PD"), ("train", 10, "FS"), ("val", 1, "PD")])]  # fmt: skip

    def is_from(found: list[dict[str, np.ndarray]], *expected: np.ndarray) -> None:
        assert len(found) == len(expected)
        assert all(np.array_equal(a["kspace"], b) for a, b in zip(found, expected, strict=True))

    is_from(rows(tmp_path, '"."'), *ks[0], *ks[1], *ks[2])
    is_from(rows(tmp_path, '"multicoil_train"'), *ks[0], *ks[1])
    is_from(rows(tmp_path, '"multicoil_*/*.h5"', 'split = "val"; y = kspace'), *ks[2])
    is_from(rows(tmp_path, '"multicoil_train", middle = 2'), *ks[0][0:2], *ks[1][1:3])
    is_from(rows(tmp_path, '"multicoil_train", slices = 1..2'), *ks[0][1:3], *ks[1][1:3])
    is_from(rows(tmp_path, '".", slices = 0..4 by 2, acquisition = "PD"'), *ks[0][::2], *ks[2][::2])
    with pytest.raises(DataError, match="no split test; its splits are train, val"):
        rows(tmp_path, '"multicoil_*"', 'split = "test"; y = kspace')
    with pytest.raises(DataError, match=r"file2\.h5: has 3 slices"):
        rows(tmp_path, '"multicoil_train", slices = 7..9')


def test_files_of_test_sets_have_a_mask_and_no_truth(tmp_path: Path) -> None:
    k = write(tmp_path / "a.h5", masked=True)
    (row, *_) = rows(tmp_path, '"a.h5"', "y = kspace; ref = mask")
    assert row["mask"].shape == (20, 12)
    assert np.array_equal(row["mask"][0], np.arange(12) % 2 == 0)
    assert np.array_equal(row["kspace"] * row["mask"], k[0])
    with pytest.raises(DataError, match=r"a\.h5: is undersampled, so it has no `rss`"):
        rows(tmp_path, '"a.h5"')


def test_scale(tmp_path: Path) -> None:
    k = write(tmp_path / "a.h5")
    (row, *_) = rows(tmp_path, '"a.h5", scale = max', "y = kspace; ref = reconstruction_rss")
    with h5py.File(tmp_path / "a.h5", "a") as f:
        largest = f.attrs["max"]
        assert np.allclose(row["kspace"], k[0] / largest, rtol=1e-6)
        assert np.allclose(row["reconstruction_rss"], f["reconstruction_rss"][0] / largest, rtol=1e-6)
        del f.attrs["max"]
    with pytest.raises(DataError, match="`max` is no positive number"):
        rows(tmp_path, '"a.h5", scale = max')


def test_a_set_of_twenty_gigabytes_is_read_a_slice_at_a_time(tmp_path: Path) -> None:
    """Unwritten chunks take no room on the disk, and a slice of 16 coils at 640 x 368 takes 30 MB."""
    for n in range(2):
        with h5py.File(tmp_path / f"{n}.h5", "w") as f:
            f.create_dataset("kspace", (350, 16, 640, 368), np.complex64, chunks=(1, 1, 640, 368))
            f["kspace"][349, 3, 5, 7] = 1 + n
            assert f["kspace"].size * 8 > 1e10
    r = reader(tmp_path, '"*.h5"', "y = kspace")
    tracemalloc.start()
    row = r.rows.read(699)["kspace"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row[3, 5, 7] == 2
    assert peak < 4 * row.nbytes


def test_only_files_that_are_reached_are_opened(tmp_path: Path) -> None:
    write(tmp_path / "a1.h5", slices=2)
    (tmp_path / "a2.h5").write_bytes(b"no hdf5")
    r = reader(tmp_path, '"*.h5"', "y = kspace; limit = 2")
    assert len(list(r.batches())) == 1
    r = reader(tmp_path, '"*.h5"', "y = kspace; limit = 3")
    with pytest.raises(DataError, match=r"row 3 of `d`: a2\.h5: cannot be read"):
        list(r.batches())


def damaged(path: Path, how: str) -> None:
    if how == "text":
        path.write_text("patient,scan\n1,2\n" * 100)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how.startswith("cut"):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * float(how[3:]))])
    else:
        k = {
            "nan": lambda k: np.where(np.arange(k.size).reshape(k.shape) == 7, np.nan, k).astype(np.complex64),
            "real": lambda k: k.real,
            "flat": lambda k: k[0, 0],
            "one slice": lambda k: k[:, 0, 0],
        }
        with h5py.File(path, "a") as f:
            stored = f["kspace"][:]
            del f["kspace"]
            if how in k:
                f["kspace"] = k[how](stored)
            elif how == "elsewhere":
                f["kspace"] = h5py.ExternalLink("b.h5", "kspace")
            elif how == "huge":
                f.create_dataset("kspace", (3, 10**6, 10**4, 10**3), np.complex64, chunks=(1, 1, 100, 100))


DAMAGE = [
    "text",
    "empty",
    "cut0.02",
    "cut0.5",
    "cut0.95",
    "nan",
    "real",
    "flat",
    "one slice",
    "missing",
    "elsewhere",
    "huge",
]


@pytest.mark.parametrize("how", [*DAMAGE, "folder"])
def test_damage_is_one_error_that_names_the_file_and_is_skipped_on_request(tmp_path: Path, how: str) -> None:
    for name in ("a1", "a2", "a3"):
        write(tmp_path / f"{name}.h5", slices=2)
    checked = load(
        PAGE.format(source='"*.h5"', body="y = kspace; ref = rss; on_error = skip", forward=MULTI), "p", tmp_path, []
    )
    damaged(tmp_path / "a2.h5", how)
    if how == "folder":
        assert len(rows(tmp_path, '"*.h5"')) == 4  # a pattern matches files alone
        with pytest.raises(DataError, match="the folder holds no"):
            rows(tmp_path, '"a2.h5"')
        return
    with pytest.raises(DataError, match=r"row \d of `d`: a2\.h5") as caught:
        list(reader(tmp_path, '"*.h5"', "y = kspace").batches())
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)
    (data,) = checked.experiment.data.values()
    r = RowReader(data, next(iter(checked.makers.values())), tmp_path, Build())
    read = [n for b in r.batches() for n in b.numbers]
    assert len(read) in (4, 5)  # a value that is not finite spoils one slice of two
    assert all("a2.h5" in line for line in r.skipped)
    assert r.skipped


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", slices=2, coils=2, shape=(12, 12))
    good = (tmp_path / "a.h5").read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(0, 4096, 60):
        bad = bytearray(good)
        bad[place] ^= int(rng.integers(1, 256))
        (tmp_path / "a.h5").write_bytes(bytes(bad))
        try:
            rows_of = fastmri("a.h5", tmp_path, columns=["kspace", "rss"])
            for i in range(len(rows_of)):
                assert np.isfinite(rows_of.read(i)["kspace"]).all()
        except DataError as e:
            assert "a.h5" in str(e)  # noqa: PT017


@pytest.mark.parametrize("coils", [None, 3])
def test_a_page_runs(tmp_path: Path, coils: int | None) -> None:
    k = write(tmp_path / "a.h5", coils=coils, slices=3)
    forward = SINGLE if coils is None else MULTI
    text = PAGE.format(source='"a.h5", middle = 2', body="y = kspace; ref = rss", forward=forward)
    checked = load(text, "page.recon", tmp_path, [])
    result = run_page(checked.experiment.page, tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0
    assert len(result.outcomes[0].rows) == 2
    if coils is None:
        x = np.load(result.folder / "reconstruction-0000.npy")
        shrunk = 1 / (1 + 2 * 1e4 * 1e-12)  # the quadratic prior against the data term, mode by mode
        assert np.allclose(x, centred_image(k[0]) * shrunk, atol=1e-8)
