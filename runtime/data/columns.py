"""Named arrays in a file, read row by row: what the rows of .npy, .npz and HDF5 files have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .files import Array, DataError, DataFile, checked_row, finite, naming


@dataclass(frozen=True)
class ArrayColumn:
    """One array in a file; `load(row)` reads a row of it, `load(None)` all of it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[int | None], Array]


@dataclass(frozen=True)
class ArrayRows:
    """The rows of the arrays of a file; without `by_row` the file is a single row."""

    file: DataFile
    by_row: bool
    count: int
    arrays: dict[str, ArrayColumn]

    @classmethod
    def of(cls, file: DataFile, by_row: bool, max_bytes: int, arrays: dict[str, ArrayColumn]) -> ArrayRows:
        """Rows of arrays that fit together. Raises DataError for what is empty, too large or not numeric."""
        for name, column in arrays.items():
            _check_column(f"{file}, column {name}", column, by_row, max_bytes)
        lengths = {name: column.shape[0] if by_row else 1 for name, column in arrays.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name}: {n}" for name, n in lengths.items())
            raise DataError(f"{file}: the columns in use differ in their number of rows ({listed})")
        return cls(file, by_row, next(iter(lengths.values())), arrays)

    @property
    def columns(self) -> list[str]:
        return list(self.arrays)

    def __len__(self) -> int:
        return self.count

    def read(self, row: int) -> dict[str, Array]:
        checked_row(row, self.count)
        out = {}
        for name, column in self.arrays.items():
            where = f"{self.file}, column {name}" + (f", row {row + 1}" if self.by_row else "")
            with naming(where, self.file):
                out[name] = finite(where, column.load(row if self.by_row else None))
        return out


def chosen(file: DataFile, wanted: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """The wanted ones of the columns that a file has, or all. Raises DataError where one is missing."""
    if not names:
        raise DataError(f"{file}: holds no arrays")
    missing = [name for name in wanted or () if name not in names]
    if missing:
        listed = ", ".join(sorted(names)[:20])
        raise DataError(f"{file}: has no column {', '.join(missing)}; it has {listed}")
    return sorted(names) if wanted is None else list(dict.fromkeys(wanted))


def _check_column(where: str, column: ArrayColumn, by_row: bool, max_bytes: int) -> None:
    kind = column.dtype.kind
    if kind == "O":
        raise DataError(
            f"{where}: holds Python objects or entries of varying length, which are never loaded; store plain numbers"
        )
    if kind not in "biufc":
        what = {"U": "text", "S": "text", "M": "dates", "m": "times", "V": "records"}.get(kind, str(column.dtype))
        raise DataError(f"{where}: holds {what}, not numbers")
    if by_row and not column.shape:
        raise DataError(f"{where}: a single number has no rows")
    if any(n < 1 for n in column.shape):
        raise DataError(f"{where}: is empty, shape {column.shape}")
    size = column.dtype.itemsize * math.prod(column.shape[1:] if by_row else column.shape)
    if size > max_bytes:
        raise DataError(f"{where}: a row takes {size} bytes, more than the {max_bytes} allowed")
