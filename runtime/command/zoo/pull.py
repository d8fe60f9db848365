"""`recon zoo pull`: weights of the Hub on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from recon.dsl.diagnostics.render import safe

from ..common import FileProblem, command, json_option, print_json
from .hub import hub_problems


@command()
@click.argument("address", metavar="hf://OWNER/NAME@COMMIT")
@click.option("--to", type=click.Path(path_type=Path), help="Also copy the files to this folder, for `folder(...)`.")
@json_option
def zoo_pull(address: str, to: Path | None, as_json: bool) -> None:
    """Fetch a folder of the zoo at a commit, and verify its hashes.

    Files that are there already cost no request, and an interrupted download is gone on with. A tag or a branch is
    refused, and the commit told that it stands for now.
    """
    from recon.zoo.hub.fetch import fetch_folder, pinned

    with hub_problems():
        at = pinned(address)
        found = fetch_folder(at)
    if to is not None:
        _copy(found, to)
        found = to
    if as_json:
        print_json({"address": str(at), "folder": str(found), "files": sorted(p.name for p in found.iterdir())})
        return
    click.echo(f"{safe(str(at))} is at {safe(str(found))}")
    click.echo(f'weights {name_of(at.path or at.repository)} = "{at}"')


def name_of(path: str) -> str:
    """A name of the language for what an address ends in."""
    last = path.rstrip("/").split("/")[-1]
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in last).strip("_").lower()
    return plain if plain[:1].isalpha() else f"w{plain}"


def _copy(found: Path, to: Path) -> None:
    """The files of a folder of the zoo and no others, as files: the Hub's client keeps links."""
    from recon.dsl.model.folder import LARGEST, FolderError, opened
    from recon.zoo.growing import growing

    try:
        with growing(to) as place:
            for name in LARGEST:
                if (found / name).exists():
                    with opened(found, name) as own, open(place / name, "wb") as copy:
                        shutil.copyfileobj(own, copy)
    except FileExistsError:
        raise FileProblem(f"{to} is there already, and is not empty") from None
    except FolderError as e:
        raise FileProblem(str(e)) from None
    except OSError as e:
        raise FileProblem(f"cannot copy to {to}: {e.strerror or e}") from None
