"""A folder of the zoo: a contract, weights, a card, the spec that trained them, and a pair to test them with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from recon.dsl.model.contract import Contract
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from .contracts import CARD, CONFIG, SPEC, TEST, WEIGHTS, FolderError, check_size, network_word, read_contract, regular
from .networks import Residual, build_network

__all__ = [
    "CARD",
    "CONFIG",
    "SPEC",
    "TEST",
    "WEIGHTS",
    "FolderError",
    "load",
    "network_word",
    "read_contract",
    "read_test",
    "write",
]


def load(folder: Path) -> tuple[nn.Module, Contract]:
    """The network of a folder with its weights, ready to be applied, and its contract.

    The weights have the hash that the contract says, and exactly the names and shapes that the network has. Raises
    FolderError.
    """
    contract = read_contract(folder)
    path = regular(folder, WEIGHTS, None)
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != contract.sha256:
        raise FolderError(
            f"{WEIGHTS} of `{folder.name}` has the SHA-256 {found[:12]}..., not {contract.sha256[:12]}..."
        )
    word = check_size(folder, contract)
    try:
        weights = load_file(path)
    except SafetensorError as e:
        raise FolderError(f"{WEIGHTS} of `{folder.name}`: {e}") from None
    network = build_network(word, contract.channels)
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as e:
        raise FolderError(f"{WEIGHTS} of `{folder.name}` are not those of `{contract.network.name}`: {e}") from None
    if contract.predicts == "noise" and not word.residual:
        network = Residual(network)
    return network.eval().requires_grad_(False), contract


def write(
    folder: Path,
    contract: Contract,
    weights: Mapping[str, Tensor],
    *,
    card: str,
    spec: str,
    test: Mapping[str, Tensor],
) -> Contract:
    """Write all files of a folder that is there; the hash of the contract becomes that of the weights written.

    test: `input`, `output`, and `sigma` of a conditional network. Raises OSError.
    """
    content = save(_plain(weights))
    (folder / WEIGHTS).write_bytes(content)
    (folder / TEST).write_bytes(save(_plain(test)))
    contract = contract.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    (folder / CONFIG).write_text(json.dumps(contract.model_dump(mode="json"), indent=2, sort_keys=True) + "\n")
    (folder / CARD).write_text(card)
    (folder / SPEC).write_text(spec)
    return contract


def read_test(folder: Path) -> dict[str, Tensor]:
    """The test pair of a folder. Raises FolderError."""
    try:
        return load_file(regular(folder, TEST, None))
    except SafetensorError as e:
        raise FolderError(f"{TEST} of `{folder.name}`: {e}") from None


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.detach().to("cpu", memory_format=torch.contiguous_format).contiguous() for n, t in tensors.items()}
