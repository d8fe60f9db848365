"""Convolutions of networks with 3 x 3 kernels by a compiled kernel that multiplies a quarter as often.

Lavin, Gray 2016.
"""

from __future__ import annotations

from ctypes import c_int64, c_void_p

import torch
from torch import Tensor, nn

from ..native.tensors import kernels_for, threads_for

LANES = 16
"""Channels come in multiples of it."""
FEWEST = 24 * 16
"""Pixels of a block: for fewer the kernel does as much."""
_MATRICES = (c_void_p, c_void_p, c_int64, c_int64)
_CONVOLVE = (c_void_p,) * 4 + (c_int64,) * 6


class Convolution3x3(nn.Module):
    """A convolution of a network that is not trained: y = k * x + b over planes [n, channels, rows, cols].

    Without a gradient, of float32 on the CPU, by Winograd's F(4 x 4, 3 x 3), whose results differ from sums of products
    by some millionths of the largest; else as `of` does it. The weights are those of the first call.
    """

    def __init__(self, of: nn.Conv2d) -> None:
        super().__init__()
        self.of = of
        self._matrices: Tensor | None = None

    @staticmethod
    def fits(of: nn.Module) -> bool:
        """Whether the kernel can take the place of a module."""
        return (
            type(of) is nn.Conv2d
            and of.kernel_size == (3, 3)
            and of.stride == (1, 1)
            and of.padding == (1, 1)
            and of.dilation == (1, 1)
            and of.groups == 1
            and of.padding_mode == "zeros"
            and of.in_channels % LANES == 0
            and of.out_channels % LANES == 0
        )

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.of.weight, self.of.bias
        kernels = kernels_for(x, weight) if self._takes(x) else None
        if kernels is None:
            out: Tensor = self.of(x)
            return out
        x = x.contiguous(memory_format=torch.channels_last)
        if self._matrices is None:
            taps = weight.detach().contiguous()
            self._matrices = taps.new_empty(36 * taps.shape[0] * taps.shape[1])
            make = kernels.function("winograd_matrices_f32", _MATRICES)
            make(taps.data_ptr(), self._matrices.data_ptr(), taps.shape[1], taps.shape[0])
        n, channels, rows, cols = x.shape
        y = torch.empty((n, len(weight), rows, cols), dtype=x.dtype, memory_format=torch.channels_last)
        kernels.function("winograd_f32", _CONVOLVE)(
            x.data_ptr(),
            self._matrices.data_ptr(),
            None if bias is None else bias.data_ptr(),
            y.data_ptr(),
            n,
            rows,
            cols,
            channels,
            len(weight),
            threads_for(x.numel()),
        )
        return y

    def _takes(self, x: Tensor) -> bool:
        large = x.ndim == 4 and x.shape[0] * x.shape[2] * x.shape[3] >= FEWEST
        return large and x.dtype == torch.float32 and not torch.is_autocast_enabled(x.device.type)


def with_quick_convolutions(network: nn.Module) -> nn.Module:
    """The network itself, with each convolution that the kernel knows replaced by it."""
    for name, child in list(network.named_children()):
        if Convolution3x3.fits(child):
            setattr(network, name, Convolution3x3(child))  # type: ignore[arg-type]
        else:
            with_quick_convolutions(child)
    return network
