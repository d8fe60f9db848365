"""DRUNet."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class _Block(nn.Module):
    """x + C(relu(C(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.res = nn.Sequential(first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.res(x)
        return out


class DRUNet(nn.Module):
    """A U-Net over four scales, residual blocks on each, strided and transposed convolutions between, no biases.

    Zhang, Li, Zuo, Zhang, Van Gool, Timofte 2022. Extents are multiples of 8. Weights are called as in the authors'
    files: `m_head`, `m_down1`, `m_body`, `m_up3`, `m_tail`.
    """

    def __init__(self, planes: int, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        widths = [width * 2**k for k in range(4)]
        self.m_head = nn.Conv2d(planes + 1, width, 3, padding=1, bias=False)
        self.m_down1, self.m_down2, self.m_down3 = (
            nn.Sequential(*(_Block(a) for _ in range(blocks)), nn.Conv2d(a, b, 2, 2, bias=False))
            for a, b in pairwise(widths)
        )
        self.m_body = nn.Sequential(*(_Block(widths[3]) for _ in range(blocks)))
        self.m_up3, self.m_up2, self.m_up1 = (
            nn.Sequential(nn.ConvTranspose2d(b, a, 2, 2, bias=False), *(_Block(a) for _ in range(blocks)))
            for a, b in zip(widths[2::-1], widths[:0:-1], strict=True)
        )
        self.m_tail = nn.Conv2d(width, planes, 3, padding=1, bias=False)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The estimate of the image [n, planes, rows, cols] under noise of the levels sigma [n]."""
        level = sigma.to(x).view(-1, 1, 1, 1).expand(x.shape[0], 1, *x.shape[2:])
        x1 = self.m_head(torch.cat([x, level], 1))
        x2 = self.m_down1(x1)
        x3 = self.m_down2(x2)
        x4 = self.m_down3(x3)
        y = self.m_body(x4)
        y = self.m_up3(y + x4)
        y = self.m_up2(y + x3)
        y = self.m_up1(y + x2)
        out: Tensor = self.m_tail(y + x1)
        return out
