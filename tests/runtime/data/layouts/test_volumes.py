"""Volumes that nibabel, tifffile and mrcfile write come back whole and slice by slice; damage is said once."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import mrcfile
import nibabel
import numpy as np
import pytest
import tifffile
from recon.runtime.data.files import DataError, regular_file
from recon.runtime.data.volumes import mrc, nifti, tiff, volume_rows, write_mrc

from .pages import reader, rows, run

RNG = np.random.default_rng(0)
VOLUME = RNG.integers(-500, 3000, (4, 6, 5)).astype(np.int16)  # z, row, col


def write_nifti(path: Path, volume: np.ndarray = VOLUME, slope: float = 2.0, unit: str = "mm") -> None:
    image = nibabel.Nifti1Image(volume.T, np.diag([0.5, 0.75, 2.0, 1.0]))
    image.header.set_xyzt_units(unit)
    image.header.set_slope_inter(slope, -10)
    nibabel.save(image, path)


def write_tiff(path: Path, volume: np.ndarray = VOLUME) -> None:
    tifffile.imwrite(path, volume, photometric="minisblack")


def write_mrc_file(path: Path, volume: np.ndarray = VOLUME) -> None:
    with mrcfile.new(path, overwrite=True) as f:
        f.set_data(volume)
        f.voxel_size = (5.0, 7.5, 20.0)


WRITERS: dict[str, Callable[..., None]] = {
    "a.nii": write_nifti,
    "a.nii.gz": write_nifti,
    "a.tif": write_tiff,
    "a.mrc": write_mrc_file,
}
WORDS = {"nii": "nifti", "gz": "nifti", "tif": "tiff", "mrc": "mrc"}


def word(name: str, options: str = "") -> str:
    return f'{WORDS[name.rsplit(".")[-1]]}("{name}"{options})'


def stored(name: str, volume: np.ndarray = VOLUME) -> np.ndarray:
    """What the format's own library reads, z in front."""
    return volume * 2.0 - 10 if "nii" in name else volume.astype(float)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_a_row_or_each_of_its_slices_is(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    (row,) = rows(tmp_path, word(name), "x = volume", "volume x : real[auto, auto, auto]")
    assert row["volume"].dtype == np.float32
    assert np.array_equal(row["volume"], stored(name))
    for axis, cut in (("z", lambda k: stored(name)[k]), ("row", lambda k: stored(name)[:, k]),
                      ("col", lambda k: stored(name)[:, :, k])):  # fmt: skip
        found = rows(tmp_path, word(name, f", axis = {axis}, every = 2"), "x = slice")
        assert len(found) == -(-stored(name).shape["z row col".split().index(axis)] // 2)  # noqa: SIM905
        for k, row in enumerate(found):
            assert np.array_equal(row["slice"], cut(2 * k)), (axis, k)


@pytest.mark.parametrize("name", WRITERS)
def test_pages_run(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    result = run(tmp_path, word(name, ", every = 3"), "y = slice / 1000; ref = slice / 1000")
    assert result.code == 0
    assert len(result.outcomes[0].rows) == 2
    x = np.load(result.folder / "reconstruction-0001.npy")
    assert np.allclose(x, stored(name)[3] / 1000 / 1.02, rtol=1e-5)


def test_nifti_in_time_and_its_voxels(tmp_path: Path) -> None:
    series = RNG.standard_normal((3, 4, 6, 5)).astype(np.float32)
    write_nifti(tmp_path / "a.nii.gz", series, slope=1.0, unit="micron")
    file = regular_file("a.nii.gz", tmp_path)
    row = volume_rows(file, nifti, columns=["volume"]).read(0)
    assert np.allclose(row["volume"], series - 10, atol=1e-5)
    with pytest.raises(DataError, match="series of 3 volumes in time"):
        list(reader(tmp_path, 'nifti("a.nii.gz")', "x = slice").batches())
    assert np.allclose(nifti(file).extra("voxel"), np.array([2.0, 0.75, 0.5]) * 1e-6)


@pytest.mark.parametrize("mode", [np.int8, np.int16, np.uint16, np.float16, np.float32, np.complex64])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_mrc_modes(tmp_path: Path, mode: type, packed: str) -> None:
    volume = (RNG.standard_normal((3, 4, 5)) * 50).astype(mode)
    with mrcfile.new(tmp_path / f"a.mrc{packed}", compression=packed[1:].replace("gz", "gzip") or None) as f:
        f.set_data(volume)
        f.voxel_size = (5.0, 7.5, 20.0)
    file = regular_file(f"a.mrc{packed}", tmp_path)
    read = volume_rows(file, mrc, columns=["stack", "voxel"]).read(0)
    assert np.array_equal(read["stack"], volume)
    assert np.allclose(read["voxel"], [20e-10, 7.5e-10, 5e-10])
    assert np.array_equal(volume_rows(file, mrc, columns=["slice"]).read(1)["slice"], volume[1])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tlt", "-60.0\n0.5\n  60\n"),
        ("t.rawtlt", "-60\n0.5\n60"),
        (
            "t.mrc.mdoc",
            "[ZValue = 0]\nTiltAngle = -60\nA = 1\n[ZValue = 1]\nTiltAngle = 0.5\n[ZValue = 2]\nTiltAngle = 60\n",
        ),
    ],
)
def test_tilts_stand_beside(tmp_path: Path, name: str, text: str) -> None:
    write_mrc_file(tmp_path / "t.mrc", VOLUME[:3])
    (tmp_path / name).write_text(text)
    file = regular_file("t.mrc", tmp_path)
    whole = volume_rows(file, mrc, columns=["stack", "angle"]).read(0)
    assert np.allclose(np.degrees(whole["angle"]), [-60, 0.5, 60])
    each = volume_rows(file, mrc, columns=["slice", "angle"])
    assert np.allclose(np.degrees(each.read(2)["angle"]), 60)
    (tmp_path / name).write_text("1\n2\n" if not name.endswith("mdoc") else "TiltAngle = 1\n")
    with pytest.raises(DataError, match=r"angles, and t\.mrc 3 sections"):
        volume_rows(file, mrc, columns=["stack", "angle"])
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match="does not say its angles"):
        volume_rows(file, mrc, columns=["stack", "angle"])


def test_mrc_out_is_what_mrcfile_reads(tmp_path: Path) -> None:
    x = RNG.standard_normal((3, 4, 5))
    write_mrc(tmp_path / "x.mrc", x, (20e-10, 7.5e-10, 5e-10))
    with mrcfile.open(tmp_path / "x.mrc") as f:
        assert np.array_equal(f.data, x.astype(np.float32))
        assert np.allclose(f.voxel_size.tolist(), (5, 7.5, 20))
    assert mrcfile.validate(tmp_path / "x.mrc")


def test_estimates_of_a_page_that_reads_mrc_are_written_as_mrc(tmp_path: Path) -> None:
    write_mrc_file(tmp_path / "a.mrc")
    volume = "volume x : real[auto, auto, auto] { voxel = 5Å }"
    result = run(tmp_path, 'mrc("a.mrc")', "y = volume; ref = volume", volume)
    with mrcfile.open(result.folder / "reconstruction.mrc") as f:
        assert np.array_equal(f.data, np.load(result.folder / "reconstruction.npy"))
        assert np.allclose(f.voxel_size.tolist(), 5)
    assert mrcfile.validate(result.folder / "reconstruction.mrc")


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda b: b"",
    "text": lambda b: b"patient,scan\n1,2\n" * 400,
    "cut early": lambda b: b[:100],
    "cut in the middle": lambda b: b[: len(b) // 2],
    "cut at the end": lambda b: b[:-20],  # beyond the checksum with which gzip ends
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", WRITERS)
def test_damage_is_one_line_that_names_the_file_and_is_skipped_on_request(tmp_path: Path, name: str, how: str) -> None:
    big = RNG.integers(0, 3000, (4, 40, 50)).astype(np.int16)
    first, _, suffix = name.partition(".")
    for k in (1, 2, 3):
        WRITERS[name](tmp_path / f"{first}{k}.{suffix}", big)
    bad = tmp_path / f"{first}2.{suffix}"
    bad.write_bytes(DAMAGE[how](bad.read_bytes()))
    source = word(f"*.{suffix}")
    with pytest.raises(DataError, match=rf"a2\.{suffix}".replace(".gz", r"\.gz")) as caught:
        list(reader(tmp_path, source, "x = slice").batches())
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)
    r = reader(tmp_path, source, "x = slice; on_error = skip")
    read = [n for b in r.batches() for n in b.numbers]
    assert len(read) >= 8
    assert r.skipped
    assert all("a2." in line for line in r.skipped)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.tif", "a.mrc"])
def test_values_that_are_not_finite(tmp_path: Path, name: str) -> None:
    volume = RNG.standard_normal((4, 6, 5)).astype(np.float32)
    volume[2, 1, 1] = np.nan
    if "nii" in name:
        nibabel.save(nibabel.Nifti1Image(volume.T, np.eye(4)), tmp_path / name)
    else:
        WRITERS[name](tmp_path / name, volume)
    with pytest.raises(DataError, match="not finite"):
        list(reader(tmp_path, word(name), "x = slice").batches())
    r = reader(tmp_path, word(name), "x = slice; on_error = skip")
    read = [n for b in r.batches() for n in b.numbers]
    assert read == [0, 1, 3]
    assert len(r.skipped) == 1


@pytest.mark.parametrize("name", WRITERS)
def test_flipped_bytes_never_crash(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    good = (tmp_path / name).read_bytes()
    opened = {"a.nii": nifti, "a.nii.gz": nifti, "a.tif": tiff, "a.mrc": mrc}[name]
    rng = np.random.default_rng(1)
    for place in rng.integers(0, min(len(good), 1100), 60):
        bad = bytearray(good)
        bad[place] ^= int(rng.integers(1, 256))
        (tmp_path / name).write_bytes(bytes(bad))
        try:
            file = regular_file(name, tmp_path)
            r = volume_rows(file, opened, columns=["volume"], max_bytes=2**24)
            assert np.isfinite(r.read(0)["volume"]).all()
        except DataError as e:
            assert name in str(e)  # noqa: PT017


def test_headers_that_claim_too_much(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    content = bytearray(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    content[42:48] = np.array([30000, 30000, 30000], np.int16).tobytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match="damaged, its header says"):
        rows(tmp_path, 'nifti("a.nii.gz")', "x = slice")
    write_mrc_file(tmp_path / "a.mrc")
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    content[0:12] = np.array([10**6, 10**6, 10**6], np.int32).tobytes()
    (tmp_path / "a.mrc").write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        rows(tmp_path, 'mrc("a.mrc")', "x = slice")


@pytest.mark.parametrize("name", ["a.nii", "a.mrc"])
def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS[name](tmp_path / name)
    for package in ("nibabel", "mrcfile"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=r'is read by \w+; install it with pip install "recon-dsl\[formats\]"'):
        rows(tmp_path, word(name), "x = slice")


def test_slices_of_volumes_larger_than_memory(tmp_path: Path) -> None:
    """Twenty gigabytes with holes: one slice of it is read, and nothing else."""
    header = nibabel.Nifti2Header()
    header.set_data_shape((2048, 2048, 2400))
    header.set_data_dtype(np.int16)
    header["magic"] = b"n+2\0\r\n\x1a\n"
    header["vox_offset"] = 544
    with (tmp_path / "big.nii").open("wb") as f:
        f.write(header.binaryblock)
        f.truncate(544 + 2048 * 2048 * 2400 * 2)
    with mrcfile.new_mmap(tmp_path / "big.mrc", (1200, 2048, 2048), mrc_mode=2) as f:
        f.data[1199, 7, 9] = 5
    for name, count in (("big.nii", 2400), ("big.mrc", 1200)):
        r = reader(tmp_path, word(name), "x = slice")
        assert r.count == count
        tracemalloc.start()
        row = r.rows.read(count - 1)["slice"]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert row.shape == (2048, 2048)
        assert peak < 6 * row.nbytes, name
    assert row[7, 9] == 5
