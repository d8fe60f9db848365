"""Networks that take an image and give one."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from annotated_types import Ge

from ..model.fields import Count, Field
from ..model.word import Network


class Dncnn(Network):
    """DnCNN: layers of 3 x 3 convolutions that find the noise, which is taken off the image.

    Batch normalisation is merged into the convolutions, as in the weights that its authors publish.
    """

    word: ClassVar[str] = "dncnn"
    formula: ClassVar[str] = r"f(y) = y - (C_d \circ \mathrm{relu} \circ \dots \circ \mathrm{relu} \circ C_1)(y)"
    reference: ClassVar[str] = "Heckel 2024, 6.5.1; Zhang, Zuo, Chen, Meng, Zhang 2017"
    example: ClassVar[str] = "solver network(learned(dncnn(depth = 17, channels = 64)))"
    restores: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    depth: Annotated[Count, Ge(2)] = Field(17, description="number of convolutions")
    channels: Count = Field(64, description="channels between them")

    @property
    def receptive_field(self) -> int:
        return 2 * self.depth + 1

    def parameters(self, planes: int) -> int:
        c = self.channels
        return (9 * planes * c + c) + (self.depth - 2) * (9 * c * c + c) + (9 * c * planes + planes)


class Srcnn(Network):
    """SRCNN: three convolutions, of 9 x 9, 1 x 1 and 5 x 5, of an image that was interpolated to the fine grid."""

    word: ClassVar[str] = "srcnn"
    formula: ClassVar[str] = r"f(y) = C_3(\mathrm{relu}(C_2(\mathrm{relu}(C_1(y)))))"
    reference: ClassVar[str] = "Heckel 2024, 6.5.2; Dong, Loy, He, Tang 2016"
    example: ClassVar[str] = "solver network(learned(srcnn()), input = interpolate)"
    restores: ClassVar[bool] = True

    channels: Annotated[Count, Ge(2)] = Field(64, description="channels behind the first layer; half as many behind it")

    @property
    def receptive_field(self) -> int:
        return 13

    def parameters(self, planes: int) -> int:
        c, half = self.channels, self.channels // 2
        return (81 * planes * c + c) + (c * half + half) + (25 * half * planes + planes)


class Drunet(Network):
    """DRUNet: a U-Net of residual blocks over four scales that is told the noise level as one more plane.

    No layer has a bias, so that the answer scales with image and noise level.
    """

    word: ClassVar[str] = "drunet"
    formula: ClassVar[str] = r"f(y, \sigma) = N(y, \sigma 1), \quad N(c\,y, c\,\sigma 1) = c\,N(y, \sigma 1)"
    reference: ClassVar[str] = "Heckel 2024, 6.5.3; Zhang, Li, Zuo, Zhang, Van Gool, Timofte 2022"
    example: ClassVar[str] = "solver network(learned(drunet(channels = 32)))"
    restores: ClassVar[bool] = True
    conditional: ClassVar[bool] = True

    channels: Count = Field(64, description="channels of the finest scale; each coarser one has twice as many")
    blocks: Count = Field(4, description="residual blocks of two convolutions on each way through a scale")

    @property
    def multiple(self) -> int:
        return 8

    @property
    def receptive_field(self) -> int:
        convolutions = 4 * self.blocks  # pixels of a scale that its blocks on one way add
        width = 3
        for _ in range(3):  # back to the coarser scale, where a pixel stands for two
            width = (width + convolutions) // 2 + 1
        width += convolutions
        for _ in range(3):
            width = 2 * width + convolutions
        return width + 2

    def parameters(self, planes: int) -> int:
        widths = [self.channels * k for k in (1, 2, 4, 8)]
        blocks = sum(18 * w * w * self.blocks * (2 if w != widths[-1] else 1) for w in widths)
        steps = sum(2 * 4 * a * b for a, b in pairwise(widths))
        return 9 * (planes + 1) * self.channels + blocks + steps + 9 * self.channels * planes
