"""A file of well-known weights becomes a folder of the zoo."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError
from recon.dsl.diagnostics.render import safe
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.dsl.model.word import Network
from torch import Tensor

from ..folder import FolderError, load, write
from ..growing import growing
from ..networks import build_network
from .layouts import LAYOUTS, Found, Layout
from .reading import ConvertError, Weights, read

__all__ = ["ConvertError", "Said", "convert", "recognised"]

UNSAID = "NOASSERTION"
"""In the terms of SPDX: a licence that nobody has said."""
EXTENT = 64
"""Of the image that the folder's test pair begins with, or the next multiple that the network takes."""


@dataclass(frozen=True)
class Said:
    """What no file of weights tells, and whoever converts it knows.

    role: None: what the layout says. range: of the values it was trained on. noise: levels of the noise, in units of
    the range's width; None: what the layout says. licence, data: SPDX names, of weights and of what they were trained
    on. source: where the file is from.
    """

    role: Literal["denoiser", "restorer"] | None = None
    range: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] | None = None
    licence: str = UNSAID
    data: str = UNSAID
    source: str = ""


def convert(path: Path, layout: str, to: Path, said: Said) -> Contract:
    """Write a folder of the zoo, which is not there yet or is empty, with the weights of a file of that layout.

    All names and shapes are those of the network, or nothing is written. Raises ConvertError and OSError.
    """
    kind = LAYOUTS[layout]
    weights = read(path)
    found = _found(path, weights, layout)
    _check(path, found, layout)
    contract = _contract(path, found, kind, layout, said)
    network = build_network(found.word, found.planes).eval()
    network.load_state_dict(found.weights)
    with growing(to) as place:
        write(place, contract, network.state_dict(), spec=None, test=_pair(network, found))
        try:
            _, written = load(place)
        except FolderError as e:
            raise ConvertError(f"`{path.name}`: {e}") from None
    return written


def recognised(weights: Weights) -> list[str]:
    """The layouts that weights with these names may have."""
    return [name for name, kind in LAYOUTS.items() if any(k.endswith(kind.mark) for k in weights)]


def _found(path: Path, weights: Weights, layout: str) -> Found:
    """The network and its weights, in single precision. Raises ConvertError."""
    if layout not in recognised(weights):
        others = recognised(weights)
        hint = f"it looks like `{others[0]}`" if others else f"it begins with {_named(list(weights))}"
        raise ConvertError(f"`{path.name}` has no `{LAYOUTS[layout].mark}`, which `{layout}` begins with; {hint}")
    try:
        found = LAYOUTS[layout].find(weights)
    except ConvertError as e:
        raise ConvertError(f"`{path.name}` {e}") from None
    except ValidationError as e:
        raise ConvertError(f"`{path.name}` is no `{layout}`: {e.errors()[0]['msg']}") from None
    return replace(found, weights={name: t.float() for name, t in found.weights.items()})


def _check(path: Path, found: Found, layout: str) -> None:
    """Raise ConvertError unless names and shapes are exactly those of the network."""
    try:
        with torch.device("meta"):
            own = build_network(found.word, found.planes).state_dict()
    except (RuntimeError, ValueError) as e:
        raise ConvertError(f"`{path.name}` is no `{layout}`: {safe(str(e))}") from None
    missing = sorted(own.keys() - found.weights.keys())
    more = sorted([*(found.weights.keys() - own.keys()), *found.rest])
    parts = []
    if missing:
        parts.append(f"lacks {_named(missing)}")
    if more:
        parts.append(f"has {_named(more)} besides")
    for name, tensor in own.items():
        if not missing and not more and found.weights[name].shape != tensor.shape:
            sizes = [" x ".join(map(str, t.shape)) for t in (found.weights[name], tensor)]
            parts.append(f"has `{name}` with the shape {sizes[0]}, not {sizes[1]}")
            break
    if parts:
        raise ConvertError(f"`{path.name}` is no `{layout}`, {_written(found.word)}: it {' and '.join(parts)}")


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{safe(n)[:80]}`" for n in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _written(word: Network) -> str:
    return f"`{word.word}({', '.join(_options(word))})`"


def _options(word: Network) -> Iterable[str]:
    return (f"{name} = {value}" for name, value in word.model_dump(mode="json").items() if value is not None)


def _contract(path: Path, found: Found, kind: Layout, layout: str, said: Said) -> Contract:
    """Raises ConvertError."""
    levels = said.noise or kind.levels
    role = said.role or ("denoiser" if kind.denoises else "restorer")
    with open(path, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    try:
        return Contract(
            network=Architecture(name=found.word.word, arguments=found.word.model_dump(mode="json")),
            role=role,
            channels=found.planes,
            range=said.range,
            multiple=found.word.multiple,
            noise=NoiseLevels(conditional=found.word.conditional, levels=levels) if levels is not None else None,
            sha256="0" * 64,
            licences=Licences(weights=said.licence, code=UNSAID, data=said.data),
            provenance={"file": path.name, "sha256 of the file": digest, "layout": layout, "source": said.source},
        )
    except ValidationError as e:
        raise ConvertError(f"{'.'.join(map(str, e.errors()[0]['loc']))}: {e.errors()[0]['msg']}") from None


def _pair(network: torch.nn.Module, found: Found) -> dict[str, Tensor]:
    """An image of random values, and what the network makes of it."""
    extent = -(-EXTENT // found.word.multiple) * found.word.multiple
    x = torch.rand(1, found.planes, extent, extent, generator=torch.Generator().manual_seed(0))
    pair = {"input": x}
    with torch.no_grad():
        if found.word.conditional:
            pair["sigma"] = torch.tensor([0.1])
            return {**pair, "output": network(x, pair["sigma"])}
        return {**pair, "output": network(x)}
