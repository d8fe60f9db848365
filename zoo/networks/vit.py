"""A vision transformer for images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import Mlp, standardised


class _Attention(nn.Module):
    """Attention among all patches."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, -1, self.head)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


class _Block(nn.Module):
    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), _Attention(width, head)
        self.norm2, self.mlp = nn.LayerNorm(width), Mlp(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class _PatchEmbed(nn.Module):
    def __init__(self, planes: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(planes, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x)
        return out


class VisionTransformer(nn.Module):
    """Patches side by side as vectors, to which their place is added; transformers; and a linear map back to patches.

    Lin, Heckel 2022. Extents are multiples of the patch. Weights are called as in the authors' files, which are timm's
    names: `patch_embed.proj`, `pos_embed`, `blocks.0.attn.qkv`, `norm`, `head`.

    head: width of an attention head. grid: how many patches the trained places have along each axis; between them they
    are interpolated. standardise: whether each plane is brought to mean 0 and standard deviation 1, the answer back.
    """

    def __init__(
        self,
        planes: int,
        patch: int = 10,
        width: int = 576,
        depth: int = 8,
        head: int = 64,
        grid: int = 32,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.patch, self.standardise = patch, standardise
        self.patch_embed = _PatchEmbed(planes, width, patch)
        self.pos_embed = nn.Parameter(torch.empty(1, width, grid, grid))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.blocks = nn.Sequential(*(_Block(width, head) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, planes * patch**2)

    def forward(self, x: Tensor) -> Tensor:
        """The image [n, planes, rows, cols] of which x is a degraded one."""
        return standardised(self._estimate, x) if self.standardise else self._estimate(x)

    def _estimate(self, x: Tensor) -> Tensor:
        patches = self.patch_embed(x)
        where: Tensor = self.pos_embed
        if where.shape[-2:] != patches.shape[-2:]:
            where = F.interpolate(where, patches.shape[-2:], mode="bilinear")
        h = self.blocks((patches + where).flatten(2).mT)
        return F.fold(self.head(self.norm(h)).mT.to(x), x.shape[-2:], self.patch, stride=self.patch)
