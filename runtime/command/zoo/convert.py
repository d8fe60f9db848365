"""`recon zoo convert`: a file of well-known weights becomes a folder of the zoo."""

from __future__ import annotations

from pathlib import Path

import click
from recon.dsl.diagnostics.render import safe

from ..common import FileProblem, command, json_option, print_json

LAYOUTS = (
    "deepinv-dncnn",
    "deepinv-drunet",
    "fastmri-unet",
    "kair-dncnn",
    "kair-drunet",
    "restormer",
    "swinir",
    "swinir-artefacts",
)
"""The layouts of `recon.zoo.convert`, which is imported with PyTorch only where a file is converted."""


@command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--layout", type=click.Choice(LAYOUTS), required=True, help="Whose file it is.")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option(
    "--role", type=click.Choice(["denoiser", "restorer"]), help="What the network does; else what the layout says."
)
@click.option(
    "--range", "range_", type=float, nargs=2, default=(0.0, 1.0), show_default=True, help="Of the values it expects."
)
@click.option("--noise", type=float, nargs=2, help="Levels it was trained on, as shares of the range's width.")
@click.option("--licence", default="NOASSERTION", show_default=True, help="Of the weights, an SPDX name.")
@click.option("--data-licence", default="NOASSERTION", show_default=True, help="Of what they were trained on.")
@click.option("--source", default="", help="Where the file is from; it goes into the card.")
@json_option
def zoo_convert(
    file: Path,
    layout: str,
    to: Path,
    role: str | None,
    range_: tuple[float, float],
    noise: tuple[float, float] | None,
    licence: str,
    data_licence: str,
    source: str,
    as_json: bool,
) -> None:
    """Convert a file of weights that others have published: DnCNN and DRUNet of KAIR and deepinv, SwinIR, Restormer,
    fastMRI's U-Net.

    Each name and each shape has to be the network's, or nothing is written. Size and options of the network are read
    off the shapes. A pickle is loaded here and nowhere else, and only if it holds nothing but tensors.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise FileProblem(f"{to} is there already, and is not empty")
    from recon.zoo.convert.convert import ConvertError, Said, convert

    said = Said(role=role, range=range_, noise=noise, licence=licence, data=data_licence, source=source)  # type: ignore[arg-type]
    try:
        contract = convert(file, layout, to, said)
    except ConvertError as e:
        raise FileProblem(str(e)) from None
    except OSError as e:
        raise FileProblem(f"cannot write {to}: {(e.strerror or str(e)).lower()}") from None
    if as_json:
        print_json({"folder": str(to), "contract": contract.model_dump(mode="json")})
        return
    from .show import what_it_is

    click.echo(safe(f"{to}: {what_it_is(contract)}"))
    click.echo(safe(f'weights w = folder("{to}")'))
