"""`recon zoo list`: the weights that are at hand."""

from __future__ import annotations

from typing import Any

import click
from recon.dsl.diagnostics.render import safe
from recon.dsl.model.packaged import packaged_names, packaged_weights

from ..common import command, json_option, print_json
from .places import Place


@command()
@json_option
def zoo_list(as_json: bool) -> None:
    """List the weights that install with recon, and those of the Hub that are on this machine.

    What the Hub's cache holds of other projects is left out. Nothing is asked of the Hub.
    """
    from recon.dsl.model.folder import FolderError
    from recon.zoo.hub.kept import kept

    places = [Place(packaged_weights() / name, f'zoo("{name}")') for name in packaged_names()]
    places += [Place(folder, f'"{address}"') for address, folder in kept()]
    found: list[dict[str, Any]] = []
    for place in places:
        try:
            found.append(_summary(place))
        except FolderError:
            continue  # a model of another project
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("no weights are at hand; `recon zoo pull hf://owner/name@commit` fetches some")
    for one in found:
        about = [f"{one['what']}, {one['parameters']:,} parameters", one["result"]]
        for line in (one["weights"], *(f"    {text}" for text in about if text)):
            click.echo(safe(line))


def _summary(place: Place) -> dict[str, Any]:
    """Raises FolderError."""
    from recon.dsl.vocabulary.contracts import held

    from .show import result_line, what_it_is

    contract, _, found = held(place.folder)
    return {
        "weights": place.written,
        "folder": str(place.folder),
        "what": what_it_is(contract),
        "network": contract.network.model_dump(mode="json"),
        "parameters": found.count,
        "result": result_line(contract.results[0]) if contract.results else "",
    }
