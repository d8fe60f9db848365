"""A perceptron for patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AT_ONCE = 4096
"""Patches that go through the layers together, which bounds the memory they take."""


class PatchMlp(nn.Module):
    """Each of many overlapping patches is denoised by a fully connected network; the image is their mean.

    Burger, Schuler, Harmeling 2012, with equal weights for the pixels of a patch. Patches start every `stride` pixels;
    what is missing for the last one repeats the edge.

    hidden: how many layers of `width` there are, a tanh behind each.
    """

    def __init__(self, planes: int, patch: int = 17, width: int = 2047, hidden: int = 4, stride: int = 3) -> None:
        super().__init__()
        self.patch, self.stride = patch, stride
        size = planes * patch**2
        layers: list[nn.Module] = [nn.Linear(size, width), nn.Tanh()]
        for _ in range(hidden - 1):
            layers += [nn.Linear(width, width), nn.Tanh()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, size))

    def forward(self, x: Tensor) -> Tensor:
        """The estimate [n, planes, rows, cols] of the image under the noise of x."""
        rows, cols = x.shape[-2:]
        more_rows, more_cols = (max(self.patch - n, (self.patch - n) % self.stride) for n in (rows, cols))
        padded = F.pad(x, (0, more_cols, 0, more_rows), mode="replicate")
        patches = F.unfold(padded, self.patch, stride=self.stride).mT
        clean = torch.cat([self.layers(some) for some in torch.split(patches, AT_ONCE, 1)], 1).mT.to(x)
        extents = padded.shape[-2:]
        total = F.fold(clean, extents, self.patch, stride=self.stride)
        count = F.fold(torch.ones_like(clean[:1, : self.patch**2]), extents, self.patch, stride=self.stride)
        return (total / count)[..., :rows, :cols]
