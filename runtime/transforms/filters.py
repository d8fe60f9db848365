"""Orthonormal wavelet filters: their names, their lengths, their taps, and the matrices they make.

A filter h of even length F is the synthesis (reconstruction) low-pass filter; the high-pass filter is
g[n] = (-1)^n h[F-1-n]. Both together are orthonormal: sum_n h[n] h[n+2k] = delta_k.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pywt
from numpy.typing import NDArray

# Family: orders from, orders to, taps per order.
_FAMILIES = {"db": (1, 38, 2), "sym": (2, 20, 2), "coif": (1, 17, 6)}


@dataclass(frozen=True)
class Wavelet:
    """An orthonormal wavelet: its `name` and the `taps` of its synthesis low-pass filter, an even number of them."""

    name: str
    taps: tuple[float, ...]

    @property
    def length(self) -> int:
        """F, the number of taps."""
        return len(self.taps)


def orthonormal(name: str) -> bool:
    """Whether `name` is an orthonormal wavelet: haar, db1 to db38, sym2 to sym20, coif1 to coif17.

    False for every other word, also for the biorthogonal wavelets (bior, rbio) and for dmey, whose tabulated taps are
    not exactly orthonormal.
    """
    return _length(name) is not None


def filter_length(name: str) -> int:
    """F: 2 for haar, 2N for dbN and symN, 6N for coifN. Raises ValueError unless `orthonormal(name)`."""
    length = _length(name)
    if length is None:
        raise ValueError(f"no orthonormal wavelet is called {name!r}: haar, db1-db38, sym2-sym20, coif1-coif17 are")
    return length


@functools.cache
def wavelet_filters(name: str) -> Wavelet:
    """The wavelet called `name`, with the taps of PyWavelets. Raises ValueError unless `orthonormal(name)`."""
    filter_length(name)
    return Wavelet(name, tuple(float(tap) for tap in pywt.Wavelet(name).rec_lo))


def max_levels(shape: Sequence[int], name: str) -> int:
    """The largest L such that 2^L divides every size of `shape` and size / 2^L >= F - 1, as in `pywt.dwt_max_level`.

    `shape` holds the sizes of the transformed axes only. More levels than this are still orthonormal as long as 2^L
    divides the sizes, but the coarsest filters wrap around more than once. Raises ValueError unless
    `orthonormal(name)`, for an empty shape, and for sizes below 1.
    """
    length = filter_length(name)
    if not shape or min(shape) < 1:
        raise ValueError(f"sizes must be at least one positive number, not {tuple(shape)}")
    levels = 0
    while all(size % 2 ** (levels + 1) == 0 and size >= (length - 1) * 2 ** (levels + 1) for size in shape):
        levels += 1
    return levels


def analysis_matrix(filters: Wavelet, size: int) -> NDArray[np.float64]:
    """The orthogonal size x size matrix of one periodised level: low-pass rows first, then high-pass rows.

    Row k holds h[n], row size/2 + k holds g[n], at column (2k + 1 - F/2 + n) mod size; taps that wrap onto the same
    column add up. `size` is even.
    """
    half, matrix = size // 2, np.zeros((size, size))
    columns = (2 * np.arange(half)[:, None] + 1 - filters.length // 2 + np.arange(filters.length)) % size
    low, high = _taps(filters)
    np.add.at(matrix, (np.arange(half)[:, None], columns), low)
    np.add.at(matrix, (half + np.arange(half)[:, None], columns), high)
    return matrix


def analysis_band(filters: Wavelet, block: int) -> NDArray[np.float64]:
    """One block of the same operator away from the ends: (2, block, 2 block + F - 2), low-pass and high-pass.

    It takes the samples 2k + 1 - F/2, ... to the coefficients k, ..., k + block - 1.
    """
    band = np.zeros((2, block, 2 * block + filters.length - 2))
    low, high = _taps(filters)
    for k in range(block):
        band[0, k, 2 * k : 2 * k + filters.length] = low
        band[1, k, 2 * k : 2 * k + filters.length] = high
    return band


def synthesis_band(filters: Wavelet, block: int) -> NDArray[np.float64]:
    """One block of the transpose: (2, 2 block, block + F/2).

    It takes the low-pass and the high-pass coefficients k - F/4 (rounded up), ... to the samples 2k, ...,
    2 (k + block) - 1.
    """
    half = filters.length // 2
    band = np.zeros((2, 2 * block, block + half))
    start = -(half // 2)
    for tap, (low, high) in enumerate(zip(*_taps(filters), strict=True)):
        for column in range(block + half):
            sample = 2 * (start + column) + 1 - half + tap
            if 0 <= sample < 2 * block:
                band[:, sample, column] += low, high
    return band


def _taps(filters: Wavelet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = np.array(filters.taps)
    return low, low[::-1] * (-1.0) ** np.arange(filters.length)


def _length(name: str) -> int | None:
    if name == "haar":
        return 2
    match = re.fullmatch(r"(db|sym|coif)([1-9][0-9]?)", name)
    if match is None:
        return None
    first, last, taps = _FAMILIES[match[1]]
    order = int(match[2])
    return taps * order if first <= order <= last else None
