"""Folders of the zoo as files alone, written without PyTorch: what can be told before weights are loaded."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

SMALL = {
    "conv1.weight": (2, 1, 9, 9),
    "conv1.bias": (2,),
    "conv2.weight": (1, 2, 1, 1),
    "conv2.bias": (1,),
    "conv3.weight": (1, 1, 5, 5),
    "conv3.bias": (1,),
}
"""The tensors of `srcnn(channels = 2)` for one plane."""


def config(**changes: Any) -> dict[str, Any]:
    """A contract that holds for `SMALL`, with changes."""
    return {
        "format": 1,
        "network": {"name": "srcnn", "arguments": {"channels": 2}},
        "role": "denoiser",
        "channels": 1,
        "noise": {"conditional": False, "levels": [0.1, 0.1]},
        "sha256": "0" * 64,
        "licences": {"weights": "cc0-1.0", "code": "apache-2.0", "data": "cc0-1.0"},
        **changes,
    }


def safetensors(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, right or wrong; text is taken as it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def header(shapes: Mapping[str, tuple[int, ...]] = SMALL, dtype: str = "F32", size: int = 4) -> dict[str, Any]:
    """The header of tensors one behind the other."""
    out, end = {}, 0
    for name, shape in shapes.items():
        first, end = end, end + size * prod(shape)
        out[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [first, end]}
    return out


def zeros(shapes: Mapping[str, tuple[int, ...]] = SMALL, dtype: str = "F32", size: int = 4) -> bytes:
    """A safetensors file of zeros."""
    return safetensors(header(shapes, dtype, size), bytes(sum(size * prod(s) for s in shapes.values())))


def stated(folder: Path, weights: bytes | None = None, **changes: Any) -> Path:
    """A folder of the zoo whose contract holds but for `changes`."""
    content = zeros() if weights is None else weights
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(content)
    made = config(**{"sha256": hashlib.sha256(content).hexdigest(), **changes})
    (folder / "config.json").write_text(json.dumps(made, indent=2) + "\n")
    return folder
