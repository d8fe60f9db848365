"""Folders of the zoo as far as they can be read without PyTorch: the contract, and which tensors the weights are."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from recon.dsl import vocabulary
from recon.dsl.model.contract import Architecture, Contract
from recon.dsl.model.word import Network

CONFIG, WEIGHTS, CARD, SPEC, TEST = "config.json", "model.safetensors", "README.md", "spec.recon", "test.safetensors"
MOST_CONFIG = 2**20  # bytes
MOST_HEADER = 2**24  # bytes; a header of a million tensors has as many


class FolderError(ValueError):
    """A folder of the zoo that cannot be used; the message names the file and what is wrong with it."""


def read_contract(folder: Path) -> Contract:
    """The contract of a folder. Raises FolderError."""
    text = regular(folder, CONFIG, MOST_CONFIG).read_bytes()
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


@dataclass(frozen=True)
class Tensors:
    """The tensors of a safetensors file: their shapes and types by name, and how many bytes the file has."""

    shapes: dict[str, tuple[int, ...]]
    types: dict[str, str]
    size: int

    @property
    def count(self) -> int:
        """How many numbers they hold."""
        return sum(prod(shape) for shape in self.shapes.values())


def tensors(folder: Path, name: str = WEIGHTS) -> Tensors:
    """What a safetensors file says that it holds, from its header alone. Raises FolderError."""
    path = regular(folder, name, None)
    size = path.stat().st_size
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        if size < 8 or length > min(MOST_HEADER, size - 8):
            raise FolderError(f"{name} of `{folder.name}` is no safetensors file: its header has {length:,} bytes")
        text = f.read(length)
    try:
        header: dict[str, Any] = json.loads(text)
        header.pop("__metadata__", None)
        shapes = {str(key): tuple(_extent(n) for n in value["shape"]) for key, value in header.items()}
        return Tensors(shapes, {str(key): str(value["dtype"]) for key, value in header.items()}, size)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FolderError(f"{name} of `{folder.name}` is no safetensors file: its header is damaged") from e


def _extent(n: Any) -> int:
    if type(n) is not int or n < 0:
        raise ValueError(n)
    return n


def check_size(folder: Path, contract: Contract) -> Network:
    """The word that a contract names, of which the file holds all weights: nothing larger is built of it.

    Raises FolderError.
    """
    word = network_word(contract.network)
    held, needed = tensors(folder).count, word.parameters(contract.channels)
    if needed > held:
        raise FolderError(f"{WEIGHTS} of `{folder.name}` holds {held:,} numbers, and `{word.word}` has {needed:,}")
    return word


def regular(folder: Path, name: str, most: int | None) -> Path:
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
