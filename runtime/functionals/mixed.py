"""Shot noise and read noise together: the exact density of g k + n, k Poisson and n Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .base import ROUNDING, Scalar, largest_rows, per_row, sum_rows
from .quadratic import DataTerm

_CUT = 30.0
"""Terms below e^-30 of the largest are left out of the sum over photons."""
_NEWTON = 60
"""Most steps of the proximal map; four to ten are usual, since bisection steps in only far from the root."""


class MixedCounts(DataTerm):
    """g(v) = -sum_i log sum_k Poisson(k; m_i / g) exp(-(y_i - g k)^2 / (2 sigma^2)), m = v + offset >= 0, for real v.

    The terms of the sum over k are log-concave with second differences below -a, a = g^2 / sigma^2, so that beside the
    largest they fall like exp(-a j^2 / 2) at least; they are summed from there in both directions until that is e^-30.
    With E and Var over the k given y, the derivative is (1 - E[k] g / m) / g and the curvature (E[k] - Var[k]) / m^2,
    which is not negative. All in float64.

    Chouzenoux, Jezierska, Pesquet, Talbot 2015, where convexity is shown.
    """

    separable = True
    local = True

    def __init__(
        self, target: Tensor, gain: float, sigma: float, offset: float = 0.0, measured: Tensor | None = None
    ) -> None:
        """Raises TypeError for complex data, ValueError unless gain and sigma are positive."""
        if target.is_complex():
            raise TypeError("a camera's data are real numbers, but the measurement is complex")
        if not (gain > 0 and sigma > 0):
            raise ValueError(f"gain and sigma must be positive, not {gain:g} and {sigma:g}")
        self.target: Tensor = target
        self.gain, self.variance, self.offset, self.measured = gain, sigma * sigma, offset, measured
        self.a = gain * gain / self.variance
        self._y = target.double()

    def information(self) -> Tensor:
        """1 / (g y + sigma^2) for each entry measured, that of the shifted counts and a lower bound."""
        return sum_rows(self._or(1 / (self.gain * self._y.clamp(min=0) + self.variance), 0.0))

    def _or(self, inside: Tensor, outside: Tensor | float) -> Tensor:
        return inside if self.measured is None else torch.where(self.measured, inside, outside)

    def moments(self, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log of the sum over k, and mean and variance of k given y, for means m >= 0 of each entry, in float64."""
        rate = (mean / self.gain).clamp(min=1e-300)
        pull = torch.log(rate) + self.gain * self._y / self.variance
        centre = _mode(pull, self.a)
        top = torch.xlogy(centre, rate) - rate - torch.lgamma(centre + 1)
        top = top - (self._y - self.gain * centre).square() / (2 * self.variance)
        width = self._width(float(centre.max()) if centre.numel() else 0.0)
        up = torch.exp(pull - self.a * (centre + 0.5))  # ratio of neighbours: up q^j / (k + 1), q = e^-a
        down = math.exp(-self.a) / up.clamp(min=1e-300)
        total, first, second = torch.ones_like(rate), torch.zeros_like(rate), torch.zeros_like(rate)
        above, below, fade = torch.ones_like(rate), torch.ones_like(rate), 1.0
        for j in range(1, width + 1):
            above = above * (up * fade) / (centre + j)
            below = below * (down * fade) * (centre - (j - 1)).clamp(min=0)
            fade *= math.exp(-self.a)
            total = total + above + below
            first = first + j * (above - below)
            second = second + j * j * (above + below)
        shift = first / total
        return top + torch.log(total), centre + shift, second / total - shift.square()

    def _width(self, centre: float) -> int:
        """How far the sum goes from its largest term: the shorter one of the Gaussian's and the Poisson law's width."""
        gauss = math.sqrt(2 * _CUT / self.a)
        counts = _CUT + math.sqrt(_CUT**2 + 2 * _CUT * centre)
        return math.ceil(min(gauss, counts)) + 2

    def value(self, v: Tensor) -> Tensor:
        m = v.double() + self.offset
        allowed = per_row(ROUNDING * torch.finfo(v.dtype).eps * largest_rows(v), m)
        log = self.moments(m.clamp(min=0))[0]
        return sum_rows(self._or(torch.where(m >= -allowed, -log, torch.inf), 0.0))

    def _slope(self, m: Tensor) -> tuple[Tensor, Tensor]:
        """Derivative and curvature at m >= 0."""
        m = m.clamp(min=1e-9 * self.gain)
        _, k, var = self.moments(m)
        return 1 / self.gain - k / m, ((k - var) / m.square()).clamp(min=0)

    def grad(self, v: Tensor) -> Tensor:
        return self._or(self._slope(v.double() + self.offset)[0], 0.0).to(v.dtype)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The root of m - v + t g'(m), or zero: Newton's steps, and bisection where they leave what encloses it."""
        a = v.double() + self.offset
        step = torch.as_tensor(per_row(t, v), dtype=torch.float64, device=v.device)
        low = torch.zeros_like(a)
        high = torch.maximum(a, self._y + 8 * self.variance**0.5 + 2 * self.gain).clamp(min=0)
        m = ((a + step * self._y / self.variance) / (1 + step / self.variance)).clamp(min=0).minimum(high)
        for _ in range(_NEWTON):
            slope, curvature = self._slope(m)
            excess = m - a + step * slope
            low, high = torch.where(excess < 0, m, low), torch.where(excess > 0, m, high)
            new = m - excess / (1 + step * curvature)
            new = torch.where((new < low) | (new > high), (low + high) / 2, new)
            moved = (new - m).abs()
            m = new
            if not bool((moved > 1e-12 * (m + self.gain)).any()):
                break
        return self._or((m - self.offset).to(v.dtype), v)

    def linearise(self) -> Tensor:
        """y - offset."""
        return self._or(self.target - self.offset, 0.0)


def _mode(pull: Tensor, a: float) -> Tensor:
    """The whole number next to the root k of log k + a k = pull.

    With s = log(a k) it is e^s + s = z; Newton's steps from above are monotone, see `PoissonExponential`.
    """
    z = pull + math.log(a)
    s = torch.minimum(z, torch.log(z.clamp(min=1)))
    for _ in range(5):
        e = torch.exp(s)
        s = s - (s + e - z) / (1 + e)
    return torch.round(torch.exp(s) / a)
