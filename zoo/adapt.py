"""A network fitted to images as a problem has them: any axes and extents, any range, real or complex."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from recon.dsl.model.contract import Contract
from torch import Tensor, nn

from .inference import Answering

Back = Callable[[Tensor], Tensor]


class Adapted:
    """A network with its contract, as a map of images [rows, *axes] of which the last two are rows and columns.

    axes: the names of the image's axes. Slices, frames and the like go through the network one by one, and so do
    channels unless it is made for as many at once. Real and imaginary part of complex images do too, unless the network
    is made for complex ones, which take a real image as one without imaginary part. Such a part may be negative: with
    moduli up to m, -m..m is brought to the range of the contract. Extents are padded by reflection to the multiple that
    the network needs. range: of the image's values, which is brought to that of the contract; None: they are what the
    network was trained on. Noise levels are in the image's unit. Computed in single precision; for half see
    `Answering`.

    Raises ValueError where the image has planes that the network cannot take.
    """

    def __init__(
        self,
        network: nn.Module,
        contract: Contract,
        *,
        axes: Sequence[str] = ("row", "col"),
        range: tuple[float, float] | None = None,
        half: bool = False,
    ) -> None:
        self.answering = Answering(network, half)
        self.contract = contract
        self.channel = axes.index("channel") + 1 if "channel" in axes else None
        low, high = range or contract.range
        self._ends = (low, high)

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self.answering.network

    @property
    def conditional(self) -> bool:
        """Whether it is told the noise level."""
        return self.contract.noise is not None and self.contract.noise.conditional

    def _to_contract(self, complex_image: bool) -> tuple[float, float]:
        """The gain and the shift that bring values to the range of the contract."""
        low, high = self._ends
        if (
            self.contract.value == "complex"
        ):  # no end is lower than another: the scale alone is brought to the network's
            return self.contract.width / (high - low), 0.0
        if complex_image:
            high = max(abs(low), abs(high))
            low = -high
        gain = self.contract.width / (high - low)
        return gain, self.contract.range[0] - gain * low

    def __call__(self, x: Tensor, sigma: Tensor | float | None = None) -> Tensor:
        """The network's answer for x [rows, *axes] under noise of level sigma, one number or one a row."""
        images, images_back = self._images(x.to(torch.complex64 if x.is_complex() else torch.float32))
        planes, planes_back = self._planes(images)
        gain, shift = self._to_contract(x.is_complex())
        planes = gain * planes + shift
        rows, cols = planes.shape[-2:]
        m = self.contract.multiple
        pad = (0, -cols % m, 0, -rows % m)
        if any(pad):
            planes = reflected(planes, pad)
        if self.conditional:
            if sigma is None:
                raise ValueError("this network is told the noise level, and none is known here")
            levels = torch.as_tensor(sigma, dtype=planes.dtype, device=planes.device).reshape(-1) * gain
            out = self.answering(planes, levels.expand(len(x)).repeat_interleave(len(planes) // len(x)))
        else:
            out = self.answering(planes)
        out = (out[..., :rows, :cols] - shift) / gain
        return images_back(planes_back(out)).to(x.dtype)

    def _images(self, x: Tensor) -> tuple[Tensor, Back]:
        """x as images [rows * slices, channels, H, W], and the way back."""
        moved = x.unsqueeze(-3) if self.channel is None else x.movedim(self.channel, -3)

        def back(out: Tensor) -> Tensor:
            z = out.reshape(moved.shape)
            return z.squeeze(-3) if self.channel is None else z.movedim(-3, self.channel)

        return moved.reshape(-1, *moved.shape[-3:]), back

    def _planes(self, x: Tensor) -> tuple[Tensor, Back]:
        """Images [n, channels, H, W] as planes that the network takes at once, [n * parts, planes, H, W], and back."""
        taken = self.contract.channels // (2 if self.contract.value == "complex" else 1)
        count = x.shape[1]
        if taken not in (1, count):
            raise ValueError(f"the network takes {taken} channels at once, and the image has {count}")
        if self.contract.value == "complex":
            pairs = torch.view_as_real(x) if x.is_complex() else torch.stack([x, torch.zeros_like(x)], -1)
            pairs = pairs.movedim(-1, 2)  # real and imaginary part of a channel stand side by side
            planes = pairs.reshape(-1, 2 * taken, *x.shape[2:])
        elif x.is_complex():
            pairs = torch.view_as_real(x).movedim(-1, 1)  # all real parts, then all imaginary parts
            planes = pairs.reshape(-1, taken, *x.shape[2:])
        else:
            return x.reshape(-1, taken, *x.shape[2:]), lambda out: out.reshape(x.shape)

        def back(out: Tensor) -> Tensor:
            z = out.reshape(pairs.shape).movedim(2 if self.contract.value == "complex" else 1, -1)
            return torch.view_as_complex(z.contiguous()) if x.is_complex() else z[..., 0]

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
