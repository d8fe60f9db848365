"""Arithmetic row by row. A row is one reconstruction of a batch; no row sees another."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ..functionals.base import Scalar, per_row


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
