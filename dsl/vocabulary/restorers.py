"""Networks that take an image and give one: perceptrons for patches, convolutions, U-Nets."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from annotated_types import Ge
from pydantic import field_validator, model_validator

from ..diagnostics.nearest import nearest
from ..model.encoders import encoder_names
from ..model.fields import Count, Field, Le, Positive
from ..model.files import shortened
from ..model.word import Network


class PatchMlp(Network):
    """A fully connected network for patches: each is a vector that it denoises, and overlapping ones are averaged."""

    word: ClassVar[str] = "patch_mlp"
    formula: ClassVar[str] = (
        r"f(y) = \Big(\sum_i P_i^T P_i\Big)^{-1} \sum_i P_i^T N(P_i y), \quad "
        r"N(z) = W_L \tanh(\dots \tanh(W_0 z + b_0) \dots) + b_L"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.3; Burger, Schuler, Harmeling 2012"
    example: ClassVar[str] = "solver network(learned(patch_mlp(patch = 8, width = 512)))"
    restores: ClassVar[bool] = True

    patch: Count = Field(17, description="extent of a patch")
    width: Count = Field(2047, description="values of each hidden layer")
    hidden: Count = Field(4, description="hidden layers")
    stride: Count = Field(3, description="pixels from the start of a patch to the next")

    @model_validator(mode="after")
    def _covers(self) -> PatchMlp:
        if self.stride > self.patch:
            raise ValueError(f"patches of {self.patch} every {self.stride} pixels leave gaps")
        return self

    @property
    def receptive_field(self) -> int:
        return (self.patch - 1) // self.stride * self.stride + self.patch

    def parameters(self, planes: int) -> int:
        n, w = planes * self.patch**2, self.width
        return (n * w + w) + (self.hidden - 1) * (w * w + w) + (w * n + n)


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
        return _through_scales(4, 4 * self.blocks, first=3, last=3)

    def parameters(self, planes: int) -> int:
        widths = [self.channels * k for k in (1, 2, 4, 8)]
        blocks = sum(18 * w * w * self.blocks * (2 if w != widths[-1] else 1) for w in widths)
        steps = sum(2 * 4 * a * b for a, b in pairwise(widths))
        return 9 * (planes + 1) * self.channels + blocks + steps + 9 * self.channels * planes


class Unet(Network):
    """U-Net: two 3 x 3 convolutions on each scale, means of 2 x 2 pixels down, transposed convolutions up, all scales
    handed across. Each convolution is followed by an instance norm and a leaky ReLU.

    As fastMRI has it, so that its weights load. Instance norms lose the mean of an image, which `standardise` keeps.
    With `encoder`, the way down is a model of timm that gives features on several scales, by its name there:
    `resnet18`, `convnext_atto`, `swin_tiny_patch4_window7_224`. Its weights are trained from scratch with the rest;
    nothing is fetched. Models with batch norms, such as `resnet18`, want long training with large batches.
    """

    word: ClassVar[str] = "unet"
    formula: ClassVar[str] = (
        r"h_0 = B_0(y), \; h_k = B_k(\mathrm{pool}(h_{k-1})), \quad "
        r"u_s = h_s, \; u_k = B'_k([U_k u_{k+1}, h_k]), \quad f(y) = C u_0"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.5.3; Ronneberger, Fischer, Brox 2015; Zbontar et al. 2018"
    example: ClassVar[str] = "solver network(learned(unet(channels = 32)), input = adjoint)"
    restores: ClassVar[bool] = True
    normalises: ClassVar[bool] = True

    channels: Count = Field(32, description="channels of the finest scale; each coarser one has twice as many")
    scales: Annotated[Count, Le(10)] = Field(4, description="how often the extents are halved")
    encoder: str | None = Field(None, description="a model of timm for the way down, which has scales of its own")
    standardise: bool = Field(
        True,
        description="whether each image is brought to mean 0 and standard deviation 1, and the answer back, so that "
        "scale and shift of its values do not matter",
    )
    clamp: Positive | None = Field(
        None, description="standard deviations at which values are cut off then; fastMRI cuts at 6"
    )

    @field_validator("encoder")
    @classmethod
    def _is_there(cls, encoder: str | None) -> str | None:
        if encoder is not None and encoder not in encoder_names():
            close = nearest(encoder, encoder_names())
            hint = f"did you mean `{close}`?" if close else "timm's documentation lists them"
            raise ValueError(f"timm has no model `{shortened(encoder)}`; {hint}")
        return encoder

    @model_validator(mode="after")
    def _one_way_down(self) -> Unet:
        if self.encoder is not None and self.scales != 4:
            raise ValueError(f"`{self.encoder}` has scales of its own; leave `scales` out")
        if self.clamp is not None and not self.standardise:
            raise ValueError("`clamp` cuts off standard deviations, which only `standardise` makes of values")
        return self

    @property
    def multiple(self) -> int:
        return 1 << self.scales if self.encoder is None else 1

    @property
    def receptive_field(self) -> int | None:
        return _through_scales(self.scales + 1, 4) if self.encoder is None else None

    def parameters(self, planes: int) -> int | None:
        if self.encoder is not None:
            return None
        widths = [self.channels << k for k in range(self.scales + 1)]
        down = sum(9 * a * b + 9 * b * b for a, b in pairwise([planes, *widths]))
        up = sum(4 * a * b + 9 * 2 * a * a + 9 * a * a for a, b in pairwise(widths))
        return down + up + self.channels * planes + planes


def _through_scales(scales: int, convolutions: int, *, first: int = 1, last: int = 1) -> int:
    """The receptive field of a U-Net whose scales differ by two.

    convolutions: pixels of a scale that its blocks add on one way. first, last: width of the outermost convolutions.
    """
    width = last
    for _ in range(scales - 1):  # back to the coarser scale, where a pixel stands for two
        width = (width + convolutions) // 2 + 1
    width += convolutions
    for _ in range(scales - 1):
        width = 2 * width + convolutions
    return width + first - 1
