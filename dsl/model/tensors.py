"""The header of a safetensors file: which tensors it holds, before any of their bytes is read.

Eight bytes tell the length of the header, which is JSON: `{name: {dtype, shape, data_offsets}}`. Behind it the tensors
fill the rest of the file without a gap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from .files import shortened
from .folder import CONVERT, UNSAFE, WEIGHTS, once, opened, wrong

MOST_HEADER = 2**24
"""Bytes; a header of a hundred thousand tensors has as many."""
MOST_AXES = 16
LARGEST_EXTENT = 2**40
BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""What a number of each type takes."""
_PICKLES = (*(bytes([0x80, version]) for version in range(2, 6)), b"PK\x03\x04")
"""How files begin that `pickle` or `torch.save` wrote."""


@dataclass(frozen=True)
class Tensors:
    """The tensors of a safetensors file: their shapes and types by name, and how many bytes the file has."""

    shapes: dict[str, tuple[int, ...]]
    types: dict[str, str]
    size: int

    @property
    def count(self) -> int:
        """How many numbers they hold."""
        return sum(prod(shape) for shape in self.shapes.values())


def tensors(folder: Path, name: str = WEIGHTS) -> Tensors:
    """What a safetensors file of a folder of the zoo says that it holds. Raises FolderError."""
    with opened(folder, name) as file:
        return tensors_in(file, folder, name)


def tensors_in(file: BinaryIO, folder: Path, name: str) -> Tensors:
    """What a safetensors file, open at its beginning, says that it holds. Raises FolderError."""
    size = file.seek(0, 2)
    file.seek(0)
    beginning = file.read(8)
    try:
        return _tensors(_header(file, beginning, size), size)
    except (ValueError, RecursionError) as e:
        if beginning.startswith(_PICKLES):
            raise wrong(folder, name, f"is a pickle by its first bytes, {UNSAFE}", CONVERT) from None
        said = "its header is nested" if isinstance(e, RecursionError) else str(e)
        raise wrong(folder, name, f"is no safetensors file: {said}") from None


def _header(file: BinaryIO, beginning: bytes, size: int) -> tuple[dict[str, Any], int]:
    """The header, and how many bytes come behind it. Raises ValueError."""
    length = int.from_bytes(beginning, "little")
    if size < 8 or length > min(MOST_HEADER, size - 8):
        raise ValueError(f"its header is said to have {length:,} bytes")
    try:
        found = json.loads(file.read(length), object_pairs_hook=once)
    except ValueError as e:
        raise ValueError(f"its header is damaged: {shortened(str(e))}") from None
    if not isinstance(found, dict):
        raise ValueError("its header names no tensors")
    return found, size - 8 - length


def _tensors(header: tuple[dict[str, Any], int], size: int) -> Tensors:
    """Raises ValueError unless each tensor is described whole, and they fill the file one behind the other."""
    named, left = header
    named.pop("__metadata__", None)
    shapes, types, places = {}, {}, []
    for name, about in named.items():
        called = f"`{shortened(name)}`"
        if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{called} is not described by a type, a shape and its place")
        shape, place, dtype = about["shape"], about["data_offsets"], about["dtype"]
        if not _counts(shape) or len(shape) > MOST_AXES or max(shape, default=0) > LARGEST_EXTENT:
            raise ValueError(f"{called} has no shape that an array can have")
        if not isinstance(dtype, str) or dtype not in BYTES:
            raise ValueError(f"{called} has a type that is not known, `{shortened(str(dtype))}`")
        if not _counts(place) or len(place) != 2 or place[1] - place[0] != prod(shape) * BYTES[dtype]:
            raise ValueError(f"{called} has another size than its shape and type make")
        shapes[name], types[name] = tuple(shape), dtype
        places.append((place[0], place[1], called))
    end = 0
    for first, last, called in sorted(places):
        if first != end:
            raise ValueError(f"{called} {'overlaps with another tensor' if first < end else 'comes behind a gap'}")
        end = last
    if end != left:
        raise ValueError(f"its tensors take {end:,} bytes, and {left:,} are there")
    return Tensors(shapes, types, size)


def _counts(value: Any) -> bool:
    """Whether it is a list of numbers that are not negative."""
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
