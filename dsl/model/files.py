"""What can be learned of a file before any array library is loaded."""

from __future__ import annotations

import ast
import glob
import os
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

PICTURES = ("PNG", "TIFF", "JPEG", "BMP")
"""The formats of pictures that are read."""


class FileError(Exception):
    """A file is missing, outside the spec's folder, damaged or of the wrong kind; the message says which."""


@dataclass(frozen=True)
class NpyHeader:
    """Shape and type of the array in a .npy file."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def complex_valued(self) -> bool:
        return "c" in self.dtype


def shortened(text: str) -> str:
    """A name as a message shows it: the beginning of one that is long."""
    return text if len(text) <= 60 else text[:57] + "..."


def inside(folder: Path, text: str) -> Path:
    """The file that `text` names, with links followed. Raises FileError where it leads out of `folder`."""
    if "\0" in text or not text:
        raise FileError("a file name may not be empty or hold a zero byte")
    root = folder.resolve()
    try:
        path = (root / text).resolve()
    except (OSError, RuntimeError) as e:
        raise FileError(f"`{shortened(text)}` cannot be followed: {e}") from e
    if path != root and root not in path.parents:
        raise FileError(f"`{shortened(text)}` lies outside the folder of the spec")
    return path


def matching(folder: Path, pattern: str, suffixes: tuple[str, ...]) -> list[str]:
    """The files that a pattern stands for: relative to `folder`, in natural order (2 before 10), hidden ones aside.

    A folder that matches stands for the files with these endings that lie in it, at any depth. Raises FileError where
    the pattern leads out of `folder`, or is none.
    """
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise FileError(f"`{shortened(pattern)}` lies outside the folder of the spec")
    endings = tuple(s.lower() for s in suffixes)
    names: set[str] = set()
    try:
        # a name with brackets in it is a pattern that does not match itself
        plain = os.path.normpath(pattern)
        exact = os.path.exists(os.path.join(folder, plain))
        for found in [plain] if exact else glob.iglob(plain, root_dir=folder, recursive=True):
            path = os.path.join(folder, found)
            if not os.path.isdir(path):
                names.add(found)
                continue
            for above, folders, files in os.walk(path):
                folders[:] = [f for f in folders if not f.startswith(".")]
                below = os.path.normpath(os.path.join(found, os.path.relpath(above, path)))
                names.update(os.path.normpath(os.path.join(below, f)) for f in files if f.lower().endswith(endings))
        visible = [n.replace(os.sep, "/") for n in names if not n.startswith(".") and f"{os.sep}." not in n]
        return sorted((n for n in visible if os.path.isfile(os.path.join(folder, n))), key=natural)
    except (OSError, ValueError, NotImplementedError) as e:
        reason = e.strerror if isinstance(e, OSError) else str(e)
        raise FileError(f"`{shortened(pattern)}` is no pattern of files: {reason}") from e


def natural(name: str) -> tuple[list[str | int], str]:
    """A sort key by which 2 comes before 10: text and numbers take turns, so like is compared with like."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], name


def npy_header(path: str | Path) -> NpyHeader:
    """Read the header of a .npy file (format 1 to 3). Raises FileError for anything else, pickled objects included."""
    try:
        with open(path, "rb") as f:
            start = f.read(12)
            if start[:6] != b"\x93NUMPY":
                raise FileError("not a .npy file")
            wide = start[6] > 1
            length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
            if length > 1 << 16:
                raise FileError("its header is too long")
            f.seek(12 if wide else 10)
            text = f.read(length).decode("latin-1")
            data = f.seek(0, 2) - (12 if wide else 10) - length
    except OSError as e:
        raise FileError(e.strerror or str(e)) from e
    try:
        header = ast.literal_eval(text.strip())
        shape, dtype = tuple(int(n) for n in header["shape"]), header["descr"]
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as e:
        raise FileError("its header is damaged") from e
    if not isinstance(dtype, str) or not re.fullmatch(r"[<>|=][fciub][0-9]{1,2}", dtype):
        raise FileError("it does not hold plain numbers")
    if any(n < 0 for n in shape) or data < prod(shape) * int(dtype[2:]):
        raise FileError("it is shorter than its header says")
    return NpyHeader(shape, dtype)


@dataclass(frozen=True)
class Picture:
    """The size of a picture, its number of pages, and whether it has colours."""

    pages: int
    rows: int
    columns: int
    colour: bool


def picture_header(path: str | Path) -> Picture:
    """The size of a PNG, TIFF, JPEG or BMP picture, from its header. Raises FileError for anything else."""
    from PIL import Image  # takes its time to import

    try:
        with Image.open(path, formats=PICTURES) as image:
            return Picture(getattr(image, "n_frames", 1), image.height, image.width, len(image.getbands()) > 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        known = isinstance(e, FileNotFoundError)
        raise FileError("there is no such file" if known else "it is no picture, or damaged") from e
