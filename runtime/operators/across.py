"""Operators as functions of an unknown that they take as a parameter."""

from __future__ import annotations

from collections.abc import Callable

import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Space
from torch import Tensor

from .base import Operator


class AcrossOperator(Operator):
    """k -> A(k) v for a fixed v, where A(k) is built of differentiable functions of k.

    `make(k)` gives A(k) v, [1, ...], for k of shape [1, ...]. Where A is linear in k (a kernel, coil maps) this is a
    linear operator, and its adjoint is the backward of the function. Where it is only differentiable (the contrast
    transfer in its defocus), `pullback` is the adjoint of its derivative.
    """

    def __init__(self, make: Callable[[Tensor], Tensor], domain: Space, codomain: Space, facts: Facts) -> None:
        super().__init__(domain, codomain, facts)
        self.make = make

    def _apply_(self, x: Tensor) -> Tensor:
        return torch.cat([self.make(row[None]) for row in x])

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.pullback(y.new_zeros((y.shape[0], *self.domain.sizes), dtype=self._dtype(y)), y)

    def pullback(self, x: Tensor, y: Tensor) -> Tensor:
        rows = []
        with torch.enable_grad():
            for point, row in zip(x, y, strict=True):
                at = point[None].detach().clone().requires_grad_()
                rows.append(torch.autograd.grad(self.make(at), at, row[None])[0])
        return torch.cat(rows)

    def _dtype(self, y: Tensor) -> torch.dtype:
        real = y.dtype.to_real() if y.is_complex() else y.dtype
        return real.to_complex() if self.domain.field == "complex" else real
