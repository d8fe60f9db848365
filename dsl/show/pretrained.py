"""The weights that a page names, for its plan: where they come from, whether they are here, what they are."""

from __future__ import annotations

from pydantic import ValidationError

from ..model.contract import Contract
from ..model.experiment import Experiment
from ..model.files import FileError
from ..model.networks import Pretrained
from .text import size, written

CONFIG, WEIGHTS = "config.json", "model.safetensors"
LARGEST = 2**20
"""Bytes of a contract that is still read."""


def weights(e: Experiment) -> tuple[str, ...]:
    """A line for each `weights` statement."""
    return tuple(f"{name}: {_line(network)}" for name, network in e.weights.items())


def _line(network: Pretrained) -> str:
    where = written(network.source)
    try:
        folder = network.place()
        if folder is None:
            return f"{where}, to be fetched by the run"
        held = (folder / WEIGHTS).stat().st_size
        with open(folder / CONFIG, "rb") as f:
            contract = Contract.model_validate_json(f.read(LARGEST))
    except ValidationError:
        return f"{where}, on this machine, with a contract that this version of recon cannot read"
    except (FileError, OSError):
        return f"{where}, on this machine, and cannot be read"
    planes = f"{contract.channels} plane{'s' if contract.channels > 1 else ''}"
    what = f"{contract.network.name}, a {contract.role} of {contract.value} images in {planes}"
    return f"{where}, on this machine: {what}, {size(held)}"
