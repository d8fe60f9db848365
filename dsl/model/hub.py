"""Addresses on the Hugging Face Hub, pinned to a commit.

`hf://datasets/owner/name@commit/path` are files of a data set, `hf://owner/name@commit/path` those of a model.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

PREFIX = "hf://"
_ADDRESS = re.compile(r"hf://(datasets/)?([\w.-]+/[\w.-]+?)(?:@([^/@]*))?(?:/(.*))?")
_WORDS = {"dataset": "data set", "model": "model"}


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
        home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
        cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
        folder = f"{self.kind}s--" + self.repository.replace("/", "--")
        return cache / folder / "snapshots" / self.commit


def hub_path(text: str, kind: Literal["dataset", "model"] = "dataset") -> HubPath:
    """The files that an address names. Raises ValueError, with what to write instead, unless it is pinned."""
    match = _ADDRESS.fullmatch(text)
    owner = "datasets/" if kind == "dataset" else ""
    what = _WORDS[kind]
    if match is None or bool(match[1]) != (kind == "dataset"):
        raise ValueError(f"a {what} of the Hub is written `hf://{owner}owner/name@commit`")
    repository, commit, path = match[2], match[3], match[4] or ""
    if ".." in path.split("/") or ".." in repository.split("/"):
        raise ValueError("the path of a file may not go up with `..`")
    if commit is None or not re.fullmatch(r"[0-9a-f]{40}", commit):
        fault = f"`{commit}` may come to mean other files" if commit else "without a commit its files may change"
        raise ValueError(
            f"{fault}; write `hf://{owner}{repository}@` and the 40 digits of a commit, which the history of the "
            f"{what} on the Hub shows"
        )
    return HubPath(repository, commit, path, kind)


def _checked(text: str) -> str:
    if text.startswith(PREFIX):
        hub_path(text)
    return text


if TYPE_CHECKING:
    FilesPath = str
else:
    FilesPath = Annotated[str, AfterValidator(_checked)]
    """A file, a pattern or a folder of the spec's own folder, or an address on the Hub."""
