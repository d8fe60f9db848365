"""Sums of moduli and of lengths: sparsity, and total variation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .base import Functional, Scalar, indicator, largest_rows, modulus_rows, per_row, real_dtype, smallest, sum_rows

if TYPE_CHECKING:
    from ..operators.base import Operator
    from ..transforms.differences import Stencil


class _Norm(Functional):
    """A weighted norm: its conjugate is the indicator of {|p| <= weight}, entry by entry or group by group."""

    def __init__(self, weight: Scalar) -> None:
        if not smallest(weight) >= 0:
            raise ValueError(f"the weight of a norm must not be negative, not {smallest(weight)}")
        self.weight = weight

    def _radius(self, like: Tensor) -> Scalar:
        """The weight of each entry, shaped to broadcast to `like`."""
        return per_row(self.weight, like)

    def variation(self, operator: Operator) -> Stencil | None:
        """The differences D where g(K x) is the weight times a total variation of x, K = D, that the kernels know."""
        raise NotImplementedError

    joint: bool
    """Whether that total variation adds up lengths over all directions, not the moduli of each."""

    def value_through(self, operator: Operator, x: Tensor) -> Tensor:
        stencil = self.variation(operator)
        if stencil is None or not stencil.ready(x):
            return super().value_through(operator, x)
        return self.weight * stencil.variation(x, self.joint)

    def ascend_(self, operator: Operator, p: Tensor, x: Tensor, s: Scalar) -> Tensor:
        stencil = self.variation(operator)
        if stencil is None or not stencil.ready(x, p):
            return super().ascend_(operator, p, x, s)
        return stencil.ascent_(p, x, s, self.weight, self.joint)


class L1(_Norm):
    """g(v) = weight sum_i |v_i|, with the modulus of complex entries; the sum runs over `penalised` entries only.

    `penalised` is a boolean tensor that broadcasts to one row of v, or None for all entries.

    Heckel 2024, 2.2; Daubechies, Defrise, De Mol 2004.
    """

    separable = True
    even = True
    homogeneous = True
    joint = False

    def __init__(self, weight: Scalar, penalised: Tensor | None = None) -> None:
        """Raises ValueError for a negative weight."""
        super().__init__(weight)
        self.penalised = penalised

    def variation(self, operator: Operator) -> Stencil | None:
        return operator.stencil if self.penalised is None else None

    def _radius(self, like: Tensor) -> Scalar:
        w = super()._radius(like)
        return w if self.penalised is None else w * self.penalised.to(real_dtype(like))

    def value(self, v: Tensor) -> Tensor:
        return self.weight * modulus_rows(v if self.penalised is None else v * self.penalised)

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """Soft thresholding, v max(0, 1 - t weight / |v|)."""
        r = self._radius(v) * per_row(t, v)
        if v.is_complex():
            return v * _keep(_modulus(v), r)
        return v - _clip(v, r)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.prox(v, t)
        r = self._radius(v) * per_row(t, v)
        if v.is_complex():
            return v.mul_(_keep(_modulus(v), r))
        return v.sub_(_clip(v, r))

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """The projection v min(1, weight / |v|); zero where not penalised; s has no influence."""
        r = self._radius(v)
        return v * _into(_sum_of_squares(_parts(v)), r) if v.is_complex() else _clip(v, r)

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.conjugate_prox(v, s)
        r = self._radius(v)
        if v.is_complex():
            return v.mul_(_into(_sum_of_squares(_parts(v)), r))
        return torch.clamp_(v, -r, r)  # type: ignore[arg-type]

    def conjugate(self, p: Tensor) -> Tensor:
        """The indicator of |p_i| <= weight, and of p_i = 0 where not penalised."""
        size = _size(self.weight, p)
        if self.penalised is None:
            excess = largest_rows(p) - size
        else:
            excess = largest_rows((p.abs() - self._radius(p)).clamp(min=0))
        return indicator(excess, size, real_dtype(p))


class GroupL1(_Norm):
    """g(v) = weight sum_i (sum_d |v_{d,i}|^2)^{1/2}: the sum of the lengths along `axis`.

    `axis` counts all axes of v, rows included: it is 1 for gradients of shape [rows, direction, ...], whose lengths add
    up to the isotropic total variation. Squares are formed directly, so lengths and weights must lie well between 1e-19
    and 1e19 in single precision.

    Heckel 2024, 2.2; Rudin, Osher, Fatemi 1992; Chambolle, Pock 2011, section 6.2.
    """

    joint = True

    def __init__(self, weight: Scalar, axis: int = 1) -> None:
        """Raises ValueError for a negative weight or an axis that is not behind the rows."""
        super().__init__(weight)
        if axis < 1:
            raise ValueError(f"groups run along an axis behind the rows, not along axis {axis}")
        self.axis = axis

    def variation(self, operator: Operator) -> Stencil | None:
        """The directions of the differences must be what the lengths are over."""
        added = len(operator.codomain.axes) - len(operator.domain.axes)
        return operator.stencil if self.axis == added == 1 else None

    def _lengths(self, v: Tensor) -> Tensor:
        return _root(_squares(v, self.axis))

    def value(self, v: Tensor) -> Tensor:
        return self.weight * sum_rows(self._lengths(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """Soft thresholding of lengths, v_i max(0, 1 - t weight / |v_i|)."""
        length = self._lengths(v)
        return v * _keep(length, per_row(self.weight, length) * per_row(t, length)).unsqueeze(self.axis)

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        if torch.is_grad_enabled():
            return self.prox(v, t)
        length = self._lengths(v)
        return self._scale_(v, _keep(length, per_row(self.weight, length) * per_row(t, length)))

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """The projection v_i min(1, weight / |v_i|); s has no influence."""
        return v * self._shrink(v).unsqueeze(self.axis)

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        return self.conjugate_prox(v, s) if torch.is_grad_enabled() else self._scale_(v, self._shrink(v))

    def _shrink(self, v: Tensor) -> Tensor:
        """min(1, weight / |v_i|), as weight / max(|v_i|, weight)."""
        if not isinstance(self.weight, Tensor) and not torch.is_grad_enabled():
            part = self.weight**-2 if self.weight > 0 else math.inf
            if part < torch.finfo(real_dtype(v)).max:  # lengths in units of the weight: one pass over memory less
                return _squares(v, self.axis, part).clamp_(min=1).pow_(-0.5)
        squares = _squares(v, self.axis)
        return _into(squares, per_row(self.weight, squares))

    def _scale_(self, v: Tensor, factor: Tensor) -> Tensor:
        for part in v.unbind(self.axis):  # one plane after the other: faster than broadcasting over all of them
            part.mul_(factor)
        return v

    def conjugate(self, p: Tensor) -> Tensor:
        """The indicator of |p_i| <= weight for each group i."""
        size = _size(self.weight, p)
        return indicator(largest_rows(_squares(p, self.axis)).sqrt() - size, size, real_dtype(p))


def _squares(v: Tensor, axis: int, times: float = 1.0) -> Tensor:
    """times sum_d |v_d|^2 along `axis`, plane by plane; vector_norm along such an axis is a hundred times slower."""
    return _sum_of_squares([p for plane in v.unbind(axis) for p in _parts(plane)], times)


def _sum_of_squares(planes: list[Tensor], times: float = 1.0) -> Tensor:
    first, *others = planes
    total = first.square() if times == 1 else torch.addcmul(first.new_zeros(()), first, first, value=times)
    for p in others:
        add = torch.addcmul if torch.is_grad_enabled() else torch.Tensor.addcmul_
        total = add(total, p, p, value=times)
    return total


def _parts(v: Tensor) -> list[Tensor]:
    """Real and imaginary part, as views; real numbers themselves."""
    return [v.real, v.imag] if v.is_complex() else [v]


def _modulus(v: Tensor) -> Tensor:
    """|v| of complex entries in new memory, by squares where no gradient is recorded: four times faster than `abs`."""
    return v.abs() if torch.is_grad_enabled() else _sum_of_squares(_parts(v)).sqrt_()


def _root(n: Tensor) -> Tensor:
    """The square root, which may overwrite n; the square root at zero has no derivative, hence the floor."""
    return n.clamp(min=torch.finfo(n.dtype).tiny).sqrt() if torch.is_grad_enabled() else n.sqrt_()


def _size(weight: Scalar, like: Tensor) -> Tensor:
    return torch.as_tensor(weight, dtype=torch.float64, device=like.device)


def _clip(v: Tensor, r: Scalar) -> Tensor:
    """The nearest numbers within -r..r."""
    return torch.clamp(v, -r, r)  # type: ignore[arg-type]


def _keep(modulus: Tensor, threshold: Scalar) -> Tensor:
    """max(0, 1 - threshold / modulus), which is zero, not NaN, for a modulus of zero; may overwrite the modulus."""
    tiny = torch.finfo(modulus.dtype).tiny
    t = torch.as_tensor(threshold, dtype=modulus.dtype)
    if torch.is_grad_enabled():
        return (1 - t / modulus.clamp(min=tiny)).clamp(min=0)
    # A true division: a product with the reciprocal would leave rounding where modulus = threshold.
    m = modulus.clamp_(min=tiny)
    return torch.div(t, m, out=m).neg_().add_(1).clamp_(min=0)


def _into(squares: Tensor, radius: Scalar) -> Tensor:
    """min(1, radius / modulus), as radius / max(modulus, radius); may overwrite the squared moduli."""
    tiny = torch.finfo(squares.dtype).tiny
    recorded = torch.is_grad_enabled()
    if isinstance(radius, Tensor):
        floor = (radius * radius).clamp(min=tiny)
        size = torch.maximum(squares, floor) if recorded else torch.maximum(squares, floor, out=squares)
    else:
        least = max(radius * radius, tiny)
        size = squares.clamp(min=least) if recorded else squares.clamp_(min=least)
    # As a power, which torch computes with the same rounding in half the time of `rsqrt`.
    return size.rsqrt() * radius if recorded else size.pow_(-0.5).mul_(radius)
