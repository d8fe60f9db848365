"""Projections onto {x : K x = y} and {x : |K x - y| <= r}, where K K^H can be diagonalised.

With K K^H = U D U^H and the residual c = U^H (K v - y), the nearest point to v is

    v - K^H U D^+ c                     for exact data,
    v - K^H U t (1 + t D)^{-1} c        for a ball, with t >= 0 such that |(1 + t D)^{-1} c| = r, or t = 0 inside.

U and D are known from the facts (an orthonormal transform behind a mask, for example), else found by an
eigendecomposition of K K^H where K measures few numbers.

Combettes, Pesquet 2011, table 10.2; the equation for t by Newton's method as in More, Sorensen 1983.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from recon.dsl.vocabulary import solvers as words
from torch import Tensor

from ..functionals.base import Functional, Scalar, per_row
from ..functionals.sets import Ball, Exactly
from ..operators.base import AdjointOperator, Operator, dtype_of
from .normal import Basis, matrix, spectrum
from .proximal import Prox
from .rows import norm_rows

NEWTON = 20
"""Newton steps for t; they converge monotonically from zero, and quadratically."""


class Eigenbasis(Protocol):
    """U of K K^H = U D U^H."""

    def analyse(self, x: Tensor) -> Tensor:
        """U^H x."""
        ...

    def synthesise(self, c: Tensor) -> Tensor:
        """U c."""
        ...


@dataclass(frozen=True)
class DenseBasis:
    """Eigenvectors as the columns of a matrix, over real pairs where K is linear over real numbers only."""

    vectors: Tensor
    sizes: tuple[int, ...]
    split: bool

    def analyse(self, x: Tensor) -> Tensor:
        return (torch.view_as_real(x) if self.split else x).flatten(1) @ self.vectors.conj()

    def synthesise(self, c: Tensor) -> Tensor:
        flat = c @ self.vectors.mT
        if self.split:
            return torch.view_as_complex(flat.reshape(-1, *self.sizes, 2))
        return flat.reshape(-1, *self.sizes)


def project_onto(g: Functional, k: Operator) -> Prox | None:
    """(v, t) -> the projection onto {x : g(K x) = 0}, for g the indicator of exact data or of a ball around them.

    None where g is something else, or where K K^H is not diagonal in a known basis while K measures more than
    `Admm.largest` real numbers. Eigenvalues that are rounding count as zero.
    """
    if not isinstance(g, Exactly | Ball):
        return None
    found = diagonalised(k)
    if found is None or (isinstance(g, Ball) and isinstance(found[0], Basis) and found[0].kind == "fourier"):
        return None  # a half spectrum does not have the residual's norm
    basis, values = found
    inverse = torch.where(values > 0, 1 / values, 0)
    radius = g.radius if isinstance(g, Ball) else None

    def project(v: Tensor, t: Scalar) -> Tensor:
        c = basis.analyse(k.forward(v) - g.target)
        c = c * inverse if radius is None else c * _shrinkage(c, values, radius)
        return v - k.adjoint(basis.synthesise(c))

    return project


def diagonalised(k: Operator) -> tuple[Eigenbasis, Tensor] | None:
    """U and the diagonal of D of K K^H = U D U^H, which broadcasts to one row of coefficients; None if not known."""
    back = AdjointOperator(k)
    diagonal = back.facts.gram
    with torch.no_grad():
        if diagonal is not None:
            return Basis(diagonal, k.codomain), spectrum(back, diagonal, k.precision, k.device)
        split = k.codomain.field == "complex" and (k.domain.field == "real" or k.facts.linear == "real")
        if (k.codomain.count or 0) * (2 if k.codomain.field == "complex" else 1) > words.Admm.largest:
            return None
        n = matrix(back, k.precision, split)
        n = n.to(torch.complex128 if n.is_complex() else torch.float64)
        values, vectors = torch.linalg.eigh((n + n.mH) / 2)
        floor = len(values) * torch.finfo(k.precision).eps * values.max()
        values = torch.where(values > floor, values, 0).to(k.precision)
        dtype = k.precision if split else dtype_of(k.codomain, k.precision)
        return DenseBasis(vectors.to(dtype), k.codomain.sizes, split), values


def _shrinkage(c: Tensor, values: Tensor, radius: Scalar) -> Tensor:
    """t / (1 + t D) of each row, of the shape of c.

    1 / |(1 + t D)^{-1} c| grows with t and is concave, so that Newton's steps from t = 0 never pass the t at which it
    is 1 / r. A radius of zero counts as rounding, and t ends where t D is so large that 1 is rounding beside it.
    """
    size, eps = norm_rows(c), torch.finfo(values.dtype).eps
    goal = torch.maximum(torch.as_tensor(radius, dtype=size.dtype, device=size.device), size * eps)
    t = torch.zeros_like(size)
    for _ in range(NEWTON):
        damping = 1 / (1 + per_row(t, c) * values)
        residual = c * damping
        now = norm_rows(residual)
        slope = norm_rows(residual * (values * damping).sqrt()) ** 2  # - d/dt |residual|^2 / 2
        step = now * now * (now / goal - 1) / slope
        t = (t + torch.where((now > goal) & (slope > 0), step, 0)).clamp_max(1 / (eps * values.max()))
    return per_row(t, c) / (1 + per_row(t, c) * values)
