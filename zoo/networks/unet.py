"""U-Net."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import standardised

SLOPE = 0.2


class InstanceNorm(nn.Module):
    """Each channel of each image less its mean, divided by its standard deviation; nothing is trained.

    Of a single pixel, which is its own mean, nothing is left.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:].numel() == 1:
            return torch.zeros_like(x)
        return F.instance_norm(x)


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, an instance norm and a leaky ReLU behind each."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        # The numbers of layers are those of the files; 3 was dropout, which published weights do without.
        self.layers = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            InstanceNorm(),
            nn.LeakyReLU(SLOPE),
            nn.Identity(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            InstanceNorm(),
            nn.LeakyReLU(SLOPE),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class UpBlock(nn.Module):
    """A transposed convolution to extents `factor` times as large, an instance norm and a leaky ReLU."""

    def __init__(self, before: int, after: int, factor: int = 2) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(before, after, factor, factor, bias=False)
        self.layers = nn.Sequential(up, InstanceNorm(), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class UNet(nn.Module):
    """Convolutions on `scales` + 1 scales, down and up again, each scale handed across.

    Ronneberger, Fischer, Brox 2015, in the form of fastMRI: Zbontar et al. 2018. Extents are multiples of 2^scales.
    Weights are called as in fastMRI's files: `down_sample_layers`, `conv`, `up_transpose_conv`, `up_conv`.

    standardise: whether each plane is brought to mean 0 and standard deviation 1 first, and the answer back; clamp: the
    standard deviations at which values are cut off then.
    """

    def __init__(
        self, planes: int, width: int = 32, scales: int = 4, standardise: bool = False, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.standardise, self.clamp = standardise, clamp
        widths = [width * 2**k for k in range(scales + 1)]
        self.down_sample_layers = nn.ModuleList(ConvBlock(a, b) for a, b in pairwise([planes, *widths[:-1]]))
        self.conv = ConvBlock(widths[-2], widths[-1])
        ups = list(zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up_transpose_conv = nn.ModuleList(UpBlock(b, a) for a, b in ups)
        convs: list[nn.Module] = [ConvBlock(2 * a, a) for a, _ in ups]
        convs[-1] = nn.Sequential(convs[-1], nn.Conv2d(width, planes, 1))
        self.up_conv = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> Tensor:
        """The estimate of the image, of which x [n, planes, rows, cols] is a rough one."""
        return standardised(self._estimate, x, self.clamp) if self.standardise else self._estimate(x)

    def _estimate(self, x: Tensor) -> Tensor:
        held = []
        for block in self.down_sample_layers:
            x = block(x)
            held.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.conv(x)
        for up, block in zip(self.up_transpose_conv, self.up_conv, strict=True):
            x = block(torch.cat([up(x), held.pop()], 1))
        return x
