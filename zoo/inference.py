"""Networks that answer and are not trained, as fast as the processor runs them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Answering:
    """f(x) of a network whose weights stay as they are.

    Convolutions run several times as fast on channels-last memory (the channels of a pixel side by side) as on planes,
    so weights and images are brought there once, unless a GPU computes in float32, which is quicker on planes; and
    without a gradient to record nothing is kept of the layers. Where the input asks for a gradient it is recorded as
    ever.

    half: whether products are computed in bfloat16 and summed in float32, where the processor does that quicker.
    Weights, what goes in and what comes out are float32; sums of images, such as the input and what a residual network
    finds wrong with it, are float32 too.
    """

    def __init__(self, network: nn.Module, half: bool = False) -> None:
        self.half = half
        on_gpu = any(p.device.type != "cpu" for p in network.parameters())
        self.layout = torch.contiguous_format if on_gpu and not half else torch.channels_last
        self.network: nn.Module = network.to(memory_format=self.layout)  # type: ignore[call-overload]

    def __call__(self, planes: Tensor, *levels: Tensor) -> Tensor:
        """The answer for planes [n, channels, rows, cols], and for noise levels [n] of a conditional network."""
        planes = planes.contiguous(memory_format=self.layout)
        recorded = torch.is_grad_enabled() and (planes.requires_grad or any(t.requires_grad for t in levels))
        with torch.inference_mode(not recorded), torch.autocast(planes.device.type, torch.bfloat16, enabled=self.half):
            out: Tensor = self.network(planes, *levels)
        return out.to(planes.dtype)
