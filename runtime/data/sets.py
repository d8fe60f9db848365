"""Data sets of many files: the rows of one file follow those of the one before."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from recon.dsl.model.files import FileError, matching, natural
from recon.dsl.model.hub import PREFIX, hub_path

from .files import Array, DataError, DataFile, Rows, UnreachableError, regular_file


@dataclass(frozen=True)
class FileSet:
    """Some files: as they are called on the page, their names in natural order, and how to come by one of them."""

    what: str
    names: list[str]
    fetch: Callable[[str], DataFile]


def files_of(pattern: str, root: Path, suffixes: tuple[str, ...], split: str | None = None) -> FileSet:
    """The files of a data set.

    Args:
        pattern: a file, a pattern, or a folder, which stands for all its files with one of the suffixes; or an address
            on the Hub, which may end in any of these.
        root: the folder of the spec.
        suffixes: endings such as ".h5".
        split: where given, only files below a folder count whose name has this word in it, as `multicoil_val` has.

    Raises:
        DataError: there is no such file, or none of that split.
    """
    if pattern.startswith(PREFIX):
        from .hub import repository

        address = hub_path(pattern)
        stored = repository(address)
        names = _below(address.path, stored.files, suffixes)
        what, fetch = f"{address.repository}@{address.commit[:8]}", stored.fetch
        if not names:
            where = f"`{address.path}`" if address.path else f"{' or '.join(suffixes)} files"
            raise DataError(f"{what}: has no {where}")
    else:
        try:
            names = matching(root, pattern, suffixes)
        except FileError as e:
            raise DataError(str(e)) from e
        what, fetch = pattern, partial(regular_file, root=root)
        if not names and (root / pattern).is_dir():
            raise DataError(f"{pattern}: the folder holds no {' or '.join(suffixes)} files")
        if not names:
            raise DataError(f"{pattern}: no file in the folder of the spec matches")
    return FileSet(what, in_split(what, names, split), fetch)


def _below(path: str, names: list[str], suffixes: tuple[str, ...]) -> list[str]:
    """Those of the names that a path, a pattern or a folder stands for."""
    endings = tuple(s.lower() for s in suffixes)
    visible = [n for n in names if not any(part.startswith(".") for part in n.split("/"))]
    if path in visible:
        return [path]
    below = path.rstrip("/") + "/" if path else ""
    found = [n for n in visible if n.startswith(below) and n.lower().endswith(endings)]
    if not found and path:
        found = [n for n in visible if PurePosixPath(n).match(path) and n.lower().endswith(endings)]
    return sorted(found, key=natural)


def in_split(what: str, names: list[str], split: str | None) -> list[str]:
    """Those of the files that belong to a split, which a folder on their way is named after. Raises DataError."""
    if split is None:
        return names
    found = [name for name in names if split in _splits(name)]
    if not found:
        there = sorted({s for name in names for s in _splits(name)})
        known = f"its splits are {', '.join(there)}" if there else "no folder in it is called train, val or test"
        raise DataError(f"{what}: has no split {split}; {known}")
    return found


def _splits(name: str) -> set[str]:
    """The splits that the folders on the way to a file are named after."""
    words = [word for part in PurePosixPath(name).parts[:-1] for word in re.split(r"[^a-z]+", part.lower())]
    return {_SPLIT_NAMES[w] for w in words if w in _SPLIT_NAMES}


_SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass
class FileRows:
    """The rows of files, one after the other. A file is opened when one of its rows is first asked for.

    A file that cannot be opened counts as one row, and reading that row says what is wrong: so a damaged file stops a
    run where it is reached, or is skipped, and the others are read.
    """

    files: FileSet
    open: Callable[[DataFile], Rows]
    _opened: list[Rows | DataError] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    """The number of rows up to and with each opened file."""

    @property
    def columns(self) -> list[str]:
        """Those of the first file that can be opened. Raises DataError where none can."""
        i = 0
        while i < len(self._opened) or self._open_next():
            rows = self._opened[i]
            if not isinstance(rows, DataError):
                return rows.columns
            i += 1
        first = self._opened[0]
        assert isinstance(first, DataError)
        raise first

    def __len__(self) -> int:
        while self._open_next():
            pass
        return self._ends[-1]

    def holds(self, row: int) -> bool:
        """Whether there is such a row; opens no more files than it takes to tell."""
        while not self._ends or row >= self._ends[-1]:
            if not self._open_next():
                return False
        return row >= 0

    def read(self, row: int) -> dict[str, Array]:
        if not self.holds(row):
            raise IndexError(f"row {row}")
        i = bisect_right(self._ends, row)
        rows = self._opened[i]
        if isinstance(rows, DataError):
            raise rows
        return rows.read(row - (self._ends[i - 1] if i else 0))

    def _open_next(self) -> bool:
        if len(self._opened) == len(self.files.names):
            return False
        try:
            rows: Rows | DataError = self.open(self.files.fetch(self.files.names[len(self._opened)]))
        except UnreachableError:
            raise
        except DataError as e:
            rows = e
        self._opened.append(rows)
        self._ends.append((self._ends or [0])[-1] + (1 if isinstance(rows, DataError) else len(rows)))
        return True


def holds(rows: Rows, row: int) -> bool:
    """Whether there is such a row, without opening more files than needed."""
    return rows.holds(row) if isinstance(rows, FileRows) else row < len(rows)
