"""What NAME, FOLDER or hf://... on the command line stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from recon.dsl.diagnostics.nearest import nearest
from recon.dsl.model.packaged import packaged_names, packaged_weights

from .hub import hub_problems


@dataclass(frozen=True)
class Place:
    """A folder of the zoo on this machine, and how a page names it."""

    folder: Path
    written: str
    size: int | None = None
    """Bytes of the weights, where they are still on the Hub."""


def place_of(text: str, whole: bool = True) -> Place:
    """The folder that a name of packaged weights, a path or an address stands for.

    whole: whether its weights have to be there; else those of an address may stay on the Hub. Raises FileProblem and
    click.UsageError.
    """
    if text.startswith("hf://"):
        from recon.zoo.hub.fetch import fetch_folder, pinned
        from recon.zoo.hub.kept import fetch_contract, size_of_weights

        with hub_problems():
            address = pinned(text)
            folder = fetch_folder(address) if whole else fetch_contract(address)
            size = None if (folder / "model.safetensors").exists() else size_of_weights(address)
        return Place(folder, f'"{address}"', size)
    known = packaged_names()
    if text in known:
        return Place(packaged_weights() / text, f'zoo("{text}")')
    if Path(text).is_dir():
        return Place(Path(text), f'folder("{text}")')
    close = nearest(text, known)
    hint = f"did you mean `{close}`?" if close else "`recon zoo list` lists what there is"
    raise click.UsageError(f"there is no folder {text!r}, and no weights of this name install with recon; {hint}")
