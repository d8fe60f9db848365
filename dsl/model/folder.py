"""A folder of the zoo as a stranger may have written it: its names, how much of it is read, and its contract.

Files are opened as they are, never through a link that leads out of the folder, and nothing in them is executed.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from ..diagnostics.render import safe
from .contract import Contract
from .files import shortened

CONFIG, WEIGHTS, CARD, SPEC, TEST = "config.json", "model.safetensors", "README.md", "spec.recon", "test.safetensors"
LARGEST = {CONFIG: 2**20, WEIGHTS: 16 * 2**30, CARD: 4 * 2**20, SPEC: 16 * 2**20, TEST: 2**24}
"""The files of a folder, and the most bytes that each may have."""
NEEDED = (CONFIG, WEIGHTS)
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth", ".tar")
UNSAFE = "which can run anything when it is loaded"
CONVERT = "recon reads safetensors only, and `recon zoo convert` makes a folder of a file that you trust"
"""What is said of every pickle."""


class FolderError(ValueError):
    """A folder of the zoo that cannot be used; the message names the file, what is wrong with it, and what helps."""

    def __init__(self, what: str, help: str = "") -> None:
        self.what, self.help = safe(what), safe(help)  # names in it are a stranger's, and a terminal obeys some
        super().__init__(f"{self.what}; {self.help}" if help else self.what)


def read_contract(folder: Path) -> Contract:
    """The contract of a folder, by itself: whether it holds for the network is another question. Raises FolderError."""
    text = read(folder, CONFIG)
    try:
        json.loads(text, object_pairs_hook=once)
        return Contract.model_validate_json(text)
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise wrong(folder, CONFIG, f"does not hold: {shortened(place or 'all of it')}: {first['msg']}") from None
    except (ValueError, RecursionError) as e:
        raise wrong(folder, CONFIG, f"is no JSON: {shortened(str(e))}") from None


def read(folder: Path, name: str) -> bytes:
    """The content of one of the files of a folder. Raises FolderError."""
    with opened(folder, name) as f:
        size = os.fstat(f.fileno()).st_size  # what is asked for is allocated before it is read
        content = f.read(size + 1)
    if len(content) > size:
        raise wrong(folder, name, "grows while it is read")
    return content


def opened(folder: Path, name: str) -> BinaryIO:
    """One of the files of a folder, open to be read: a regular file, in that folder, and no larger than it may be.

    Raises FolderError.
    """
    path = _within(folder, name)
    # What it is, is asked of what was opened: nobody can exchange it in between. A pipe is not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError as e:
        if e.errno in (errno.ENXIO, errno.EOPNOTSUPP):
            raise _irregular(folder, name) from None
        raise wrong(folder, name, f"cannot be read: {(e.strerror or str(e)).lower()}") from None
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST[name]:
        return os.fdopen(handle, "rb")
    os.close(handle)
    if not stat.S_ISREG(status.st_mode):
        raise _irregular(folder, name)
    raise wrong(folder, name, f"has {status.st_size:,} bytes, and {LARGEST[name]:,} are the most that is read")


def wrong(folder: Path, name: str, what: str, help: str = "") -> FolderError:
    """What is wrong with a file of a folder, said by a predicate."""
    return FolderError(f"{name} of `{shortened(folder.name)}` {what}", help)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose keys differ. Raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"`{twice}` stands there twice")
    return found


def absent(name: str, beside: Iterable[str]) -> str:
    """What a folder is that lacks a file, as a predicate; `beside`: the names of what it has."""
    pickle = next((n for n in sorted(beside) if n.lower().endswith(PICKLES)), None)
    if name == WEIGHTS and pickle is not None:
        return f"has its weights as a pickle, `{shortened(pickle)}`, {UNSAFE}; {CONVERT}"
    return f"is no folder of the zoo: it has no `{name}`" if name in NEEDED else f"has no file {name}"


def _within(folder: Path, name: str) -> Path:
    """Where a file of the folder lies, links followed. Raises FolderError where it is missing or lies elsewhere."""
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError) as e:
        if not isinstance(e, FileNotFoundError) or os.path.lexists(folder / name):
            raise wrong(folder, name, "cannot be followed") from None
        raise FolderError(f"`{shortened(folder.name)}` {absent(name, _names(folder))}") from None
    if root in path.parents or path.parent in _blobs(root):
        return path
    raise wrong(folder, name, "is a link that leads out of the folder", "put the file itself there")


def _blobs(root: Path) -> list[Path]:
    """Where the Hub's own client keeps what the links of a folder in its cache lead to."""
    above = [p for p in (root, *root.parents) if p.parent.name == "snapshots"]
    return [p.parent.parent / "blobs" for p in above if p.parent.parent.name.startswith("models--")]


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _irregular(folder: Path, name: str) -> FolderError:
    return wrong(folder, name, "is no regular file")
