"""What a commit holds: the names of its files, their sizes and their hashes.

The listing of a commit never changes, so it is kept beside recon's other caches, and what is in it costs no request. A
listing names the SHA-256 of a large file and git's SHA-1 of a small one.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from recon.dsl.model.hub import HubPath, unsafe

from .client import TIMEOUT, HubError, UnreachableError, cache, endpoint, recon_cache, talk

MOST_FILES = 1_000_000
BLOCK = 2**20


@dataclass(frozen=True)
class Listed:
    """A file as the listing names it: its size and its hash, `sha256:` or `git:` and hexadecimal digits."""

    size: int
    hash: str

    @property
    def digits(self) -> str:
        """The hash alone, by which the client's cache calls the file."""
        return self.hash.partition(":")[2]

    def holds_for(self, path: Path) -> bool:
        """Whether a file has this hash. Raises OSError."""
        kind, _, wanted = self.hash.partition(":")
        return _digest(path, kind, path.stat().st_size) == wanted


@dataclass
class Repository:
    """The files of a repository at a commit."""

    address: HubPath
    files: dict[str, Listed]
    answered: bool = field(default=False, repr=False)
    """Whether the Hub has answered in this run, so that a download will not wait for a network that is not there."""

    def __str__(self) -> str:
        return f"{self.address.repository}@{self.address.commit[:8]}"

    def pointer(self, name: str) -> Path:
        """Where the client keeps a file of this commit, whether or not it is there."""
        return cache() / folder_name(self.address) / "snapshots" / self.address.commit / name

    def ask(self) -> None:
        """Make sure, within seconds, that the Hub answers. Raises HubError."""
        if not self.answered:
            _ask(self.address)
            self.answered = True


def folder_name(address: HubPath) -> str:
    """What the client calls the folder of a repository in its cache."""
    return f"{address.kind}s--" + address.repository.replace("/", "--")


def repository(address: HubPath) -> Repository:
    """The files of a commit, from the cache or the Hub. Raises HubError, within seconds."""
    kind = "" if address.kind == "dataset" else f"{address.kind}s--"
    cached = recon_cache() / "listings" / (kind + address.repository.replace("/", "--")) / f"{address.commit}.json"
    try:
        stored = json.loads(cached.read_text())
        return Repository(
            address, {name: Listed(int(n), str(h)) for name, (n, h) in stored.items() if not unsafe(name)}
        )
    except (OSError, ValueError, TypeError, AttributeError):
        pass  # none yet, or a damaged one
    try:
        files = _ask(address)
    except UnreachableError:
        if found := _cached_files(address):
            return Repository(address, found)
        raise
    keep(cached, json.dumps({name: [f.size, f.hash] for name, f in files.items()}))
    return Repository(address, files, True)


def current_commit(address: HubPath, revision: str) -> str:
    """The commit that a branch, a tag or the beginning of a hash stands for now. Raises HubError."""
    return str(_info(address, revision).sha)


def _info(address: HubPath, revision: str | None) -> Any:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint())
    info = api.dataset_info if address.kind == "dataset" else api.model_info
    return talk(
        address,
        lambda: info(address.repository, revision=revision, timeout=TIMEOUT, files_metadata=True),
        "its listing",
    )


def _ask(address: HubPath) -> dict[str, Listed]:
    """The listing from the Hub; names that could lead out of a folder are left out."""
    info = _info(address, address.commit)
    if info.sha != address.commit:
        raise HubError(f"{address.repository}: the Hub answers with another commit than {address.commit}")
    out: dict[str, Listed] = {}
    for f in (info.siblings or [])[:MOST_FILES]:
        large = f.lfs.sha256 if f.lfs is not None else None
        if not unsafe(f.rfilename):
            out[f.rfilename] = Listed(f.size or 0, f"sha256:{large}" if large else f"git:{f.blob_id}")
    return out


def _cached_files(address: HubPath) -> dict[str, Listed]:
    """What the client's cache has of a commit that nobody can be asked about: its files are called by their hashes."""
    root = cache() / folder_name(address) / "snapshots" / address.commit
    out: dict[str, Listed] = {}
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        blob = path.resolve()
        kind = {64: "sha256", 40: "git"}.get(len(blob.name))
        if path.is_symlink() and kind and blob.is_file():
            out[PurePosixPath(path.relative_to(root)).as_posix()] = Listed(blob.stat().st_size, f"{kind}:{blob.name}")
    return out


def _digest(path: Path, kind: str, size: int) -> str:
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as f:
        while block := f.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def keep(path: Path, text: str) -> None:
    """Write a small file as a whole or not at all; a cache that cannot be written is no cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
        fresh.write_text(text)
        fresh.replace(path)
    except OSError:
        pass
