"""Words for fixed arrays."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from ..model.fields import Field, FilePath, Fraction, Real
from ..model.space import Space
from ..model.word import Array


class ArrayFile(Array):
    """An array of your own from a `.npy` file."""

    word: ClassVar[str] = "array"
    formula: ClassVar[str] = r"d = \text{the file's array}"
    example: ClassVar[str] = 'diagonal(array("gain.npy"))'

    file: FilePath = Field(description="a .npy file")

    @property
    def complex_valued(self) -> bool:
        return self.file.header().complex_valued

    @property
    def nonnegative(self) -> bool:
        return self.file.header().dtype[1:2] in ("u", "b")

    def shape(self, domain: Space) -> tuple[int, ...] | None:
        return self.file.header().shape


class Vignette(Array):
    """The gain of a lens that darkens towards the corners."""

    formula: ClassVar[str] = r"d(r) = 1 - f |r|^2, \quad |r| = 1 \text{ in the corners}"
    reference: ClassVar[str] = "second-order model of natural vignetting"
    example: ClassVar[str] = "diagonal(vignette(falloff = 0.5))"

    falloff: Fraction = Field(0.5, description="how much darker the corners are")

    @property
    def nonnegative(self) -> bool:
        return True


class Covariance(Array):
    """A covariance matrix, written out row by row: symmetric and positive definite."""

    formula: ClassVar[str] = r"C_{ij} = \mathrm{cov}(e_i, e_j)"
    reference: ClassVar[str] = "Heckel 2024, 2.1"
    example: ClassVar[str] = "noise y ~ gaussian(A @ x, covariance = covariance([[0.02, 0.01], [0.01, 0.02]]))"

    values: tuple[tuple[Real, ...], ...] = Field(description="the rows of the matrix")

    @field_validator("values")
    @classmethod
    def _positive(cls, rows: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        n = len(rows)
        if n == 0 or any(len(row) != n for row in rows):
            raise ValueError(f"a covariance has as many columns as rows, and {n} rows have {[len(r) for r in rows]}")
        for i in range(n):
            for j in range(i):
                if rows[i][j] != rows[j][i]:
                    raise ValueError(f"a covariance is symmetric, and {rows[i][j]:g} faces {rows[j][i]:g}")
        factor = [[0.0] * n for _ in rows]
        for i in range(n):  # Cholesky's decomposition, which exists for positive definite matrices alone
            for j in range(i + 1):
                rest = rows[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
                if i > j:
                    factor[i][j] = rest / factor[j][j]
                elif rest > 1e-12 * rows[i][i] > 0:
                    factor[i][i] = rest**0.5
                else:
                    raise ValueError("a covariance is positive definite, and this matrix is not")
        return rows

    @property
    def diagonal(self) -> bool:
        """Whether no two entries are correlated."""
        return all(v == 0 for i, row in enumerate(self.values) for j, v in enumerate(row) if i != j)

    def shape(self, domain: Space) -> tuple[int, ...] | None:
        return len(self.values), len(self.values)
