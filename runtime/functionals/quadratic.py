"""The data term's interface, and half squares: Gaussian noise and Tikhonov energies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .base import Functional, Scalar, distance_rows, dot_rows, largest, per_row, smallest, square_rows, sum_rows


class DataTerm(Functional):
    """Minus the log-density of measurements, as a function of v = K x, up to a constant that v does not change.

    `target` is y, the measurement, of shape [rows, ...].
    """

    target: Tensor | None

    def linearise(self) -> Tensor:
        """The K x that would give these data without noise; zero where nothing was measured."""
        raise NotImplementedError(f"{type(self).__name__} has no linearised data")

    def cut(self, at: tuple[Any, ...]) -> DataTerm:
        """The part of the sum that the measured entries at an index contribute, `at` as in `target[at]`."""
        raise NotImplementedError(f"{type(self).__name__} is not taken in parts")

    def information(self) -> Tensor | None:
        """The trace of the Fisher information in v, [rows]: what |grad g|^2 is on average at the true v.

        The mean curvature, with the data in place of their means. None where the law has no density.
        """
        return None


class NoDensity(DataTerm):
    """Measurements whose density is not known: there are data to start from, and no value, gradient or map."""

    def __init__(self, target: Tensor) -> None:
        self.target: Tensor = target

    def value(self, v: Tensor) -> Tensor:
        """Zero, since it adds nothing to an objective."""
        return torch.zeros(v.shape[0], dtype=torch.float64, device=v.device)

    def linearise(self) -> Tensor:
        return self.target


class HalfSquare(DataTerm):
    """g(v) = weight/2 |v - target|^2, with the modulus of complex entries.

    For Gaussian noise weight = 1 / sigma^2, with sigma the standard deviation of each real number, so of the real and
    the imaginary part each. `target` None stands for zero: HalfSquare(2 lam) is lam |v|^2.

    Heckel 2024, eq. (2.3); Parikh, Boyd 2014, section 6.1.1.
    """

    quadratic = True
    separable = True

    def __init__(self, weight: Scalar, target: Tensor | None = None) -> None:
        """Raises ValueError for a negative weight."""
        if not smallest(weight) >= 0:
            raise ValueError(f"the weight of a half square must not be negative, not {smallest(weight)}")
        self.weight, self.target = weight, target
        self.lipschitz, self.strong = largest(weight), smallest(weight)

    def information(self) -> Tensor | None:
        """weight for each real number measured."""
        if self.target is None:
            return None
        count = self.target[0].numel() * (2 if self.target.is_complex() else 1)
        rows = torch.ones(self.target.shape[0], dtype=torch.float64, device=self.target.device)
        return rows * self.weight * count

    def cut(self, at: tuple[Any, ...]) -> HalfSquare:
        return HalfSquare(self.weight, None if self.target is None else self.target[at])

    def _residual(self, v: Tensor) -> Tensor:
        return v if self.target is None else v - self.target

    def value(self, v: Tensor) -> Tensor:
        square = square_rows(v) if self.target is None else distance_rows(v, self.target.expand_as(v))
        return 0.5 * self.weight * square

    def grad(self, v: Tensor) -> Tensor:
        """weight (v - target)."""
        return per_row(self.weight, v) * self._residual(v)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """(v + t weight target) / (1 + t weight)."""
        shrink = self._shrink(v, t)
        return v * shrink if self.target is None else torch.lerp(self.target, v, shrink)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.prox(v, t)
        shrink = self._shrink(v, t)
        return v.mul_(shrink) if self.target is None else v.lerp_(self.target.expand_as(v), 1 - shrink)

    def _shrink(self, v: Tensor, t: Scalar) -> Scalar:
        shrink = 1 / (1 + per_row(self.weight, v) * per_row(t, v))
        return shrink.to(v.dtype) if isinstance(shrink, Tensor) else shrink

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """(v - s target) weight / (weight + s)."""
        w, c = per_row(self.weight, v), per_row(s, v)
        return (v if self.target is None else v - c * self.target) * (w / (w + c))

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.conjugate_prox(v, s)
        w, c = per_row(self.weight, v), per_row(s, v)
        if self.target is not None:
            v = v.addcmul_(self.target, c, value=-1) if isinstance(c, Tensor) else v.sub_(self.target, alpha=c)
        return v.mul_(w / (w + c))

    def conjugate(self, p: Tensor) -> Tensor:
        """|p|^2 / (2 weight) + Re<p, target>; with weight zero, infinite but at p = 0."""
        w = torch.as_tensor(self.weight, dtype=torch.float64, device=p.device)
        square = square_rows(p)
        out = torch.where(square == 0, 0.0, 0.5 * square / w)
        return out if self.target is None else out + dot_rows(p, self.target)

    def linearise(self) -> Tensor:
        """The target. Raises ValueError where there is none."""
        if self.target is None:
            raise ValueError("an energy without a target has no data to linearise")
        return self.target


class WeightedSquare(DataTerm):
    """g(v) = 1/2 sum_i weight_i (v_i - target_i)^2, for real v: Gaussian noise with a variance of each entry."""

    separable = True

    def __init__(self, weight: Tensor, target: Tensor) -> None:
        """Raises ValueError for a weight that is negative or not finite."""
        if not bool(((weight >= 0) & weight.isfinite()).all()):
            raise ValueError("the weights of a square must be finite and not negative")
        self.weight = weight
        self.target: Tensor = target
        self.lipschitz, self.strong = float(weight.max()), float(weight.min())

    def information(self) -> Tensor:
        """The sum of the weights."""
        return sum_rows(self.weight.expand_as(self.target))

    def value(self, v: Tensor) -> Tensor:
        return 0.5 * sum_rows(self.weight * (v - self.target).square())

    def grad(self, v: Tensor) -> Tensor:
        return self.weight * (v - self.target)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """(v + t weight target) / (1 + t weight)."""
        tw = per_row(t, v) * self.weight
        return (v + tw * self.target) / (1 + tw)

    def conjugate(self, p: Tensor) -> Tensor:
        """sum_i p_i^2 / (2 weight_i) + p_i target_i; infinite where p is not zero and a weight is."""
        ratio = torch.where(p == 0, 0.0, p.square() / self.weight)
        return 0.5 * sum_rows(ratio) + dot_rows(p, self.target)

    def linearise(self) -> Tensor:
        return self.target
