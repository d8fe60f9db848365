"""The meaning of source words: rows of named columns. Here is what all of them are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recon.dsl.model.options import DataOptions
from recon.dsl.model.space import Space

from ...build import Build
from ..files import Array, DataError


@dataclass(frozen=True)
class Request:
    """What a source is asked for: rows for an unknown of this space, from this folder, with this seed.

    space: that of the unknown or measurement that the first binding of a column is for; extents may be unknown.
    columns: the columns that the bindings use, those of that first binding first. Files with other columns need not
        be whole.
    build: what operators that a source names are built for.
    """

    folder: Path
    space: Space
    seed: int
    options: DataOptions
    columns: tuple[str, ...] = ()
    build: Build = Build()

    @property
    def channels(self) -> int | None:
        """Channels of the unknown; one where it has no axis of channels."""
        i = self.space.axis("channel")
        return 1 if i is None else self.space.shape[i]

    @property
    def extents(self) -> tuple[int, ...] | None:
        """Extents of the spatial axes, or None while one is `auto`."""
        sizes = [a.size for a in self.space.axes if a.name not in ("channel", "frame")]
        known = [n for n in sizes if n is not None]
        return tuple(known) if len(known) == len(sizes) else None

    def needed_extents(self, word: str) -> tuple[int, ...]:
        """The extents, which a source that draws cannot do without. Raises DataError."""
        if self.extents is None:
            raise DataError(f"`{word}` is drawn at the unknown's extents, and one of them is `auto`")
        return self.extents

    def shaped(self, picture: Array) -> Array:
        """A picture [channels, ...] in the unknown's axes: without channels where the unknown has none."""
        return picture[0] if self.space.axis("channel") is None else picture


@dataclass(frozen=True)
class Drawn:
    """Rows made by a function of the row's number."""

    columns: list[str]
    count: int
    make: Callable[[int], dict[str, Array]]

    def __len__(self) -> int:
        return self.count

    def read(self, row: int) -> dict[str, Array]:
        if not 0 <= row < self.count:
            raise IndexError(row)
        return self.make(row)
