"""Spaces: what kind of numbers stand on which axes. Known before any data are read, sizes excepted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from .units import PLAIN, Unit

Field = Literal["real", "complex"]
LARGEST_BYTES = 2**32
"""Of one array: 1024 x 1024 x 1024 real numbers in single precision. Solvers keep about ten."""


@dataclass(frozen=True)
class Axis:
    """A named axis. `size` is None while it is still to be taken from the data; `voxel` is its spacing in metres."""

    name: str
    size: int | None
    voxel: float | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.size if self.size is not None else 'auto'}"


@dataclass(frozen=True)
class Space:
    """Numbers of one field on named axes, in one unit.

    `support` says in words which entries can differ from zero where a mask keeps the grid; the runtime's operator
    holds the mask itself. A batch of rows is never part of a space.
    """

    field: Field
    axes: tuple[Axis, ...]
    unit: Unit = PLAIN
    support: str | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        return tuple(a.size for a in self.axes)

    @property
    def known(self) -> bool:
        """Whether every extent is known."""
        return None not in self.shape

    @property
    def sizes(self) -> tuple[int, ...]:
        """The extents; raises ValueError while one is still `auto`."""
        out = tuple(s for s in self.shape if s is not None)
        if len(out) != len(self.axes):
            raise ValueError(f"the extents of {self} are not all known yet")
        return out

    @property
    def count(self) -> int | None:
        """How many numbers (complex ones count once); None while an extent is unknown."""
        return math.prod(self.sizes) if self.known else None

    @property
    def bytes(self) -> int | None:
        """What an array of these numbers takes in single precision; None while an extent is unknown."""
        return None if self.count is None else self.count * (8 if self.field == "complex" else 4)

    def axis(self, name: str) -> int | None:
        """The index of the axis of that name, or None."""
        for i, a in enumerate(self.axes):
            if a.name == name:
                return i
        return None

    def with_field(self, field: Field) -> Space:
        return replace(self, field=field)

    def with_axes(self, axes: tuple[Axis, ...]) -> Space:
        return replace(self, axes=axes)

    def resized(self, last: tuple[int | None, ...]) -> Space:
        """The same axes with the last `len(last)` extents replaced."""
        head, tail = self.axes[: -len(last)], self.axes[-len(last) :]
        return replace(self, axes=head + tuple(replace(a, size=n) for a, n in zip(tail, last, strict=True)))

    def __str__(self) -> str:
        unit = f" in {self.unit}" if str(self.unit) else ""
        return f"{self.field}[{', '.join(str(a) for a in self.axes)}]{unit}"


class SpaceError(ValueError):
    """An operator does not fit the space it is given. The message stands alone and names sizes."""


def fits(a: Space, b: Space) -> bool:
    """Whether two spaces can be added: the same field and extents, unknown extents counting as equal."""
    return (
        a.field == b.field
        and len(a.axes) == len(b.axes)
        and all(m is None or n is None or m == n for m, n in zip(a.shape, b.shape, strict=True))
    )


def merge(a: Space, b: Space) -> Space:
    """Of two spaces that fit, the one with every extent that either knows."""
    axes = tuple(x if x.size is not None else replace(x, size=y.size) for x, y in zip(a.axes, b.axes, strict=True))
    return replace(a, axes=axes)


def distinct(space: Space, last: int = 0) -> tuple[str, ...]:
    """The names of all axes but the last so many; names that several axes share are left out."""
    names = [a.name for a in space.axes]
    return tuple(n for n in names[: len(names) - last] if names.count(n) == 1)


def spatial(space: Space, count: int | None = None) -> tuple[Axis, ...]:
    """The spatial axes z, row, col (or the single axis of a signal); the last `count` of them if given.

    Raises SpaceError where there are fewer.
    """
    axes = tuple(a for a in space.axes if a.name in ("z", "row", "col", "sample"))
    if count is not None:
        if len(axes) < count or axes[-count:] != space.axes[-count:]:
            raise SpaceError(f"needs {count} spatial axes, but has {space}")
        axes = axes[-count:]
    return axes
