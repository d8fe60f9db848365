"""Transformers that take an image and give one."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from annotated_types import Ge
from pydantic import model_validator

from ..model.fields import Count, Field, Le, Positive
from ..model.word import Network

Scales = tuple[Count, Count, Count, Count]


class Vit(Network):
    """A vision transformer for images: patches side by side as vectors with their places, transformers whose attention
    is among all of them, and a linear map back to patches."""

    word: ClassVar[str] = "vit"
    formula: ClassVar[str] = (
        r"h_0 = E P y + p, \quad h \leftarrow h + \mathrm{MSA}(h), \; h \leftarrow h + \mathrm{MLP}(h), \quad "
        r"f(y) = P^T(W h_L + b)"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.6; Lin, Heckel 2022"
    example: ClassVar[str] = "solver network(learned(vit(patch = 8, width = 192, depth = 6)))"
    restores: ClassVar[bool] = True

    patch: Count = Field(10, description="extent of a patch")
    width: Count = Field(576, description="values that stand for a patch")
    depth: Count = Field(8, description="transformers")
    head: Count = Field(64, description="values of a head, each of which attends for itself")
    grid: Count = Field(
        32, description="patches along each axis of which the places are trained; others are interpolated"
    )
    standardise: bool = Field(
        True,
        description="whether each image is brought to mean 0 and standard deviation 1, and the answer back, so that "
        "scale and shift of its values do not matter",
    )

    @model_validator(mode="after")
    def _fits(self) -> Vit:
        if self.width % self.head:
            raise ValueError(f"{self.width} values do not split into heads of {self.head}")
        return self

    @property
    def multiple(self) -> int:
        return self.patch

    def parameters(self, planes: int) -> int:
        w, pixels = self.width, planes * self.patch**2
        block = 4 * w + 3 * w * w + (w * w + w) + 8 * w * w + 5 * w
        return (pixels * w + w) + w * self.grid**2 + self.depth * block + 2 * w + (w * pixels + pixels)


class Restormer(Network):
    """Restormer: a U-Net over four scales of transformers, whose attention is among channels and not among pixels."""

    word: ClassVar[str] = "restormer"
    formula: ClassVar[str] = (
        r"f(y) = y + N(y), \quad h \leftarrow h + W V\,\mathrm{softmax}(\tau \hat K^T \hat Q), \quad "
        r"h \leftarrow h + W'(\mathrm{gelu}(h_1) \odot h_2)"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.6; Zamir, Arora, Khan, Hayat, Khan, Yang 2022"
    example: ClassVar[str] = "solver network(learned(restormer(channels = 24)))"
    restores: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    channels: Annotated[Count, Ge(2)] = Field(
        48, description="channels of the finest scale; each coarser one has twice as many"
    )
    blocks: Scales = Field((4, 6, 6, 8), description="transformers on each way through a scale, the finest first")
    refinement: Count = Field(4, description="transformers behind the decoder")
    heads: Scales = Field((1, 2, 4, 8), description="groups of channels that attend to each other, for each scale")
    expansion: Positive = Field(2.66, description="channels inside the perceptrons, as a multiple of those outside")
    bias: bool = Field(
        False, description="whether layer norms take off their mean and add a bias: so do weights for blur and rain"
    )

    @model_validator(mode="after")
    def _fits(self) -> Restormer:
        if self.channels % 2:
            raise ValueError(f"`channels` must be even, got {self.channels}")
        for scale, heads in enumerate(self.heads):
            wide = self.channels << scale
            if wide % heads:
                raise ValueError(f"{wide} channels do not split into {heads} heads of equal width")
        return self

    @property
    def multiple(self) -> int:
        return 8

    def parameters(self, planes: int) -> int:
        c = self.channels
        w1, w2, w3, w4 = widths = [c << k for k in range(4)]

        def blocks(scale: int, count: int, d: int) -> int:
            inner = int(d * self.expansion)
            norms = 2 * d * (2 if self.bias else 1)
            attention = self.heads[scale] + 3 * d * d + 27 * d + d * d
            return count * (norms + attention + 2 * d * inner + 18 * inner + inner * d)

        coarse = sum(blocks(k, self.blocks[k], widths[k]) * (1 if k == 3 else 2) for k in (1, 2, 3))
        fine = blocks(0, self.blocks[0], w1) + blocks(0, self.blocks[0] + self.refinement, w2)
        steps = sum(9 * a * (a // 2) + 9 * b * 2 * b for a, b in pairwise(widths))
        return 9 * planes * w1 + coarse + fine + steps + w4 * w3 + w3 * w2 + 9 * w2 * planes


class Swinir(Network):
    """SwinIR: groups of transformers in windows of pixels, which are shifted in every second one.

    The form that keeps extents: for denoising and artefacts.
    """

    word: ClassVar[str] = "swinir"
    formula: ClassVar[str] = (
        r"f(y) = y + C_2(h_0 + C_1(h_L)), \quad h_0 = C_0 y, \quad h_l = h_{l-1} + C'_l(T_l(h_{l-1})), \quad "
        r"\mathrm{softmax}(Q^T K / \sqrt{d} + B) V^T"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.6; Liang, Cao, Sun, Zhang, Van Gool, Timofte 2021"
    example: ClassVar[str] = "solver network(learned(swinir(width = 60, depth = 4)))"
    restores: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    width: Count = Field(180, description="channels")
    groups: Annotated[Count, Le(100)] = Field(6, description="groups of transformers, with a convolution behind each")
    depth: Annotated[Count, Le(100)] = Field(6, description="transformers in a group")
    heads: Count = Field(6, description="groups of channels with attention of their own")
    window: Annotated[Count, Ge(2), Le(32)] = Field(8, description="extent of a window in pixels")
    expansion: Positive = Field(2.0, description="channels inside the perceptrons, as a multiple of those outside")

    @model_validator(mode="after")
    def _fits(self) -> Swinir:
        if self.width % self.heads:
            raise ValueError(f"{self.width} channels do not split into {self.heads} heads of equal width")
        return self

    @property
    def multiple(self) -> int:
        return self.window

    @property
    def receptive_field(self) -> int:
        return max(self._reach(at) for at in range(self.window))

    def _reach(self, at: int) -> int:
        """How many pixels of a line the pixel `at` depends on, found from the last layer back to the first."""
        low, high = at - 2, at + 2  # two convolutions
        for _ in range(self.groups):
            low, high = low - 1, high + 1
            for block in reversed(range(self.depth)):
                shift = self.window // 2 * (block % 2)
                low = (low - shift) // self.window * self.window + shift
                high = (high - shift) // self.window * self.window + self.window - 1 + shift
        return high - low + 3

    def parameters(self, planes: int) -> int:
        w, inner = self.width, int(self.width * self.expansion)
        table = (2 * self.window - 1) ** 2 * self.heads
        block = 4 * w + table + (3 * w * w + 3 * w) + (w * w + w) + 2 * w * inner + inner + w
        convolution = 9 * w * w + w
        groups = self.groups * (self.depth * block + convolution)
        return (9 * planes * w + w) + 4 * w + groups + convolution + (9 * w * planes + planes)
