"""Arithmetic row by row. A row is one reconstruction of a batch; no row sees another.

The numbers that an algorithm computes for each row are a tensor of shape [rows]; of a single row on the processor they
are plain numbers, since an operation on a tensor of one number costs a hundred times as much. Which of the two an
algorithm's first state holds is what its steps go on with: `at_rows` makes them, and `inner` is told by the state.
"""

from __future__ import annotations

import math
from ctypes import c_int64, c_void_p
from typing import cast, overload

import torch
from torch import Tensor

from ..functionals.base import Scalar, per_row, real_dtype
from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

_MOMENTUM = (*(c_void_p,) * 5, *(c_int64,) * 4)
_MOVE = (*(c_void_p,) * 6, *(c_int64,) * 3)
_TURN = (*(c_void_p,) * 3, *(c_int64,) * 3)

LARGE = 4096
"""Entries of a row from which on one pass over memory is worth the call of a kernel."""

Flag = bool | Tensor
"""An answer, or one for each row, of shape [rows]."""


def at_rows(value: Scalar, like: Tensor, dtype: torch.dtype) -> Scalar:
    """A number for each row of `like`: plain where that is a single row on the processor."""
    if len(like) == 1 and like.device.type == "cpu":
        return float(value)
    return torch.as_tensor(value, dtype=dtype, device=like.device).expand(len(like)).contiguous()


def on_tensor(value: Scalar | Flag, like: Tensor) -> Tensor:
    """The numbers or answers as a tensor of shape [rows], for those who have no use for plain ones."""
    return value if isinstance(value, Tensor) else torch.tensor([value], device=like.device)


def inner_rows(a: Tensor, b: Tensor) -> Tensor:
    """Re <a, b> of each row, in the real dtype of `a`: shape [rows]."""
    if a.is_complex():
        a, b = torch.view_as_real(a.resolve_conj()), torch.view_as_real(b.resolve_conj())
    if a.shape[0] == 1:
        return torch.dot(a.reshape(-1), b.reshape(-1)).reshape(1)
    return cast(Tensor, torch.linalg.vecdot(a.flatten(1), b.flatten(1)))


def inner(a: Tensor, b: Tensor, like: Scalar) -> Scalar:
    """Re <a, b> of each row, a plain number where `like` is one."""
    if isinstance(like, Tensor):
        return inner_rows(a, b)
    if a.is_complex():
        return torch.vdot(a.reshape(-1), b.reshape(-1)).item().real
    one = a.reshape(-1)
    return torch.dot(one, one if b is a else b.reshape(-1)).item()


def norm_rows(a: Tensor) -> Tensor:
    """The Euclidean norm of each row, in the real dtype of `a`: shape [rows]."""
    return inner_rows(a, a).sqrt()


def add_(a: Tensor, b: Tensor, c: Scalar) -> Tensor:
    """a + c b in place of a, with one number or one number a row."""
    if isinstance(c, Tensor):
        return a.addcmul_(b, _cast(c, a))
    return a.add_(b, alpha=c)


def add(a: Tensor, b: Tensor, c: Scalar) -> Tensor:
    """a + c b, with one number or one number a row."""
    if isinstance(c, Tensor):
        return torch.addcmul(a, b, _cast(c, a))
    return torch.add(a, b, alpha=c)


def times(c: Scalar, a: Tensor) -> Tensor:
    """c a, with one number or one number a row; the dtype stays that of a."""
    return a * (_cast(c, a) if isinstance(c, Tensor) else c)


def times_(c: Scalar, a: Tensor) -> Tensor:
    """c a in place of a, with one number or one number a row."""
    return a.mul_(_cast(c, a) if isinstance(c, Tensor) else c)


def _cast(c: Tensor, like: Tensor) -> Tensor:
    shaped = per_row(c, like)
    assert isinstance(shaped, Tensor)
    return shaped


@overload
def ratio(a: Tensor, b: Tensor) -> Tensor: ...


@overload
def ratio(a: Scalar, b: Scalar) -> Scalar: ...


def ratio(a: Scalar, b: Scalar) -> Scalar:
    """a / b where b > 0, else zero: a step length after its iteration has come to rest."""
    if not isinstance(b, Tensor):
        if b > 0:
            return a / b
        return torch.zeros_like(a) if isinstance(a, Tensor) else 0.0
    positive = b > 0
    return torch.where(positive, a / torch.where(positive, b, 1), 0)


def momentum_(x: Tensor, before: Tensor, z: Tensor, beta: Scalar, watched: bool) -> tuple[Tensor, Flag]:
    """x + beta (x - before), and where it points uphill; overwrites `before` and z.

    Uphill is (z - x) . (x - before) > 0, and there beta counts as zero; nowhere unless `watched`.
    """
    kernels = kernels_for(x, before, z) if x.numel() >= LARGE * len(x) else None
    if kernels is None:
        move = torch.sub(x, before, out=before)
        if not watched:
            return add(x, move, beta), False
        uphill = inner(z.sub_(x), move, beta) > 0
        return add(x, move, where(uphill, 0.0, beta)), uphill
    x, before, z = readable(x), readable(before), readable(z)
    betas, (rows, numbers) = _doubles(beta), _extents(x)
    found = torch.empty(rows, dtype=torch.float64)
    arrays = (x.data_ptr(), before.data_ptr(), z.data_ptr(), betas.data_ptr(), found.data_ptr())
    call = kernels.function(f"momentum_{SUFFIX[x.dtype]}", _MOMENTUM)
    call(*arrays, int(watched), rows, numbers, threads_for(x.numel()))
    return z, found > 0 if isinstance(beta, Tensor) else found.item() > 0


def conjugate_move_(p: Tensor, q: Tensor, x: Tensor, residual: Tensor, alpha: Scalar) -> tuple[Tensor, Tensor, Scalar]:
    """x + alpha p, r - alpha q and the squared norm of the latter for each row; overwrites x and the residual r."""
    kernels = kernels_for(p, q, x, residual) if x.numel() >= LARGE * len(x) else None
    if kernels is None:
        x, residual = add_(x, p, alpha), add_(residual, q, -alpha)
        return x, residual, inner(residual, residual, alpha)
    p, q, x, residual, alphas = readable(p), readable(q), readable(x), readable(residual), _doubles(alpha)
    squares = torch.empty(len(x), dtype=torch.float64)
    arrays = (p.data_ptr(), q.data_ptr(), x.data_ptr(), residual.data_ptr(), alphas.data_ptr(), squares.data_ptr())
    kernels.function(f"conjugate_move_{SUFFIX[x.dtype]}", _MOVE)(*arrays, *_extents(x), threads_for(x.numel()))
    return x, residual, squares.to(real_dtype(x)) if isinstance(alpha, Tensor) else squares.item()


def conjugate_turn_(residual: Tensor, p: Tensor, beta: Scalar) -> Tensor:
    """r + beta p; may overwrite p."""
    kernels = kernels_for(residual, p) if p.numel() >= LARGE * len(p) else None
    if kernels is None:
        return add(residual, p, beta)
    residual, p, betas = readable(residual), readable(p), _doubles(beta)
    call = kernels.function(f"conjugate_turn_{SUFFIX[p.dtype]}", _TURN)
    call(residual.data_ptr(), p.data_ptr(), betas.data_ptr(), *_extents(p), threads_for(p.numel()))
    return p


def _doubles(numbers: Scalar) -> Tensor:
    """One number a row, as kernels take them."""
    return torch.as_tensor(numbers, dtype=torch.float64).reshape(-1).contiguous()


def _extents(x: Tensor) -> tuple[int, int]:
    """Rows, and real numbers in each of them."""
    return len(x), x[0].numel() * (2 if x.is_complex() else 1) if len(x) else 0


def where(condition: Flag, a: Scalar, b: Scalar) -> Scalar:
    """a for the rows of which the condition holds, else b."""
    if isinstance(condition, Tensor):
        return torch.where(condition, a, b)
    return a if condition else b


def larger(a: Scalar, b: Scalar) -> Scalar:
    """The larger of the two for each row."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return torch.maximum(torch.as_tensor(a), torch.as_tensor(b))
    return max(a, b)


def quotient(a: Scalar, b: Scalar) -> Scalar:
    """a / b of numbers that are not negative, infinite where b alone is zero; no number where both are."""
    if isinstance(a, Tensor) or isinstance(b, Tensor) or b:
        return a / b
    return math.inf if a > 0 else math.nan


def between(a: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """The nearest number within low..high; no number stays none."""
    if isinstance(a, Tensor):
        return torch.clamp(a, low, high)  # type: ignore[arg-type]
    return min(max(a, float(low)), float(high))


def root(a: Scalar) -> Scalar:
    """The square root of numbers that are not negative."""
    return a.sqrt() if isinstance(a, Tensor) else math.sqrt(a)


def modulus(a: Scalar) -> Scalar:
    """|a|."""
    return a.abs() if isinstance(a, Tensor) else abs(a)


def anywhere(condition: Flag) -> bool:
    """Whether it holds for any row."""
    return bool(condition.any()) if isinstance(condition, Tensor) else condition
