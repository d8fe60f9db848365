"""A network fitted to images as a problem has them: any extents, any range, real or complex."""

from __future__ import annotations

from collections.abc import Callable

import torch
from recon.dsl.model.contract import Contract
from torch import Tensor, nn

from .inference import Answering


class Adapted:
    """A network with its contract, as a map of images [rows, (channels,) H, W].

    channels: whether there is an axis of channels. Images of fewer planes than the network takes at once go through it
    one by one: channels each for themselves, of complex images real and imaginary part unless the network is made for
    complex ones. Extents are padded by reflection to the multiple that the network needs. range: of the image's values,
    which is brought to that of the contract; noise levels are in the image's unit. half: see `Answering`.

    Raises ValueError where the image has planes that the network cannot take.
    """

    def __init__(
        self,
        network: nn.Module,
        contract: Contract,
        *,
        channels: bool = False,
        range: tuple[float, float] = (0.0, 1.0),
        half: bool = False,
    ) -> None:
        self.answering = Answering(network, half)
        self.contract, self.channels = contract, channels
        self.gain = contract.width / (range[1] - range[0])
        self.shift = contract.range[0] - self.gain * range[0]

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self.answering.network

    @property
    def conditional(self) -> bool:
        """Whether it is told the noise level."""
        return self.contract.noise is not None and self.contract.noise.conditional

    def __call__(self, x: Tensor, sigma: Tensor | float | None = None) -> Tensor:
        """The network's answer for x [rows, ...] under noise of level sigma, one number or one a row."""
        planes, back = self._planes(x)
        # A complex image has no lower end: only its scale is brought to the network's.
        shift = 0.0 if self.contract.value == "complex" or x.is_complex() else self.shift
        planes = self.gain * planes + shift
        rows, cols = planes.shape[-2:]
        m = self.contract.multiple
        pad = (0, -cols % m, 0, -rows % m)
        if any(pad):
            planes = reflected(planes, pad)
        if self.conditional:
            if sigma is None:
                raise ValueError("this network is told the noise level, and none is known here")
            levels = torch.as_tensor(sigma, dtype=planes.dtype, device=planes.device).reshape(-1) * self.gain
            levels = levels.expand(x.shape[0]).repeat_interleave(planes.shape[0] // x.shape[0])
            out = self.answering(planes, levels)
        else:
            out = self.answering(planes)
        out = out[..., :rows, :cols]
        return back((out - shift) / self.gain)

    def _planes(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """x as planes that the network takes, [rows * parts, planes, H, W], and the way back."""
        y = x if self.channels else x.unsqueeze(1)
        rows, count = y.shape[:2]
        complex_valued = y.is_complex()
        if complex_valued:
            y = torch.view_as_real(y).movedim(-1, 2).flatten(1, 2)
        elif self.contract.value == "complex":
            y = torch.stack([y, torch.zeros_like(y)], 2).flatten(1, 2)
        width = self.contract.channels
        if y.shape[1] % width:
            raise ValueError(f"the network takes {width} planes at once, and the image has {y.shape[1]}")
        parts = y.shape[1] // width
        planes = y.reshape(rows * parts, width, *y.shape[2:])

        def back(out: Tensor) -> Tensor:
            z = out.reshape(rows, parts * width, *out.shape[2:])
            if complex_valued or self.contract.value == "complex":
                z = torch.view_as_complex(z.reshape(rows, count, 2, *z.shape[2:]).movedim(2, -1).contiguous())
                z = z if complex_valued else z.real
            return z if self.channels else z.squeeze(1)

        return planes, back


def reflected(x: Tensor, pad: tuple[int, int, int, int]) -> Tensor:
    """x padded at its ends by reflection, as often as it takes for extents smaller than the padding."""
    left, right, top, bottom = pad
    while left or right or top or bottom:
        rows, cols = x.shape[-2:]
        now = (min(left, cols - 1), min(right, cols - 1), min(top, rows - 1), min(bottom, rows - 1))
        if not any(now):  # extents of one: repeated
            return nn.functional.pad(x, (left, right, top, bottom), mode="replicate")
        x = nn.functional.pad(x, now, mode="reflect")
        left, right, top, bottom = left - now[0], right - now[1], top - now[2], bottom - now[3]
    return x
