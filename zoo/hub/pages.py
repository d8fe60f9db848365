"""Pages of the Hub: a page at a commit, with the files of its repository that it names, in a folder of their own.

The client's cache holds links, and a page reads no file through a link that leads out of its folder. So copies lie in a
folder for each commit, which holds what its pages name and nothing else: that is all a stranger's page can read.
"""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import Item, Statement, Text, walk

from .client import HubError, recon_cache
from .download import fetch_file, verify
from .fetch import pinned
from .listing import Repository, folder_name, repository

SUFFIX, LOCK = ".recon", "recon.lock"
LARGEST = 16 * 2**20
"""Bytes of a page; a page a person wrote has a few thousand."""
MOST_FILES = 1000
MOST_BYTES = 2**30
_NO_FILES = ("experiment", "publish", "log")
"""Statements whose texts name no files."""


def fetch_page(text: str) -> Path:
    """The page at an address `hf://owner/name@commit/page.recon`, with the files beside it that it names.

    Raises HubError in one line.
    """
    address = pinned(text, "dataset" if text.startswith("hf://datasets/") else "model")
    found = repository(address)
    name = address.path.rstrip("/")
    if not name.endswith(SUFFIX):
        pages = sorted(n for n in found.files if n.endswith(SUFFIX))
        shown = ", ".join(f"`{n}`" for n in pages[:5])
        raise HubError(f"{found}: say which page is meant: " + (f"it has {shown}" if pages else "it has none"))
    root = recon_cache() / "pages" / folder_name(address) / address.commit
    own = name[: name.rfind("/") + 1]
    waiting, seen, total = [name], {name}, 0
    if own + LOCK in found.files:
        _copied(found, own + LOCK, root, LARGEST)
    while waiting:
        page = waiting.pop()
        text = _copied(found, page, root, LARGEST).read_text(encoding="utf-8", errors="replace")
        for other in _named(text, page, found):
            if other in seen or not other.startswith(own):  # a page reads files of its own folder only
                continue
            seen.add(other)
            total += found.files[other].size
            if len(seen) > MOST_FILES or total > MOST_BYTES:
                raise HubError(
                    f"{found}/{name}: names more files beside it than {MOST_FILES:,}, or more than "
                    f"{MOST_BYTES >> 30} GiB of them; data of this size belong into a data set of the Hub"
                )
            if other.endswith(SUFFIX):
                waiting.append(other)
            else:
                _copied(found, other, root, MOST_BYTES)
    return root / name


def _named(text: str, page: str, found: Repository) -> Iterator[str]:
    """The files of the repository that a page names: by their names, their folders, or patterns."""
    try:
        items = parse(Source(page, text)).items
    except SpecError:
        return  # whoever asked for the page will be told
    for written in dict.fromkeys(_texts(items)):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), written)) if written else "."
        if path.startswith(("..", "/")) or path == "." or "://" in written:
            continue
        pattern = any(c in path for c in "*?[")
        for name in found.files:
            if name == path or name.startswith(path + "/") or (pattern and PurePosixPath(name).match(path)):
                yield name


def _texts(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Statement) and item.kind in _NO_FILES:
            continue
        if item.value is not None:
            yield from (n.value for n in walk(item.value) if isinstance(n, Text))
        if isinstance(item, Statement):
            yield from _texts(item.body or ())


def _copied(found: Repository, name: str, root: Path, largest: int) -> Path:
    """A copy of a file of the repository, which is the one that the commit says. Raises HubError."""
    kept, copy = fetch_file(found, name, largest), root / name
    if copy.is_file() and not copy.is_symlink():
        try:
            verify(copy, found.files[name], f"{found}/{name}")
            return copy
        except HubError:
            pass  # somebody has changed it, and it is gone: a fresh copy takes its place
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, fresh)
        fresh.replace(copy)
    except OSError as e:
        raise HubError(f"{found}/{name}: the cache cannot be written: {(e.strerror or str(e)).lower()}") from e
    return copy
