"""Counts: the Poisson law with a linear mean, and with the exponential mean of Beer-Lambert's law."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .base import ROUNDING, Scalar, indicator, largest_rows, per_row, real_dtype, sum_rows
from .quadratic import DataTerm

_NEWTON = 5
"""Newton steps for e^s + s = z: each error is at most half the square of the last one and the first at most 0.568, so
that five steps leave 3e-17."""


class CountTerm(DataTerm):
    """A sum of one function for each measured entry; entries that are not measured do not count.

    A subclass gives the four formulas for real entries. `measured` is a boolean tensor that broadcasts to v, or None
    where all entries are. Where it is False, g is zero there: the gradient is zero, the proximal map leaves v alone,
    and the conjugate is finite only at zero.
    """

    separable = True
    local = True

    def __init__(self, target: Tensor, measured: Tensor | None = None) -> None:
        """Raises TypeError for complex counts, ValueError for negative ones."""
        if target.is_complex():
            raise TypeError("counts are real numbers, but the measurement is complex")
        if target.numel() and float(target.min()) < 0:
            raise ValueError(f"counts must not be negative, but the smallest is {float(target.min()):g}")
        self.target: Tensor = target
        self.measured = measured

    def _value(self, v: Tensor) -> Tensor:
        raise NotImplementedError

    def _grad(self, v: Tensor) -> Tensor:
        raise NotImplementedError

    def _prox(self, v: Tensor, t: Scalar) -> Tensor:
        raise NotImplementedError

    def _conjugate(self, p: Tensor) -> Tensor:
        raise NotImplementedError

    def _or(self, inside: Tensor, outside: Tensor | float) -> Tensor:
        """`inside` where measured, `outside` elsewhere."""
        return inside if self.measured is None else torch.where(self.measured, inside, outside)

    def value(self, v: Tensor) -> Tensor:
        return sum_rows(self._or(self._value(_real(v)), 0.0))

    def grad(self, v: Tensor) -> Tensor:
        return self._or(self._grad(_real(v)), 0.0)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        return self._or(self._prox(_real(v), per_row(t, v)), v)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        return self._or(super().conjugate_prox(v, s), 0.0)

    def conjugate(self, p: Tensor) -> Tensor:
        total = sum_rows(self._or(self._conjugate(p), 0.0))
        if self.measured is None:
            return total
        outside = largest_rows(torch.where(self.measured, 0.0, p))
        return total + indicator(outside, largest_rows(p), p.dtype)


class PoissonCounts(CountTerm):
    """g(v) = sum_i m_i - y_i log m_i with m = factor v + offset: counts y with mean m.

    This is minus the log-density without its constant sum_i log(y_i!). It is infinite where a mean is negative, or zero
    with a positive count; a negative mean that is rounding (up to `ROUNDING` epsilons of the row's largest) counts as
    zero. There is no Lipschitz constant: the curvature factor^2 y / m^2 grows without bound towards m = 0.

    Heckel 2024, 2.1; Snyder, Hammoud, White 1993.
    """

    def __init__(
        self, target: Tensor, factor: float = 1.0, offset: float = 0.0, measured: Tensor | None = None
    ) -> None:
        """Raises ValueError for a factor of zero, besides what CountTerm raises."""
        super().__init__(target, measured)
        if factor == 0:
            raise ValueError("the factor of a mean must not be zero")
        self.factor, self.offset = factor, offset

    def mean(self, v: Tensor) -> Tensor:
        """factor v + offset."""
        m = v if self.factor == 1 else self.factor * v
        return m if self.offset == 0 else m + self.offset

    def _value(self, v: Tensor) -> Tensor:
        m, y = self.mean(v), self.target
        tolerance = per_row(ROUNDING * torch.finfo(m.dtype).eps * largest_rows(m.detach()), m)
        return torch.where(m >= -tolerance, m - torch.xlogy(y, m.clamp(min=0)), torch.inf)

    def _grad(self, v: Tensor) -> Tensor:
        """factor (1 - y / m): the factor where y = 0; m counts as the least normal number where it is below that."""
        return self.factor * (1 - self.target / self.mean(v).clamp(min=torch.finfo(v.dtype).tiny))

    def information(self) -> Tensor:
        """factor^2 / m, with the counts, at least one, for m."""
        return sum_rows(self.factor**2 / self.target.clamp(min=1))

    def _prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The larger root of m^2 - a m - tau y = 0, with tau = t factor^2 and a = factor v + offset - tau."""
        tau = t * self.factor**2
        a = self.mean(v) - tau
        # (a + root) / 2 = max(a, 0) + (root - |a|) / 2, and root - |a| = 4 tau y / (root + |a|), where nothing cancels.
        total = a.abs() + torch.hypot(a, 2 * tau**0.5 * self.target.sqrt())
        m = a.clamp(min=0) + 2 * tau * self.target / total.clamp(min=torch.finfo(a.dtype).tiny)
        return (m - self.offset) / self.factor

    def _conjugate(self, p: Tensor) -> Tensor:
        """-q offset - y + y log y - y log(1 - q) with q = p / factor; infinite for q > 1, and for q = 1 with y > 0."""
        q, y = p / self.factor, self.target
        # With y = 0 the conjugate is the indicator of q <= 1, which is kept up to rounding.
        edge = 1 + ROUNDING * torch.finfo(p.dtype).eps
        allowed = (q < 1) | ((y == 0) & (q <= edge))
        inside = torch.where(q < 1, q, 0.0)
        return torch.where(allowed, torch.xlogy(y, y) - y - torch.xlogy(y, 1 - inside) - q * self.offset, torch.inf)

    def linearise(self) -> Tensor:
        """(y - offset) / factor."""
        return self._or((self.target - self.offset) / self.factor, 0.0)


class PoissonExponential(CountTerm):
    """g(v) = sum_i factor e^{v_i} - y_i v_i: counts y with mean factor e^v, where v is minus the attenuation of a ray.

    This is minus the log-density without its constant sum_i log(y_i!) - y_i log(factor). The curvature factor e^v is at
    most `factor` for v <= 0, that is for attenuations that are not negative, and about y where the model fits y; it has
    no bound for all v. `lipschitz` is the larger of `factor` and the largest count: a step of 1 / lipschitz is safe
    while v stays where the mean is no larger than that, which an algorithm must watch over where x may be negative.

    Heckel 2024, 2.1; Erdogan, Fessler 1999.
    """

    def __init__(self, target: Tensor, factor: float = 1.0, measured: Tensor | None = None) -> None:
        """Raises ValueError unless the factor is positive, besides what CountTerm raises."""
        super().__init__(target, measured)
        if not factor > 0:
            raise ValueError(f"the factor of an exponential mean must be positive, not {factor:g}")
        self.factor = factor
        self.lipschitz = max(factor, float(target.max()) if target.numel() else 0.0)

    def cut(self, at: tuple[Any, ...]) -> PoissonExponential:
        measured = None if self.measured is None else self.measured.expand_as(self.target)[at]
        return PoissonExponential(self.target[at], self.factor, measured)

    def mean(self, v: Tensor) -> Tensor:
        """factor e^v."""
        return self.factor * v.exp()

    def information(self) -> Tensor:
        """The mean itself, for which the counts stand in."""
        return sum_rows(self.target)

    def _value(self, v: Tensor) -> Tensor:
        return self.mean(v) - self.target * v

    def _grad(self, v: Tensor) -> Tensor:
        return self.mean(v) - self.target

    def _prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The root of u + t factor e^u = a, with a = v + t y, by Newton's method.

        With s = u + log(t factor) the equation is e^s + s = z. The start min(z, log max(z, 1)) lies above the root of
        this convex increasing function, so that the steps fall monotonically towards it.
        """
        a = v + t * self.target
        shift = torch.log(t * self.factor) if isinstance(t, Tensor) else math.log(t * self.factor)
        u = torch.minimum(a, torch.log((a + shift).clamp(min=1)) - shift)
        for _ in range(_NEWTON):
            e = torch.exp(u + shift)
            u = u - (u - a + e) / (1 + e)
        return u

    def _conjugate(self, p: Tensor) -> Tensor:
        """q log(q / factor) - q with q = p + y; infinite for q < 0, which is kept up to rounding."""
        q = p + self.target
        slack = ROUNDING * torch.finfo(p.dtype).eps * torch.maximum(p.abs(), self.target)
        c = q.clamp(min=0)
        return torch.where(q >= -slack, torch.xlogy(c, c / self.factor) - c, torch.inf)

    def linearise(self) -> Tensor:
        """log(max(y, 1/2) / factor); the half keeps rays without a count finite."""
        return self._or(torch.log(self.target.clamp(min=0.5) / self.factor), 0.0)


def _real(v: Tensor) -> Tensor:
    if v.is_complex():
        raise TypeError(f"the mean of counts is real, but here it is {real_dtype(v)} pairs, complex numbers")
    return v
