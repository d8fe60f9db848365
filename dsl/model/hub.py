"""Addresses on the Hugging Face Hub, pinned to a commit.

`hf://datasets/owner/name@commit/path` are files of a data set, `hf://owner/name@commit/path` those of a model.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

PREFIX = "hf://"
_ADDRESS = re.compile(r"hf://(datasets/)?([\w.-]+/[\w.-]+?)(?:@([^/@]*))?(?:/(.*))?")
WORDS = {"dataset": "data set", "model": "model"}
"""What a kind of repository is called in messages."""
COMMIT = re.compile(r"[0-9a-f]{40}")
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True)
class HubPath:
    """Files of a repository at a commit; `path` is a file, a folder or a pattern, and empty for all of them."""

    repository: str
    commit: str
    path: str
    kind: Literal["dataset", "model"] = "dataset"

    def __str__(self) -> str:
        owner = "datasets/" if self.kind == "dataset" else ""
        return f"{PREFIX}{owner}{self.repository}@{self.commit}" + (f"/{self.path}" if self.path else "")

    def snapshot(self) -> Path:
        """Where the Hub's own client keeps files of that commit on this machine, whether or not it has any."""
        return _kept(self.repository, self.kind) / "snapshots" / self.commit


def hub_path(text: str, kind: Literal["dataset", "model"] = "dataset") -> HubPath:
    """The files that an address names. Raises ValueError, with what to write instead, unless it is pinned."""
    found = parsed_address(text, kind)
    if not COMMIT.fullmatch(found.commit):
        fault = (
            f"`{found.commit}` may come to mean other files"
            if found.commit
            else "without a commit its files may change"
        )
        owner = "datasets/" if kind == "dataset" else ""
        now = cached_commit(found)
        digits = (
            f"`{replace(found, commit=now)}`, which it was when this machine last asked"
            if now
            else f"`{PREFIX}{owner}{found.repository}@` and the 40 digits of a commit, which the history of the "
            f"{WORDS[kind]} on the Hub shows"
        )
        raise ValueError(f"{fault}; write {digits}")
    return found


def parsed_address(text: str, kind: Literal["dataset", "model"] = "dataset") -> HubPath:
    """What an address names, with any revision or none. Raises ValueError where it is none, or could lead elsewhere."""
    match = _ADDRESS.fullmatch(text)
    owner = "datasets/" if kind == "dataset" else ""
    if match is None or bool(match[1]) != (kind == "dataset"):
        raise ValueError(f"a {WORDS[kind]} of the Hub is written `hf://{owner}owner/name@commit`")
    repository, commit, path = match[2], match[3] or "", match[4] or ""
    if ".." in path.split("/") or ".." in repository:
        raise ValueError("the path of a file may not go up with `..`")
    if (path and unsafe(path.rstrip("/"))) or any(part[:1] in ".-" for part in repository.split("/")):
        raise ValueError("the path of a file is made of plain names with `/` between them")
    return HubPath(repository, commit, path, kind)


def unsafe(name: str) -> bool:
    """Whether a name could mean a place outside of the folder that it is put into, or something that is no file."""
    parts = name.split("/")
    return (
        not name
        or len(name) > 1024
        or any(p in ("", ".", "..") or len(p.encode(errors="replace")) > 255 or _DEVICES.fullmatch(p) for p in parts)
        or bool(re.search(r"[\\:\x00-\x1f\x7f]", name))
        or PurePosixPath(name).is_absolute()
    )


def _kept(repository: str, kind: str) -> Path:
    """Where the Hub's own client keeps a repository on this machine."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    return cache / (f"{kind}s--" + repository.replace("/", "--"))


def cached_commit(address: HubPath) -> str:
    """The commit that a branch, a tag or the beginning of a hash meant when the Hub's client last asked, or nothing."""
    root, name = _kept(address.repository, address.kind), address.commit or "main"
    if unsafe(name):
        return ""
    try:
        known = (root / "refs" / name).read_text()[:64].strip()
        return known if COMMIT.fullmatch(known) else ""
    except (OSError, ValueError):
        pass
    if not re.fullmatch(r"[0-9a-f]{7,39}", name) or not (root / "snapshots").is_dir():
        return ""
    found = [p.name for p in (root / "snapshots").iterdir() if p.name.startswith(name) and COMMIT.fullmatch(p.name)]
    return found[0] if len(found) == 1 else ""


def _checked(text: str) -> str:
    if text.startswith(PREFIX):
        hub_path(text)
    return text


if TYPE_CHECKING:
    FilesPath = str
else:
    FilesPath = Annotated[str, AfterValidator(_checked)]
    """A file, a pattern or a folder of the spec's own folder, or an address on the Hub."""
