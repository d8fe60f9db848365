"""Folders of the zoo from the Hub: those files that such a folder has, and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from recon.dsl.model.folder import LARGEST, NEEDED, absent
from recon.dsl.model.hub import COMMIT, HubPath, cached_commit, parsed_address

from .client import HubError
from .download import fetch_file
from .listing import Repository, current_commit, repository


def fetch(text: str) -> Path:
    """The folder of the zoo at an address `hf://owner/name@commit[/folder]`, on this machine and verified.

    Raises HubError in one line, also where the address is not pinned: then with the commit that it stands for now.
    """
    return fetch_folder(pinned(text))


def pinned(text: str, kind: Literal["dataset", "model"] = "model") -> HubPath:
    """What an address names, which must have a commit. Raises HubError, with the commit where that can be found."""
    try:
        address = parsed_address(text, kind)
    except ValueError as e:
        raise HubError(str(e)) from e
    if COMMIT.fullmatch(address.commit):
        return address
    revision = f"`{address.commit}`" if address.commit else "an address without a commit"
    try:
        commit = current_commit(address, address.commit or "main")
    except HubError as e:
        commit = cached_commit(address)
        if not commit:
            raise HubError(f"{revision} may come to mean other files, and the Hub cannot say what now: {e}") from e
    raise HubError(f"{revision} may come to mean other files; now it is `{replace(address, commit=commit)}`")


def fetch_folder(address: HubPath) -> Path:
    """The folder of the zoo at a pinned address. Raises HubError."""
    found = repository(address)
    below = address.path.rstrip("/") + "/" if address.path else ""
    for name in NEEDED:
        if below + name not in found.files:
            raise no_folder(found, below, name)
    for name, largest in LARGEST.items():
        if below + name in found.files:
            fetch_file(found, below + name, largest)
    return found.pointer(below + NEEDED[0]).parent


def no_folder(found: Repository, below: str, missing: str) -> HubError:
    """Why these files are no folder of the zoo, and what to do about it."""
    here = [n.removeprefix(below) for n in found.files if n.startswith(below) and "/" not in n.removeprefix(below)]
    folders = sorted(n.removesuffix(missing).rstrip("/") for n in found.files if n.endswith("/" + missing))
    others = f"; it has such folders at {', '.join(folders[:5])}" if folders else ""
    return HubError(f"{found}/{below}".rstrip("/") + f": {absent(missing, here)}{others}")
