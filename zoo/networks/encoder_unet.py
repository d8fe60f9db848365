"""A U-Net whose way down is a model of timm."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import standardised
from .timm_encoder import Encoder
from .unet import ConvBlock, UpBlock


class EncoderUNet(nn.Module):
    """The features of an encoder on all its scales, put together by the way up of a U-Net.

    The image itself stands on the finest scale, unless the encoder has features there. Any extents are taken: what is
    missing to a multiple of the coarsest pixel repeats the edge.

    width: channels of the finest scale of the way up; each coarser one has twice as many. standardise: whether each
    plane is brought to mean 0 and standard deviation 1 first, and the answer back.

    Raises ValueError where the encoder gives no features that fit together.
    """

    def __init__(
        self, planes: int, width: int, encoder: str, standardise: bool = False, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.standardise, self.clamp = standardise, clamp
        self.encoder = Encoder(encoder, planes)
        pixels, channels = self.encoder.pixels, self.encoder.channels
        self.image = ConvBlock(planes, width) if pixels[0] > 1 else None
        if self.image is not None:
            pixels, channels = [1, *pixels], [width, *channels]
        if any(b % a for a, b in pairwise(pixels)):
            raise ValueError(f"the scales of `{encoder}` of timm, {pixels} pixels, are no multiples of each other")
        factors = [b // a for a, b in pairwise(pixels)]
        widths = [width << (p.bit_length() - 1) for p in pixels[:-1]]
        below = [*widths[1:], channels[-1]]
        self.up_transpose_conv = nn.ModuleList(map(UpBlock, below, widths, factors))
        self.up_conv = nn.ModuleList(ConvBlock(w + c, w) for w, c in zip(widths, channels, strict=False))
        self.last = nn.Conv2d(width, planes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The estimate of the image, of which x [n, planes, rows, cols] is a rough one."""
        return standardised(self._estimate, x, self.clamp) if self.standardise else self._estimate(x)

    def _estimate(self, x: Tensor) -> Tensor:
        rows, cols = x.shape[-2:]
        coarsest = self.encoder.pixels[-1]
        padded = F.pad(x, (0, -cols % coarsest, 0, -rows % coarsest), mode="replicate")
        held = self.encoder(padded)
        if self.image is not None:
            held = [self.image(padded), *held]
        h = held.pop()
        for k in reversed(range(len(held))):
            h = self.up_conv[k](torch.cat([self.up_transpose_conv[k](h), held[k]], 1))
        out: Tensor = self.last(h)
        return out[..., :rows, :cols]
