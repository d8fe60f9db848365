"""Shifts of images by parts of a pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def phases(shift: Tensor, sizes: tuple[int, int], half: bool) -> Tensor:
    """exp(-2 pi i <k, s>) on the frequencies of an image, zero frequency first: complex128 [..., R, C].

    At the highest frequency of an even extent the shift along that axis is rounded to a whole one, so that the factor
    at -k is the conjugate of that at k and every factor has modulus one.

    Args:
        shift: [..., 2], pixels along rows' and columns' indices; differentiable.
        sizes: rows and columns of the image.
        half: leave out the negative half of the columns' frequencies, as `torch.fft.rfft2` does.
    """
    along = []
    for axis, n in enumerate(sizes):
        moved = shift[..., axis, None].double()
        k = torch.fft.fftfreq(n, dtype=torch.float64, device=shift.device)
        if half and axis == 1:
            k = k[: n // 2 + 1]
        angle = -2 * math.pi * k * moved
        highest = (k.abs() == 0.5).expand_as(angle)
        angle = torch.where(highest, math.pi * torch.round(moved), angle)
        along.append(torch.polar(torch.ones_like(angle), angle))
    return along[0][..., :, None] * along[1][..., None, :]


def shifted(x: Tensor, factors: Tensor) -> Tensor:
    """Images [..., R, C] shifted by the factors of `phases`; real images take the half spectrum."""
    if x.is_complex():
        moved: Tensor = torch.fft.ifft2(torch.fft.fft2(x) * factors)
    else:
        moved = torch.fft.irfft2(torch.fft.rfft2(x) * factors, s=x.shape[-2:])
    return moved
