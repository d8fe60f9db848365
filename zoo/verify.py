"""Whether a folder of the zoo is what it says: its weights by hash, names and shapes, its network by the pair it holds,
and what it claims of itself by the pair's input."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.contract import Contract
from recon.dsl.model.folder import CARD, SPEC, TEST, WEIGHTS, FolderError, read, read_contract, wrong
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.contracts import held_word
from torch import Tensor, nn

from .folder import load, read_test
from .steepness import steepness

TOLERANCE = 1e-4
"""The largest difference from the answer in the folder, relative to its largest value: float32 through a hundred layers
in another order of summation is off by some 1e-6 to 1e-5."""
ROUNDING = 1e-3
"""By which part a claim may be missed: differences of images a hundredth apart lose two of seven digits."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, whether it is as it should be, and what was found."""

    what: str
    holds: bool
    found: str


def verify(folder: Path) -> Iterator[Finding]:
    """Look at everything in a folder, from the contract on; what cannot be seen without what failed is left out."""
    try:
        contract = read_contract(folder)
        word = held_word(folder, contract)
        yield Finding("contract", True, f"`{contract.network.name}`, format {contract.format}")
    except FolderError as e:
        yield Finding("contract", False, str(e))
        return
    yield _licences(contract)
    yield _card(folder)
    yield _page(folder)
    try:
        same = _hash(folder, contract)
        yield same
        if not same.holds:
            return
        network, _ = load(folder)
        count = sum(t.numel() for t in network.state_dict().values())
        yield Finding("weights", True, f"{count:,} finite numbers, with the names and shapes of `{word.word}`")
    except FolderError as e:
        yield Finding("weights", False, str(e))
        return
    try:
        given, expected = _pair(folder, contract, word.conditional)
        yield _answer(network, given, expected)
        yield from _claims(network, contract, given)
    except (FolderError, RuntimeError, TypeError, ValueError) as e:
        yield Finding("pair", False, " ".join(str(e).split())[:200])


def _licences(contract: Contract) -> Finding:
    named = contract.licences.model_dump()
    missing = [part for part, name in named.items() if not name.strip()]
    if missing:
        return Finding("licences", False, f"nothing is said of the {' and the '.join(missing)}; write an SPDX name")
    return Finding("licences", True, ", ".join(f"{part} {name}" for part, name in named.items()))


def _hash(folder: Path, contract: Contract) -> Finding:
    """Whether the weights are those that the contract means. Raises FolderError."""
    found = hashlib.sha256(read(folder, WEIGHTS)).hexdigest()
    same = found == contract.sha256
    return Finding("hash", same, f"SHA-256 {found[:12]}..." + ("" if same else f", not {contract.sha256[:12]}..."))


def _pair(folder: Path, contract: Contract, told: bool) -> tuple[tuple[Tensor, ...], Tensor]:
    """What the network is given, and what it is to answer. Raises FolderError."""
    held = read_test(folder)
    for name in ("input", "output", *(("sigma",) if told else ())):
        if name not in held:
            raise wrong(folder, TEST, f"has no tensor `{name}`")
        if not held[name].numel() or not held[name].is_floating_point() or not bool(held[name].isfinite().all()):
            raise wrong(folder, TEST, f"holds in `{name}` something else than finite numbers")
    x, y = held["input"].float(), held["output"].float()
    shape = tuple(x.shape)
    if x.ndim != 4 or shape[1] != contract.channels or any(n % contract.multiple for n in shape[2:]):
        size = " x ".join(map(str, shape))
        needs = f"[n, {contract.channels}, rows, columns] with extents that are multiples of {contract.multiple}"
        raise wrong(folder, TEST, f"has an input of {size}, and the network takes {needs}")
    if not told:
        return (x,), y
    if held["sigma"].shape != shape[:1]:
        raise wrong(folder, TEST, f"has {held['sigma'].numel()} noise levels for {shape[0]} images")
    return (x, held["sigma"].float()), y


def _answer(network: nn.Module, given: tuple[Tensor, ...], expected: Tensor) -> Finding:
    with torch.inference_mode():
        answer = network(*given)
    if answer.shape != expected.shape:
        return Finding("pair", False, f"the network answers with {tuple(answer.shape)}, not {tuple(expected.shape)}")
    off = float((answer - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
    return Finding("pair", off <= TOLERANCE, f"off by {off:.1e} of the largest value, {TOLERANCE:g} allowed")


def _claims(network: nn.Module, contract: Contract, given: tuple[Tensor, ...]) -> Iterator[Finding]:
    """Whether the test input refutes that the network takes images no farther apart than it claims."""
    known = contract.properties
    if not known.non_expansive and known.lipschitz is None:
        return
    claimed = min(1.0 if known.non_expansive else float("inf"), known.lipschitz or float("inf"))
    image, *levels = (t[:1] for t in given)
    found = steepness(lambda x: network(x, *levels), image)
    text = f"{claimed:g} is claimed, and near the test input images come {found:.4g} times as far apart"
    yield Finding("lipschitz", found <= claimed * (1 + ROUNDING), text)


def _card(folder: Path) -> Finding:
    try:
        text = read(folder, CARD).decode()
        return Finding("card", bool(text.strip()), f"{len(text.splitlines())} lines" if text.strip() else "is empty")
    except (FolderError, UnicodeDecodeError) as e:
        return Finding("card", False, str(e))


def _page(folder: Path) -> Finding:
    """Whether the page that made the weights is one; it is not run. Weights from elsewhere have none."""
    if not os.path.lexists(folder / SPEC):
        return Finding("page", True, "none: nothing tells how the weights were made")
    try:
        page = parse(Source(SPEC, read(folder, SPEC).decode()))
        return Finding("page", True, f"{len(page.items)} statements")
    except (FolderError, UnicodeDecodeError) as e:
        return Finding("page", False, str(e))
    except SpecError as e:
        return Finding("page", False, f"{SPEC} does not parse: {e.diagnostics[0].message}")
