"""SwinIR."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import Mlp

RGB_MEAN = (0.4488, 0.4371, 0.4040)
"""Of the colours of DIV2K, which is taken off images of three planes."""
APART = -100.0
"""Added to what pixels have in common that lie in one window only because the image was rolled."""


class _WindowAttention(nn.Module):
    """Attention among the pixels of each window, with a trained bias for each offset between two pixels."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor | None) -> Tensor:
        """x [images, windows, pixels, width]; offsets [pixels, pixels]; mask [windows, 1, pixels, pixels]."""
        n, windows, pixels, _ = x.shape
        # Windows of all images stand on one axis: with four axes the attention is one pass over memory.
        q, k, v = self.qkv(x).view(n * windows, pixels, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[offsets].movedim(-1, 0)
        bias = bias.expand(windows, -1, -1, -1) if mask is None else bias + mask
        bias = bias.expand(n, -1, -1, -1, -1).flatten(0, 1).to(q.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(x.shape))
        return out


class _Block(nn.Module):
    """Attention in windows of an image that is rolled by `shift`, and a perceptron for each pixel."""

    def __init__(self, width: int, heads: int, window: int, shift: int, expansion: float) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = _WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * expansion))

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        n, rows, cols, width = x.shape
        h = self.norm1(x)
        if self.shift:
            h = h.roll((-self.shift, -self.shift), (1, 2))
        h = self.attn(windows_of(h, self.window), offsets, mask if self.shift else None)
        m = self.window
        h = h.view(n, rows // m, cols // m, m, m, width).transpose(2, 3).reshape(x.shape)
        if self.shift:
            h = h.roll((self.shift, self.shift), (1, 2))
        x = x + h
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class _Blocks(nn.Module):
    """Blocks whose windows are shifted by half their extent in every second one."""

    def __init__(self, width: int, depth: int, heads: int, window: int, expansion: float) -> None:
        super().__init__()
        shifts = [window // 2 * (k % 2) for k in range(depth)]
        self.blocks = nn.ModuleList(_Block(width, heads, window, s, expansion) for s in shifts)

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, offsets, mask)
        return x


class _Group(nn.Module):
    """x + C(blocks(x)) for x [n, rows, cols, width]."""

    def __init__(self, width: int, depth: int, heads: int, window: int, expansion: float) -> None:
        super().__init__()
        self.residual_group = _Blocks(width, depth, heads, window, expansion)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        found: Tensor = self.conv(self.residual_group(x, offsets, mask).movedim(-1, 1))
        return x + found.movedim(1, -1)


class _PatchNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x)
        return out


class SwinIR(nn.Module):
    """Groups of Swin transformers between two convolutions; what they find is added to the image.

    Liang, Cao, Sun, Zhang, Van Gool, Timofte 2021, the form that keeps extents, for denoising and artefacts. Extents
    are multiples of the window. Weights are called as in the authors' files: `conv_first`,
    `layers.0.residual_group.blocks.0`, `conv_after_body`, `conv_last`.
    """

    mean: Tensor

    def __init__(
        self,
        planes: int,
        width: int = 180,
        groups: int = 6,
        depth: int = 6,
        heads: int = 6,
        window: int = 8,
        expansion: float = 2,
    ) -> None:
        super().__init__()
        self.window = window
        mean = torch.tensor(RGB_MEAN if planes == 3 else [0.0] * planes)
        self.register_buffer("mean", mean.view(-1, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(planes, width, 3, padding=1)
        self.patch_embed = _PatchNorm(width)
        self.layers = nn.ModuleList(_Group(width, depth, heads, window, expansion) for _ in range(groups))
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, planes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The image [n, planes, rows, cols] of which x is a degraded one."""
        shallow = self.conv_first(x - self.mean)
        h = self.patch_embed(shallow.movedim(1, -1))
        offsets = offsets_in(self.window).to(x.device)
        mask = apart(x.shape[-2], x.shape[-1], self.window).to(x)
        for group in self.layers:
            h = group(h, offsets, mask)
        deep = self.conv_after_body(self.norm(h).movedim(-1, 1)) + shallow
        out: Tensor = x + self.conv_last(deep)
        return out


def windows_of(x: Tensor, window: int) -> Tensor:
    """Windows [n, windows, pixels, width] of x [n, rows, cols, width], row by row."""
    n, rows, cols, width = x.shape
    parts = x.view(n, rows // window, window, cols // window, window, width).transpose(2, 3)
    return parts.reshape(n, -1, window * window, width)


def offsets_in(window: int) -> Tensor:
    """The number of the offset between each two pixels of a window, [pixels, pixels]."""
    at = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    offset = at[:, None] - at[None, :] + window - 1
    return offset[..., 0] * (2 * window - 1) + offset[..., 1]


def apart(rows: int, cols: int, window: int) -> Tensor:
    """What is added for each two pixels of each window [windows, 1, pixels, pixels] of an image rolled by half of one.

    Zero where they are neighbours in the image, too, and not opposite ends of it.
    """
    shift = window // 2

    def regions(extent: int) -> Tensor:
        at = torch.arange(extent)
        return (at >= extent - window).int() + (at >= extent - shift).int()

    region = 3 * regions(rows)[:, None] + regions(cols)[None, :]
    parts = windows_of(region[None, :, :, None], window)[0, ..., 0]
    same = parts[:, None, :, None] == parts[:, None, None, :]
    return torch.where(same, 0.0, APART)
