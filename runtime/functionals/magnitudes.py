"""Data terms of phase retrieval: what is measured depends on v = K x through the modulus |v + offset| alone.

They are not convex. All have gradients wherever v + offset is not zero (zero is taken there, by symmetry) and closed
proximal maps: the modulus minimises a function of one variable, and the phase stays. Where v + offset is zero the
proximal map takes the phase one.

With r = |v + offset| and real or complex v, the gradient with respect to Re<., .> is h'(r) (v + offset) / r.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Scalar, per_row, sum_rows
from .quadratic import DataTerm


class PhaselessTerm(DataTerm):
    """g(v) = sum_i h_i(|v_i + offset|) over the measured entries.

    `measured` is a boolean tensor that broadcasts to v, or None where all entries are. A subclass gives h of the
    modulus r, h'(r) / r, the minimiser over r >= 0 of h(r) + (r - s)^2 / (2 t), and the modulus that the data give.

    curvature: that of h at the modulus that the data give, at most; steps of one over it, times |K|^2, are where a
    search begins.
    """

    separable = True
    local = True

    def __init__(self, target: Tensor, factor: float, offset: float, measured: Tensor | None) -> None:
        """Raises ValueError unless the factor is positive, TypeError for a complex target."""
        if not factor > 0:
            raise ValueError(f"the factor of magnitudes must be positive, not {factor:g}")
        if target.is_complex():
            raise TypeError("magnitudes are real numbers, but the measurement is complex")
        self.target: Tensor = target
        self.factor, self.offset, self.measured = factor, offset, measured

    def _value(self, r: Tensor) -> Tensor:
        raise NotImplementedError

    def _slope(self, r: Tensor) -> Tensor:
        raise NotImplementedError

    def _shrunk(self, s: Tensor, t: Scalar) -> Tensor:
        raise NotImplementedError

    def modulus(self) -> Tensor:
        """The |K x + offset| that the data give, at least zero, of shape [rows, ...]."""
        raise NotImplementedError

    @property
    def curvature(self) -> Scalar:
        raise NotImplementedError

    def _inside(self, v: Tensor) -> Tensor:
        return v if self.offset == 0 else v + self.offset

    def _or(self, inside: Tensor, outside: Tensor | float) -> Tensor:
        return inside if self.measured is None else torch.where(self.measured, inside, outside)

    def value(self, v: Tensor) -> Tensor:
        return sum_rows(self._or(self._value(self._inside(v).abs()), 0.0))

    def grad(self, v: Tensor) -> Tensor:
        v = self._inside(v)
        return self._or(v * self._slope(v.abs()), 0.0)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        inside = self._inside(v)
        out = with_modulus(inside, self._shrunk(inside.abs(), per_row(t, v)))
        return self._or(out if self.offset == 0 else out - self.offset, v)

    def projected(self, v: Tensor) -> Tensor:
        """The nearest point to v with the modulus that the data give; v itself where nothing is measured."""
        inside = self._inside(v)
        out = with_modulus(inside, self.modulus().expand_as(inside))
        return self._or(out if self.offset == 0 else out - self.offset, v)

    def linearise(self) -> Tensor:
        """Raises ValueError: without the phase there is no K x to be read off."""
        raise ValueError("magnitudes without phases cannot be linearised")


def with_modulus(v: Tensor, r: Tensor) -> Tensor:
    """r v / |v|, and r where v is zero."""
    size = v.abs()
    zero = size == 0
    return torch.where(zero, r.to(v.dtype), v * (r / torch.where(zero, 1, size)))


class Magnitudes(PhaselessTerm):
    """h(r) = weight/2 (factor r - y)^2: magnitudes with Gaussian noise of variance 1 / weight.

    From above it curves by at most weight factor^2, since -y |v| is concave for y >= 0: gradient steps of one over that
    never raise it. Wang, Giannakis, Eldar 2018.
    """

    def __init__(
        self,
        target: Tensor,
        weight: Scalar = 1.0,
        factor: float = 1.0,
        offset: float = 0.0,
        measured: Tensor | None = None,
    ) -> None:
        super().__init__(target, factor, offset, measured)
        self.weight = weight

    def modulus(self) -> Tensor:
        return (self.target / self.factor).clamp(min=0)

    @property
    def curvature(self) -> Scalar:
        return self.weight * self.factor**2

    def information(self) -> Tensor:
        """weight factor^2 for each magnitude."""
        return sum_rows(self._or(torch.ones_like(self.target), 0.0)) * self.weight * self.factor**2

    def _value(self, r: Tensor) -> Tensor:
        return 0.5 * per_row(self.weight, r) * (self.factor * r - self.target).square()

    def _slope(self, r: Tensor) -> Tensor:
        """weight factor (factor - y / r), and zero at r = 0."""
        w = per_row(self.weight, r) * self.factor
        return w * torch.where(r > 0, self.factor - self.target / torch.where(r > 0, r, 1), 0)

    def _shrunk(self, s: Tensor, t: Scalar) -> Tensor:
        """(s + t w y) / (1 + t w factor), w = weight factor, or zero where that is negative."""
        w = t * per_row(self.weight, s) * self.factor
        return ((s + w * self.target) / (1 + w * self.factor)).clamp(min=0)


class Intensities(PhaselessTerm):
    """h(r) = weight/2 (factor r^2 - y)^2: intensities with Gaussian noise of variance 1 / weight.

    Candes, Li, Soltanolkotabi 2015.
    """

    def __init__(
        self,
        target: Tensor,
        weight: Scalar = 1.0,
        factor: float = 1.0,
        offset: float = 0.0,
        measured: Tensor | None = None,
    ) -> None:
        super().__init__(target, factor, offset, measured)
        self.weight = weight

    def modulus(self) -> Tensor:
        return (self.target / self.factor).clamp(min=0).sqrt()

    @property
    def curvature(self) -> Scalar:
        top = self.target.flatten(1).amax(1).clamp(min=torch.finfo(self.target.dtype).tiny)
        return 4 * self.weight * self.factor * top

    def information(self) -> Tensor:
        """4 weight factor y of each intensity: the mean of h'^2, with the data for their means."""
        return 4 * self.weight * self.factor * sum_rows(self._or(self.target.clamp(min=0), 0.0))

    def _value(self, r: Tensor) -> Tensor:
        return 0.5 * per_row(self.weight, r) * (self.factor * r.square() - self.target).square()

    def _slope(self, r: Tensor) -> Tensor:
        return 2 * self.factor * per_row(self.weight, r) * (self.factor * r.square() - self.target)

    def _shrunk(self, s: Tensor, t: Scalar) -> Tensor:
        """The largest root of a r^3 + b r - s, with a = 2 t weight factor^2 and b = 1 - 2 t weight factor y.

        By Cardano's formula where it does not cancel and Newton's method from above: the cubic is convex for r >= 0 and
        grows beyond its largest root, so that steps from a point above fall to it.
        """
        c = 2 * t * per_row(self.weight, s) * self.factor
        a, b = c * self.factor, 1 - c * self.target
        # Above the root: each of the two sums of powers exceeds s there.
        r = torch.maximum((2 * s / a) ** (1 / 3), (2 * (-b).clamp(min=0) / a).sqrt())
        r = torch.where(b > 0, torch.minimum(r, s / b.clamp(min=torch.finfo(s.dtype).tiny)), r)
        for _ in range(30):
            f, slope = (a * r.square() + b) * r - s, 3 * a * r.square() + b
            r = (r - torch.where(slope > 0, f / torch.where(slope > 0, slope, 1), 0)).clamp(min=0)
        return r


class PoissonIntensities(PhaselessTerm):
    """h(r) = factor r^2 - y log(factor r^2): counts with the mean factor |v + offset|^2.

    Infinite at r = 0 where a count is positive. Candes, Li, Soltanolkotabi 2015.
    """

    def __init__(
        self, target: Tensor, factor: float = 1.0, offset: float = 0.0, measured: Tensor | None = None
    ) -> None:
        """Raises ValueError for negative counts."""
        super().__init__(target, factor, offset, measured)
        if target.numel() and float(target.min()) < 0:
            raise ValueError(f"counts must not be negative, but the smallest is {float(target.min()):g}")

    def modulus(self) -> Tensor:
        return (self.target / self.factor).sqrt()

    @property
    def curvature(self) -> Scalar:
        return 4 * self.factor

    def information(self) -> Tensor:
        """4 factor for each count: that of the amplitude."""
        return sum_rows(self._or(torch.full_like(self.target, 4 * self.factor), 0.0))

    def _value(self, r: Tensor) -> Tensor:
        m = self.factor * r.square()
        return m - torch.xlogy(self.target, m)

    def _slope(self, r: Tensor) -> Tensor:
        """2 (factor - y / r^2); at r = 0, where h is infinite or its slope zero, zero."""
        square = r.square()
        return 2 * torch.where(square > 0, self.factor - self.target / torch.where(square > 0, square, 1), 0)

    def _shrunk(self, s: Tensor, t: Scalar) -> Tensor:
        """The larger root of (1 + 2 t factor) r^2 - s r - 2 t y."""
        a = 1 + 2 * t * self.factor
        return (s + torch.hypot(s, (8 * t * a * self.target).sqrt())) / (2 * a)
