"""ISMRMRD files that the format's own package writes, readout by readout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest
from recon.runtime.data.files import DataError
from recon.runtime.data.ismrmrd import ismrmrd as read

from .pages import reader, run

RNG = np.random.default_rng(0)
TWO_COILS = "image x : complex[auto, auto] { channels = 2 }"
HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>63500000</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace><matrixSize><x>{nx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
      <fieldOfView_mm><x>600</x><y>300</y><z>6</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>{rx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
      <fieldOfView_mm><x>300</x><y>300</y><z>6</z></fieldOfView_mm></reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum><center>{cy}</center></kspace_encoding_step_1>
      <kspace_encoding_step_2><minimum>0</minimum><maximum>{lastz}</maximum><center>{cz}</center></kspace_encoding_step_2>
    </encodingLimits>
    <trajectory>{trajectory}</trajectory>
  </encoding>
</ismrmrdHeader>"""


def random(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)).astype(np.complex64)


def write(path: Path, acquisitions: Iterator[ismrmrd.Acquisition], nx: int, ny: int, nz: int = 1, rx: int | None = None,
          trajectory: str = "cartesian", first: int = 0) -> None:  # fmt: skip
    path.unlink(missing_ok=True)
    d = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    d.write_xml_header(
        HEADER.format(nx=nx, ny=ny, nz=nz, rx=rx or nx, last=ny - 1, cy=ny // 2 - first, lastz=nz - 1, cz=nz // 2,
                      trajectory=trajectory).encode()
    )  # fmt: skip
    for a in acquisitions:
        d.append_acquisition(a)
    d.close()


def acquisition(y: np.ndarray, line: int = 0, part: int = 0, flags: tuple[int, ...] = (), centre: int | None = None,
                trajectory: np.ndarray | None = None, **counters: int) -> ismrmrd.Acquisition:  # fmt: skip
    a = ismrmrd.Acquisition.from_array(y, trajectory)
    a.idx.kspace_encode_step_1, a.idx.kspace_encode_step_2 = line, part
    for name, value in counters.items():
        setattr(a.idx, name, value)
    a.center_sample = y.shape[1] // 2 if centre is None else centre
    a.acquisition_time_stamp = 100 + line
    for flag in flags:
        a.set_flag(flag)
    return a


def lines(k: np.ndarray, **options: int) -> Iterator[ismrmrd.Acquisition]:
    """The acquisitions of k-space [coils, readout, lines]."""
    for n in range(k.shape[-1]):
        yield acquisition(k[..., n], n, **options)


def test_lines_are_put_on_the_grid_slice_by_slice(tmp_path: Path) -> None:
    k = random(3, 4, 16, 10)  # slices, coils, readout, lines
    write(tmp_path / "a.h5", (a for s in (1, 0, 2) for a in lines(k[s], slice=s)), 16, 10)
    rows = read("a.h5", tmp_path, columns=["kspace", "mask"])
    assert len(rows) == 3
    for s in range(3):
        row = rows.read(s)
        assert row["kspace"].dtype == np.complex64
        assert np.array_equal(row["kspace"], k[s])
        assert row["mask"].all()


def test_undersampled_partial_reversed_and_repeated_lines(tmp_path: Path) -> None:
    k, again = random(2, 16, 10), random(2, 16)
    taken = [
        acquisition(k[..., 2], 2),
        acquisition(k[:, 4:, 5], 5, centre=4),  # the echo comes early: its first four samples were not measured
        acquisition(k[:, ::-1, 6], 6, centre=7, flags=(ismrmrd.ACQ_IS_REVERSE,)),
        acquisition(k[..., 2] + again, 2, average=1),
        acquisition(random(2, 16), 7, flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,)),
        acquisition(
            k[..., 8], 8, flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING)
        ),
        acquisition(random(2, 16), 3, flags=(ismrmrd.ACQ_IS_PHASECORR_DATA,)),
    ]
    write(tmp_path / "a.h5", iter(taken), 16, 10)
    (rows,) = [read("a.h5", tmp_path, columns=["kspace", "mask"])]
    row = rows.read(0)
    expected, mask = np.zeros_like(k), np.zeros((16, 10))
    expected[..., 2] = k[..., 2] + again / 2
    expected[:, 4:, 5], expected[..., 6], expected[..., 8] = k[:, 4:, 5], k[..., 6], k[..., 8]
    mask[:, [2, 6, 8]], mask[4:, 5] = 1, 1
    assert len(rows) == 1
    assert np.allclose(row["kspace"], expected, atol=1e-6)
    assert np.array_equal(row["mask"], mask)


def test_lines_are_counted_from_the_centre(tmp_path: Path) -> None:
    k = random(2, 8, 4)
    write(tmp_path / "a.h5", lines(k), 8, 10, first=3)  # the middle line is number 2 of those that were measured
    row = read("a.h5", tmp_path, columns=["kspace"]).read(0)
    assert np.array_equal(row["kspace"][..., 3:7], k)
    assert not row["kspace"][..., :3].any()


def test_partitions_make_a_volume(tmp_path: Path) -> None:
    k = random(2, 3, 8, 6)
    write(tmp_path / "a.h5", (acquisition(k[:, z, :, n], n, z) for n in range(6) for z in range(3)), 8, 6, 3)
    assert np.array_equal(read("a.h5", tmp_path, columns=["kspace"]).read(0)["kspace"], k)


def test_oversampling_is_removed_in_the_image(tmp_path: Path) -> None:
    k = random(2, 16, 10)
    write(tmp_path / "a.h5", lines(k), 16, 10, rx=8)

    def image(kspace: np.ndarray) -> np.ndarray:
        axes = (-2, -1)
        return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho", axes=axes), axes)

    cut = read("a.h5", tmp_path, columns=["kspace"], cut=True).read(0)["kspace"]
    assert np.allclose(image(cut), image(k)[:, 4:12], atol=1e-5)


def test_noise_measurements_and_times(tmp_path: Path) -> None:
    k, noise = random(2, 8, 6), random(2, 2, 32)
    measured = [acquisition(n, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,)) for n in noise]
    write(tmp_path / "a.h5", iter([*measured, *lines(k)]), 8, 6)
    row = read("a.h5", tmp_path, columns=["kspace", "prescan", "time"]).read(0)
    assert np.array_equal(row["prescan"], np.concatenate(list(noise), 1))
    assert np.array_equal(row["kspace"], k)
    assert np.allclose(row["time"], (100 + np.arange(6)) * 2.5e-3)
    write(tmp_path / "a.h5", lines(k), 8, 6)
    with pytest.raises(DataError, match=r"a\.h5: holds no noise measurement"):
        read("a.h5", tmp_path, columns=["prescan"])


def test_spokes_come_as_they_were_measured(tmp_path: Path) -> None:
    y, t = random(5, 2, 12), RNG.standard_normal((5, 12, 2)).astype(np.float32)
    write(tmp_path / "a.h5", (acquisition(y[n], n, trajectory=t[n]) for n in range(5)), 12, 5, trajectory="radial")
    row = read("a.h5", tmp_path, columns=["readouts", "trajectory"]).read(0)
    assert np.array_equal(row["readouts"], y.transpose(1, 0, 2))
    assert np.array_equal(row["trajectory"], t)
    with pytest.raises(DataError, match="its trajectory is radial"):
        read("a.h5", tmp_path, columns=["kspace"])


def test_a_page_runs(tmp_path: Path) -> None:
    k = random(2, 1, 8, 6)
    write(tmp_path / "a.h5", (a for s in range(2) for a in lines(k[s], slice=s)), 8, 6)
    coil = "image x : complex[auto, auto] { channels = 1 }"
    result = run(tmp_path, 'ismrmrd("a.h5")', "y = kspace; ref = kspace", coil)
    assert result.code == 0
    assert np.allclose(np.load(result.folder / "reconstruction-0001.npy"), k[1] / 1.02, atol=1e-6)


@pytest.mark.parametrize("how", ["empty", "text", "cut", "entities", "no table", "grid", "bytes"])
def test_damage_is_one_line_that_names_the_file(tmp_path: Path, how: str) -> None:
    k = random(2, 8, 6)
    path = tmp_path / "a.h5"
    write(path, lines(k), 8, 6 if how != "grid" else 4)
    content = path.read_bytes()
    if how in ("empty", "text", "cut"):
        path.write_bytes({"empty": b"", "text": b"a,b\n" * 99, "cut": content[: len(content) // 2]}[how])
    elif how != "grid":
        with h5py.File(path, "a") as f:
            if how == "no table":
                del f["dataset/data"]
            elif how == "entities":
                f["dataset/xml"][0] = '<!DOCTYPE x [<!ENTITY a "b">]>' + HEADER
            else:
                stored = f["dataset/data"][2]
                stored["data"] = stored["data"][:-4]
                f["dataset/data"][2] = stored
    with pytest.raises(DataError, match=r"a\.h5") as caught:
        list(reader(tmp_path, 'ismrmrd("a.h5")', "y = kspace; ref = kspace", TWO_COILS).batches())
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path, lines(random(2, 8, 6)), 8, 6)
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(good), 80):
        bad = bytearray(good)
        bad[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(bad))
        try:
            rows = read("a.h5", tmp_path, columns=["kspace"], max_bytes=2**24)
            assert np.isfinite(rows.read(0)["kspace"]).all()
        except DataError as e:
            assert "a.h5" in str(e)  # noqa: PT017
