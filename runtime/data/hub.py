"""Files of data sets on the Hugging Face Hub: listed once, downloaded one by one, compared with their hashes.

The listing of a commit never changes, so it is kept beside recon's other caches; files are kept in the cache of the
Hub's own client. What is in both costs no request. A listing names the SHA-256 of a large file and git's SHA-1 of a
small one; the client does not look at the content, so each file is hashed once after its download.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from recon.dsl.model.hub import HubPath

from .files import DataError, DataFile, UnreachableError, naming

TIMEOUT = 5.0  # seconds in which the Hub has to answer
T = TypeVar("T")


@dataclass(frozen=True)
class Listed:
    """A file as the listing names it: its size and its hash, `sha256:` or `git:` and hexadecimal digits."""

    size: int
    hash: str


@dataclass
class Repository:
    """The files of a data set at a commit."""

    address: HubPath
    files: dict[str, Listed]
    _answered: bool = field(default=False, repr=False)
    """Whether the Hub has answered in this run, so that a download will not wait for a network that is not there."""

    def fetch(self, name: str) -> DataFile:
        """The file, downloaded unless it is cached. Raises UnreachableError, or DataError for another content."""
        from huggingface_hub import hf_hub_download, try_to_load_from_cache

        repository, commit, listed = self.address.repository, self.address.commit, self.files[name]
        found = try_to_load_from_cache(repository, name, _cache(), commit, "dataset")
        if not isinstance(found, str):
            if not self._answered:
                _ask(self.address)
                self._answered = True
            found = _talk(
                self.address,
                lambda: hf_hub_download(
                    repository,
                    name,
                    repo_type="dataset",
                    revision=commit,
                    cache_dir=_cache(),
                    endpoint=_endpoint(),
                    etag_timeout=TIMEOUT,
                ),
            )
        file = DataFile(name, Path(found).resolve())
        _verify(file, listed)
        return file


def repository(address: HubPath) -> Repository:
    """The files of a data set at its commit, from the cache or the Hub. Raises UnreachableError, within seconds."""
    cached = _recon_cache() / "listings" / address.repository.replace("/", "--") / f"{address.commit}.json"
    try:
        stored = json.loads(cached.read_text())
        return Repository(address, {name: Listed(int(n), str(h)) for name, (n, h) in stored.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        pass  # none yet, or a damaged one
    files = _ask(address)
    _keep(cached, json.dumps({name: [f.size, f.hash] for name, f in files.items()}))
    return Repository(address, files, True)


def _ask(address: HubPath) -> dict[str, Listed]:
    """The listing from the Hub."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=_endpoint())
    info = _talk(
        address,
        lambda: api.dataset_info(address.repository, revision=address.commit, timeout=TIMEOUT, files_metadata=True),
    )
    out: dict[str, Listed] = {}
    for f in info.siblings or []:
        large = f.lfs.sha256 if f.lfs is not None else None
        out[f.rfilename] = Listed(f.size or 0, f"sha256:{large}" if large else f"git:{f.blob_id}")
    return out


def _talk(address: HubPath, what: Callable[[], T]) -> T:
    """What the Hub answers, with each way of failing in one line."""
    from huggingface_hub import errors

    try:
        return what()
    except Exception as failed:
        e = failed
    name = f"{address.repository}@{address.commit[:8]}"
    if isinstance(e, errors.GatedRepoError):
        raise UnreachableError(f"{name}: is gated; accept its terms on the Hub and log in with `hf auth login`") from e
    if isinstance(e, errors.RevisionNotFoundError):
        raise UnreachableError(f"{name}: the data set has no commit {address.commit}") from e
    if isinstance(e, errors.RepositoryNotFoundError):
        raise UnreachableError(
            f"{name}: the Hub has no such data set, or it is private and you are not logged in"
        ) from e
    if isinstance(e, errors.EntryNotFoundError):
        raise UnreachableError(f"{name}: {e}".splitlines()[0]) from e
    reason = re.sub(r"\s+", " ", str(e)).strip()[:120] or type(e).__name__
    raise UnreachableError(f"{name}: the Hub cannot be reached, and not all files are cached ({reason})") from e


def _verify(file: DataFile, listed: Listed) -> None:
    """Compare a file with its listing, once for each state of the file. Raises DataError, and forgets a wrong file."""
    with naming(file):
        stat = file.path.stat()
        state = f"{file.path} {stat.st_size} {stat.st_mtime_ns} {listed.hash}"
        mark = _recon_cache() / "verified" / hashlib.sha256(state.encode()).hexdigest()
        if mark.exists():
            return
        kind, _, wanted = listed.hash.partition(":")
        if _digest(file.path, kind, stat.st_size) != wanted:
            file.path.unlink(missing_ok=True)  # the next run asks for it anew
            raise DataError(f"{file}: its content is not what the commit says; the download was damaged or changed")
        _keep(mark, "")


def _digest(path: Path, kind: str, size: int) -> str:
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as f:
        while block := f.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _keep(path: Path, text: str) -> None:
    """Write a small file as a whole or not at all; a cache that cannot be written is no cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
        fresh.write_text(text)
        fresh.replace(path)
    except OSError:
        pass


def _recon_cache() -> Path:
    return Path(platformdirs.user_cache_dir("recon")) / "hub"


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _cache() -> Any:
    """The cache of the Hub's client, which reads these variables only when it is imported."""
    from huggingface_hub import constants

    home = os.environ.get("HF_HOME")
    return os.environ.get("HF_HUB_CACHE") or (os.path.join(home, "hub") if home else constants.HF_HUB_CACHE)
