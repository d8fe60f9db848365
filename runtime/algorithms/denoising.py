"""Steps of the accelerated primal-dual method where the problem is nothing but denoising by total variation.

    p+ = the projection of p + sigma D ahead onto |p_i| <= radius,   z = y - D^H p+ / w,
    x+ = x + share (z - x) within the box,  share = tau w / (1 + tau w),   ahead+ = x + (1 + theta) (x+ - x)

for the half square w / 2 |x - y|^2. One kernel does many of them in a call, and torch without a kernel does them in
arrays that stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..functionals.quadratic import HalfSquare
from ..functionals.sets import Interval
from ..functionals.sparsity import L1, GroupL1
from ..operators.sparsity import DifferenceOperator
from ..transforms.differences import Stencil
from .primal_dual import Roles


@dataclass(frozen=True)
class Denoising:
    """A problem that is nothing but denoising by total variation, perhaps within a box."""

    square: HalfSquare
    low: float
    high: float
    prior: GroupL1 | L1
    stencil: Stencil
    differences: DifferenceOperator

    @staticmethod
    def of(roles: Roles) -> Denoising | None:
        """None where it is anything else, or where the kernel does not know the differences."""
        square, *others = (t.functional for t in roles.primal)
        boxes = [g for g in others if isinstance(g, Interval)]
        prior = roles.dual[0].functional
        if len(roles.dual) > 1 or len(boxes) < len(others) or len(boxes) > 1 or not isinstance(prior, GroupL1 | L1):
            return None
        operator = roles.dual[0].operator
        stencil = prior.variation(operator)
        if stencil is None or not isinstance(square, HalfSquare) or square.target is None:
            return None
        assert isinstance(operator, DifferenceOperator)
        low, high = (boxes[0].low, boxes[0].high) if boxes else (-torch.inf, torch.inf)
        return Denoising(square, low, high, prior, stencil, operator)

    def ready(self, x: Tensor, dual: Tensor) -> bool:
        """Whether the kernel runs."""
        assert self.square.target is not None
        return self.stencil.ready(x, dual, self.square.target)

    def numbers(self, tau: Scalar, sigma: Scalar, theta: Scalar) -> Sequence[Scalar]:
        """A step as the kernel takes it."""
        strength = tau * self.square.weight
        return (sigma, self.prior.weight, tau, strength / (1 + strength), 1 + theta, self.low, self.high)

    def settle(self, x: Tensor, ahead: Tensor, dual: Tensor, due: list[Sequence[Scalar]]) -> None:
        """Do the steps that are due, in these tensors, and forget them."""
        if due:
            assert self.square.target is not None
            self.stencil.denoise_(x, ahead, dual, self.square.target, self.prior.joint, list(due))
            due.clear()

    def planes(self, x: Tensor, ahead: Tensor, dual: Tensor) -> Planes | None:
        """The arrays of steps by torch; None where numbers differ from row to row or moduli are of complex numbers."""
        y, numbers = self.square.target, (self.square.weight, self.prior.weight)
        assert y is not None
        if x.is_complex() or not self.prior.joint or any(isinstance(n, Tensor) for n in numbers):
            return None
        weight, radius = (float(n) for n in numbers)
        if not radius**2 > torch.finfo(x.dtype).tiny:
            return None
        return Planes(self, weight, radius, x, ahead, dual, y.expand_as(x))


@dataclass(frozen=True)
class Direction:
    """Views for the differences along an axis, (D x)_i = factor (x_{i+1} - x_i).

    p: the dual of the direction; zero at the far edge, and so is what `inside` leaves out. here, ahead: of the
    extrapolated image. difference: room for that of the two. behind: of the room for an image, one entry further.
    """

    factor: float
    p: Tensor
    inside: Tensor
    here: Tensor
    ahead: Tensor
    difference: Tensor
    behind: Tensor


class Planes:
    """x, the extrapolated x, p and y of a problem with the same numbers in every row, and room for one more image.

    Views of them are made once, and steps write in place: that takes less time than the same through operators and
    proximal maps, which know nothing of one another.
    """

    def __init__(
        self, of: Denoising, weight: float, radius: float, x: Tensor, ahead: Tensor, dual: Tensor, y: Tensor
    ) -> None:
        self.weight, self.radius, self.low, self.high = weight, radius, of.low, of.high
        self.x, self.ahead, self.y = x, ahead, y
        self.room = torch.empty_like(x)
        self.none = x.new_zeros(())
        self.directions = []
        for p, d, factor in zip(dual.unbind(1), of.differences.dims, of.differences.factors, strict=True):
            n = x.shape[d]
            here, further = ahead.narrow(d, 0, n - 1), ahead.narrow(d, 1, n - 1)
            difference = self.room.flatten()[: here.numel()].view(here.shape)
            inside, behind = p.narrow(d, 0, n - 1), self.room.narrow(d, 1, n - 1)
            self.directions.append(Direction(factor, p, inside, here, further, difference, behind))

    def step_(self, tau: float, sigma: float, theta: float) -> None:
        """One step, in place."""
        self._ascend_(sigma)
        torch.add(self.y, self.directions[0].p, alpha=self.directions[0].factor / self.weight, out=self.room)
        for k, d in enumerate(self.directions):
            if k:
                self.room.add_(d.p, alpha=d.factor / self.weight)
            d.behind.sub_(d.inside, alpha=d.factor / self.weight)
        share = tau * self.weight / (1 + tau * self.weight)
        if self.low == -torch.inf and self.high == torch.inf:
            torch.lerp(self.x, self.room, (1 + theta) * share, out=self.ahead)
            self.x.lerp_(self.room, share)
        else:
            torch.lerp(self.x, self.room, share, out=self.room).clamp_(self.low, self.high)
            torch.lerp(self.x, self.room, 1 + theta, out=self.ahead)
            self.x.copy_(self.room)

    def _ascend_(self, sigma: float) -> None:
        for d in self.directions:
            torch.sub(d.ahead, d.here, out=d.difference)
            d.inside.add_(d.difference, alpha=sigma * d.factor)
        first, *others = (d.p for d in self.directions)
        torch.addcmul(self.none, first, first, value=self.radius**-2, out=self.room)  # lengths in units of the radius
        for p in others:
            self.room.addcmul_(p, p, value=self.radius**-2)
        self.room.clamp_(min=1).pow_(-0.5)
        for d in self.directions:
            d.p.mul_(self.room)
