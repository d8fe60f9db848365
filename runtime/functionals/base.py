"""Functions g of the objective, row by row."""

from __future__ import annotations

from ctypes import c_int64, c_void_p
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

if TYPE_CHECKING:
    from ..operators.base import Operator

Scalar = float | Tensor
"""A number, or one number for each row, of shape [rows]."""

ROUNDING = 1000.0
"""An indicator is zero up to this many machine epsilons, relative to the size of what it compares."""

_DISTANCES = (*(c_void_p,) * 3, *(c_int64,) * 3)
_MODULI = (*(c_void_p,) * 2, *(c_int64,) * 3)

BLOCK = 1024
"""Entries that are summed in their own precision before the sums are summed in float64."""


def real_dtype(v: Tensor) -> torch.dtype:
    """The dtype of the moduli of `v`."""
    return v.dtype.to_real() if v.is_complex() else v.dtype


def per_row(t: Scalar, like: Tensor) -> Scalar:
    """A number per row, shaped to multiply `like` of shape [rows, ...] and in its precision; plain numbers stay."""
    if isinstance(t, Tensor) and t.ndim == 1:
        return t.to(real_dtype(like)).view(-1, *([1] * (like.ndim - 1)))
    return t


def largest(t: Scalar) -> float:
    """The largest of the numbers of all rows."""
    return float(t.max()) if isinstance(t, Tensor) else float(t)


def smallest(t: Scalar) -> float:
    """The smallest of the numbers of all rows."""
    return float(t.min()) if isinstance(t, Tensor) else float(t)


def sum_rows(v: Tensor) -> Tensor:
    """The sum over everything but the rows, in float64: shape [rows].

    Blocks of BLOCK entries are summed in the dtype of v, their sums in float64: as exact as the entries are, and
    without a copy of v in float64.
    """
    blocks, rest = _blocks(v)
    total = rest.sum(1, dtype=torch.float64)
    return total if blocks is None else total + blocks.sum(2).sum(1, dtype=torch.float64)


def square_rows(v: Tensor) -> Tensor:
    """The squared Euclidean norm of each row, in float64; complex numbers count with their modulus.

    Rows longer than BLOCK must not have entries beyond the root of their dtype's range.
    """
    blocks, rest = _blocks(torch.view_as_real(v) if v.is_complex() else v)
    total = torch.square(torch.linalg.vector_norm(rest, dim=1, dtype=torch.float64))
    if blocks is None:
        return total
    return total + torch.square(torch.linalg.vector_norm(blocks, dim=2).double()).sum(1)


def distance_rows(a: Tensor, b: Tensor) -> Tensor:
    """|a - b|^2 of each row, as `square_rows` of the difference gives it, without an array for the difference."""
    kernels = kernels_for(a, b)
    if kernels is None or a.dtype != b.dtype or a.shape != b.shape:
        return square_rows(a - b)
    a, b = readable(a), readable(b)
    sums = torch.empty(len(a), dtype=torch.float64)
    rows, count = len(a), a.numel()
    numbers = count // max(rows, 1) * (2 if a.is_complex() else 1)
    call = kernels.function(f"square_distances_{SUFFIX[a.dtype]}", _DISTANCES)
    call(a.data_ptr(), b.data_ptr(), sums.data_ptr(), rows, numbers, threads_for(count))
    return sums


def modulus_rows(v: Tensor) -> Tensor:
    """The sum of the moduli of each row, in float64."""
    kernels = kernels_for(v) if v.is_complex() else None
    if kernels is None:
        return sum_rows(v.abs())
    v = readable(v)
    sums = torch.empty(len(v), dtype=torch.float64)
    numbers = 2 * v[0].numel() if len(v) else 0
    call = kernels.function(f"modulus_sums_{SUFFIX[v.dtype]}", _MODULI)
    call(v.data_ptr(), sums.data_ptr(), len(v), numbers, threads_for(v.numel()))
    return sums


def _blocks(v: Tensor) -> tuple[Tensor | None, Tensor]:
    """Each row in blocks, [rows, blocks, BLOCK] (None without any), and what is left of it, [rows, rest]."""
    flat = v.flatten(1)
    length = flat.shape[1]
    whole = length - length % BLOCK
    if not whole:
        return None, flat
    return flat[:, :whole].view(len(flat), whole // BLOCK, BLOCK), flat[:, whole:]


def dot_rows(a: Tensor, b: Tensor) -> Tensor:
    """Re<a, b> of each row, in float64."""
    return sum_rows((a.conj() * b).real if a.is_complex() or b.is_complex() else a * b)


def largest_rows(v: Tensor) -> Tensor:
    """The largest modulus of each row, in float64; zero where a row is empty."""
    flat = v.flatten(1)
    return flat.abs().amax(1).double() if flat.shape[1] else flat.new_zeros(flat.shape[0], dtype=torch.float64)


def indicator(excess: Tensor, scale: Tensor | float, dtype: torch.dtype) -> Tensor:
    """Zero where `excess`, by which a set is missed, is rounding of numbers of size `scale`; else infinite; [rows]."""
    allowed = ROUNDING * torch.finfo(dtype).eps * scale
    return torch.where(excess <= allowed, 0.0, torch.inf).double()


class Functional:
    """A function g of tensors of shape [rows, ...], with values of shape [rows].

    value: g(v), infinite outside of g's domain; indicators of sets give zero up to rounding.
    grad: where it exists; for complex v the gradient with respect to Re<., .>.
    prox: argmin_u g(u) + |u - v|^2 / (2 t). conjugate_prox follows by Moreau's identity.
    prox_, conjugate_prox_: the same, and they may overwrite v: use what they return, and v no more. They leave v alone
        while gradients are recorded.
    lipschitz, strong: constants of the gradient's Lipschitz continuity (None: not smooth) and of strong convexity,
        that hold for all rows.
    local: the gradient is Lipschitz continuous on compact sets inside g's domain only, so that steps need a search.
    quadratic: g(v) = weight/2 |v - target|^2, see `HalfSquare`.
    separable: g is a sum over entries, g(v) = sum_i g_i(v_i).
    even, homogeneous, radial: g depends on the moduli of entries alone; g(t v) = t g(v) for t > 0; g depends on |v|_2
        alone.
    valued: whether it has a value; where a denoiser stands for it there is none.
    told: numbers that were found in making it, as name, value and why: they go into the trace.
    """

    lipschitz: float | None = None
    strong: float = 0.0
    constraint: bool = False
    local: bool = False
    quadratic: bool = False
    separable: bool = False
    even: bool = False
    homogeneous: bool = False
    radial: bool = False
    valued: bool = True
    told: tuple[tuple[str, float, str], ...] = ()

    def value(self, v: Tensor) -> Tensor:
        raise NotImplementedError

    def grad(self, v: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no gradient")

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no proximal map")

    def prox_(self, v: Tensor, t: Scalar) -> Tensor:
        """`prox`, which may overwrite v."""
        return self.prox(v, t)

    def prox_near(self, v: Tensor, t: Scalar, near: Tensor) -> Tensor:
        """`prox`, which may overwrite v; where it is found by iteration, from `near`, by a part of the way."""
        return self.prox_(v, t)

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """prox of s g*, by Moreau: v - s prox_{g/s}(v / s)."""
        c = per_row(s, v)
        inverse = 1 / s
        return v - c * self.prox(v / c, inverse)

    def conjugate_prox_(self, v: Tensor, s: Scalar) -> Tensor:
        """`conjugate_prox`, which may overwrite v."""
        return self.conjugate_prox(v, s)

    def value_through(self, operator: Operator, x: Tensor) -> Tensor:
        """g(K x), of shape [rows]; without the array K x where a kernel can do that."""
        return self.value(operator.forward(x))

    def ascend_(self, operator: Operator, p: Tensor, x: Tensor, s: Scalar) -> Tensor:
        """The dual step prox_{s g*}(p + s K x), which may overwrite p; in one pass where a kernel can do that."""
        return self.conjugate_prox_(operator.accumulate_(p, x, per_row(s, p)), s)

    def conjugate(self, p: Tensor) -> Tensor | None:
        """g*(p) of shape [rows], where there is a formula for it; it gives duality gaps."""
        return None
