"""`recon zoo verify`: whether weights are what they say."""

from __future__ import annotations

from dataclasses import asdict

import click
from recon.dsl.diagnostics.render import safe

from ..common import FINDINGS, command, json_option, leave, print_json
from .places import place_of


@command()
@click.argument("weights", metavar="NAME | FOLDER | hf://OWNER/NAME@COMMIT")
@json_option
def zoo_verify(weights: str, as_json: bool) -> None:
    """Verify a folder of the zoo: its contract, licences, card and page, its weights by hash, names and shapes, its
    network by the pair of input and output that lies beside them, and claims such as non-expansive near that input.

    Exits with 1 where something does not hold. Nothing in the folder is executed.
    """
    place = place_of(weights)
    from recon.zoo.verify import verify

    found = list(verify(place.folder))
    if as_json:
        print_json({"weights": place.written, "findings": [asdict(f) for f in found]})
    else:
        for f in found:
            click.echo(safe(f"{'ok' if f.holds else 'FAILED':<7}{f.what:<9} {f.found}"))
    leave(0 if all(f.holds for f in found) else FINDINGS)
