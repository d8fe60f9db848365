"""Files to the Hub in one commit on top of a known one, and back again: what was pushed is what others will get."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.dsl.model.folder import LARGEST as FILES
from recon.dsl.model.folder import NEEDED
from recon.dsl.model.hub import HubPath, parsed_address, unsafe

from .client import TIMEOUT, HubError, UnreachableError, endpoint, offline, talk
from .download import fetch_file
from .listing import BLOCK, Listed, Repository, repository

LARGEST = 16 * 2**30
MOST_FILES = 1000


@dataclass(frozen=True)
class Pushed:
    """A commit that holds what was pushed, and was pulled back; `new` unless the repository held it all before."""

    address: HubPath
    new: bool


def target(text: str) -> HubPath:
    """The model that `owner/name` or `hf://owner/name` names, at no commit. Raises HubError."""
    try:
        found = parsed_address(text if text.startswith("hf://") else f"hf://{text}", "model")
    except ValueError as e:
        raise HubError(str(e)) from e
    if found.commit or found.path:
        raise HubError(f"what is pushed makes a new commit of `{found.repository}`: write `hf://{found.repository}`")
    return found


def ready(to: HubPath) -> None:
    """Raise HubError where it is known already that nothing can be pushed: nobody is logged in, or it is forbidden."""
    from huggingface_hub import get_token

    if offline():
        raise UnreachableError(f"{to.repository}: HF_HUB_OFFLINE forbids to push")
    if not get_token():
        raise UnreachableError(f"{to.repository}: log in first with `hf auth login`, or set HF_TOKEN")


def folder_files(folder: Path) -> dict[str, Path]:
    """The files of a folder of the zoo that are pushed: those it may have, none through a link. Raises HubError."""
    found: dict[str, Path] = {}
    for name, largest in FILES.items():
        path = folder / name
        if path.is_symlink():
            raise HubError(f"{path}: is a link, and only the folder's own files are pushed")
        if path.is_file():
            if path.stat().st_size > largest:
                raise HubError(f"{path}: has more than {largest:,} bytes, the most that is read again")
            found[name] = path
    for name in NEEDED:
        if name not in found:
            raise HubError(f"{folder}: is no folder of the zoo, it has no `{name}`")
    return found


def push(
    to: HubPath,
    files: Mapping[str, Path | bytes],
    *,
    message: str,
    parent: str | None = None,
    private: bool = False,
) -> Pushed:
    """Push files to a model, which is made if need be, in one commit; then pull them back and compare each.

    Args:
        to: the model; its commit is not looked at.
        files: what is pushed, by the names that it has there. Other files of the model stay.
        message: the first line of the commit.
        parent: the commit that the new one follows on; None: that which is the head now.
        private: whether a model that is made is private.

    Raises:
        MovedError: the head is another one than `parent`; nothing was changed.
        HubError: anything else, in one line.
    """
    _check_files(files)
    ready(to)
    from huggingface_hub import CommitOperationAdd, HfApi

    api, made = HfApi(endpoint=endpoint()), False

    def send() -> tuple[str, str]:
        nonlocal made
        if not _exists(api, to.repository):
            api.create_repo(to.repository, private=private)
            made = True
        head = str(api.model_info(to.repository, timeout=TIMEOUT).sha)
        additions = [CommitOperationAdd(name, content) for name, content in files.items()]
        done = api.create_commit(to.repository, additions, commit_message=message, parent_commit=parent or head)
        return head, str(done.oid)

    head, commit = talk(to, send)
    pulled = HubPath(to.repository, commit, "", "model")
    stored = repository(pulled)
    for name, content in files.items():
        _compare(stored, name, content)
    return Pushed(pulled, commit != head or made)


def _exists(api: Any, name: str) -> bool:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        api.model_info(name, timeout=TIMEOUT)
    except GatedRepoError:
        return True
    except RepositoryNotFoundError:
        return False
    return True


def _check_files(files: Mapping[str, Path | bytes]) -> None:
    if len(files) > MOST_FILES:
        raise HubError(f"{len(files)} files are too many to push at once; {MOST_FILES} are the most")
    for name, content in files.items():
        if unsafe(name):
            raise HubError(f"{name!r} is no name of a file on the Hub")
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if size > LARGEST:
            raise HubError(f"{name}: has {size:,} bytes, and {LARGEST:,} are the most that is pushed")


def _compare(stored: Repository, name: str, content: Path | bytes) -> None:
    """Pull a file back, and raise HubError where it is not what was pushed."""
    listed = stored.files.get(name)
    if listed is None or not _same(listed, content):
        raise HubError(
            f"{stored}/{name}: what the Hub has is not what was pushed; push again, and do not use this commit"
        )
    fetch_file(stored, name)


def _same(listed: Listed, content: Path | bytes) -> bool:
    if isinstance(content, Path):
        return listed.size == content.stat().st_size and listed.holds_for(content)
    digest = hashlib.sha256() if listed.hash.startswith("sha256:") else hashlib.sha1(b"blob %d\0" % len(content))
    for start in range(0, len(content), BLOCK):
        digest.update(content[start : start + BLOCK])
    return digest.hexdigest() == listed.digits
