"""Layers that several networks share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """Two linear layers with a GELU between; named as in timm."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


def standardised(network: Callable[[Tensor], Tensor], x: Tensor, clamp: float | None = None) -> Tensor:
    """The answer for x with each plane brought to mean 0 and standard deviation 1, brought back to those of x.

    clamp: standard deviations at which values are cut off first.
    """
    one = x.shape[-2] * x.shape[-1] == 1  # a single pixel deviates by nothing
    spread, mean = torch.std_mean(x, (-2, -1), correction=0 if one else 1, keepdim=True)
    spread = spread.clamp_min(torch.finfo(x.dtype).tiny)
    z = (x - mean) / spread
    return network(z if clamp is None else z.clamp(-clamp, clamp)) * spread + mean
