"""Some of the entries along one axis of a space."""

from __future__ import annotations

from dataclasses import replace
from types import EllipsisType

from recon.dsl.model.space import Space


def entries(space: Space, axis: str, keep: slice) -> tuple[slice | EllipsisType, ...]:
    """The index of the entries at `keep` along an axis in tensors [..., *space.sizes]. Raises ValueError without it."""
    i = space.axis(axis)
    if i is None:
        raise ValueError(f"{space} has no axis {axis}")
    return (..., keep, *[slice(None)] * (len(space.axes) - 1 - i))


def shortened(space: Space, axis: str, keep: slice) -> Space:
    """The space of these entries."""
    axes = [replace(a, size=len(range(a.size or 0)[keep])) if a.name == axis else a for a in space.axes]
    return replace(space, axes=tuple(axes))
