"""Data sets read from HDF5 files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .columns import ArrayColumn, ArrayRows, chosen
from .files import MAX_BYTES, Array, DataError, DataFile, Name, Rows, naming, regular_file

_MAX_OBJECTS = 10_000  # of a file; more is not a data set for reconstruction but an accident or an attack
_MAX_LINKS = 16  # one after the other


def hdf5(path: Name, root: Path, *, columns: Sequence[str] | None = None, max_bytes: int = MAX_BYTES) -> Rows:
    """The data sets of an HDF5 file, rows along the first axis; columns are named by their path (`group/name`).

    Complex numbers are h5py's compound of `r` and `i`. Links that stay in the file are followed. A column that a link
    leads out of the file for, or that is virtual or stored in other files, is refused; other columns may still be read.

    Args:
        path: the file, relative to root or absolute.
        root: the folder that the file may not lie outside of.
        columns: the data sets to read; if None, all that are not links to other files.
        max_bytes: largest allowed size of one row of one column in memory.

    Raises:
        DataError: as for `npz`.
    """
    file = regular_file(path, root)
    with naming(file), open_hdf5(file) as store:
        names = chosen(file, None, _names(file, store)) if columns is None else dict.fromkeys(columns)
        found = {name: stored_column(file, store, name, max_bytes) for name in names}
    return ArrayRows.of(file, True, max_bytes, found)


def open_hdf5(file: DataFile) -> Any:
    """The file, opened for reading."""
    import h5py

    return h5py.File(file.path, "r")


def _names(file: DataFile, store: Any) -> list[str]:
    """The paths of all data sets that lie in the file itself."""
    import h5py

    hard: list[str] = []
    soft: list[str] = []
    visited: set[int] = set()  # groups may hold each other in a circle
    groups: list[tuple[str, Any]] = [("", store)]
    while groups:
        prefix, group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in visited:
            continue
        visited.add(address)
        for name in group:
            kind = group.id.links.get_info(name.encode()).type
            if kind == h5py.h5l.TYPE_SOFT:
                soft.append(prefix + name)
            elif kind == h5py.h5l.TYPE_HARD and isinstance(group[name], h5py.Dataset):
                hard.append(prefix + name)
            elif kind == h5py.h5l.TYPE_HARD and isinstance(group[name], h5py.Group):
                groups.append((prefix + name + "/", group[name]))
            if len(soft) + len(hard) + len(groups) + len(visited) > _MAX_OBJECTS:
                raise DataError(f"{file}: holds more than {_MAX_OBJECTS} objects")
    for name in soft:
        with suppress(DataError):
            if isinstance(follow(file, store, name), h5py.Dataset):
                hard.append(name)
    return hard


def follow(file: DataFile, store: Any, name: str) -> Any:
    """What a path leads to, or None. Every link on the way is looked at before it is followed.

    Raises DataError where one leads out of the file, or too many come one after the other.
    """
    import h5py

    here, steps, links = store, name.split("/")[::-1], 0
    while steps:
        step = steps.pop()
        if step in ("", "."):
            continue
        if not isinstance(here, h5py.Group):
            return None
        if not here.id.links.exists(step.encode()):
            return None
        kind = here.id.links.get_info(step.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            here = here[step]
            continue
        target = here.id.links.get_val(step.encode())
        if kind != h5py.h5l.TYPE_SOFT:
            other = target[0].decode(errors="replace")
            raise DataError(f"{file}: column {name} needs a link to another file ({other}), which is never followed")
        links += 1
        if links > _MAX_LINKS:
            raise DataError(f"{file}: column {name} needs more than {_MAX_LINKS} links one after the other")
        path = target.decode()
        here = store if path.startswith("/") else here
        steps += path.split("/")[::-1]
    return here


def _data_set(file: DataFile, store: Any, name: str) -> Any:
    """The data set of a path. Raises DataError where there is none in the file."""
    import h5py

    stored = follow(file, store, name)
    if isinstance(stored, h5py.Dataset):
        if stored.is_virtual or stored.external:
            raise DataError(f"{file}: {name} has its values in other files, which are never opened")
        return stored
    if isinstance(stored, h5py.Group):
        held = [path for path in _names(file, store) if path.startswith(name.strip("/") + "/")]
        listed = f"; it holds {', '.join(sorted(held)[:20])}" if held else ""
        raise DataError(f"{file}: {name} is a group, not an array{listed}")
    chosen(file, [name], _names(file, store))
    raise DataError(f"{file}: {name} is not an array")


def stored_column(file: DataFile, store: Any, name: str, max_bytes: int) -> ArrayColumn:
    """A data set of an open file, not read yet. Raises DataError where there is none, or its blocks are too large."""
    stored = _data_set(file, store, name)
    if stored.shape is None:
        raise DataError(f"{file}: {name} is empty")
    block = math.prod(stored.chunks or ()) * stored.dtype.itemsize
    if block > max_bytes:  # a compressed block is decompressed as a whole, however small the row
        raise DataError(f"{file}: {name} is stored in blocks of {block} bytes, more than the {max_bytes} allowed")
    return ArrayColumn(tuple(stored.shape), stored.dtype, _Stored(file, name))


@dataclass(frozen=True)
class _Stored:
    """Reads from a data set of an HDF5 file."""

    file: DataFile
    name: str

    def __call__(self, row: int | None) -> Array:
        with open_hdf5(self.file) as store:
            return np.asarray(_data_set(self.file, store, self.name)[() if row is None else row])
