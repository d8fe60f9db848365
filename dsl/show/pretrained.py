"""The weights that a page names, for its plan: where they come from, whether they are here, what they are."""

from __future__ import annotations

from ..model.experiment import Experiment
from ..model.files import FileError
from ..model.folder import FolderError
from ..model.networks import Pretrained
from ..vocabulary.contracts import held
from .text import size, written


def weights(e: Experiment) -> tuple[str, ...]:
    """A line for each `weights` statement."""
    return tuple(f"{name}: {_line(network)}" for name, network in e.weights.items())


def _line(network: Pretrained) -> str:
    where = written(network.source)
    try:
        folder = network.place()
        if folder is None:
            return f"{where}, to be fetched by the run"
        contract, _, found = held(folder)
    except (FileError, FolderError):  # it was there when the page was checked
        return f"{where}, on this machine, and cannot be read"
    planes = f"{contract.channels} plane{'s' if contract.channels > 1 else ''}"
    what = f"{contract.network.name}, a {contract.role} of {contract.value} images in {planes}"
    return f"{where}, on this machine: {what}, {size(found.size)}"
