"""Images as networks take them: planes of real numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def to_planes(x: Tensor, channels: bool) -> Tensor:
    """[rows, (channels,) rows, cols] as [rows, planes, rows, cols]; of complex numbers real part, then imaginary part.

    channels: whether there is an axis of channels. The planes of one complex channel stand side by side.
    """
    x = x if channels else x.unsqueeze(1)
    if x.is_complex():
        x = torch.view_as_real(x).movedim(-1, 2).flatten(1, 2)
    return x.contiguous(memory_format=torch.channels_last)


def from_planes(x: Tensor, channels: bool, complex_valued: bool) -> Tensor:
    """The inverse of `to_planes`."""
    if complex_valued:
        x = torch.view_as_complex(x.reshape(x.shape[0], -1, 2, *x.shape[2:]).movedim(2, -1).contiguous())
    return x if channels else x.squeeze(1)
