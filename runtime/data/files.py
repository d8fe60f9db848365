"""What readers of files share: the protocol of rows, the error, and the file itself, found and named safely.

A source is opened once to check what it holds and reads one row at a time afterwards, opening the file anew: no set is
ever in memory, and a source may be sent to another process. Whatever is wrong with a file is a `DataError` that names
it as the page does. No file outside the root is opened, however the path gets there, nothing is unpickled, and no row
is allocated before its size is known to be within `max_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_BYTES = 8 * 2**30


class DataError(Exception):
    """A file that cannot be used as data; the message names the file and says what is wrong with it."""


class UnreachableError(DataError):
    """Files that are elsewhere cannot be fetched: no fault of one row, so nothing is skipped."""


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


@dataclass(frozen=True)
class DataFile:
    """A file of the user's: as it is called on the page, and its real place. Its text is the former."""

    name: str
    path: Path

    def __str__(self) -> str:
        return self.name


Name = str | Path | DataFile
"""A file by its name relative to the root, or found already."""


def regular_file(name: Name, root: Path) -> DataFile:
    """The file of that name, relative to root or absolute, links followed; one that was found already is itself.

    Raises DataError unless it is a regular, non-empty file inside root.
    """
    if isinstance(name, DataFile):
        return name
    with naming(name):
        file = (root / name).resolve()
        if not file.is_relative_to(root.resolve()):
            raise DataError(f"{name}: lies outside of the folder of the spec")
        if not file.exists():
            raise DataError(f"{name}: there is no such file in the folder of the spec")
        if file.is_dir():
            raise DataError(f"{name}: is a folder, not a file")
        if not file.is_file():  # opening a pipe or a device could wait for ever
            raise DataError(f"{name}: is not a regular file")
        if file.stat().st_size == 0:
            raise DataError(f"{name}: is empty")
        return DataFile(str(name), file)


@contextmanager
def naming(what: object, file: DataFile | None = None) -> Iterator[None]:
    """Turn whatever a decoder raises on damaged input, which is any exception, into a DataError that names `what`.

    `file` is the file in question where `what` says more than its name; its place on this machine is not told.
    """
    known = file or (what if isinstance(what, DataFile) else None)
    try:
        yield
    except DataError:
        raise
    except Exception as reason:
        text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        if known is not None:
            text = text.replace(str(known.path), known.name)
        text = " ".join(text.split())
        raise DataError(f"{what}: cannot be read ({type(reason).__name__}: {text})") from reason


def finite(where: object, values: Array) -> Array:
    """The values in native byte order and at most double precision; DataError unless all are finite."""
    dtype = values.dtype.newbyteorder("=")
    if dtype.itemsize > (16 if dtype.kind == "c" else 8):
        dtype = np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    values = values.astype(dtype, copy=False)
    if dtype.kind in "fc" and not np.isfinite(values).all():
        bad = int(values.size - np.isfinite(values).sum())
        raise DataError(f"{where}: {bad} of {values.size} values are not finite")
    return values


def checked_row(row: int, count: int) -> int:
    """The number of a row. Raises IndexError where there is no such row."""
    if not 0 <= row < count:
        raise IndexError(f"row {row} of {count}")
    return row
