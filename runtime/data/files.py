"""Rows read from files: folders of pictures, .npy, .npz and HDF5.

A source is opened once to check what it holds and reads one row at a time afterwards, opening the file anew: no set is
ever in memory, and a source may be sent to another process. Whatever is wrong with a file is a `DataError` that names
it. No file outside the root is opened, however the path gets there, nothing is unpickled, and no row is allocated
before its size is known to be within `max_bytes`.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

MAX_BYTES = 8 * 2**30
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_MAX_OBJECTS = 10_000  # of an HDF5 file; more is not a data set for reconstruction but an accident or an attack


class DataError(Exception):
    """A file that cannot be used as data; the message names the file and says what is wrong with it."""


class Rows(Protocol):
    """A sequence of problems, each a dictionary of arrays."""

    @property
    def columns(self) -> list[str]:
        """The names that every row has."""

    def __len__(self) -> int: ...

    def read(self, row: int) -> dict[str, Array]:
        """Row `row`, 0 <= row < len: finite arrays in native byte order, owned by the caller.

        Raises:
            DataError: the file is damaged, has changed, or holds a value that is not finite.
            IndexError: there is no such row.
        """


def folder(pattern: str, root: Path, *, max_bytes: int = MAX_BYTES) -> Rows:
    """The pictures that match a pattern, in natural order (2 before 10), hidden files aside.

    Column `image`: float32 [C, H, W], C = 1 or 3. Integers are divided by the largest their type holds (255, or 65535
    for 16 bit); float TIFF keeps its values. An opaque alpha channel is dropped. Orientation tags are not applied.

    Args:
        pattern: a glob relative to root, `**` for any depth.
        root: the folder that no file may lie outside of.
        max_bytes: largest allowed size of one picture in memory.

    Raises:
        DataError: nothing matches, or a match is not a picture inside root. What is wrong inside a picture (damaged,
            16-bit colour, transparent, CMYK, many pages, too large) is raised when it is read.
    """
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise DataError(f"{pattern}: the pattern leaves the folder {root}")
    with _naming(pattern):
        found = [p for p in root.glob(pattern) if not any(part[0] == "." for part in p.relative_to(root).parts)]
    if not found:
        raise DataError(f"{pattern}: no file in {root} matches")
    found.sort(key=lambda p: _natural(p.relative_to(root).as_posix()))
    for path in found:
        _regular_file(path, root)
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path}: not a picture; the pattern should match only {', '.join(_SUFFIXES)}")
    return _Folder(tuple(found), root, max_bytes)


def npy(path: str | Path, root: Path, *, rows: bool, max_bytes: int = MAX_BYTES) -> Rows:
    """An array of a .npy file, column `array`, mapped and not loaded.

    Args:
        path: the file, relative to root or absolute.
        root: the folder that the file may not lie outside of.
        rows: True if the first axis counts rows, False if the file is one row.
        max_bytes: largest allowed size of one row in memory.

    Raises:
        DataError: the file is missing, outside root, damaged, not numeric, empty, or a row is too large.
    """
    file = _regular_file(path, root)
    return _Arrays.of(file, rows, max_bytes, {"array": _npy_column(file, 0, file.stat().st_size)})


def npz(
    path: str | Path, root: Path, *, rows: bool, columns: Sequence[str] | None = None, max_bytes: int = MAX_BYTES
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
    file = _regular_file(path, root)
    found: dict[str, _Column] = {}
    with _naming(file), zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for name in _chosen(file, columns, list(members)):
            found[name] = _npz_column(file, archive, members[name])
    return _Arrays.of(file, rows, max_bytes, found)


def hdf5(path: str | Path, root: Path, *, columns: Sequence[str] | None = None, max_bytes: int = MAX_BYTES) -> Rows:
    """The data sets of an HDF5 file, rows along the first axis; columns are named by their path (`group/name`).

    Complex numbers are h5py's compound of `r` and `i`. Links that stay in the file are followed; a file with an
    external link anywhere is refused, and so is a data set that is virtual or stored in other files.

    Args:
        path: the file, relative to root or absolute.
        root: the folder that the file may not lie outside of.
        columns: the data sets to read, all if None.
        max_bytes: largest allowed size of one row of one column in memory.

    Raises:
        DataError: as for `npz`.
    """
    file = _regular_file(path, root)
    with _naming(file), _open_hdf5(file) as store:
        names = list(_hdf5_names(file, store))
        found = {name: _hdf5_column(file, store, name, max_bytes) for name in _chosen(file, columns, names)}
    return _Arrays.of(file, True, max_bytes, found)


@dataclass(frozen=True)
class _Folder:
    """The rows of `folder`."""

    paths: tuple[Path, ...]
    root: Path
    max_bytes: int

    @property
    def columns(self) -> list[str]:
        return ["image"]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, row: int) -> dict[str, Array]:
        path = self.paths[_checked_row(row, len(self))]
        return {"image": _finite(path, _picture(_regular_file(path, self.root), self.max_bytes))}


@dataclass(frozen=True)
class _Column:
    """One array in a file; `load(row)` reads a row of it, `load(None)` all of it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[int | None], Array]


@dataclass(frozen=True)
class _Arrays:
    """The rows of `npy`, `npz` and `hdf5`; without `by_row` the file is a single row."""

    file: Path
    by_row: bool
    count: int
    arrays: dict[str, _Column]

    @classmethod
    def of(cls, file: Path, by_row: bool, max_bytes: int, arrays: dict[str, _Column]) -> _Arrays:
        for name, column in arrays.items():
            _check_column(f"{file}, column {name}", column, by_row, max_bytes)
        lengths = {name: column.shape[0] if by_row else 1 for name, column in arrays.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name}: {n}" for name, n in lengths.items())
            raise DataError(f"{file}: the columns differ in their number of rows ({listed}); name the ones to use")
        return cls(file, by_row, next(iter(lengths.values())), arrays)

    @property
    def columns(self) -> list[str]:
        return list(self.arrays)

    def __len__(self) -> int:
        return self.count

    def read(self, row: int) -> dict[str, Array]:
        _checked_row(row, self.count)
        out = {}
        for name, column in self.arrays.items():
            where = f"{self.file}, column {name}, row {row}"
            with _naming(where):
                out[name] = _finite(where, column.load(row if self.by_row else None))
        return out


def _check_column(where: str, column: _Column, by_row: bool, max_bytes: int) -> None:
    if column.dtype.kind == "O":
        raise DataError(f"{where}: holds Python objects or entries of varying length, which are never loaded")
    if column.dtype.kind not in "biufc":
        raise DataError(f"{where}: holds {column.dtype}, not numbers; name the columns to use")
    if by_row and not column.shape:
        raise DataError(f"{where}: a single number has no rows")
    if any(n < 1 for n in column.shape):
        raise DataError(f"{where}: is empty, shape {column.shape}")
    size = column.dtype.itemsize * math.prod(column.shape[1:] if by_row else column.shape)
    if size > max_bytes:
        raise DataError(f"{where}: a row takes {size} bytes, more than the {max_bytes} allowed")


# ---- .npy and .npz ----


def _npy_column(file: Path, start: int, end: int) -> _Column:
    """The array whose .npy form fills the bytes start..end of a file, mapped."""
    with _naming(file), file.open("rb") as stream:
        stream.seek(start)
        shape, fortran, dtype = _npy_header(stream)
        offset = stream.tell()
        _check_size(file, shape, dtype, end - offset)
    return _Column(shape, dtype, _Mapped(file, offset, shape, fortran, dtype))


def _npz_column(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Column:
    if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
        with file.open("rb") as stream:  # the local header's name and extra field may differ in length from `info`'s
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
    return _Column(shape, dtype, _Compressed(file, info.filename, offset, shape, dtype))


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        return npy_format.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy_format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the .npy format is not for plain numbers")


def _check_size(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int) -> None:
    promised = dtype.itemsize * math.prod(shape)
    if dtype.kind != "O" and promised != stored:  # the pickle of an object array has no size of its own
        raise DataError(f"{file}: damaged, shape {shape} of {dtype} takes {promised} bytes and there are {stored}")


@dataclass(frozen=True)
class _Mapped:
    """Reads from an array that lies uncompressed in a file."""

    file: Path
    offset: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    def __call__(self, row: int | None) -> Array:
        order: Literal["C", "F"] = "F" if self.fortran else "C"
        mapped = np.memmap(self.file, self.dtype, mode="r", offset=self.offset, shape=self.shape, order=order)
        return np.array(mapped if row is None else mapped[row])


@dataclass(frozen=True)
class _Compressed:
    """Reads from a compressed member of an archive, decompressing up to the row."""

    file: Path
    member: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __call__(self, row: int | None) -> Array:
        shape = self.shape if row is None else self.shape[1:]
        size = self.dtype.itemsize * math.prod(shape)
        with zipfile.ZipFile(self.file) as archive, archive.open(self.member) as stream:
            stream.seek(self.offset + size * (row or 0))
            data = stream.read(size)
        return np.frombuffer(data, self.dtype).reshape(shape).copy()


# ---- HDF5 ----


def _open_hdf5(file: Path) -> Any:
    import h5py

    return h5py.File(file, "r")


def _hdf5_names(file: Path, store: Any) -> Iterator[str]:
    """The paths of all data sets. Refuses the file if any link leaves it, so that no path through it can."""
    import h5py

    soft: list[str] = []
    hard: list[str] = []
    visited: set[int] = set()  # groups may hold each other in a circle
    groups: list[tuple[str, Any]] = [("", store)]
    while groups:
        prefix, group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in visited:
            continue
        visited.add(address)
        for name in group:
            path = prefix + name
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise DataError(f"{file}: {path} is a link to another file ({link.filename}), which is never followed")
            if isinstance(link, h5py.SoftLink):
                soft.append(path)
            elif isinstance(group[name], h5py.Dataset):
                hard.append(path)
            elif isinstance(group[name], h5py.Group):
                groups.append((path + "/", group[name]))
            if len(soft) + len(hard) + len(groups) + len(visited) > _MAX_OBJECTS:
                raise DataError(f"{file}: holds more than {_MAX_OBJECTS} objects")
    yield from hard
    yield from (path for path in soft if isinstance(store.get(path), h5py.Dataset))


def _hdf5_column(file: Path, store: Any, name: str, max_bytes: int) -> _Column:
    stored = store[name]
    if stored.is_virtual or stored.external:
        raise DataError(f"{file}: {name} has its values in other files, which are never opened")
    if stored.shape is None:
        raise DataError(f"{file}: {name} is empty")
    block = math.prod(stored.chunks or ()) * stored.dtype.itemsize
    if block > max_bytes:  # a compressed block is decompressed as a whole, however small the row
        raise DataError(f"{file}: {name} is stored in blocks of {block} bytes, more than the {max_bytes} allowed")
    return _Column(tuple(stored.shape), stored.dtype, _Stored(file, name))


@dataclass(frozen=True)
class _Stored:
    """Reads from a data set of an HDF5 file."""

    file: Path
    name: str

    def __call__(self, row: int | None) -> Array:
        with _open_hdf5(self.file) as store:
            return np.asarray(store[self.name][() if row is None else row])


# ---- pictures ----


def _picture(file: Path, max_bytes: int) -> NDArray[np.float32]:
    with _naming(file), Image.open(file, formats=_FORMATS) as image:
        size = 4 * len(image.getbands()) * image.width * image.height
        if size > max_bytes:
            raise DataError(f"{file}: takes {size} bytes in memory, more than the {max_bytes} allowed")
        if image.format in ("TIFF", "PNG") and getattr(image, "n_frames", 1) > 1:
            raise DataError(f"{file}: holds several pictures; store one a file")
        if image.mode.startswith(("RGB", "CMYK")) and ";16" in str(image.tile):
            raise DataError(f"{file}: 16-bit colour would be cut to 8 bit; store it as .npy, [rows, channels, H, W]")
        image.load()
        return _planes(file, image)


def _planes(file: Path, image: Image.Image) -> NDArray[np.float32]:
    """[C, H, W] in 0..1 from a loaded picture."""
    if image.mode in ("P", "PA", "YCbCr") or ("transparency" in image.info and image.mode in ("1", "L", "RGB")):
        gray = image.mode in ("1", "L")
        alpha = "transparency" in image.info or image.mode == "PA"
        image = image.convert(("L" if gray else "RGB") + ("A" if alpha else ""))
    if image.mode in ("LA", "RGBA"):
        *colours, opacity = image.split()
        if np.asarray(opacity).min() < 255:
            raise DataError(f"{file}: is transparent in places, so its values are unknown there; save it without alpha")
        image = Image.merge("L" if len(colours) == 1 else "RGB", colours)

    # Older versions of the library give 16-bit PNG as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        white = 65535
    elif image.mode in ("L", "RGB"):
        white = 255
    elif image.mode in ("1", "F"):
        white = 1
    else:
        raise DataError(f"{file}: pixels of mode {image.mode} have no agreed white; save gray or RGB of 8 or 16 bit")
    stored = np.asarray(image)
    planes = stored[None] if stored.ndim == 2 else np.moveaxis(stored, -1, 0)
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(white)


# ---- shared ----


@contextmanager
def _naming(what: object) -> Iterator[None]:
    """Turn whatever a decoder raises on damaged input, which is any exception, into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as reason:
        raise DataError(f"{what}: cannot be read ({type(reason).__name__}: {reason})") from reason


def _regular_file(path: str | Path, root: Path) -> Path:
    """The real place of a file, links followed; DataError unless it is a regular, non-empty file inside root."""
    with _naming(path):
        file = (root / path).resolve()
        if not file.is_relative_to(root.resolve()):
            raise DataError(f"{path}: lies outside of {root}")
        if not file.exists():
            raise DataError(f"{path}: there is no such file in {root}")
        if file.is_dir():
            raise DataError(f"{path}: is a folder, not a file")
        if not file.is_file():  # opening a pipe or a device could wait for ever
            raise DataError(f"{path}: is not a regular file")
        if file.stat().st_size == 0:
            raise DataError(f"{path}: is empty")
        return file


def _chosen(file: Path, wanted: Sequence[str] | None, names: list[str]) -> list[str]:
    if not names:
        raise DataError(f"{file}: holds no arrays")
    missing = [name for name in wanted or () if name not in names]
    if missing:
        listed = ", ".join(sorted(names)[:20])
        raise DataError(f"{file}: has no column {', '.join(missing)}; it has {listed}")
    return sorted(names) if wanted is None else list(dict.fromkeys(wanted))


def _finite(where: object, values: Array) -> Array:
    """The values in native byte order and at most double precision; DataError unless all are finite."""
    dtype = values.dtype.newbyteorder("=")
    if dtype.itemsize > (16 if dtype.kind == "c" else 8):
        dtype = np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    values = values.astype(dtype, copy=False)
    if dtype.kind in "fc" and not np.isfinite(values).all():
        bad = int(values.size - np.isfinite(values).sum())
        raise DataError(f"{where}: {bad} of {values.size} values are not finite")
    return values


def _checked_row(row: int, count: int) -> int:
    if not 0 <= row < count:
        raise IndexError(f"row {row} of {count}")
    return row


def _natural(name: str) -> tuple[list[str | int], str]:
    """A sort key by which 2 comes before 10: text and numbers take turns, so like is compared with like."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], name
