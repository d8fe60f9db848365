"""A folder of the zoo: a contract, weights, a card, the spec that trained them, and a pair to test them with."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from recon.dsl import vocabulary
from recon.dsl.model.contract import Architecture, Contract
from recon.dsl.model.word import Network
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .networks import Residual, build_network

CONFIG, WEIGHTS, CARD, SPEC, TEST = "config.json", "model.safetensors", "README.md", "spec.recon", "test.safetensors"
MOST_CONFIG = 2**20  # bytes


class FolderError(ValueError):
    """A folder of the zoo that cannot be used; the message names the file and what is wrong with it."""


def read_contract(folder: Path) -> Contract:
    """The contract of a folder. Raises FolderError."""
    text = _regular(folder, CONFIG, MOST_CONFIG).read_bytes()
    try:
        return Contract.model_validate_json(text)
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(str(p) for p in first["loc"]) or "it"
        raise FolderError(f"{CONFIG} of `{folder.name}`: {place}: {first['msg']}") from None


def network_word(network: Architecture) -> Network:
    """The word that a contract names, with its options. Raises FolderError."""
    cls = vocabulary.find("network", network.name)
    if cls is None or not issubclass(cls, Network) or not cls.restores:
        raise FolderError(f"`{network.name}` is no network of this version of recon that makes an image of an image")
    try:
        return cls.model_validate(network.arguments)
    except ValidationError as e:
        raise FolderError(f"`{network.name}`: {e.errors()[0]['msg']}") from None


def load(folder: Path) -> tuple[nn.Module, Contract]:
    """The network of a folder with its weights, ready to be applied, and its contract.

    The weights have the hash that the contract says, and exactly the names and shapes that the network has. Raises
    FolderError.
    """
    contract = read_contract(folder)
    path = _regular(folder, WEIGHTS, None)
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != contract.sha256:
        raise FolderError(
            f"{WEIGHTS} of `{folder.name}` has the SHA-256 {found[:12]}..., not {contract.sha256[:12]}..."
        )
    try:
        weights = load_file(path)
    except SafetensorError as e:
        raise FolderError(f"{WEIGHTS} of `{folder.name}`: {e}") from None
    word = network_word(contract.network)
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
    save_file(_plain(weights), folder / WEIGHTS)
    save_file(_plain(test), folder / TEST)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    contract = contract.model_copy(update={"sha256": digest})
    (folder / CONFIG).write_text(json.dumps(contract.model_dump(mode="json"), indent=2, sort_keys=True) + "\n")
    (folder / CARD).write_text(card)
    (folder / SPEC).write_text(spec)
    return contract


def read_test(folder: Path) -> dict[str, Tensor]:
    """The test pair of a folder. Raises FolderError."""
    try:
        return load_file(_regular(folder, TEST, None))
    except SafetensorError as e:
        raise FolderError(f"{TEST} of `{folder.name}`: {e}") from None


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.detach().to("cpu", memory_format=torch.contiguous_format).contiguous() for n, t in tensors.items()}


def _regular(folder: Path, name: str, most: int | None) -> Path:
    """A regular file of the folder, of so many bytes at most. Raises FolderError."""
    path = folder / name
    try:
        status = os.stat(path)
    except OSError as e:
        raise FolderError(f"`{folder.name}` has no file {name}: {e.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise FolderError(f"{name} of `{folder.name}` is no regular file")
    if most is not None and status.st_size > most:
        raise FolderError(f"{name} of `{folder.name}` takes {status.st_size} bytes, more than the {most} allowed")
    return path
