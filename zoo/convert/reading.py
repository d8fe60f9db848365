"""The tensors of a file, whoever wrote it: safetensors, or a pickle of tensors and nothing else."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from recon.dsl.diagnostics.render import safe
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

Weights = dict[str, Tensor]

WRAPPERS = (
    "params_ema",
    "params",
    "classy_state_dict",
    "base_model",
    "state_dict",
    "model_state_dict",
    "model",
    "trunk",
    "network",
)
"""What files call the part that holds the weights, those to be preferred first."""
DEEPEST = 8


class ConvertError(ValueError):
    """A file that is not converted; the message says why."""


def read(path: Path) -> Weights:
    """The weights of a file by their names, on the CPU. Nothing in it is executed. Raises ConvertError."""
    return _plain(path, _part(path, _loaded(path)))


def _loaded(path: Path) -> Any:
    try:
        with open(path, "rb") as f:
            start = f.read(9)
        if start[8:9] == b"{":  # eight bytes of length, then JSON
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as e:
        raise ConvertError(f"cannot read {path}: {(e.strerror or str(e)).lower()}") from None
    except pickle.UnpicklingError as e:
        raise ConvertError(_refusal(path, str(e))) from None
    except SafetensorError as e:
        raise ConvertError(f"`{path.name}` is a damaged safetensors file: {e}") from None
    except Exception as e:  # what a damaged file makes of the reader is not foreseen
        raise ConvertError(f"`{path.name}` is no file of weights, or a damaged one") from e


def _refusal(path: Path, said: str) -> str:
    """Why a pickle is not loaded."""
    found = re.search(r"GLOBAL (\S+)", said)
    if found is None:
        return f"`{path.name}` is refused: it is a pickle of something else than weights"
    return (
        f"`{path.name}` is refused: to load it would call `{safe(found[1])}`, and weights are tensors alone; where you "
        "trust it, save its state dict by itself"
    )


def _part(path: Path, found: Any) -> Mapping[Any, Any]:
    """The part of a checkpoint that holds weights."""
    for _ in range(DEEPEST):
        if not isinstance(found, Mapping):
            break
        name = next((n for n in WRAPPERS if isinstance(found.get(n), Mapping)), None)
        if name is None:
            if any(isinstance(v, Tensor) for v in found.values()):
                return found
            break
        found = found[name]
    raise ConvertError(f"`{path.name}` has no weights where files have them, such as `params` or `state_dict`")


def _plain(path: Path, found: Mapping[Any, Any]) -> Weights:
    out: Weights = {}
    for name, value in found.items():
        if not isinstance(value, Tensor) or not isinstance(name, str):
            raise ConvertError(f"`{path.name}` has `{safe(str(name))[:80]}` among its weights, which is no tensor")
        if value.layout != torch.strided or value.is_quantized or value.is_complex():
            what = "complex, sparse or quantized, and dense real numbers are read"
            raise ConvertError(f"`{path.name}` has `{safe(name)[:80]}` {what}")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ConvertError(f"`{path.name}` has `{safe(name)[:80]}` larger than the numbers that it holds")
        plain = name.removeprefix("module.")
        if plain in out:
            raise ConvertError(f"`{path.name}` has `{safe(plain)[:80]}` twice, with `module.` before it and without")
        out[plain] = value.detach()
    return out
