"""Linear maps as matrices that need not be formed: products with blocks of vectors, and columns on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from ..operators.base import Operator, dtype_of

BLOCK_BYTES = 2**26
"""What a block of vectors may take."""


class Matrix(Protocol):
    """A matrix M of `rows` x `columns` entries of `dtype`; vectors are the rows of the blocks that it multiplies."""

    rows: int
    columns: int
    dtype: torch.dtype
    device: torch.device

    def times(self, v: Tensor) -> Tensor:
        """M v for each row v of a block: [k, columns] -> [k, rows]."""
        ...

    def adjoint(self, u: Tensor) -> Tensor:
        """M^H u for each row u of a block: [k, rows] -> [k, columns]."""
        ...


class OperatorMatrix:
    """An operator as a matrix, in the precision that it was built for.

    Where it is complex-linear on complex numbers the matrix is complex. Else it is real: complex numbers stand as their
    real and imaginary parts one after the other, so the operator A on real unknowns with complex values is
    [Re A; Im A], whose singular values are those that least squares over real unknowns see.
    """

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        domain, codomain = operator.domain, operator.codomain
        whole = domain.field == "complex" and operator.facts.linear == "complex"
        self.dtype = dtype_of(domain if whole else domain.with_field("real"), operator.precision)
        self.device = operator.device
        self.split_domain = domain.field == "complex" and not whole
        self.split_codomain = codomain.field == "complex" and not whole
        self.columns = int(domain.count or 0) * (2 if self.split_domain else 1)
        self.rows = int(codomain.count or 0) * (2 if self.split_codomain else 1)

    def times(self, v: Tensor) -> Tensor:
        return _flat(self.operator.forward(_shaped(v, self.operator.domain.sizes, self.split_domain)), self.dtype)

    def adjoint(self, u: Tensor) -> Tensor:
        return _flat(self.operator.adjoint(_shaped(u, self.operator.codomain.sizes, self.split_codomain)), self.dtype)

    def gram(self, v: Tensor) -> Tensor:
        """M^H M v for each row v of a block: [k, columns] -> [k, columns]."""
        return _flat(self.operator.gram(_shaped(v, self.operator.domain.sizes, self.split_domain)), self.dtype)

    @property
    def embedding(self) -> str:
        """How complex numbers stand in a real matrix, in words; empty where nothing is to be said."""
        if self.split_domain:
            return "of the real matrix between real and imaginary parts, since the operator is linear over real numbers"
        return "of the real matrix [Re A; Im A], since the unknowns are real" if self.split_codomain else ""


def _shaped(v: Tensor, sizes: tuple[int, ...], split: bool) -> Tensor:
    if split:
        half = v.shape[1] // 2
        v = torch.complex(v[:, :half].contiguous(), v[:, half:].contiguous())
    return v.reshape(len(v), *sizes)


def _flat(y: Tensor, dtype: torch.dtype) -> Tensor:
    y = y.flatten(1)
    if y.is_complex() and not dtype.is_complex:
        return torch.cat([y.real, y.imag], 1)
    return y.to(dtype)


def columns(matrix: Matrix) -> Iterator[tuple[int, Tensor]]:
    """The columns of a matrix in blocks: (number of the first, [k, rows])."""
    width = max(1, min(256, BLOCK_BYTES // (8 * max(matrix.rows, matrix.columns, 1))))
    for start in range(0, matrix.columns, width):
        k = min(width, matrix.columns - start)
        unit = torch.zeros(k, matrix.columns, dtype=matrix.dtype, device=matrix.device)
        unit[torch.arange(k), start + torch.arange(k)] = 1
        yield start, matrix.times(unit)


def dense(matrix: Matrix) -> Tensor:
    """M^T, that is with a row for each column of M: [columns, rows]."""
    return torch.cat([block for _, block in columns(matrix)])
