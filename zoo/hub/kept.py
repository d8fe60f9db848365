"""Folders of the zoo that the Hub's cache holds already, and single files of those that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recon.dsl.model.folder import CARD, CONFIG, LARGEST, NEEDED, WEIGHTS
from recon.dsl.model.hub import COMMIT, HubPath

from .client import cache
from .download import fetch_file
from .fetch import no_folder
from .listing import repository

DEPTH = 3
"""Folders below the root of a repository in which weights are looked for."""


def kept() -> Iterator[tuple[HubPath, Path]]:
    """The complete folders of the zoo in the cache, with their addresses; those of others' models among them."""
    for snapshot in sorted(cache().glob("models--*--*/snapshots/*")):
        owner, _, name = snapshot.parents[1].name.removeprefix("models--").partition("--")
        if not COMMIT.fullmatch(snapshot.name):
            continue
        for depth in range(DEPTH):
            for config in sorted(snapshot.glob("*/" * depth + CONFIG)):
                folder = config.parent
                if all((folder / n).is_file() for n in NEEDED):
                    below = folder.relative_to(snapshot).as_posix()
                    yield HubPath(f"{owner}/{name}", snapshot.name, "" if below == "." else below, "model"), folder


def fetch_contract(address: HubPath) -> Path:
    """The folder at an address with its contract and its card, without its weights. Raises HubError."""
    found = repository(address)
    below = address.path.rstrip("/") + "/" if address.path else ""
    for name in NEEDED:
        if below + name not in found.files:
            raise no_folder(found, below, name)
    for name in (CONFIG, CARD):
        if below + name in found.files:
            fetch_file(found, below + name, LARGEST[name])
    return found.pointer(below + CONFIG).parent


def size_of_weights(address: HubPath) -> int:
    """How many bytes the weights at an address have, fetched or not. Raises HubError."""
    below = address.path.rstrip("/") + "/" if address.path else ""
    return repository(address).files[below + WEIGHTS].size
