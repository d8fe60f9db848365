"""`recon zoo show`: what weights are, before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from recon.dsl.diagnostics.render import safe
from recon.dsl.show.restoring import sees

from ..common import FileProblem, command, json_option, print_json
from .places import Place, place_of

if TYPE_CHECKING:
    from recon.dsl.model.contract import Contract


@command()
@click.argument("weights", metavar="NAME | FOLDER | hf://OWNER/NAME@COMMIT")
@json_option
def zoo_show(weights: str, as_json: bool) -> None:
    """Show the contract of weights: their network, what it expects of an image, licences, results, and where they come
    from. Of weights on the Hub the contract and the card are fetched, and not the weights."""
    from recon.dsl.model.folder import FolderError, read_contract
    from recon.dsl.vocabulary.contracts import held_word

    place = place_of(weights, whole=False)
    try:
        contract = read_contract(place.folder)
        word = held_word(place.folder, contract)
    except FolderError as e:
        raise FileProblem(str(e)) from None
    parameters, size = _size(place)
    if as_json:
        about = {"weights": place.written, "parameters": parameters, "bytes": size}
        about["receptive_field"] = word.receptive_field
        print_json({**about, "contract": contract.model_dump(mode="json")})
        return
    lines = {
        "weights": place.written,
        "what": what_it_is(contract),
        "network": _written(contract.network.name, contract.network.arguments),
        "parameters": (f"{parameters:,}, " if parameters is not None else "") + f"{size:,} bytes",
        "sees": sees(word),
        "range": f"{contract.range[0]:g}..{contract.range[1]:g}",
        "noise": _noise(contract),
        "sizes": f"padded to multiples of {contract.multiple}" if contract.multiple > 1 else "any",
        "known": _known(contract),
        "licences": ", ".join(f"{part} {name}" for part, name in contract.licences.model_dump().items()),
        "sha256": contract.sha256,
        **{f"  {key}": _short(value) for key, value in contract.provenance.items()},
    }
    wide = max(map(len, lines))
    for name, text in lines.items():
        if text:
            click.echo(safe(f"{name:<{wide}}  {text}"))
    for result in contract.results:
        click.echo(safe(f"{'result':<{wide}}  {result_line(result)}"))


def what_it_is(contract: Contract) -> str:
    """`a denoiser of real images in 1 plane, told the noise level`."""
    planes = f"{contract.channels} plane{'s' if contract.channels > 1 else ''}"
    told = ", told the noise level" if contract.noise is not None and contract.noise.conditional else ""
    scale = f", {contract.scale} times finer" if contract.scale > 1 else ""
    return f"{contract.network.name}: a {contract.role} of {contract.value} images in {planes}{told}{scale}"


def result_line(result: Mapping[str, Any]) -> str:
    """`psnr 29.1 on camera, sigma 0.1`: the number first, then what else the row says."""
    rest = {key: value for key, value in result.items() if key != "beside"}  # the card has a table of these
    head = [f"{rest.pop('metric')} {_short(rest.pop('value'))}"] if {"metric", "value"} <= rest.keys() else []
    if head and "data" in rest:
        head = [f"{head[0]} on {_short(rest.pop('data'))}"]
    return ", ".join([*head, *(f"{key} {_short(value)}" for key, value in rest.items())])


def _size(place: Place) -> tuple[int | None, int]:
    """How many numbers the weights are, where they are here, and how many bytes."""
    from recon.dsl.model.folder import FolderError
    from recon.dsl.model.tensors import tensors

    if place.size is not None:
        return None, place.size
    try:
        held = tensors(place.folder)
    except FolderError as e:
        raise FileProblem(str(e)) from None
    return held.count, held.size


def _written(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{k} = {_short(v)}' for k, v in arguments.items())})"


def _noise(contract: Contract) -> str:
    if contract.noise is None:
        return ""
    low, high = contract.noise.levels
    return f"sigma {low:g}" + (f"..{high:g}" if high != low else "") + " of the range's width"


def _known(contract: Contract) -> str:
    known = ["non-expansive"] if contract.properties.non_expansive else []
    if contract.properties.lipschitz is not None:
        known.append(f"Lipschitz constant at most {contract.properties.lipschitz:g}")
    return ", ".join(known)


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())[:200]
