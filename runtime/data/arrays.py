"""Arrays read from .npy and .npz files."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format

from .columns import ArrayColumn, ArrayRows, chosen
from .files import MAX_BYTES, Array, DataError, DataFile, Name, Rows, naming, regular_file


def npy(path: Name, root: Path, *, rows: bool, max_bytes: int = MAX_BYTES) -> Rows:
    """An array of a .npy file, column `array`, mapped and not loaded.

    Args:
        path: the file, relative to root or absolute.
        root: the folder that the file may not lie outside of.
        rows: True if the first axis counts rows, False if the file is one row.
        max_bytes: largest allowed size of one row in memory.

    Raises:
        DataError: the file is missing, outside root, damaged, not numeric, empty, or a row is too large.
    """
    file = regular_file(path, root)
    return ArrayRows.of(file, rows, max_bytes, {"array": _npy_column(file, 0, file.path.stat().st_size)})


def npy_shape(path: Name, root: Path) -> tuple[int, ...]:
    """The shape of the array of a .npy file. Raises DataError for a file that is missing, outside root or damaged."""
    file = regular_file(path, root)
    return _npy_column(file, 0, file.path.stat().st_size).shape


def npz(
    path: Name,
    root: Path,
    *,
    rows: bool,
    columns: Sequence[str] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Rows:
    """The arrays of a .npz file, one column each.

    Arrays stored by `np.savez` are mapped. One compressed by `np.savez_compressed` has to be decompressed up to the
    row on every read.

    Args:
        path: the file, relative to root or absolute.
        root: the folder that the file may not lie outside of.
        rows: True if the first axis of every column counts rows, False if the file is one row.
        columns: the names to read, all if None.
        max_bytes: largest allowed size of one row of one column in memory.

    Raises:
        DataError: as for `npy`; or a name is missing, or the columns have different numbers of rows.
    """
    file = regular_file(path, root)
    return ArrayRows.of(file, rows, max_bytes, _npz_columns(file, columns))


def npz_shapes(path: Name, root: Path, columns: Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a .npz file, without their values. Raises DataError as `npz` does."""
    return {name: column.shape for name, column in _npz_columns(regular_file(path, root), columns).items()}


def _npz_columns(file: DataFile, columns: Sequence[str] | None) -> dict[str, ArrayColumn]:
    with naming(file), zipfile.ZipFile(file.path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        return {name: _npz_column(file, archive, members[name]) for name in chosen(file, columns, list(members))}


def _npy_column(file: DataFile, start: int, end: int) -> ArrayColumn:
    """The array whose .npy form fills the bytes start..end of a file, mapped."""
    with naming(file), file.path.open("rb") as stream:
        stream.seek(start)
        shape, fortran, dtype = _npy_header(stream)
        offset = stream.tell()
        _check_size(file, shape, dtype, end - offset)
    return ArrayColumn(shape, dtype, _Mapped(file, offset, shape, fortran, dtype))


def _npz_column(file: DataFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayColumn:
    if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
        # The local header's name and extra field may differ in length from `info`'s.
        with file.path.open("rb") as stream:
            stream.seek(info.header_offset)
            header = stream.read(30)
        if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
            raise DataError(f"{file}: damaged, no member where the directory says {info.filename} is")
        start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
        return _npy_column(file, start, start + info.file_size)
    with archive.open(info) as stream:
        shape, fortran, dtype = _npy_header(stream)
        offset = stream.tell()
        _check_size(file, shape, dtype, info.file_size - offset)
    if fortran:
        raise DataError(f"{file}: {info.filename} is compressed column by column; write it with np.savez")
    return ArrayColumn(shape, dtype, _Compressed(file, info.filename, offset, shape, dtype))


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    start = stream.tell()
    if stream.read(len(npy_format.MAGIC_PREFIX)) != npy_format.MAGIC_PREFIX:
        raise ValueError("it is no array of the .npy format, as `numpy.save` writes it")
    stream.seek(start)
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        return npy_format.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy_format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the .npy format is not for plain numbers")


def _check_size(file: DataFile, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int) -> None:
    promised = dtype.itemsize * math.prod(shape)
    if dtype.kind != "O" and promised != stored:  # the pickle of an object array has no size of its own
        raise DataError(f"{file}: damaged, shape {shape} of {dtype} takes {promised} bytes and there are {stored}")


@dataclass(frozen=True)
class _Mapped:
    """Reads from an array that lies uncompressed in a file."""

    file: DataFile
    offset: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    def __call__(self, row: int | None) -> Array:
        order: Literal["C", "F"] = "F" if self.fortran else "C"
        mapped = np.memmap(self.file.path, self.dtype, mode="r", offset=self.offset, shape=self.shape, order=order)
        return np.array(mapped if row is None else mapped[row])


@dataclass(frozen=True)
class _Compressed:
    """Reads from a compressed member of an archive, decompressing up to the row."""

    file: DataFile
    member: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __call__(self, row: int | None) -> Array:
        shape = self.shape if row is None else self.shape[1:]
        size = self.dtype.itemsize * math.prod(shape)
        with zipfile.ZipFile(self.file.path) as archive, archive.open(self.member) as stream:
            stream.seek(self.offset + size * (row or 0))
            data = stream.read(size)
        return np.frombuffer(data, self.dtype).reshape(shape).copy()
