"""Networks, as functions of their weights."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Count, Field, Seed
from ..model.space import Space, SpaceError
from ..model.word import Kernel, Network


class ConvGenerator(Network):
    """An untrained convolutional generator of two layers, onto the grid of the page's first unknown.

    The circular convolution U by a fixed kernel mixes the weights C of all channels in space, and fixed signs v add the
    channels up. Weights start at independent standard normal numbers. The rows of the kernel decide what the network
    fits first: the expected J J^T of its Jacobian is circulant.
    """

    formula: ClassVar[str] = r"G(C) = \mathrm{relu}(U C) v, \quad v_i = \pm k^{-1/2}"
    reference: ClassVar[str] = "Heckel 2024, 11.3.1, eq. (11.3); Heckel, Soltanolkotabi 2020"
    example: ClassVar[str] = "analyze [jacobian_spectrum(conv_generator(kernel = triangle(radius = 12)))]"
    random: ClassVar[bool] = True

    kernel: Kernel = Field(description="the fixed kernel of the convolution")
    channels: Count = Field(512, description="number of channels k")
    seed: Seed = Field("auto", description="seed of the weights at the start; `auto` derives it from `run.seed`")

    def misfit(self, output: Space) -> tuple[str, str] | None:
        try:
            extents = self.kernel.extents(len(output.axes))
            stacked = self.kernel.stack(len(output.axes)) is not None
        except SpaceError as e:
            return f"`{self.kernel.word}` {e}", "take a kernel for the axes of the unknown"
        if stacked or self.kernel.complex_valued:
            return f"`{self.word}` has one real kernel for all channels", "take `triangle` or `gaussian`"
        for k, axis in zip(extents, output.axes, strict=True):
            if axis.size is not None and k > axis.size:
                message = f"the kernel has {k} entries along {axis.name}, more than the output {output}"
                return message, "take a narrower kernel"
        return None
