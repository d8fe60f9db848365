"""DICOM series as pydicom writes them: sorted by place, in Hounsfield units, one series at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from recon.runtime.data.files import DataError

from .pages import reader, rows, run

RNG = np.random.default_rng(0)
STORED = RNG.integers(0, 4000, (5, 6, 7)).astype(np.uint16)
CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, OTHER = generate_uid(), generate_uid()


def write(path: Path, pixels: np.ndarray, z: float | None, series: str = ONE, **tags: object) -> None:
    d = pydicom.Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = CT
    d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    d.SOPClassUID, d.SOPInstanceUID, d.SeriesInstanceUID = CT, d.file_meta.MediaStorageSOPInstanceUID, series
    d.Rows, d.Columns = pixels.shape
    d.BitsAllocated = d.BitsStored = 16
    d.HighBit, d.PixelRepresentation, d.SamplesPerPixel = 15, 0, 1
    d.PhotometricInterpretation = "MONOCHROME2"
    d.RescaleSlope, d.RescaleIntercept = 1, -1024
    d.PixelSpacing = [0.7, 0.8]
    if z is not None:
        d.ImagePositionPatient, d.ImageOrientationPatient = [-100, -100, z], [1, 0, 0, 0, 1, 0]
    for name, value in tags.items():
        setattr(d, name, value)
    d.PixelData = pixels.astype(np.uint16).tobytes()
    path.parent.mkdir(exist_ok=True)
    d.save_as(path, enforce_file_format=True)


def series(folder: Path, count: int = 5) -> None:
    """Slices whose names and numbers say nothing about their places."""
    for k, name in enumerate([3, 0, 4, 1, 2][:count]):
        write(folder / "s" / f"{name}.dcm", STORED[k], z=50.0 - 2.5 * (count - 1 - k), InstanceNumber=9 - k)


def test_slices_are_sorted_by_place_in_hounsfield_units(tmp_path: Path) -> None:
    series(tmp_path)
    found = rows(tmp_path, 'dicom("s")', "x = slice")
    assert np.array_equal([r["slice"] for r in found], STORED.astype(np.float32) - 1024)
    (row,) = rows(tmp_path, 'dicom("s")', "x = volume", "volume x : real[auto, auto, auto]")
    assert np.array_equal(row["volume"], STORED.astype(np.float32) - 1024)
    found = rows(tmp_path, 'dicom("s", axis = col, every = 3)', "x = slice")
    assert np.array_equal([r["slice"] for r in found], [STORED[:, :, k].astype(np.float32) - 1024 for k in (0, 3, 6)])
    voxel = reader(tmp_path, 'dicom("s")', "y = slice; ref = voxel").rows.read(0)["voxel"]
    assert np.allclose(voxel, [2.5e-3, 0.7e-3, 0.8e-3])


def test_a_page_runs(tmp_path: Path) -> None:
    series(tmp_path)
    result = run(tmp_path, 'dicom("s", every = 2)', "y = (slice + 1000) / 2000; ref = slice")
    assert result.code == 0
    x = np.load(result.folder / "reconstruction-0002.npy")
    assert np.allclose(x, (STORED[4] - 24.0) / 2000 / 1.02, rtol=1e-5)


def test_one_series_at_a_time(tmp_path: Path) -> None:
    series(tmp_path)
    for k in range(2):
        write(tmp_path / "s" / f"other{k}.dcm", STORED[k], 2.5 * k, OTHER)
    with pytest.raises(DataError, match="holds 2 series; choose one") as caught:
        rows(tmp_path, 'dicom("s")', "x = slice")
    assert f'series = "{OTHER}" (2 slices)' in str(caught.value)
    assert len(rows(tmp_path, f'dicom("s", series = "{OTHER}")', "x = slice")) == 2
    with pytest.raises(DataError, match=r"there is no series 1\.2\.3"):
        rows(tmp_path, 'dicom("s", series = "1.2.3")', "x = slice")


def test_slices_without_a_place_go_by_number(tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path / "s" / f"{'bca'[k]}", STORED[k], None, InstanceNumber=k + 1)
    found = rows(tmp_path, 'dicom("s")', "x = slice")
    assert np.array_equal([r["slice"] for r in found], STORED[:3].astype(np.float32) - 1024)


def test_slices_that_make_no_volume(tmp_path: Path) -> None:
    volume = "volume x : real[auto, auto, auto]"
    series(tmp_path)
    write(tmp_path / "s" / "9.dcm", STORED[0], 50.0 + 7.5)
    with pytest.raises(DataError, match="a slice is missing"):
        list(reader(tmp_path, 'dicom("s")', "x = volume", volume).batches())
    assert len(rows(tmp_path, 'dicom("s")', "x = slice")) == 6
    write(tmp_path / "s" / "9.dcm", STORED[0], 50.0)
    with pytest.raises(DataError, match=r"s/2\.dcm: lies at the place of s/9\.dcm"):
        rows(tmp_path, 'dicom("s")', "x = slice")
    write(tmp_path / "s" / "9.dcm", STORED[0, :4], 52.5)
    with pytest.raises(DataError, match=r"9\.dcm: has \(4, 7\) pixels"):
        rows(tmp_path, 'dicom("s")', "x = slice")
    write(tmp_path / "s" / "9.dcm", STORED[0], 52.5, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    with pytest.raises(DataError, match="is turned against"):
        rows(tmp_path, 'dicom("s")', "x = slice")
    write(tmp_path / "s" / "9.dcm", STORED[0], 52.5, NumberOfFrames=3)
    with pytest.raises(DataError, match="several frames"):
        list(reader(tmp_path, 'dicom("s")', "x = slice").batches())


@pytest.mark.parametrize("how", ["empty", "text", "cut in the header", "cut in the pixels"])
def test_damage_is_one_line_and_is_skipped_on_request(tmp_path: Path, how: str) -> None:
    series(tmp_path)
    bad = tmp_path / "s" / "1.dcm"
    content = bad.read_bytes()
    cut = {"empty": b"", "text": b"a,b\n" * 300, "cut in the header": content[:300], "cut in the pixels": content[:-9]}
    bad.write_bytes(cut[how])
    with pytest.raises(DataError, match=r"s/1\.dcm") as caught:
        list(reader(tmp_path, 'dicom("s")', "x = slice").batches())
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)
    r = reader(tmp_path, 'dicom("s")', "x = slice; on_error = skip")
    assert len([n for b in r.batches() for n in b.numbers]) == 4
    assert len(r.skipped) == 1
    assert "1.dcm" in r.skipped[0]


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    series(tmp_path, 2)
    bad = tmp_path / "s" / "0.dcm"
    good = bad.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(128, len(good), 60):
        content = bytearray(good)
        content[place] ^= int(rng.integers(1, 256))
        bad.write_bytes(bytes(content))
        try:
            rows(tmp_path, 'dicom("s")', "x = slice")
        except DataError as e:
            assert "s/" in str(e)  # noqa: PT017
