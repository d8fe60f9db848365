"""Raw data in ISMRMRD's HDF5 files: readouts with headers, put on the Cartesian grid that the XML header describes.

A file has a group with `xml` and with `data`, a table of acquisitions: a header of fixed form, a trajectory, and the
samples as pairs of float32, coil by coil. Headers are read when the file is opened, samples when a row is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from scipy import fft

from .files import MAX_BYTES, Array, DataError, DataFile, Name, checked_row, finite, naming, regular_file
from .hdf5 import follow, open_hdf5

NOISE, CALIBRATION, BOTH, REVERSE = 19, 20, 21, 22
COMPRESSED = (53, 54, 55, 56)
OTHER_THAN_IMAGES = (CALIBRATION, 23, 24, 26, 27, 28, 29, 30, 31)
"""Numbers of the flags of acquisitions that are no part of an image, such as navigators and phase correction."""
_MOST_XML = 2**22
_BLOCK = 256  # acquisitions that are read at a time
_TICK = 2.5e-3  # seconds, of time stamps
_COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set")
_XML = "{http://www.ismrm.org/ISMRMRD}"


@dataclass(frozen=True)
class Encoding:
    """The spaces of the file, with extents (x, y, z), and which step encodes the middle of k-space."""

    encoded: tuple[int, int, int]
    reconstructed: tuple[int, int, int]
    centres: tuple[int | None, int | None]
    trajectory: str


@dataclass(frozen=True)
class IsmrmrdRows:
    """The rows of one file: for each, the numbers of its acquisitions."""

    file: DataFile
    group: str
    encoding: Encoding
    heads: Array
    rows: tuple[tuple[int, ...], ...]
    noise: tuple[int, ...]
    columns: list[str]
    cut: bool

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, row: int) -> dict[str, Array]:
        numbers = self.rows[checked_row(row, len(self))]
        out: dict[str, Array] = {}
        with naming(self.file), open_hdf5(self.file) as store:
            table = follow(self.file, store, f"{self.group}/data")
            if "kspace" in self.columns or "mask" in self.columns:
                kspace, mask = self._gridded(table, numbers)
                out |= {"kspace": self._cut(kspace) if self.cut else kspace, "mask": mask}
            if "readouts" in self.columns or "trajectory" in self.columns:
                shots = [(y, k) for y, k, _ in self._acquisitions(table, numbers)]
                if len({y.shape for y, _ in shots}) > 1:
                    raise DataError(f"{self.file}: the readouts of row {row + 1} differ in length")
                out["readouts"] = np.stack([y for y, _ in shots], 1)
                out["trajectory"] = np.stack([k for _, k in shots])
            if "prescan" in self.columns:
                out["prescan"] = np.concatenate([y for y, _, _ in self._acquisitions(table, self.noise)], 1)
        if "time" in self.columns:
            out["time"] = self.heads["acquisition_time_stamp"][list(numbers)] * _TICK
        return {name: finite(f"{self.file}, {name}, row {row + 1}", out[name]) for name in self.columns}

    def _acquisitions(self, table: Any, numbers: Sequence[int]) -> Iterator[tuple[Array, Array, np.void]]:
        """Samples [coils, samples], trajectory [samples, axes] and header of each, in the order of the file."""
        for start in range(0, len(numbers), _BLOCK):
            wanted = numbers[start : start + _BLOCK]
            block = table[wanted[0] : wanted[-1] + 1] if wanted[-1] - wanted[0] < 4 * _BLOCK else None
            for n in wanted:
                head = self.heads[n]
                entry = table[n] if block is None else block[n - wanted[0]]
                coils, samples = int(head["active_channels"]), int(head["number_of_samples"])
                axes = int(head["trajectory_dimensions"])
                if entry["data"].size != 2 * coils * samples or entry["traj"].size != axes * samples:
                    raise DataError(f"{self.file}: acquisition {n} has another number of samples than its header says")
                y = np.ascontiguousarray(entry["data"], np.float32).view(np.complex64).reshape(coils, samples)
                k = np.asarray(entry["traj"], np.float32).reshape(samples, axes)
                first, last = int(head["discard_pre"]), samples - int(head["discard_post"])
                y, k = y[:, first:last], k[first:last]
                yield (y[:, ::-1], k[::-1], head) if _flag(head, REVERSE) else (y, k, head)

    def _gridded(self, table: Any, numbers: Sequence[int]) -> tuple[Array, Array]:
        """k-space and mask on the encoded grid; of lines measured more than once the mean."""
        nx, ny, nz = self.encoding.encoded
        coils = int(self.heads[numbers[0]]["active_channels"])
        kspace = np.zeros((coils, nz, nx, ny), np.complex64)
        count = np.zeros((nz, nx, ny), np.float32)
        for y, _, head in self._acquisitions(table, numbers):
            if len(y) != coils:
                raise DataError(f"{self.file}: acquisitions of one image differ in their number of coils")
            middle = int(head["center_sample"]) - int(head["discard_pre"])
            if _flag(head, REVERSE):
                middle = y.shape[1] - 1 - middle
            x = nx // 2 - middle
            line = self._place(head, "kspace_encode_step_1", 0, ny)
            part = self._place(head, "kspace_encode_step_2", 1, nz)
            if x < 0 or x + y.shape[1] > nx or not 0 <= line < ny or not 0 <= part < nz:
                raise DataError(f"{self.file}: a line lies outside of the encoded space of {nx} x {ny} x {nz}")
            kspace[:, part, x : x + y.shape[1], line] += y
            count[part, x : x + y.shape[1], line] += 1
        kspace /= np.maximum(count, 1)
        mask = (count > 0).astype(np.float32)
        return (kspace[:, 0], mask[0]) if nz == 1 else (kspace, mask)

    def _place(self, head: np.void, step: str, which: int, extent: int) -> int:
        centre = self.encoding.centres[which]
        return int(head["idx"][step]) + (0 if centre is None else extent // 2 - centre)

    def _cut(self, kspace: Array) -> Array:
        """The k-space of the middle of the image along the readout, the last axis but one."""
        n, m = self.encoding.encoded[0], self.encoding.reconstructed[0]
        x = fft.fftshift(fft.ifft(fft.ifftshift(kspace, -2), axis=-2, norm="ortho"), -2)
        start = n // 2 - m // 2
        x = fft.ifftshift(x[..., start : start + m, :], -2)
        out: Array = np.ascontiguousarray(fft.fftshift(fft.fft(x, axis=-2, norm="ortho"), -2))
        return out


def ismrmrd(
    name: Name,
    root: Path,
    *,
    columns: Sequence[str],
    group: str = "dataset",
    cut: bool = False,
    max_bytes: int = MAX_BYTES,
) -> IsmrmrdRows:
    """The rows of one ISMRMRD file; acquisitions of one slice, contrast, phase, repetition and set are a row.

    Args:
        name: the file, relative to root.
        root: the folder that the file may not lie outside of.
        columns: those in use.
        group: the group that holds the acquisitions.
        cut: whether oversampling along the readout is removed.
        max_bytes: largest allowed size of a row's k-space.

    Raises:
        DataError: the file is missing, damaged, outside of root, of another layout, or has not what a column needs.
    """
    file = regular_file(name, root)
    with naming(file), open_hdf5(file) as store:
        table, xml = (follow(file, store, f"{group}/{part}") for part in ("data", "xml"))
        if table is None or xml is None or table.dtype.names is None or "head" not in table.dtype.names:
            raise DataError(f"{file}: has no acquisitions in a group {group}, as ISMRMRD files do")
        encoding = _encoding(file, xml)
        heads = table.fields("head")[()]
    if any(_flags(heads, number).any() for number in COMPRESSED):
        raise DataError(f"{file}: its samples are compressed; store them plainly")
    noise = tuple(int(n) for n in np.flatnonzero(_flags(heads, NOISE)))
    image = ~_flags(heads, NOISE)
    for number in OTHER_THAN_IMAGES:
        image &= ~_flags(heads, number) | _flags(heads, BOTH)
    rows: dict[tuple[int, ...], list[int]] = {}
    for n in np.flatnonzero(image):
        rows.setdefault(tuple(int(heads[n]["idx"][c]) for c in _COUNTERS[1:]), []).append(int(n))
    if not rows:
        raise DataError(f"{file}: holds no acquisition of an image")
    if "prescan" in columns and not noise:
        raise DataError(f"{file}: holds no noise measurement, so it has no `prescan`")
    if ("kspace" in columns or "mask" in columns) and encoding.trajectory != "cartesian":
        raise DataError(
            f"{file}: its trajectory is {encoding.trajectory}, so there is no grid; bind `readouts` and `trajectory`"
        )
    if cut and encoding.reconstructed[0] > encoding.encoded[0]:
        raise DataError(f"{file}: its reconstructed space is wider than the encoded one")
    size = 8 * math.prod(encoding.encoded) * int(heads["active_channels"].max())
    if size > max_bytes:
        raise DataError(f"{file}: the k-space of a row takes {size} bytes, more than the {max_bytes} allowed")
    ordered = tuple(tuple(rows[key]) for key in sorted(rows))
    return IsmrmrdRows(file, group, encoding, heads, ordered, noise, list(columns), cut)


def _flags(heads: Array, number: int) -> Array:
    bits: Array = (heads["flags"] >> np.uint64(number - 1)) & np.uint64(1) == 1
    return bits


def _flag(head: np.void, number: int) -> bool:
    return bool(int(head["flags"]) >> (number - 1) & 1)


def _encoding(file: DataFile, stored: Any) -> Encoding:
    if stored.size != 1 or stored.dtype.kind not in "OS":
        raise DataError(f"{file}: its header is no text")
    value = stored[()] if stored.shape == () else stored[0]
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if len(text) > _MOST_XML or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(f"{file}: its header is too long, or defines entities, which an ISMRMRD header has no use for")
    root = ElementTree.fromstring(text)
    first = root.find(f"{_XML}encoding")
    if first is None:
        raise DataError(f"{file}: its header describes no encoding")

    def extents(space: str) -> tuple[int, int, int]:
        x, y, z = (int(first.findtext(f"{_XML}{space}/{_XML}matrixSize/{_XML}{a}") or 0) for a in "xyz")
        if min(x, y, z) < 1:
            raise DataError(f"{file}: its header gives no extents of the {space}")
        return x, y, z

    def centre(step: str) -> int | None:
        found = first.findtext(f"{_XML}encodingLimits/{_XML}{step}/{_XML}center")
        return None if found is None else int(found)

    return Encoding(
        extents("encodedSpace"),
        extents("reconSpace"),
        (centre("kspace_encoding_step_1"), centre("kspace_encoding_step_2")),
        (first.findtext(f"{_XML}trajectory") or "cartesian").strip().lower(),
    )
