"""Names of data sets on the Hugging Face Hub: `hf://datasets/owner/name@commit/path`, pinned to a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

PREFIX = "hf://"
_ADDRESS = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+?)(?:@([^/@]*))?(?:/(.*))?")


@dataclass(frozen=True)
class HubPath:
    """Files of a data set at a commit; `path` is a file, a folder or a pattern, and empty for all of them."""

    repository: str
    commit: str
    path: str

    def __str__(self) -> str:
        return f"{PREFIX}datasets/{self.repository}@{self.commit}" + (f"/{self.path}" if self.path else "")


def hub_path(text: str) -> HubPath:
    """The files that an address names. Raises ValueError, with what to write instead, unless it is pinned."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError("a data set of the Hub is written `hf://datasets/owner/name@commit`")
    repository, commit, path = match[1], match[2], match[3] or ""
    if ".." in path.split("/"):
        raise ValueError("the path of a file may not go up with `..`")
    if commit is None or not re.fullmatch(r"[0-9a-f]{40}", commit):
        what = f"`{commit}` may come to mean other files" if commit else "without a commit its files may change"
        raise ValueError(
            f"{what}; write `hf://datasets/{repository}@` and the 40 digits of a commit, which the history of the "
            "data set on the Hub shows"
        )
    return HubPath(repository, commit, path)


def _checked(text: str) -> str:
    if text.startswith(PREFIX):
        hub_path(text)
    return text


if TYPE_CHECKING:
    FilesPath = str
else:
    FilesPath = Annotated[str, AfterValidator(_checked)]
    """A file, a pattern or a folder of the spec's own folder, or an address on the Hub."""
