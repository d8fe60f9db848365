"""The normal matrix N = sum_j w_j K_j^H K_j: its diagonal in a basis where there is one, and its inverse.

The facts say in which basis K^H K is diagonal; the diagonal itself is read off one application of K^H K:

- identity: the quotient <x, K^H K x> / <x, x> at any x,
- pixel: K^H K 1,
- fourier: the transform of K^H K delta, since the eigenvalues of a circulant are the transform of its first column,
- cosine: the transform of K^H K C^T 1, since C K^H K C^T 1 is the diagonal itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Diagonal
from recon.dsl.model.space import Space
from torch import Tensor

from ..functionals.base import Scalar, per_row
from ..operators.base import Operator, dtype_of, random_point
from ..transforms.cosine import cosine_forward, cosine_inverse
from .conjugate import conjugate_gradients
from .rows import add_, inner_rows, times

INNER_ITERATIONS, INNER_DROP = 20, 0.3
"""Where no basis is known: most conjugate-gradient steps, and the part of their start's residual at which they end. The
start is the last solution, so that the error falls with the moves of the outer iteration."""


class Basis:
    """An orthogonal basis (up to scale) of a space in which some matrices are diagonal."""

    def __init__(self, diagonal: Diagonal, space: Space) -> None:
        self.kind, self.axes = diagonal.basis, tuple(range(-diagonal.axes, 0))
        self.real = space.field == "real"
        self.sizes = space.sizes[len(space.sizes) - diagonal.axes :] if diagonal.axes else ()

    def analyse(self, x: Tensor) -> Tensor:
        """Coefficients of x."""
        if self.kind == "fourier":
            transform = torch.fft.rfftn if self.real else torch.fft.fftn
            return cast(Tensor, transform(x, dim=self.axes))
        return cosine_forward(x, len(self.axes)) if self.kind == "cosine" else x

    def synthesise(self, c: Tensor) -> Tensor:
        """The x with these coefficients."""
        if self.kind == "fourier":
            transform = torch.fft.irfftn if self.real else torch.fft.ifftn
            return cast(Tensor, transform(c, self.sizes, self.axes))
        return cosine_inverse(c, len(self.axes)) if self.kind == "cosine" else c


def spectrum(operator: Operator, diagonal: Diagonal, real: torch.dtype, device: torch.device) -> Tensor:
    """The diagonal of K^H K, real and non-negative, in the basis that `diagonal` names; a single number for identity.

    Entries below 10 eps times the largest are rounding of zeros, and are set to zero.
    """
    space = operator.domain
    dtype = dtype_of(space, real)
    if diagonal.basis == "identity":
        if diagonal.scale is not None:
            return torch.tensor(diagonal.scale, dtype=real, device=device)
        x = random_point(space, real, seed=0, device=device)[None]
        return (inner_rows(x, operator.gram(x)) / inner_rows(x, x))[0]
    probe = torch.zeros((1, *space.sizes), dtype=dtype, device=device)
    basis = Basis(diagonal, space)
    if diagonal.basis == "fourier":
        probe.flatten(-diagonal.axes)[..., 0] = 1
    else:
        probe = basis.synthesise(torch.ones_like(probe))
    values = basis.analyse(operator.gram(probe))[0]
    values = values.real if values.is_complex() else values
    return torch.where(values > 10 * torch.finfo(real).eps * values.max(), values, 0)


class Normal:
    """N = sum_j w_j K_j^H K_j on `space`, for weights that are given later, one number or one number a row.

    `basis` is the basis in which all K_j^H K_j are diagonal together, None if there is none.
    """

    def __init__(self, operators: Sequence[Operator], space: Space, real: torch.dtype, device: torch.device) -> None:
        self.operators, self.real = list(operators), real
        joint = fact.stack([k.facts for k in operators]).gram if operators else fact.identity(0.0)
        self.diagonal = joint
        self.basis = None if joint is None else Basis(joint, space)
        self._spectra: list[Tensor] = []
        if joint is not None:
            shape = [] if joint.basis == "identity" else [1] * len(space.sizes)
            found = [spectrum(k, _known(k), real, device) for k in operators]
            self._spectra = [d if d.ndim else d.reshape(shape) for d in found]

    def apply(self, weights: Sequence[Scalar], x: Tensor) -> Tensor:
        """N x."""
        total = torch.zeros_like(x)
        for k, w in zip(self.operators, weights, strict=True):
            add_(total, k.gram(x), w)
        return total

    def values(self, weights: Sequence[Scalar]) -> Tensor:
        """The diagonal of N in `basis`, of shape [rows or 1, ...]."""
        total: Tensor | float = 0.0
        for d, w in zip(self._spectra, weights, strict=True):
            if isinstance(w, Tensor):
                shaped = per_row(w.to(self.real), torch.empty((1, *d.shape), dtype=self.real, device="meta"))
                total = total + shaped * d
            else:
                total = total + w * d[None]
        return torch.as_tensor(total)

    def extremes(self, weights: Sequence[Scalar]) -> tuple[Tensor, Tensor]:
        """The smallest and the largest eigenvalue of N, of shape [rows or 1]; needs a `basis`."""
        values = self.values(weights)
        flat = values.reshape(values.shape[0], -1)
        return flat.amin(1), flat.amax(1)

    def inverse(self, weights: Sequence[Scalar]) -> Tensor:
        """The diagonal of N^+ in `basis`, zero on N's null space."""
        values = self.values(weights)
        return torch.where(values > 0, 1 / values, 0)

    def divide(self, inverse: Tensor, rhs: Tensor) -> Tensor:
        """N^+ rhs, for the `inverse` diagonal."""
        assert self.basis is not None
        if inverse.ndim == 1:
            return times(inverse.expand(rhs.shape[0]), rhs)
        return self.basis.synthesise(self.basis.analyse(rhs).mul_(inverse)) if self.basis.axes else rhs * inverse

    def iterate(self, weights: Sequence[Scalar], rhs: Tensor, start: Tensor) -> Tensor:
        """An approximation of N^+ rhs by a few conjugate-gradient steps from `start`, where there is no basis."""
        tolerance = 3 * torch.finfo(self.real).eps
        return conjugate_gradients(
            lambda x: self.apply(weights, x), rhs, start, INNER_ITERATIONS, tolerance, INNER_DROP
        )


def _known(operator: Operator) -> Diagonal:
    gram = operator.facts.gram
    assert gram is not None
    return gram


def matrix(k: Operator, real: torch.dtype, split: bool, chunk: int = 256) -> Tensor:
    """K^H K as a matrix [n, n], column j its product with the j-th unit vector; over real pairs where `split`."""
    space = k.domain
    dtype = dtype_of(space, real)
    device = k.device
    n = int(space.count or 0) * (2 if split else 1)
    columns = []
    for start in range(0, n, chunk):
        width = min(chunk, n - start)
        unit = torch.zeros(width, n, dtype=real if split else dtype, device=device)
        unit[torch.arange(width), start + torch.arange(width)] = 1
        x = torch.view_as_complex(unit.reshape(width, *space.sizes, 2)) if split else unit.reshape(width, *space.sizes)
        image = k.gram(x)
        columns.append((torch.view_as_real(image) if split else image).reshape(width, n))
    return torch.cat(columns).mT
