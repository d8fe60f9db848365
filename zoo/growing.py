"""Folders that come into being whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def growing(folder: Path) -> Iterator[Path]:
    """A place to write what `folder` is to hold; at the end it becomes that folder, in one step.

    Where it does not come to the end, by an error or since the process is killed or the disk full, there is no folder:
    at most a hidden one beside it. Raises OSError, FileExistsError where the folder is there and not empty.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        place.chmod(0o755)  # of a temporary folder it is that of its owner alone
        yield place
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if os.path.lexists(folder):
            raise FileExistsError(f"{folder} is there already, and is not empty")
        os.rename(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)
