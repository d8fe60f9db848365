"""Arithmetic row by row. A row is one reconstruction of a batch; no row sees another."""

from __future__ import annotations

from ctypes import c_int64, c_void_p
from typing import cast

import torch
from torch import Tensor

from ..functionals.base import Scalar, per_row
from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

_MOMENTUM = (*(c_void_p,) * 5, *(c_int64,) * 4)


def dot_rows(a: Tensor, b: Tensor) -> Tensor:
    """Re <a, b> of each row, in the real dtype of `a`: shape [rows]."""
    if a.is_complex():
        a, b = torch.view_as_real(a.resolve_conj()), torch.view_as_real(b.resolve_conj())
    if a.shape[0] == 1:
        return torch.dot(a.reshape(-1), b.reshape(-1)).reshape(1)
    return cast(Tensor, torch.linalg.vecdot(a.flatten(1), b.flatten(1)))


def norm_rows(a: Tensor) -> Tensor:
    """The Euclidean norm of each row, in the real dtype of `a`: shape [rows]."""
    return dot_rows(a, a).sqrt()


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


def _cast(c: Tensor, like: Tensor) -> Tensor:
    shaped = per_row(c, like)
    assert isinstance(shaped, Tensor)
    return shaped


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b where b > 0, else zero: a step length after its iteration has come to rest."""
    positive = b > 0
    return torch.where(positive, a / torch.where(positive, b, 1), 0)


def momentum_(x: Tensor, before: Tensor, z: Tensor, beta: Tensor, watched: bool) -> tuple[Tensor, Tensor]:
    """x + beta (x - before), and where it points uphill, [rows]; overwrites `before` and z.

    Uphill is (z - x) . (x - before) > 0, and there beta counts as zero; nowhere unless `watched`.
    """
    kernels = kernels_for(x, before, z)
    if kernels is None:
        move = torch.sub(x, before, out=before)
        if not watched:
            return add(x, move, beta), torch.zeros_like(beta, dtype=torch.bool)
        uphill = dot_rows(z.sub_(x), move) > 0
        return add(x, move, beta.masked_fill(uphill, 0)), uphill
    x, before, z, beta = readable(x), readable(before), readable(z), beta.double().contiguous()
    rows, numbers = len(x), x[0].numel() * (2 if x.is_complex() else 1) if len(x) else 0
    found = torch.empty(rows, dtype=torch.float64)
    arrays = (x.data_ptr(), before.data_ptr(), z.data_ptr(), beta.data_ptr(), found.data_ptr())
    call = kernels.function(f"momentum_{SUFFIX[x.dtype]}", _MOMENTUM)
    call(*arrays, int(watched), rows, numbers, threads_for(x.numel()))
    return z, found > 0
