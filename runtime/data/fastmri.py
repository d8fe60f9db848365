"""Slices of fastMRI files.

A file holds `kspace` [slices, (coils,) rows, cols], complex64, zero frequency in the middle; fully sampled ones hold
`reconstruction_rss` or `reconstruction_esc` [slices, 320, 320] too, undersampled ones `mask` [cols]. The attributes
`max` (of the reconstruction) and `acquisition` (the protocol) are of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

from .columns import ArrayColumn
from .files import MAX_BYTES, Array, DataError, DataFile, Name, checked_row, finite, naming, regular_file
from .hdf5 import open_hdf5, stored_column

STORED = ("kspace", "mask", "reconstruction_rss", "reconstruction_esc")


@dataclass(frozen=True)
class FastmriRows:
    """The chosen slices of one file; the columns in use, and no others, are read."""

    file: DataFile
    slices: tuple[int, ...]
    columns: list[str]
    arrays: dict[str, ArrayColumn]
    crop: tuple[int, int] | None
    divisor: float

    def __len__(self) -> int:
        return len(self.slices)

    def read(self, row: int) -> dict[str, Array]:
        n = self.slices[checked_row(row, len(self))]
        kspace: Array | None = None
        out: dict[str, Array] = {}
        for name in self.columns:
            if name in ("kspace", "rss"):
                kspace = self._kspace(n) if kspace is None else kspace
                out[name] = kspace if name == "kspace" else root_sum_of_squares(kspace)
            elif name == "mask":
                line = self._load("mask", None)
                shape = self.arrays["kspace"].shape[-2:]
                out[name] = np.broadcast_to(line.astype(np.float32).reshape(-1, shape[1])[:1], shape).copy()
            else:
                out[name] = self._load(name, n) / np.float32(self.divisor)
        return out

    def _load(self, name: str, row: int | None) -> Array:
        where = f"{self.file}, {name}" + ("" if row is None else f", slice {row}")
        with naming(where, self.file):
            return finite(where, self.arrays[name].load(row))

    def _kspace(self, row: int) -> Array:
        k = self._load("kspace", row) / np.float32(self.divisor)
        return k if self.crop is None else cropped(k, self.crop)


def fastmri(
    name: Name,
    root: Path,
    *,
    columns: Sequence[str],
    choose: Callable[[int], Sequence[int]] = range,
    crop: tuple[int, int] | None = None,
    by_max: bool = False,
    acquisition: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> FastmriRows:
    """One fastMRI file; nothing of it but the header is read here.

    Args:
        name: the file, relative to root.
        root: the folder that the file may not lie outside of.
        columns: those in use: `rss`, or names of data sets.
        choose: the slices in use, of so many.
        crop: extents that each coil's image is cut to about its centre; its k-space is that of the part.
        by_max: divide by the file's attribute `max`.
        acquisition: the file has no rows unless its protocol is this one.
        max_bytes: largest allowed size of a slice in memory.

    Raises:
        DataError: the file is missing, damaged, outside of root, or not of this layout; a column is not in it.
    """
    file = regular_file(name, root)
    with naming(file), open_hdf5(file) as store:
        if acquisition is not None and _text(store.attrs.get("acquisition", "")) != acquisition:
            return FastmriRows(file, (), list(columns), {}, crop, 1.0)
        k = stored_column(file, store, "kspace", max_bytes)
        if k.dtype.kind != "c" or len(k.shape) not in (3, 4) or 0 in k.shape:
            axes = " x ".join(str(n) for n in k.shape)
            raise DataError(f"{file}: kspace is complex, slices x (coils x) rows x cols, not {k.dtype} {axes}")
        if k.dtype.itemsize * int(np.prod(k.shape[1:])) > max_bytes:
            raise DataError(f"{file}: a slice of kspace takes more than the {max_bytes} bytes allowed")
        undersampled = "mask" in store
        arrays = {"kspace": k}
        for column in columns:
            if column in ("kspace", "rss"):
                if column == "rss" and undersampled:
                    raise DataError(f"{file}: is undersampled, so it has no `rss`")
                continue
            if column == "mask" and not undersampled:
                raise DataError(f"{file}: is fully sampled, so it has no `mask`")
            if column == "mask" and crop is not None:
                raise DataError(f"{file}: a cropped k-space has no `mask`, since its lines are no measured ones")
            arrays[column] = stored_column(file, store, column, max_bytes)
            lines, held = arrays[column].shape, k.shape
            fits = lines[-1:] == held[-1:] if column == "mask" else len(lines) == 3 and lines[0] == held[0]
            if not fits or arrays[column].dtype.kind not in "biuf":
                raise DataError(f"{file}: {column} has the shape {lines}, which does not fit kspace of {held}")
        if crop is not None and (crop[0] > k.shape[-2] or crop[1] > k.shape[-1]):
            raise DataError(f"{file}: images of {k.shape[-2]} x {k.shape[-1]} cannot be cut to {crop[0]} x {crop[1]}")
        divisor = _number(file, store, "max") if by_max else 1.0
        slices = tuple(choose(k.shape[0]))
        if not slices:
            raise DataError(f"{file}: has {k.shape[0]} slices, and none of them is asked for")
        return FastmriRows(file, slices, list(columns), arrays, crop, divisor)


def images(kspace: Array) -> Array:
    """The orthonormal inverse Fourier transform over the last two axes, with both origins in the middle."""
    k = fft.ifftshift(kspace, axes=(-2, -1))
    out: Array = fft.fftshift(fft.ifft2(k, norm="ortho"), axes=(-2, -1))
    return out


def root_sum_of_squares(kspace: Array) -> Array:
    """`sqrt(sum_c |F^-1 k_c|^2)`, [rows, cols]; of one coil, its modulus."""
    x = images(kspace)
    modulus = np.abs(x) if x.ndim == 2 else np.sqrt((x.real**2 + x.imag**2).sum(0))
    out: Array = np.ascontiguousarray(modulus)
    return out


def cropped(kspace: Array, extents: tuple[int, int]) -> Array:
    """The k-space of the middle of each coil's image, so that its values stay: at full extents nothing changes."""
    x = images(kspace)
    top, left = (x.shape[-2] - extents[0]) // 2, (x.shape[-1] - extents[1]) // 2
    x = fft.ifftshift(x[..., top : top + extents[0], left : left + extents[1]], axes=(-2, -1))
    out: Array = np.ascontiguousarray(fft.fftshift(fft.fft2(x, norm="ortho"), axes=(-2, -1)))
    return out


def _number(file: DataFile, store: Any, name: str) -> float:
    value = store.attrs.get(name)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise DataError(f"{file}: its attribute `{name}` is no positive number, so nothing can be divided by it")
    return number


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
