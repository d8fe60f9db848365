"""The meaning of whitening, and the covariance of a noise scan."""

from __future__ import annotations

from typing import cast

import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import Placed
from recon.dsl.model.word import Array
from recon.dsl.vocabulary.arrays import ArrayFile
from recon.dsl.vocabulary.operators import whitening as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning, meaning_of
from .base import Operator


class WhitenOperator(Operator):
    """A x = s L^{-1} x along one axis, for the covariance C = L L^H and s^2 = n / tr C^{-1}.

    `weight` is 1 / s^2: the noise of A y has the covariance s^2 I, so that the data term is weight |A (K x - y)|^2 / 2.
    """

    matrix: Tensor
    gains: Tensor
    factor: Tensor

    def __init__(self, covariance: Tensor, placed: Placed, real: torch.dtype) -> None:
        """Raises ValueError where the matrix is not square, Hermitian and positive definite."""
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.precision = real
        self.axis = words.coupled_axis(placed.domain) - len(placed.domain.axes)
        n = placed.domain.axes[self.axis].size
        if covariance.shape != (n, n):
            have = " x ".join(str(m) for m in covariance.shape)
            raise ValueError(f"the covariance must be {n} x {n}, not {have}")
        c = covariance.to(torch.complex128 if covariance.is_complex() else torch.float64)
        if not bool(torch.isfinite(c).all()):
            raise ValueError("the covariance has entries that are not finite")
        size = c.abs().max()
        if float((c - c.mH).abs().max()) > 1e-5 * float(size):
            raise ValueError("the covariance must be equal to its conjugate transpose, and it is not")
        factor, failed = torch.linalg.cholesky_ex((c + c.mH) / 2)
        if bool(failed) or float(factor.diagonal().real.min()) ** 2 <= 1e-12 * float(size):
            raise ValueError(
                "the covariance must be positive definite, and it is not; a noise scan needs more samples than coils"
            )
        if placed.domain.field == "real" and c.is_complex():
            raise ValueError("the covariance of real measurements is real, and this one is complex")
        white = torch.linalg.inv(factor)
        gains = white.mH @ white
        self.weight = float(gains.diagonal().real.mean())
        dtype = real.to_complex() if placed.domain.field == "complex" else real
        self.constant("matrix", (white / self.weight**0.5).to(dtype))
        self.constant("gains", (gains / self.weight).to(dtype))
        self.constant("factor", factor.to(dtype))

    def _along(self, matrix: Tensor, x: Tensor) -> Tensor:
        """The matrix times x, along the axis."""
        after = self.axis + 1
        if after == 0:
            return x @ matrix.mT
        flat = x.flatten(after) if after < -1 else x
        return (matrix @ flat).reshape(x.shape)

    def _apply_(self, x: Tensor) -> Tensor:
        return self._along(self.matrix, x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._along(self.matrix.mH, y)

    def _gram_(self, x: Tensor) -> Tensor:
        return self._along(self.gains, x)

    def coloured(self, white: Tensor) -> Tensor:
        """L e: noise of the covariance C, for e of independent standard normal real and imaginary parts."""
        return self._along(self.factor, white)

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return given


@meaning_of(words.Whiten)
def whiten(word: words.Whiten, placed: Placed, build: Build) -> Operator:
    """Whitening by a matrix that is written out, in a file, or known of the row."""
    c = word.covariance
    given = cast(Tensor, meaning(c)(c, placed.domain, build)) if isinstance(c, Array) else build.given(c)
    try:
        return WhitenOperator(given, placed, build.real)
    except ValueError as e:
        file: FilePath | None = c.file if isinstance(c, ArrayFile) else None
        if file is None:
            raise
        raise ValueError(f"{file.text}: {e}") from e


def noise_covariance(scan: Tensor) -> Tensor:
    """The covariance between the entries of the first axis behind the rows, of a scan without signal.

    [rows, coils, ...] -> [rows, coils, coils]: the mean of e e^H over all further entries, halved for complex noise, so
    that it is the covariance of the real parts and of the imaginary parts. Raises ValueError with fewer entries than
    coils, since the estimate would be singular. Pruessmann et al. 2001, appendix B.
    """
    flat = scan.flatten(2) if scan.ndim > 2 else scan.unsqueeze(2)
    coils, entries = flat.shape[1:]
    if entries < coils:
        raise ValueError(f"a covariance of {coils} coils needs at least as many noise samples, and there are {entries}")
    parts = 2 if flat.is_complex() else 1
    return flat @ flat.mH / (entries * parts)
