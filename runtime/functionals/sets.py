"""Closed convex sets: intervals of values, exact data, data within a ball; and energies restricted to an interval."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .base import (
    Functional,
    Scalar,
    distance_rows,
    dot_rows,
    indicator,
    largest_rows,
    per_row,
    real_dtype,
    smallest,
    square_rows,
)
from .quadratic import DataTerm


class Interval(Functional):
    """The indicator of low <= v_i <= high, for real v; a bound may be infinite.

    All methods raise TypeError for complex v, on which no order is defined. Heckel 2024, 1.4.
    """

    constraint = True
    separable = True

    def __init__(self, low: float, high: float) -> None:
        """Raises ValueError unless low <= high."""
        if not low <= high:
            raise ValueError(f"an interval needs low <= high, not {low:g}..{high:g}")
        self.low, self.high = low, high

    def value(self, v: Tensor) -> Tensor:
        excess = largest_rows(_ordered(v) - v.clamp(self.low, self.high))
        bound = max((abs(b) for b in (self.low, self.high) if abs(b) != torch.inf), default=0.0)
        return indicator(excess, largest_rows(v).clamp(min=bound), v.dtype)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection: each entry to the nearest number of the interval; t has no influence."""
        return _ordered(v).clamp(self.low, self.high)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        return self.prox(v, t) if torch.is_grad_enabled() else _ordered(v).clamp_(self.low, self.high)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """v - clip(v, s low, s high), exactly zero where v / s lies in the interval."""
        c = per_row(s, _ordered(v))
        return v - torch.clamp(v, self.low * c, self.high * c)  # type: ignore[arg-type]

    def conjugate(self, p: Tensor) -> Tensor:
        """The support function, sum_i max(low p_i, high p_i)."""
        up, down = _ordered(p).clamp(min=0), p.clamp(max=0)
        total = torch.zeros(p.shape[0], dtype=torch.float64, device=p.device)
        for part, bound in ((up, self.high), (down, self.low)):
            if abs(bound) != torch.inf:
                total = total + bound * part.flatten(1).sum(1, dtype=torch.float64)
            else:
                total = total + indicator(largest_rows(part), 0.0, p.dtype)
        return total


class Nonnegative(Interval):
    """The indicator of v_i >= 0, for real v."""

    homogeneous = True

    def __init__(self) -> None:
        super().__init__(0.0, torch.inf)


class JointProx(Functional):
    """The sum of a separable energy and the indicator of an interval, for real v, with the proximal map of the sum.

    prox of the sum is clip(prox of the energy, low, high). Each entry minimises h(u) = f(u) + (u - v)^2 / (2 t), which
    is strictly convex with its minimum at p = prox_{tf}(v); h falls up to p and rises from there, so over the interval
    it is smallest at the point nearest to p. The argument needs one dimension: it fails for the isotropic total
    variation's groups. Yu 2013; Combettes, Pesquet 2007, proposition 12.
    """

    separable = True

    def __init__(self, energy: Functional, interval: Interval) -> None:
        """Raises TypeError for an energy that couples entries."""
        if not energy.separable:
            raise TypeError(f"{type(energy).__name__} couples entries, so its proximal map cannot be clipped")
        self.energy, self.interval = energy, interval
        self.strong = energy.strong

    def value(self, v: Tensor) -> Tensor:
        return self.energy.value(v) + self.interval.value(v)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        return self.interval.prox(self.energy.prox(_ordered(v), t), t)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        return self.interval.prox_(self.energy.prox_(_ordered(v), t), t)


class Exactly(DataTerm):
    """The indicator of v = y: data without noise. Heckel 2024, eq. (4.3).

    Under a mask both sides are zero where nothing was measured, so that no entry needs to be left out.
    """

    constraint = True
    separable = True

    def __init__(self, target: Tensor) -> None:
        self.target: Tensor = target

    def cut(self, at: tuple[Any, ...]) -> Exactly:
        return Exactly(self.target[at])

    def value(self, v: Tensor) -> Tensor:
        excess = distance_rows(v, self.target).sqrt()
        return indicator(excess, square_rows(self.target).sqrt(), real_dtype(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """y, whatever v is; always a fresh tensor."""
        return self.target.expand_as(v).clone()

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        return self.prox(v, t) if torch.is_grad_enabled() else v.copy_(self.target)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """v - s y."""
        return v - per_row(s, v) * self.target

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        return self.conjugate_prox(v, s) if torch.is_grad_enabled() else _subtract_(v, s, self.target)

    def conjugate(self, p: Tensor) -> Tensor:
        """Re<p, y>."""
        return dot_rows(p, self.target)

    def linearise(self) -> Tensor:
        return self.target


class Ball(DataTerm):
    """The indicator of |v - y|_2 <= radius, over each row: an error of bounded size. Heckel 2024, eq. (3.5)."""

    constraint = True

    def __init__(self, target: Tensor, radius: Scalar) -> None:
        """Raises ValueError for a negative radius."""
        if not smallest(radius) >= 0:
            raise ValueError(f"the radius of a ball must not be negative, not {smallest(radius)}")
        self.target: Tensor = target
        self.radius = radius

    def value(self, v: Tensor) -> Tensor:
        excess = distance_rows(v, self.target).sqrt() - self.radius
        return indicator(excess, square_rows(self.target).sqrt() + self.radius, real_dtype(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection y + (v - y) min(1, radius / |v - y|); t has no influence."""
        r = v - self.target
        size = square_rows(r).sqrt()
        shrink = torch.where(size <= self.radius, 1.0, self.radius / torch.where(size > 0, size, 1.0))
        return self.target + r * per_row(shrink, v)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """q max(0, 1 - s radius / |q|) with q = v - s y."""
        return self._shrink_(v - per_row(s, v) * self.target, s)

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.conjugate_prox(v, s)
        return self._shrink_(_subtract_(v, s, self.target), s)

    def _shrink_(self, q: Tensor, s: Scalar) -> Tensor:
        size = square_rows(q).sqrt()
        keep = (size - s * self.radius).clamp(min=0) / torch.where(size > 0, size, 1.0)
        k = per_row(keep, q)
        return q * k if torch.is_grad_enabled() else q.mul_(k)

    def conjugate(self, p: Tensor) -> Tensor:
        """radius |p|_2 + Re<p, y>."""
        return self.radius * square_rows(p).sqrt() + dot_rows(p, self.target)

    def linearise(self) -> Tensor:
        return self.target


def _ordered(v: Tensor) -> Tensor:
    if v.is_complex():
        raise TypeError("an interval needs real numbers, but these are complex")
    return v


def _subtract_(v: Tensor, s: Scalar, y: Tensor) -> Tensor:
    """v - s y, in v."""
    c = per_row(s, v)
    return v.addcmul_(y, c, value=-1) if isinstance(c, Tensor) else v.sub_(y, alpha=c)
