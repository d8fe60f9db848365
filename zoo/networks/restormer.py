"""Restormer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-5


class _Norm(nn.Module):
    """The channels of each pixel divided by their standard deviation, times a weight each; with a bias also less their
    mean, plus a bias each."""

    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        # The files call the inner part `body`.
        self.body = nn.LayerNorm(width, EPS, bias=bias)
        self.centred = bias

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.movedim(1, -1)
        if self.centred:
            out: Tensor = self.body(pixels).movedim(-1, 1)
            return out
        apart = pixels - pixels.mean(-1, keepdim=True)
        variance = apart.square().mean(-1, keepdim=True)  # eight times as quick as `var`
        return (pixels * (variance + EPS).rsqrt() * self.body.weight).movedim(-1, 1)


class _Attention(nn.Module):
    """Attention of channels to channels, by what they have in common over all pixels."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)
        self.project_out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        each = self.qkv_dwconv(self.qkv(x)).chunk(3, 1)
        q, k, v = (t.reshape(len(x), len(self.temperature), -1, x.shape[-2:].numel()) for t in each)
        alike = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT
        mixed = (alike * self.temperature).softmax(-1) @ v
        out: Tensor = self.project_out(mixed.reshape(x.shape))
        return out


class _FeedForward(nn.Module):
    """One half of more channels gates the other."""

    def __init__(self, width: int, expansion: float) -> None:
        super().__init__()
        inner = int(width * expansion)
        self.project_in = nn.Conv2d(width, 2 * inner, 1, bias=False)
        self.dwconv = nn.Conv2d(2 * inner, 2 * inner, 3, padding=1, groups=2 * inner, bias=False)
        self.project_out = nn.Conv2d(inner, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.dwconv(self.project_in(x)).chunk(2, 1)
        out: Tensor = self.project_out(F.gelu(gate) * value)
        return out


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, expansion: float, bias: bool) -> None:
        super().__init__()
        self.norm1 = _Norm(width, bias)
        self.attn = _Attention(width, heads)
        self.norm2 = _Norm(width, bias)
        self.ffn = _FeedForward(width, expansion)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.ffn(self.norm2(x))
        return out


class _Resample(nn.Module):
    """A 3 x 3 convolution whose channels become pixels, or whose pixels become channels."""

    def __init__(self, before: int, after: int, shuffle: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False), shuffle)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class _Embed(nn.Module):
    def __init__(self, planes: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(planes, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x)
        return out


class Restormer(nn.Module):
    """A U-Net over four scales of transformers whose attention is among channels; what it finds is added to the image.

    Zamir, Arora, Khan, Hayat, Khan, Yang 2022. Extents are multiples of 8. Weights are called as in the authors' files:
    `encoder_level1`, `latent`, `decoder_level3`, `refinement`, `output`.

    blocks, heads: of each scale, the finest first. bias: whether layer norms take off the mean and have a bias.
    """

    def __init__(
        self,
        planes: int,
        width: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        expansion: float = 2.66,
        bias: bool = False,
    ) -> None:
        super().__init__()

        def level(scale: int, count: int, wide: int) -> nn.Sequential:
            return nn.Sequential(*(_Block(wide, heads[scale], expansion, bias) for _ in range(count)))

        w1, w2, w3, w4 = (width * 2**k for k in range(4))
        self.patch_embed = _Embed(planes, width)
        self.encoder_level1 = level(0, blocks[0], w1)
        self.down1_2 = _Resample(w1, w1 // 2, nn.PixelUnshuffle(2))
        self.encoder_level2 = level(1, blocks[1], w2)
        self.down2_3 = _Resample(w2, w2 // 2, nn.PixelUnshuffle(2))
        self.encoder_level3 = level(2, blocks[2], w3)
        self.down3_4 = _Resample(w3, w3 // 2, nn.PixelUnshuffle(2))
        self.latent = level(3, blocks[3], w4)
        self.up4_3 = _Resample(w4, 2 * w4, nn.PixelShuffle(2))
        self.reduce_chan_level3 = nn.Conv2d(w4, w3, 1, bias=False)
        self.decoder_level3 = level(2, blocks[2], w3)
        self.up3_2 = _Resample(w3, 2 * w3, nn.PixelShuffle(2))
        self.reduce_chan_level2 = nn.Conv2d(w3, w2, 1, bias=False)
        self.decoder_level2 = level(1, blocks[1], w2)
        self.up2_1 = _Resample(w2, 2 * w2, nn.PixelShuffle(2))
        # On the finest scale both halves stay, so that its decoder is twice as wide as its encoder.
        self.decoder_level1 = level(0, blocks[0], w2)
        self.refinement = level(0, refinement, w2)
        self.output = nn.Conv2d(w2, planes, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The image [n, planes, rows, cols] of which x is a degraded one."""
        x1 = self.encoder_level1(self.patch_embed(x))
        x2 = self.encoder_level2(self.down1_2(x1))
        x3 = self.encoder_level3(self.down2_3(x2))
        y = self.latent(self.down3_4(x3))
        y = self.decoder_level3(self.reduce_chan_level3(torch.cat([self.up4_3(y), x3], 1)))
        y = self.decoder_level2(self.reduce_chan_level2(torch.cat([self.up3_2(y), x2], 1)))
        y = self.decoder_level1(torch.cat([self.up2_1(y), x1], 1))
        out: Tensor = self.output(self.refinement(y)) + x
        return out
