"""Where a search for an unknown begins."""

from __future__ import annotations

import torch
from recon.dsl.model.experiment import UnknownSpec
from recon.dsl.model.space import Space
from recon.dsl.model.word import Array, Kernel, Maps
from torch import Tensor

from ..build import Build
from ..meaning import meaning
from ..operators.base import dtype_of
from ..values import EvaluationError


def start_of(u: UnknownSpec, build: Build) -> Tensor:
    """What `init` says, of shape [1, ...] in the unit of the unknown; zero without it. Raises EvaluationError.

    A kernel is put into the middle of the unknown's grid, and cut where it is larger.
    """
    space = u.space
    dtype = dtype_of(space, build.real)
    if u.init is None or isinstance(u.init, float | int):
        return torch.full((1, *space.sizes), u.init or 0.0, dtype=dtype, device=build.device)
    if isinstance(u.init, Kernel):
        value = _centred(meaning(u.init)(u.init, len(space.axes), build, f"unknown.{u.name}"), space)
    elif isinstance(u.init, Maps):
        value = meaning(u.init)(u.init, space.with_axes(space.axes[1:]), build)
    else:
        assert isinstance(u.init, Array)
        value = meaning(u.init)(u.init, space, build)
    try:
        return value.expand(space.sizes).to(dtype).clone()[None]
    except RuntimeError:
        shape = " x ".join(str(n) for n in value.shape)
        raise EvaluationError(f"`{u.name}` is {space}, and its `init` is an array of {shape}") from None


def _centred(kernel: Tensor, space: Space) -> Tensor:
    out = kernel.new_zeros(space.sizes)
    here: list[slice] = []
    there: list[slice] = []
    for have, n in zip(kernel.shape, space.sizes, strict=True):
        shift = n // 2 - have // 2
        low, high = max(shift, 0), min(shift + have, n)
        here.append(slice(low, high))
        there.append(slice(low - shift, high - shift))
    out[tuple(here)] = kernel[tuple(there)]
    return out
