"""Functions g of the objective, row by row."""

from __future__ import annotations

import torch
from torch import Tensor

Scalar = float | Tensor
"""A number, or one number for each row, of shape [rows]."""


def per_row(t: Scalar, like: Tensor) -> Scalar:
    """A number per row, shaped to multiply `like` of shape [rows, ...]; plain numbers stay as they are."""
    if isinstance(t, Tensor) and t.ndim == 1:
        return t.view(-1, *([1] * (like.ndim - 1)))
    return t


def sum_rows(v: Tensor) -> Tensor:
    """The sum over everything but the rows, in float64: shape [rows]."""
    return v.flatten(1).sum(1, dtype=torch.float64)


def square_rows(v: Tensor) -> Tensor:
    """The squared Euclidean norm of each row, in float64; complex numbers count with their modulus."""
    real = torch.view_as_real(v) if v.is_complex() else v
    return torch.linalg.vector_norm(real.flatten(1), dim=1, dtype=torch.float64).square()


class Functional:
    """A function g of tensors of shape [rows, ...], with values of shape [rows].

    value: g(v), infinite outside of g's domain; indicators of sets give zero up to rounding.
    grad: where it exists; for complex v the gradient with respect to Re<., .>.
    prox: argmin_u g(u) + |u - v|^2 / (2 t). conjugate_prox follows by Moreau's identity.
    lipschitz, strong: constants of the gradient's Lipschitz continuity (None: not smooth) and of strong convexity.
    """

    lipschitz: float | None = None
    strong: float = 0.0
    constraint: bool = False

    def value(self, v: Tensor) -> Tensor:
        raise NotImplementedError

    def grad(self, v: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no gradient")

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no proximal map")

    def conjugate_prox(self, v: Tensor, s: Scalar) -> Tensor:
        """prox of s g*, by Moreau: v - s prox_{g/s}(v / s)."""
        c = per_row(s, v)
        inverse = 1 / s
        return v - c * self.prox(v / c, inverse)

    def conjugate(self, p: Tensor) -> Tensor | None:
        """g*(p) of shape [rows], where there is a formula for it; it gives duality gaps."""
        return None
