"""One file of a commit: downloaded once, gone on with where it stopped, and compared with its hash.

The client compares lengths alone, and begins anew in each process. So a file grows beside the client's blobs, under its
hash, and becomes one of them when it has that hash; the client then finds it there. Nothing wrong gets in.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .client import TIMEOUT, HubError, UnreachableError, cache, endpoint, recon_cache, talk
from .listing import Listed, Repository, folder_name, keep

GROWING = ".recon.incomplete"
WAIT = 600.0
"""Seconds to wait for another process that downloads the same file."""


def fetch_file(repository: Repository, name: str, largest: int | None = None) -> Path:
    """Where a file of the commit lies, downloaded unless it is cached, and with its hash.

    largest: bytes above which it is refused before anything is downloaded. Raises HubError.
    """
    listed = repository.files.get(name)
    if listed is None:
        raise HubError(f"{repository}: has no `{name}`")
    if largest is not None and listed.size > largest:
        raise HubError(f"{repository}/{name}: has {listed.size:,} bytes, and {largest:,} are the most that is read")
    found = repository.pointer(name)
    if not found.exists():
        repository.ask()
        blob = cache() / folder_name(repository.address) / "blobs" / listed.digits
        talk(repository.address, lambda: _download(repository, name, listed, blob), f"`{name}`")
        talk(repository.address, lambda: _link(repository, name), f"`{name}`")
    verify(found, listed, f"{repository}/{name}")
    return found


def verify(found: Path, listed: Listed, called: str) -> None:
    """Compare a file with its listing, once for each state of the file; a wrong one is forgotten. Raises HubError."""
    try:
        path = found.resolve()
        stat = path.stat()
        state = f"{path} {stat.st_size} {stat.st_mtime_ns} {listed.hash}"
        mark = recon_cache() / "verified" / hashlib.sha256(state.encode()).hexdigest()
        if mark.exists():
            return
        if not listed.holds_for(path):
            path.unlink(missing_ok=True)  # the next run asks for it anew
            if found.is_symlink():
                found.unlink(missing_ok=True)
            raise HubError(f"{called}: its content is not what the commit says; the download was damaged or changed")
    except OSError as e:
        raise HubError(f"{called}: cannot be read: {(e.strerror or str(e)).lower()}") from e
    keep(mark, "")


def _download(repository: Repository, name: str, listed: Listed, blob: Path) -> None:
    """Bring the blob of a file into the client's cache."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]

    if blob.exists():
        return
    address = repository.address
    url = hf_hub_url(address.repository, name, repo_type=address.kind, revision=address.commit, endpoint=endpoint())
    about = get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=endpoint(), token=None)
    if about.etag != listed.digits:
        raise HubError(f"{repository}/{name}: the Hub offers another file than the commit lists")
    # a large file lies on another host, which signs its own addresses and is not to see a token
    own = urlsplit(about.location).netloc == urlsplit(endpoint()).netloc
    headers = build_hf_headers(token=None if own else False)
    blob.parent.mkdir(parents=True, exist_ok=True)
    growing = blob.with_name(blob.name + GROWING)
    with WeakFileLock(growing.with_name(growing.name + ".lock"), timeout=WAIT):
        if blob.exists():
            return
        with growing.open("ab") as f:
            there = f.tell()
            if there > listed.size:
                f.truncate(there := 0)
            try:
                capped: Any = _Capped(f, listed.size)
                http_get(
                    about.location,
                    capped,
                    resume_size=there,
                    headers=headers,
                    expected_size=listed.size,
                    displayed_filename=name,
                )
            except _TooLongError:
                f.truncate(0)  # none of it can be trusted
                raise HubError(f"{repository}/{name}: the server sends more bytes than the commit says") from None
            except HfHubHTTPError:
                raise
            except Exception as e:
                if isinstance(e, OSError) and e.errno is not None:  # the disk is full, say
                    raise
                f.flush()
                how_far = f"the download broke off after {f.tell():,} of {listed.size:,} bytes"
                raise UnreachableError(f"{repository}/{name}: {how_far}; the same command goes on from there") from e
        if not listed.holds_for(growing):
            growing.unlink()
            raise HubError(
                f"{repository}/{name}: its content is not what the commit says; the download was damaged or changed"
            )
        growing.replace(blob)
    growing.with_name(growing.name + ".lock").unlink(missing_ok=True)


def _link(repository: Repository, name: str) -> None:
    """Let the client enter a blob that is there under the name that it has in the commit."""
    from huggingface_hub import hf_hub_download

    address = repository.address
    hf_hub_download(
        address.repository,
        name,
        repo_type=address.kind,
        revision=address.commit,
        cache_dir=cache(),
        endpoint=endpoint(),
        etag_timeout=TIMEOUT,
    )


class _TooLongError(Exception):
    """A server sends more than there is."""


class _Capped:
    """A file that takes so many bytes and no more, whatever a server sends."""

    def __init__(self, file: io.BufferedWriter, size: int) -> None:
        self._file, self._size = file, size
        self.tell, self.seek, self.truncate = file.tell, file.seek, file.truncate

    def write(self, block: bytes) -> int:
        if self._file.tell() + len(block) > self._size:
            raise _TooLongError
        return self._file.write(block)
