"""The largest singular values of a matrix by products with blocks of vectors alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .matrices import Matrix

BLOCK = 8
MEMORY = 2**30
"""Bytes of the two bases."""


@dataclass(frozen=True)
class Leading:
    """Singular values, largest first, with a bound of the error of each, and the left vectors of the first as rows.

    Zeros at the end have no vectors.
    """

    values: Tensor
    left: Tensor
    errors: Tensor


def leading(matrix: Matrix, count: int, *, seed: int = 0, tolerance: float = 1e-6, most: int = 600) -> Leading:
    """The `count` largest singular values of M, by block Golub-Kahan-Lanczos iteration from a random block.

    With orthonormal bases P and Q it keeps M Q = P B, for a small B. M^H P = Q B^H + V S then holds with the next block
    V of Q. The singular values s of B = X s Y^H are those of M between the two spaces: with u = P x and v = Q y,
    M v = s u, and |M^H u - s v| = |S x_last| for the part of x in the last block, so that M has a singular value within
    that of s. Both bases grow by a block of eight until these bounds are at most `tolerance` times the largest value
    for the first `count`, until they hold `most` vectors (or eight times `count`) or `MEMORY`, or until they span all
    there is. The bounds cannot tell of a value that was missed, such as copies of a multiple one beyond the width of a
    block: another random block joins before the values are believed, and has to leave them as they are.

    Golub, Luk, Overton 1981; Golub and Van Loan 2013, section 10.4.
    """
    small = min(matrix.rows, matrix.columns)
    count = min(count, small)
    limit = min(small + BLOCK, max(most, 8 * count), max(MEMORY // (8 * (matrix.rows + matrix.columns)), count + BLOCK))
    generator = torch.Generator().manual_seed(seed)
    left = torch.empty(0, matrix.rows, dtype=matrix.dtype, device=matrix.device)
    right, inner = left.new_empty(0, matrix.columns), left.new_empty(0, 0)
    block, fresh = _random(right, generator), True
    look, scale, believed = count, 0.0, None
    while True:
        image = matrix.times(block)
        size = float(torch.linalg.vector_norm(image))
        exhausted = fresh and size <= 1e-12 * scale  # a random vector finds what is left, if there is any
        scale = max(scale, size)
        along, new, factor = _extended(left, image, scale)
        inner = torch.cat(
            [torch.cat([inner, along], 1), torch.cat([factor.new_zeros(len(new), len(right)), factor], 1)]
        )
        left, right = torch.cat([left, new]), torch.cat([right, block])
        block, rest = right[:0], inner[:0, :0]
        if len(new):
            _, block, rest = _extended(right, matrix.adjoint(new), scale)  # rest is S
        fresh = len(block) == 0  # the two spaces hold all that can be reached from their first vectors
        if fresh:
            block = _random(right, generator)
        full = exhausted or len(block) == 0 or len(right) >= limit
        if len(right) >= look or full:
            x, values, _ = torch.linalg.svd(inner, full_matrices=False)
            errors = torch.linalg.vector_norm(rest @ x[len(left) - len(new) :], dim=0)
            close = tolerance * float(values[:1].sum())
            settled = len(values) >= count and bool((errors[:count] <= close).all())
            again = believed is not None and bool((values[:count] - believed <= close).all())
            if full or (settled and again):
                missing = max(count - len(values), 0)  # A maps all that is left to zero
                values, errors = (torch.cat([v[:count], v.new_zeros(missing)]) for v in (values, errors))
                return Leading(values, x[:, :count].mT @ left, errors)
            look = len(right) + max(3 * len(block), len(right) // 6)
            believed = None
            if settled:
                believed, look = values[:count], len(right) + 8 * BLOCK
                block = torch.cat([block, _random(torch.cat([right, block]), generator)])


def _random(basis: Tensor, generator: torch.Generator) -> Tensor:
    """A random block orthogonal to the basis; fewer vectors where no more are left."""
    width = min(BLOCK, basis.shape[1] - len(basis))
    start = torch.randn(max(width, 0), basis.shape[1], generator=generator, dtype=torch.float64)
    return _extended(basis, start.to(device=basis.device, dtype=basis.dtype), 1.0)[1]


def _extended(basis: Tensor, vectors: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors W (rows) as W^T = basis^T C + new^T F: C, the orthonormal directions that are new, and F.

    Directions no longer than rounding of `scale` are left out.
    """
    along = vectors.new_zeros(len(basis), len(vectors))
    for _ in range(2):
        c = basis.conj() @ vectors.mT
        along = along + c
        vectors = vectors - c.mT @ basis
    u, s, new = torch.linalg.svd(vectors, full_matrices=False)
    kept = s > 1e-14 * scale
    new, factor = new[kept], s[kept, None] * u[:, kept].mT
    new = new - (new @ basis.mH) @ basis  # directions of rounding size need it once more
    q, r = torch.linalg.qr(new.mT)
    return along, q.mT, r @ factor
