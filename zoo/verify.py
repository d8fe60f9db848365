"""Whether a folder of the zoo is what it says: its weights by hash and shapes, its network by the pair it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.folder import CARD, SPEC, TEST, FolderError, read, read_contract
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.contracts import held_word

from .folder import load, read_test

TOLERANCE = 1e-4
"""The largest difference from the answer in the folder, relative to its largest value: float32 through a hundred layers
in another order of summation is off by some 1e-6 to 1e-5."""


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
    yield _readable(folder, CARD)
    yield _page(folder)
    try:
        network, _ = load(folder)
        count = sum(t.numel() for t in network.state_dict().values())
        yield Finding("weights", True, f"{count:,} numbers, SHA-256 {contract.sha256[:12]}...")
    except FolderError as e:
        yield Finding("weights", False, str(e))
        return
    try:
        test = read_test(folder)
        for name in ("input", "output", *(("sigma",) if word.conditional else ())):
            if name not in test:
                raise FolderError(f"{TEST} has no tensor `{name}`")
        with torch.inference_mode():
            answer = network(test["input"], test["sigma"]) if word.conditional else network(test["input"])
        if answer.shape != test["output"].shape:
            raise FolderError(f"the network answers with {tuple(answer.shape)}, not {tuple(test['output'].shape)}")
        off = float((answer - test["output"]).abs().max() / test["output"].abs().max().clamp_min(1e-30))
        yield Finding("pair", off <= TOLERANCE, f"off by {off:.1e} of the largest value, {TOLERANCE:g} allowed")
    except (FolderError, RuntimeError, TypeError) as e:
        yield Finding("pair", False, " ".join(str(e).split())[:200])


def _readable(folder: Path, name: str) -> Finding:
    try:
        text = read(folder, name).decode()
        return Finding("card", bool(text.strip()), f"{len(text.splitlines())} lines")
    except (FolderError, UnicodeDecodeError) as e:
        return Finding("card", False, str(e))


def _page(folder: Path) -> Finding:
    """Whether the page that made the weights is one; it is not run. Weights from elsewhere have none."""
    if not (folder / SPEC).exists():
        return Finding("page", True, "none: nothing tells how the weights were made")
    try:
        page = parse(Source(SPEC, read(folder, SPEC).decode()))
        return Finding("page", True, f"{len(page.items)} statements")
    except (FolderError, UnicodeDecodeError) as e:
        return Finding("page", False, str(e))
    except SpecError as e:
        return Finding("page", False, f"{SPEC} does not parse: {e.diagnostics[0].message}")
