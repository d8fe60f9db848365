"""One series of DICOM slices, sorted by position, in the units that each file's slope and intercept lead to."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .files import MAX_BYTES, Array, DataError, DataFile, checked_row, finite, naming
from .volumes import Axis, library

MOST_FILES = 20_000


@dataclass(frozen=True)
class _Header:
    """What a slice's place in the volume follows from; lengths in millimetres."""

    name: str
    series: str
    extents: tuple[int, int]
    position: float | None
    normal: tuple[float, ...]
    number: int
    spacing: tuple[float, float] | None


@dataclass(frozen=True)
class DicomRows:
    """The slices of a series, or all of them as one volume. Files that are none come last, and say so when read."""

    fetch: Callable[[str], DataFile]
    headers: tuple[_Header, ...]
    failed: tuple[DataError, ...]
    columns: list[str]
    axis: int
    every: int

    def __len__(self) -> int:
        if "slice" not in self.columns:
            return 1
        count = (len(self.headers), *self.headers[0].extents)[self.axis]
        return -(-count // self.every) + len(self.failed)

    def read(self, row: int) -> dict[str, Array]:
        checked_row(row, len(self))
        good = len(self) - len(self.failed)
        if "slice" not in self.columns and self.failed:
            raise self.failed[0]
        if row >= good and "slice" in self.columns:
            raise self.failed[row - good]
        return {name: self._column(name, row * self.every) for name in self.columns}

    def _column(self, name: str, index: int) -> Array:
        if name == "voxel":
            spacing = self.headers[0].spacing
            if spacing is None:
                raise DataError(f"{self.headers[0].name}: does not say its pixel spacing")
            return np.array([self._step(), *spacing]) * 1e-3
        if name == "slice" and self.axis == 0:
            return self._slice(self.headers[index])
        self._step()
        volume = np.stack([self._slice(h) for h in self.headers])
        return volume if name == "volume" else np.ascontiguousarray(np.take(volume, index, self.axis))

    def _step(self) -> float:
        """The distance between slices in millimetres. Raises DataError where one is missing."""
        at = [h.position for h in self.headers if h.position is not None]
        if len(at) < 2:
            return 1.0
        steps = np.diff(at)
        usual = float(np.median(steps))
        k = int(np.abs(steps - usual).argmax())
        if abs(steps[k] - usual) > 0.1 * usual:
            raise DataError(
                f"{self.headers[k].name}: the next slice is {steps[k]:g} mm away, and others {usual:g} mm; "
                "a slice is missing"
            )
        return usual

    def _slice(self, header: _Header) -> Array:
        pydicom = library("pydicom", "a DICOM file")
        file = self.fetch(header.name)
        with naming(file):
            data = pydicom.dcmread(file.path)
            stored = np.asarray(data.pixel_array)
            if stored.shape != header.extents:
                raise DataError(f"{file}: has pixels of shape {stored.shape}, not {header.extents}")
            slope, intercept = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
            return finite(file, (stored * slope + intercept).astype(np.float32))


def dicom(
    names: Sequence[str],
    fetch: Callable[[str], DataFile],
    *,
    columns: Sequence[str],
    axis: Axis = "z",
    every: int = 1,
    series: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> DicomRows:
    """The slices of a series; headers are read here, pixels when a row is.

    Args:
        names: the files.
        fetch: gives a file by its name.
        columns: `slice`, or `volume`, and `voxel`.
        axis: the axis that slices cut across.
        every: take each n-th slice.
        series: the UID of the series, where there are several.
        max_bytes: largest allowed size of a row.

    Raises:
        DataError: no file is a slice of the series, there are several series, or its slices do not make a volume.
    """
    if len(names) > MOST_FILES:
        raise DataError(f"{names[0]}: is one of {len(names)} files, more than a series has")
    headers: list[_Header] = []
    failed: list[DataError] = []
    for name in names:
        if name.rsplit("/", 1)[-1].upper() == "DICOMDIR":
            continue
        try:
            headers.append(_header(fetch(name)))
        except DataError as e:
            failed.append(e)
    if not headers:
        raise failed[0] if failed else DataError("there are no DICOM files")
    counts = Counter(h.series for h in headers)
    if series is not None:
        headers = [h for h in headers if h.series == series]
    if not headers or (series is None and len(counts) > 1):
        listed = "; ".join(f'series = "{uid}" ({n} slices)' for uid, n in counts.most_common(5))
        what = f"there is no series {series}" if series else f"its folder holds {len(counts)} series; choose one"
        raise DataError(f"{names[0]}: {what}: {listed}")
    headers.sort(key=lambda h: (h.position if h.position is not None else h.number, h.number))
    _check(headers)
    by_slice = "slice" in columns
    if by_slice and "volume" in columns:
        raise DataError(f"{names[0]}: a row is either the `volume` or a `slice` of it; bind one of the two")
    k = ("z", "row", "col").index(axis)
    size = 4 * math.prod(headers[0].extents) * (1 if by_slice and k == 0 else len(headers))
    if size > max_bytes:
        raise DataError(f"{names[0]}: a row takes {size} bytes, more than the {max_bytes} allowed")
    return DicomRows(fetch, tuple(headers), tuple(failed), list(columns), k, every)


def _check(headers: list[_Header]) -> None:
    first = headers[0]
    for h in headers:
        if h.extents != first.extents:
            raise DataError(f"{h.name}: has {h.extents} pixels, and {first.name} {first.extents}")
        if max((abs(a - b) for a, b in zip(h.normal, first.normal, strict=False)), default=0) > 1e-3:
            raise DataError(f"{h.name}: is turned against {first.name}, so the two are no slices of one volume")
    for a, b in itertools.pairwise(headers):
        if a.position is not None and a.position == b.position:
            raise DataError(f"{b.name}: lies at the place of {a.name}; a series in time is not read as one volume")


def _header(file: DataFile) -> _Header:
    pydicom = library("pydicom", "a DICOM file")
    with naming(file):
        d = pydicom.dcmread(file.path, stop_before_pixels=True)
        if "Rows" not in d or "Columns" not in d:
            raise DataError(f"{file}: holds no picture")
        if int(d.get("NumberOfFrames", 1) or 1) > 1 or int(d.get("SamplesPerPixel", 1)) != 1:
            raise DataError(f"{file}: holds several frames or colours; a slice is a gray picture")
        position, normal = _place(d)
        spacing = d.get("PixelSpacing")
        return _Header(
            file.name,
            str(d.get("SeriesInstanceUID", "")),
            (int(d.Rows), int(d.Columns)),
            position,
            normal,
            int(d.get("InstanceNumber", 0) or 0),
            None if not spacing else (float(spacing[0]), float(spacing[1])),
        )


def _place(d: Any) -> tuple[float | None, tuple[float, ...]]:
    """The position along the normal of the slice, and the normal."""
    at, axes = d.get("ImagePositionPatient"), d.get("ImageOrientationPatient")
    if not at or not axes:
        return None, ()
    normal = np.cross([float(v) for v in axes[:3]], [float(v) for v in axes[3:]])
    return float(np.dot(normal, [float(v) for v in at])), tuple(float(v) for v in normal)
