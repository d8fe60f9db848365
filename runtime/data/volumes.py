"""Volumes in files of several formats, whole or slice by slice: NIfTI, TIFF and MRC; a DICOM series is in `dicom`.

Each format says the extents of a file's volume before reading it, reads all of it or one slice, and nothing else here
knows the format. The libraries that read them are optional, and one that is missing is named with how to install it.
"""

from __future__ import annotations

import importlib
import logging
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from .files import MAX_BYTES, Array, DataError, DataFile, checked_row, finite, naming

Axis = Literal["z", "row", "col"]
GZIP_RATIO = 1100  # deflate makes a file at most 1032 times smaller


def library(name: str, what: str) -> Any:
    """An optional library. Raises DataError with the command that installs it."""
    try:
        return importlib.import_module(name)
    except ImportError as e:
        raise DataError(f'{what} is read by {name}; install it with pip install "recon-dsl[formats]"') from e


class Volume(Protocol):
    """The volume of one file, opened but not read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[z, rows, cols], or with frames in front."""

    @property
    def itemsize(self) -> int:
        """Bytes of a number that was read."""

    @property
    def packed(self) -> bool:
        """Whether the file is compressed, so that a plane costs as much as all of it."""

    def whole(self) -> Array: ...

    def plane(self, axis: int, index: int) -> Array:
        """One plane across an axis: 0 for z, 1 for rows, 2 for columns."""

    def extra(self, column: str) -> Array:
        """Another column, such as `voxel`. Raises DataError where there is none."""


@dataclass(frozen=True)
class VolumeRows:
    """One volume as a single row, or each of its slices as one."""

    file: DataFile
    volume: Volume
    columns: list[str]
    slices: tuple[int, ...] | None
    axis: int

    def __len__(self) -> int:
        return 1 if self.slices is None else len(self.slices)

    def read(self, row: int) -> dict[str, Array]:
        checked_row(row, len(self))
        out: dict[str, Array] = {}
        for name in self.columns:
            if name == "slice" and self.slices is not None:
                where = f"{self.file}, slice {self.slices[row]}"
                with naming(where, self.file):
                    out[name] = finite(where, _native(self.volume.plane(self.axis, self.slices[row])))
            elif name in ("volume", "stack"):
                with naming(self.file):
                    out[name] = finite(self.file, _native(self.volume.whole()))
            else:
                value = self.volume.extra(name)
                per_section = name == "angle" and self.slices is not None
                out[name] = value[self.slices[row]] if per_section and self.slices is not None else value
        return out


def volume_rows(
    file: DataFile,
    opened: Callable[[DataFile], Volume],
    *,
    columns: Sequence[str],
    axis: Axis = "z",
    every: int = 1,
    max_bytes: int = MAX_BYTES,
) -> VolumeRows:
    """The rows of one file.

    Args:
        file: the file.
        opened: opens it.
        columns: those in use; `slice` makes each slice a row.
        axis: the axis that slices cut across.
        every: take each n-th slice.
        max_bytes: largest allowed size of what is read at a time.

    Raises:
        DataError: the file is damaged or of another format, or has not the columns, or a row is too large.
    """
    with naming(file):
        volume = opened(file)
    if any(n < 1 for n in volume.shape) or len(volume.shape) not in (3, 4):
        raise DataError(f"{file}: holds an array of shape {volume.shape}, and not a volume")
    by_slice = "slice" in columns
    if by_slice and len(volume.shape) == 4:
        raise DataError(f"{file}: is a series of {volume.shape[0]} volumes in time, so `slice` says too little")
    if by_slice and ("volume" in columns or "stack" in columns):
        raise DataError(f"{file}: a row is either a volume or a `slice` of it; bind one of the two")
    k = ("z", "row", "col").index(axis)
    size = volume.itemsize * math.prod(volume.shape)
    if by_slice and not volume.packed:
        size //= volume.shape[k]
    if size > max_bytes:
        raise DataError(f"{file}: a row takes {size} bytes, more than the {max_bytes} allowed")
    for name in columns:
        if name not in ("volume", "stack", "slice"):
            with naming(file):
                volume.extra(name)
    slices = tuple(range(0, volume.shape[k], every)) if by_slice else None
    return VolumeRows(file, volume, list(columns), slices, k)


def _native(values: Array) -> Array:
    """Numbers as single precision, or as they are where that would lose some."""
    if (values.dtype.kind in "biu" and values.dtype.itemsize <= 2) or values.dtype == np.float16:
        return np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.kind in "biu":
        return np.ascontiguousarray(values, dtype=np.float64)
    return np.ascontiguousarray(values)


def _not_known(file: DataFile, column: str) -> DataError:
    return DataError(f"{file}: does not say `{column}`")


def _plane(volume: Array, axis: int, index: int) -> Array:
    plane: Array = np.take(volume, index, axis)
    return plane


# ---- NIfTI ----


@dataclass(frozen=True)
class _Nifti:
    file: DataFile
    shape: tuple[int, ...]
    itemsize: int
    packed: bool

    def whole(self) -> Array:
        return _nifti_array(self.file.path, self.file.path.stat().st_mtime_ns)

    def plane(self, axis: int, index: int) -> Array:
        if self.packed:
            return _plane(self.whole(), axis, index)
        proxy = _nifti_image(self.file.path).dataobj
        where: list[Any] = [slice(None)] * 3
        where[2 - axis] = index
        return np.asarray(proxy[tuple(where)], dtype=np.float32).T

    def extra(self, column: str) -> Array:
        header = _nifti_image(self.file.path).header
        if column != "voxel":
            raise _not_known(self.file, column)
        unit = {"meter": 1.0, "micron": 1e-6}.get(header.get_xyzt_units()[0], 1e-3)
        zooms: Array = np.array(header.get_zooms()[2::-1], dtype=np.float64) * unit
        return zooms


def _nifti_image(path: Path) -> Any:
    return library("nibabel", "a NIfTI file").load(path, mmap=False)


@lru_cache(maxsize=1)
def _nifti_array(path: Path, _: int) -> Array:
    """All of a file, [.., z, row, col], single precision; kept until another file is read."""
    return np.ascontiguousarray(np.asarray(_nifti_image(path).dataobj, dtype=np.float32).T)


def nifti(file: DataFile) -> Volume:
    """A NIfTI file. Raises DataError, or whatever nibabel raises for what is none."""
    nibabel = library("nibabel", "a NIfTI file")
    image = nibabel.load(file.path, mmap=False)
    if not isinstance(image, nibabel.Nifti1Pair):
        raise DataError(f"{file}: is no NIfTI file")
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 2:
        shape = (*shape, 1)
    dtype = image.get_data_dtype()
    if dtype.kind not in "biuf":
        raise DataError(f"{file}: holds {dtype}, not real numbers")
    stored = dtype.itemsize * math.prod(shape)
    size = file.path.stat().st_size
    packed = not file.path.name.endswith(".nii") or _magic(file.path).startswith(b"\x1f\x8b")
    if stored > (size * GZIP_RATIO if packed else size):
        raise DataError(f"{file}: damaged, its header says {stored} bytes and the file has {size}")
    return _Nifti(file, shape[::-1], 4, packed)


def _magic(path: Path) -> bytes:
    with path.open("rb") as f:
        return f.read(8)


# ---- TIFF ----


@dataclass(frozen=True)
class _Tiff:
    file: DataFile
    shape: tuple[int, ...]
    itemsize: int
    packed: bool = False

    def whole(self) -> Array:
        with _tiff_file(self.file.path) as f:
            return np.stack([_page(f, k, self.shape[1:]) for k in range(self.shape[0])])

    def plane(self, axis: int, index: int) -> Array:
        if axis:
            return _plane(self.whole(), axis, index)
        with _tiff_file(self.file.path) as f:
            return _page(f, index, self.shape[1:])

    def extra(self, column: str) -> Array:
        raise _not_known(self.file, column)


@contextmanager
def _tiff_file(path: Path) -> Iterator[Any]:
    """An open TIFF file. What tifffile only writes to its log, such as pages that it leaves out, is raised."""
    tifffile = library("tifffile", "a TIFF stack")
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("tifffile")
    before, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        with tifffile.TiffFile(path) as f:
            len(f.pages)
            yield f
    finally:
        log.removeHandler(handler)
        log.propagate = before
    if said:
        raise ValueError(said[0])


def _page(f: Any, index: int, shape: tuple[int, ...]) -> Array:
    page, size = f.pages[index], f.filehandle.size
    if tuple(page.shape) != shape:
        raise ValueError(f"page {index} has the shape {tuple(page.shape)}, and the first one {shape}")
    places = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(start + count > size for start, count in places):
        raise ValueError(f"page {index} is cut off")  # tifffile would fill it with zeros
    out: Array = page.asarray()
    return out


def tiff(file: DataFile) -> Volume:
    """A stack of pages. Raises DataError, or whatever tifffile raises for what is none."""
    with _tiff_file(file.path) as f:
        first, count = f.pages[0], len(f.pages)
        if len(first.shape) != 2:
            raise DataError(f"{file}: its pages have the shape {tuple(first.shape)}; a stack has gray pages")
        if first.dtype is None or first.dtype.kind not in "biuf":
            raise DataError(f"{file}: holds {first.dtype}, not numbers")
        return _Tiff(file, (count, *(int(n) for n in first.shape)), max(first.dtype.itemsize, 4))


# ---- MRC ----


@dataclass(frozen=True)
class _Mrc:
    file: DataFile
    shape: tuple[int, ...]
    itemsize: int
    packed: bool
    voxel: tuple[float, float, float]

    def whole(self) -> Array:
        with self._opened() as f:
            return np.array(f.data).reshape(self.shape)

    def plane(self, axis: int, index: int) -> Array:
        with self._opened() as f:
            return np.array(_plane(f.data.reshape(self.shape), axis, index))

    def extra(self, column: str) -> Array:
        if column == "angle":
            return np.radians(tilts(self.file, self.shape[0]))
        if column != "voxel" or not all(self.voxel):
            raise _not_known(self.file, column)
        return np.array(self.voxel)

    def _opened(self) -> Any:
        mrcfile = library("mrcfile", "an MRC file")
        return mrcfile.open(self.file.path) if self.packed else mrcfile.mmap(self.file.path, mode="r")


def mrc(file: DataFile) -> Volume:
    """An MRC file; a single section counts as a stack of one. Raises DataError, or what mrcfile raises."""
    mrcfile = library("mrcfile", "an MRC file")
    with mrcfile.open(file.path, header_only=True) as f:
        h = f.header
        dtype = mrcfile.utils.data_dtype_from_header(h)
        counts = tuple(int(n) for n in mrcfile.utils.data_shape_from_header(h))
        voxel = [float(h.cella[a]) / max(int(n), 1) * 1e-10 for a, n in (("z", h.mz), ("y", h.my), ("x", h.mx))]
        offset = 1024 + int(h.nsymbt)
    if dtype.kind not in "biufc" or any(n < 1 for n in counts):
        raise DataError(f"{file}: holds {dtype} of shape {counts}, not numbers")
    packed = _magic(file.path)[:2] in (b"\x1f\x8b", b"BZ")
    stored, size = dtype.itemsize * math.prod(counts), file.path.stat().st_size - offset
    if stored > (file.path.stat().st_size * GZIP_RATIO if packed else size):
        raise DataError(f"{file}: damaged, its header says {stored} bytes of numbers and the file has {max(size, 0)}")
    shape = (1, *counts) if len(counts) == 2 else counts
    return _Mrc(file, shape, max(dtype.itemsize, 4), packed, (voxel[0], voxel[1], voxel[2]))


def tilts(file: DataFile, sections: int) -> Array:
    """The tilt of each section in degrees, from the file beside it that says them.

    One number a line in .tlt and .rawtlt files; in .mdoc files the entry `TiltAngle` of each `[ZValue = n]`. Raises
    DataError where there is no such file, or it has another number of angles.
    """
    stem = file.path.with_suffix("")
    beside = [
        stem.with_suffix(".tlt"),
        stem.with_suffix(".rawtlt"),
        Path(f"{file.path}.mdoc"),
        stem.with_suffix(".mdoc"),
    ]
    found = next((p for p in beside if p.is_file() and not p.is_symlink()), None)
    if found is None:
        names = ", ".join(p.name for p in beside)
        raise DataError(f"{file}: does not say its angles, and none of {names} is beside it")
    if found.stat().st_size > 2**24:
        raise DataError(f"{found.name}: is too large for a list of angles")
    lines = found.read_text(errors="replace").splitlines()
    if found.suffix == ".mdoc":
        texts = [line.split("=", 1)[1] for line in lines if line.strip().startswith("TiltAngle") and "=" in line]
    else:
        texts = [line for line in lines if line.strip()]
    try:
        angles = np.array([float(t.split()[0]) for t in texts])
    except (ValueError, IndexError) as e:
        raise DataError(f"{found.name}: holds lines that are no angles") from e
    if len(angles) != sections:
        raise DataError(f"{found.name}: has {len(angles)} angles, and {file} {sections} sections")
    return finite(found.name, angles)


def write_mrc(path: Path, volume: Array, voxel: Sequence[float] | None = None) -> None:
    """Write a volume [z, rows, cols] as an MRC file, single precision; complex numbers stay complex.

    voxel: spacings of z, row and col in metres. Raises DataError where the library is missing.
    """
    mrcfile = library("mrcfile", "an MRC file")
    kind = np.complex64 if np.iscomplexobj(volume) else np.float32
    with mrcfile.new(path, overwrite=True) as f:
        f.set_data(np.ascontiguousarray(volume, dtype=kind))
        if voxel is not None:
            z, y, x = (1e10 * v for v in voxel)
            f.voxel_size = (x, y, z)


def mrc_bytes(volume: Array, voxel: Sequence[float] | None = None) -> bytes:
    """The content of the file that `write_mrc` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.mrc"
        write_mrc(path, volume, voxel)
        return path.read_bytes()
