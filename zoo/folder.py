"""A folder of the zoo: a contract, weights, a card, the spec that trained them, and a pair to test them with."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from recon.dsl.model.contract import Contract
from recon.dsl.model.files import shortened
from recon.dsl.model.folder import CONFIG, SPEC, TEST, WEIGHTS, FolderError, read, read_contract, wrong
from recon.dsl.model.tensors import Tensors, tensors_in
from recon.dsl.model.word import Network
from recon.dsl.vocabulary.contracts import MEND, held, network_word
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save
from torch import Tensor, nn

from .card import described
from .growing import growing
from .networks import Residual, build_network

__all__ = ["CONFIG", "TEST", "WEIGHTS", "FolderError", "load", "network_word", "read_contract", "read_test", "write"]


def load(folder: Path) -> tuple[nn.Module, Contract]:
    """The network of a folder with its weights, ready to be applied, and its contract.

    The weights have the hash that the contract says, exactly the names and shapes that the network has, and are finite.
    Raises FolderError.
    """
    contract, word, there = held(folder)
    _check_size(folder, contract, word, there)
    content = read(folder, WEIGHTS)  # once, so that what is hashed is what is loaded
    found = hashlib.sha256(content).hexdigest()
    if found != contract.sha256:
        what = f"has the SHA-256 {found[:12]}..., and {CONFIG} says {contract.sha256[:12]}..."
        raise wrong(folder, WEIGHTS, what, "one of them was changed; fetch them anew")
    weights = _tensors(folder, WEIGHTS, content)
    with torch.random.fork_rng(devices=[]):  # drawn only to be overwritten
        network = build_network(word, contract.channels)
    _check_weights(folder, weights, network.state_dict(), word.word)
    network.load_state_dict(weights, strict=True)
    if contract.predicts == "noise" and not word.residual:
        network = Residual(network)
    return network.eval().requires_grad_(False), contract


def _check_size(folder: Path, contract: Contract, word: Network, there: Tensors) -> None:
    """Raise FolderError where a network is larger than its weights whose word cannot tell how large it is."""
    if word.parameters(contract.channels) is not None:
        return
    try:
        with torch.device("meta"):
            network = build_network(word, contract.channels)
    except ValueError as e:
        raise wrong(folder, CONFIG, f"does not hold: {e}") from None
    needed = sum(p.numel() for p in network.parameters())
    if needed > there.count:
        what = f"holds {there.count:,} numbers, and `{word.word}` has {needed:,}"
        raise wrong(folder, WEIGHTS, what, MEND)


def _check_weights(folder: Path, weights: Mapping[str, Tensor], own: Mapping[str, Tensor], word: str) -> None:
    """Raise FolderError unless the weights have the names, shapes and kinds of the network's own, and are finite."""
    if missing := sorted(own.keys() - weights.keys()):
        raise wrong(folder, WEIGHTS, f"lacks {_named(missing)} of `{word}`", MEND)
    if more := sorted(weights.keys() - own.keys()):
        raise wrong(folder, WEIGHTS, f"has {_named(more)}, and `{word}` has no place for that", MEND)
    for name, expected in own.items():
        found = weights[name]
        if found.shape != expected.shape:
            what = f"has `{name}` with the shape {_size(found)}, and `{word}` with {_size(expected)}"
            raise wrong(folder, WEIGHTS, what, MEND)
        if found.is_floating_point() != expected.is_floating_point():
            kinds = [str(t.dtype).removeprefix("torch.") for t in (found, expected)]
            raise wrong(folder, WEIGHTS, f"has `{name}` as {kinds[0]}, and `{word}` as {kinds[1]}")
        if not bool(torch.isfinite(found).all()):
            raise wrong(folder, WEIGHTS, f"has numbers in `{name}` that are not finite", "what trained it diverged")


def _named(names: list[str]) -> str:
    first = f"`{shortened(names[0])}`"
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "of a number"


def write(
    folder: Path,
    contract: Contract,
    weights: Mapping[str, Tensor],
    *,
    spec: str | None,
    test: Mapping[str, Tensor],
) -> Contract:
    """Write a folder of the zoo, whole or not at all; the hash of the contract becomes that of the weights written.

    folder: not there yet, or empty. spec: the page that made them; None: nobody knows. test: `input`, `output`, and
    `sigma` of a conditional network. Raises OSError.
    """
    content = save(_plain(weights))
    contract = contract.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    with growing(folder) as place:
        (place / WEIGHTS).write_bytes(content)
        (place / TEST).write_bytes(save(_plain(test)))
        if spec is not None:
            (place / SPEC).write_text(spec, encoding="utf-8")
        for name, text in described(contract).items():
            (place / name).write_text(text, encoding="utf-8")
    return contract


def read_test(folder: Path) -> dict[str, Tensor]:
    """The test pair of a folder. Raises FolderError."""
    return _tensors(folder, TEST, read(folder, TEST))


def _tensors(folder: Path, name: str, content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises FolderError."""
    tensors_in(io.BytesIO(content), folder, name)
    try:
        return tensors_of(content)
    except (SafetensorError, RuntimeError, KeyError) as e:
        raise wrong(folder, name, f"is not read by safetensors: {shortened(str(e))}") from None


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.detach().to("cpu", memory_format=torch.contiguous_format).contiguous() for n, t in tensors.items()}
