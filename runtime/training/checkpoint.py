"""The state of training on disk: one file, each time replaced as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

NAME = "checkpoint.safetensors"


@dataclass
class State:
    """What training goes on from after `step` steps.

    weights, average and moments: tensors by name; moments are the optimizer's, `first.NAME` and so on. history: what is
    told of training so far. Draws need no state: those of a step derive from its number.
    """

    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    moments: dict[str, Tensor]
    history: list[dict[str, float]] = field(default_factory=list)


def save(state: State, folder: Path, key: str) -> None:
    """Write the state. A reader sees the file before or after, never a part of it.

    key: what the training depends on; only with the same one it goes on. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"weights": state.weights, "average": state.average, "moments": state.moments}
    named = ((f"{part}/{name}", t) for part, held in parts.items() for name, t in held.items())
    tensors = {name: t.detach().cpu().contiguous() for name, t in named}
    told = {"key": key, "step": str(state.step), "history": json.dumps(state.history)}
    growing = folder / (NAME + ".part")
    save_file(tensors, growing, metadata=told)
    with open(growing, "rb") as file:
        os.fsync(file.fileno())
    os.replace(growing, folder / NAME)


def load(folder: Path, key: str) -> State | None:
    """The state that was written last; None where there is none, it is damaged, or it is of other training."""
    try:
        with safe_open(folder / NAME, "pt") as file:
            told: Mapping[str, str] = file.metadata() or {}
            if told.get("key") != key:
                return None
            parts: dict[str, dict[str, Tensor]] = {"weights": {}, "average": {}, "moments": {}}
            for name in file.keys():  # noqa: SIM118 - it is no dictionary
                part, _, inner = name.partition("/")
                parts[part][inner] = file.get_tensor(name)
            return State(int(told["step"]), **parts, history=json.loads(told["history"]))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
