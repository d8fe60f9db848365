"""Non-uniform Fourier transforms through FINUFFT, and their Gram operator by Toeplitz embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..values import EvaluationError

SMALL_GRID = 1e-9
"""Tolerances above this are met on a grid of 1.25 times the extents: wider kernels, and far smaller transforms."""


def _finufft() -> Any:
    """The library. Raises EvaluationError with what to install where it is not there."""
    try:
        import finufft
    except ImportError as e:
        raise EvaluationError('non-uniform Fourier transforms need FINUFFT: pip install "recon-dsl[nufft]"') from e
    return finufft


class Transform:
    """(F x)_j = sum_n x_n exp(-2 pi i <k_j, n>) for points k in cycles per pixel, with n counted from extent // 2.

    Works on complex arrays of the precision of `real`, to the relative tolerance `eps`. Plans are made once for each
    number of transforms at a time.
    """

    def __init__(self, points: NDArray[np.float64], extents: Sequence[int], real: np.dtype[Any], eps: float) -> None:
        self.extents, self.count, self.eps = tuple(extents), len(points), eps
        self.real = np.dtype(real)
        self.complex = np.dtype(np.complex128 if self.real == np.float64 else np.complex64)
        # One period: FINUFFT reads coordinates modulo 2 pi, and cheapest inside [-pi, pi).
        turns = points - np.floor(points + 0.5)
        self.coordinates = [np.ascontiguousarray(2 * np.pi * turns[:, d], self.real) for d in range(points.shape[1])]
        self._plans: dict[tuple[int, int], Any] = {}

    def _plan(self, kind: int, transforms: int) -> Any:
        key = (kind, transforms)
        if key not in self._plans:
            plan = _finufft().Plan(
                kind,
                self.extents,
                n_trans=transforms,
                eps=self.eps,
                isign=1 if kind == 1 else -1,
                dtype=self.complex,
                nthreads=torch.get_num_threads(),
                upsampfac=1.25 if self.eps > SMALL_GRID else 2.0,
            )
            plan.setpts(*self.coordinates)
            self._plans[key] = plan
        return self._plans[key]

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """[B, *extents] to [B, points], or [*extents] to [1, points]."""
        batch = np.ascontiguousarray(x.reshape(-1, *self.extents), self.complex)
        out = self._plan(2, len(batch)).execute(batch if len(batch) > 1 else batch[0])
        return np.asarray(out).reshape(len(batch), self.count)

    def adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        """[B, points] to [B, *extents]."""
        batch = np.ascontiguousarray(y.reshape(-1, self.count), self.complex)
        out = self._plan(1, len(batch)).execute(batch if len(batch) > 1 else batch[0])
        return np.asarray(out).reshape(len(batch), *self.extents)


def toeplitz_spectrum(points: NDArray[np.float64], extents: Sequence[int]) -> NDArray[np.float64]:
    """The eigenvalues, in the order of `fftn` on the doubled grid, of the circulant matrix that holds F^H F.

    (F^H F)_{nm} depends on n - m alone, from -N + 1 to N - 1: its values there are the adjoint transform of ones.
    """
    doubled = [2 * n for n in extents]
    row = Transform(points, doubled, np.dtype(np.float64), 1e-13).adjoint(np.ones((1, len(points)), complex))[0]
    for d in range(len(doubled)):
        np.moveaxis(row, d, 0)[0] = 0  # the difference -N does not occur
    row = np.fft.ifftshift(row)
    return np.ascontiguousarray(np.fft.fftn(row).real)
