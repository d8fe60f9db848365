"""Pictures read from files: the rows of `folder`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from recon.dsl.model.files import natural

from .files import MAX_BYTES, Array, DataError, DataFile, Rows, checked_row, finite, naming, regular_file
from .sets import in_split

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")


def folder(pattern: str, root: Path, *, split: str | None = None, max_bytes: int = MAX_BYTES) -> Rows:
    """The pictures that match a pattern, in natural order (2 before 10), hidden files aside.

    Column `image`: float32 [C, H, W], C = 1 or 3. Integers are divided by the largest their type holds (255, or 65535
    for 16 bit); float TIFF keeps its values. An opaque alpha channel is dropped. Orientation tags are not applied.

    Args:
        pattern: a glob relative to root, `**` for any depth.
        root: the folder that no file may lie outside of.
        split: only files below a folder that is called after it.
        max_bytes: largest allowed size of one picture in memory.

    Raises:
        DataError: nothing matches, or a match is not a picture inside root. What is wrong inside a picture (damaged,
            16-bit colour, transparent, CMYK, many pages, too large) is raised when it is read.
    """
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise DataError(f"{pattern}: the pattern leaves the folder of the spec")
    with naming(pattern):
        inner = [p.relative_to(root) for p in root.glob(pattern)]
        names = sorted((p.as_posix() for p in inner if not any(part[0] == "." for part in p.parts)), key=natural)
    if not names:
        raise DataError(f"{pattern}: no file in the folder of the spec matches")
    names = in_split(pattern, names, split)
    for name in names:
        if (root / name).is_dir() and (root / name).resolve().is_relative_to(root.resolve()):
            better = _inside(root, name)
            raise DataError(f"{name}: is a folder; for the pictures in it write a pattern such as `{better}`")
        regular_file(name, root)
        if Path(name).suffix.lower() not in _SUFFIXES:
            raise DataError(f"{name}: not a picture; the pattern should match only {', '.join(_SUFFIXES)}")
    return _Folder(tuple(names), root, max_bytes)


@dataclass(frozen=True)
class _Folder:
    """The rows of `folder`; names are relative to the root."""

    names: tuple[str, ...]
    root: Path
    max_bytes: int

    @property
    def columns(self) -> list[str]:
        return ["image"]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> dict[str, Array]:
        name = self.names[checked_row(row, len(self))]
        return {"image": picture(regular_file(name, self.root), self.max_bytes)}


def _inside(root: Path, name: str) -> str:
    """A pattern for the pictures of a folder, of the kind that most of them are."""
    with naming(name):
        held = [p.suffix for p in (root / name).iterdir() if p.suffix.lower() in _SUFFIXES]
    return f"{name}/*{max(sorted(set(held)), key=held.count, default='.png')}"


def picture(file: DataFile, max_bytes: int = MAX_BYTES) -> NDArray[np.float32]:
    """One picture, [C, H, W] in 0..1. Raises DataError for what is wrong inside it, or not finite."""
    return finite(file, _picture(file, max_bytes))


def _picture(file: DataFile, max_bytes: int) -> NDArray[np.float32]:
    with naming(file), Image.open(file.path, formats=_FORMATS) as image:
        size = 4 * len(image.getbands()) * image.width * image.height
        if size > max_bytes:
            raise DataError(f"{file}: takes {size} bytes in memory, more than the {max_bytes} allowed")
        if image.format in ("TIFF", "PNG") and getattr(image, "n_frames", 1) > 1:
            raise DataError(f"{file}: holds several pictures; store one a file")
        if image.mode.startswith(("RGB", "CMYK")) and ";16" in str(image.tile):
            raise DataError(f"{file}: 16-bit colour would be cut to 8 bit; store it as .npy, [rows, channels, H, W]")
        image.load()
        return _planes(file, image)


def _planes(file: DataFile, image: Image.Image) -> NDArray[np.float32]:
    """[C, H, W] in 0..1 from a loaded picture."""
    if image.mode in ("P", "PA", "YCbCr") or ("transparency" in image.info and image.mode in ("1", "L", "RGB")):
        gray = image.mode in ("1", "L")
        alpha = "transparency" in image.info or image.mode == "PA"
        image = image.convert(("L" if gray else "RGB") + ("A" if alpha else ""))
    if image.mode in ("LA", "RGBA"):
        *colours, opacity = image.split()
        if np.asarray(opacity).min() < 255:
            raise DataError(f"{file}: is transparent in places, so its values are unknown there; save it without alpha")
        image = Image.merge("L" if len(colours) == 1 else "RGB", colours)

    # Older versions of the library give 16-bit PNG as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        white = 65535
    elif image.mode in ("L", "RGB"):
        white = 255
    elif image.mode in ("1", "F"):
        white = 1
    else:
        raise DataError(f"{file}: pixels of mode {image.mode} have no agreed white; save gray or RGB of 8 or 16 bit")
    stored = np.asarray(image)
    planes = stored[None] if stored.ndim == 2 else np.moveaxis(stored, -1, 0)
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(white)
