"""Toeplitz operators: convolutions of a finite grid with what the grid's differences see."""

from __future__ import annotations

import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Space
from torch import Tensor

from .base import Operator


class ToeplitzFilter(Operator):
    """(A x)_n = sum_m t_{n - m} x_m over the last `axes` axes of a complex grid, Hermitian: F_2^H diag(w) F_2 on the
    doubled grid, of which x is a corner. `weights` is w, real, in the order of `torch.fft`, and broadcasts over the
    axes in front.

    Transforms run axis by axis, so that the empty half of the grid is not transformed where it can be left out.
    """

    spectrum: Tensor

    def __init__(self, weights: Tensor, domain: Space, axes: int) -> None:
        super().__init__(domain, domain, Facts())
        self.axes = axes
        self.extents = [n // 2 for n in weights.shape[-axes:]]
        self.constant("spectrum", torch.complex(weights, torch.zeros_like(weights)))

    def on(self, domain: Space, weights: Tensor | None = None) -> ToeplitzFilter:
        """The same on another domain with the same last axes, or with other weights."""
        return ToeplitzFilter(self.spectrum.real if weights is None else weights, domain, self.axes)

    def _apply_(self, x: Tensor) -> Tensor:
        axes = range(-1, -len(self.extents) - 1, -1)
        for d in axes:
            x = torch.fft.fft(x, n=2 * self.extents[d], dim=d)
        x = x.mul_(self.spectrum)
        for d in reversed(axes):
            x = torch.fft.ifft(x, dim=d).narrow(d, 0, self.extents[d])
        return x.contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._apply_(y)

    def real_part(self) -> Operator | None:
        return None
