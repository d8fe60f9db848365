"""The probability simplex."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Functional, Scalar, indicator, largest_rows, sum_rows


class Simplex(Functional):
    """The indicator of v_i >= 0, sum_i v_i = 1 over each row, for real v.

    Held, Wolfe, Crowder 1974; Duchi, Shalev-Shwartz, Singer, Chandra 2008.
    """

    constraint = True

    def value(self, v: Tensor) -> Tensor:
        negative = largest_rows(v.clamp(max=0))
        return indicator(torch.maximum(negative, (sum_rows(v) - 1).abs()), 1.0, v.dtype)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection, max(v - s, 0) with the one shift s that makes the entries add up to one.

        With u the entries in falling order, s = (u_1 + ... + u_k - 1) / k for the last k with u_k > s; t has no
        influence.
        """
        flat = v.flatten(1)
        falling = flat.sort(dim=1, descending=True).values
        counts = torch.arange(1, flat.shape[1] + 1, dtype=v.dtype, device=v.device)
        shifts = (falling.cumsum(1) - 1) / counts
        last = (falling > shifts).sum(1, keepdim=True) - 1
        return (flat - shifts.gather(1, last)).clamp_(min=0).view(v.shape)

    def conjugate(self, p: Tensor) -> Tensor:
        """The support function, the largest entry."""
        return p.flatten(1).amax(1).double()
