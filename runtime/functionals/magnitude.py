"""Data terms of errors that are not Gaussian: absolute deviations, and magnitudes."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Scalar, dot_rows, indicator, largest_rows, per_row, real_dtype, sum_rows
from .quadratic import DataTerm

_NEWTON = 60
"""Most Newton steps of the Rician map. Two to eight are usual; near a double root each halves the error only."""
_CHEAP = 6
"""Steps u <- (v + t y R) / (1 + t) with a bound for R = I_1 / I_0 in its place, before Newton's."""


class Deviation(DataTerm):
    """g(v) = sum_i |v_i - y_i| / scale, over real numbers: complex entries count as two of them.

    Minus the log-density of Laplace noise. Nikolova 2004.
    """

    separable = True

    def __init__(self, target: Tensor, scale: float) -> None:
        """Raises ValueError unless the scale is positive."""
        if not scale > 0:
            raise ValueError(f"the scale of absolute deviations must be positive, not {scale:g}")
        self.target: Tensor = target
        self.weight = 1 / scale

    def information(self) -> Tensor:
        """1 / scale^2 for each real number measured."""
        numbers = self.target[0].numel() * (2 if self.target.is_complex() else 1)
        return torch.full((self.target.shape[0],), numbers * self.weight**2, dtype=torch.float64)

    def value(self, v: Tensor) -> Tensor:
        return self.weight * sum_rows(_parts(v - self.target).abs())

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """y plus the soft threshold of v - y at t / scale."""
        return v - _clip(v - self.target, per_row(t, v), self.weight)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """v - s y, clipped to -1/scale..1/scale."""
        return _clip(v - per_row(s, v) * self.target, 1.0, self.weight)

    def conjugate(self, p: Tensor) -> Tensor:
        """Re<p, y>, and infinite where an entry of p is larger than 1 / scale."""
        excess = largest_rows((_parts(p).abs() - self.weight).clamp(min=0))
        return dot_rows(p, self.target) + indicator(excess, self.weight, real_dtype(p))

    def linearise(self) -> Tensor:
        return self.target


def _parts(v: Tensor) -> Tensor:
    """Real and imaginary parts side by side."""
    return torch.view_as_real(v.resolve_conj()) if v.is_complex() else v


def _clip(v: Tensor, t: Scalar, weight: float) -> Tensor:
    """Each real number of v clipped to -t weight..t weight."""
    if not v.is_complex():
        r = t * weight
        return torch.clamp(v, -r, r)  # type: ignore[arg-type]
    r = t.unsqueeze(-1) * weight if isinstance(t, Tensor) and t.ndim else t * weight
    return torch.view_as_complex(torch.clamp(_parts(v), -r, r))  # type: ignore[arg-type]


class Magnitude(DataTerm):
    """g(v) = sum_i v_i^2 / (2 sigma^2) - log I_0(y_i v_i / sigma^2) + y_i^2 / (2 sigma^2), for real v.

    Minus the log-density of y = |v + n|, n complex Gaussian with standard deviation sigma of each part; even in v. With
    R = I_1 / I_0 the curvature is 1/sigma^2 - (y/sigma^2)^2 R'(y v / sigma^2), between 1/sigma^2 - y^2 / (2 sigma^4) at
    zero and 1/sigma^2: convex where y <= sqrt(2) sigma. `lipschitz` is the upper bound, the one that steps of descent
    need.

    Gudbjartsson, Patz 1995; Getreuer, Tong, Vese 2011.
    """

    separable = True

    def __init__(self, target: Tensor, sigma: float, offset: float = 0.0) -> None:
        """`offset` is added to v first.

        Raises TypeError for complex magnitudes, ValueError for negative ones or a sigma that is not positive.
        """
        if target.is_complex():
            raise TypeError("magnitudes are real numbers, but the measurement is complex")
        if target.numel() and float(target.min()) < 0:
            raise ValueError(f"magnitudes must not be negative, but the smallest is {float(target.min()):g}")
        if not sigma > 0:
            raise ValueError(f"sigma must be positive, not {sigma:g}")
        self.target: Tensor = target
        self.variance, self.offset = sigma * sigma, offset
        self.lipschitz = 1 / self.variance

    def information(self) -> Tensor:
        """1 / sigma^2 for each entry: that of the Gaussian which the law becomes for large means, and a bound."""
        numbers = self.target[0].numel()
        return torch.full((self.target.shape[0],), numbers / self.variance, dtype=torch.float64)

    def value(self, v: Tensor) -> Tensor:
        m = (v + self.offset).abs()
        z = self.target * m / self.variance
        return sum_rows((m - self.target).square() / (2 * self.variance) - torch.log(torch.special.i0e(z)))

    def grad(self, v: Tensor) -> Tensor:
        """(v - y R(y v / sigma^2)) / sigma^2."""
        m = v + self.offset
        return (m - self.target * _ratio(self.target * m / self.variance)) / self.variance

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The minimiser with the sign of v, a global one since g is even; of two at v = 0, the positive one.

        For v >= 0 the derivative of g(u) + (u - v)^2 / (2 t) is convex in u >= 0 and at most zero at u = 0, so that it
        has one positive root where there is any. Newton's steps from above, from the minimiser for R = 1, fall
        monotonically towards it.
        """
        t, s, y = per_row(t, v), self.variance, self.target
        v = v + self.offset
        a = v.abs()
        u = (s * a + t * y) / (s + t)
        for _ in range(_CHEAP):
            z = y * u / s
            u = (s * a + t * y * (z / (0.5 + torch.sqrt(z * z + 0.25)))) / (s + t)
        for _ in range(_NEWTON):
            z = y * u / s
            r = _ratio(z)
            slope = s + t - (t * y * y / s) * _ratio_slope(z, r)
            excess = s * (u - a) + t * (u - y * r)
            step = torch.where(slope > 0, excess / slope, 0.0).clamp(min=0)
            u = (u - step).clamp(min=0)
            if not bool((step > 2 * torch.finfo(v.dtype).eps * u).any()):
                break
        return torch.where(v < 0, -u, u) - self.offset

    def linearise(self) -> Tensor:
        """y - offset."""
        return self.target - self.offset


def _ratio(z: Tensor) -> Tensor:
    """I_1(z) / I_0(z), which rises from -1 to 1."""
    ratio: Tensor = torch.special.i1e(z) / torch.special.i0e(z)
    return ratio


def _ratio_slope(z: Tensor, r: Tensor) -> Tensor:
    """R' = 1 - R / z - R^2 for z >= 0, between 1/2 and 0."""
    small = z < 1e-3
    return torch.where(small, 0.5, 1 - r / torch.where(small, 1.0, z) - r * r).clamp(min=0)
