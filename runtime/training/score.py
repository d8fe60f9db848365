"""How well a network does on data that it is not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from recon.dsl.check.lints import stated_range
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.model.experiment import DataSet
from torch import Tensor, nn

from ..build import Build
from .loop import applied
from .pairs import Pairs
from .simulated import pictures, posing

LARGEST = 512
"""Extent of the middle of a picture that is looked at during training."""


def scorer(
    checked: CheckedExperiment, method: str, data: DataSet, folder: Path, build: Build, told: bool, multiple: int
) -> Callable[[nn.Module], float]:
    """The mean PSNR over the pictures of a data set, of their middles, with the same noise each time.

    The peak is the range that the page states, else one.
    """
    peak = stated_range(checked.experiment) or 1.0
    held: list[Pairs] = []
    for number, truth in enumerate(pictures(checked, method, data, folder, build)):
        truth = _middle(truth, multiple)
        here = posing(checked, method, tuple(truth.shape[-2:]), build, told)
        held.append(here.pairs(truth[None].to(build.device), data.name, [number]))

    def score(network: nn.Module) -> float:
        found = [_psnr(applied(network, pairs), pairs.target, peak) for pairs in held]
        return sum(found) / len(found)

    return score


def _middle(x: Tensor, multiple: int) -> Tensor:
    """The middle of a picture, with extents that the network takes."""
    sizes = [max(multiple, min(n, LARGEST) // multiple * multiple) for n in x.shape[-2:]]
    top, left = ((n - m) // 2 for n, m in zip(x.shape[-2:], sizes, strict=True))
    return x[..., top : top + sizes[0], left : left + sizes[1]]


def _psnr(answer: Tensor, target: Tensor, peak: float) -> float:
    with torch.no_grad():
        error = float((answer - target).square().mean())
    return 10 * math.log10(peak**2 / error) if error else math.inf
