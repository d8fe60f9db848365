"""Random signals for experiments without measured data.

Row r of every source is drawn from its own generator, `default_rng([seed, r])`: it does not depend on how many rows
are asked for. Seeds are non-negative integers; a bad one raises ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]


def sparse(shape: tuple[int, ...], nonzeros: int, count: int, seed: int) -> Array:
    """Sparse vectors: `nonzeros` entries at places uniform without repetition, values standard normal, the rest zero.

    Args:
        shape: extents of one signal.
        nonzeros: number of nonzero entries of each row, 0 to the number of entries.
        count: number of rows.
        seed: a non-negative integer.

    Returns:
        float64 array [count, *shape].

    Raises:
        ValueError: a bad shape or count, or more nonzeros than entries.
    """
    _check(shape, count)
    _check_nonzeros("nonzeros", nonzeros, math.prod(shape))
    out = np.empty((count, *shape))
    for row, rng in enumerate(_generators(count, seed)):
        out[row] = _spikes(shape, nonzeros, rng)
    return out


def smooth(shape: tuple[int, ...], width: float, count: int, seed: int) -> Array:
    """Smooth random signals: white Gaussian noise filtered by a Gaussian, then scaled to `max |x| = 1`.

    The noise is drawn beyond the borders by the filter's reach (4 widths) and cut afterwards, so the signal is
    stationary: not periodic, and no different near the border.

    Args:
        shape: extents of one signal.
        width: standard deviation of the filter in samples, along every axis; 0 leaves the noise white.
        count: number of rows.
        seed: a non-negative integer.

    Returns:
        float64 array [count, *shape].

    Raises:
        ValueError: a bad shape, width or count.
    """
    _check(shape, count)
    if not 0.0 <= width < math.inf:
        raise ValueError(f"width must be a finite number of samples, at least 0, not {width}")
    reach = math.ceil(4.0 * width)
    inner = tuple(slice(reach, reach + n) for n in shape)
    out = np.empty((count, *shape))
    for row, rng in enumerate(_generators(count, seed)):
        noise = rng.standard_normal([n + 2 * reach for n in shape])
        signal = gaussian_filter(noise, width, radius=reach)[inner] if reach else noise
        out[row] = signal / np.abs(signal).max()
    return out


def cosines_and_spikes(n: int, cosines: int, spikes: int, count: int, seed: int) -> dict[str, Array]:
    """Coefficients of signals `x = C^T c + s` with few cosines c and few spikes s, C the orthonormal DCT-II.

    Places are uniform without repetition and values standard normal, in c and in s.

    Args:
        n: length of the signal.
        cosines: number of nonzero entries of c, 0 to n.
        spikes: number of nonzero entries of s, 0 to n.
        count: number of rows.
        seed: a non-negative integer.

    Returns:
        {"cosines": c, "spikes": s}, float64 arrays [count, n].

    Raises:
        ValueError: a bad length or count, or more nonzeros than entries.
    """
    _check((n,), count)
    _check_nonzeros("cosines", cosines, n)
    _check_nonzeros("spikes", spikes, n)
    out = {"cosines": np.empty((count, n)), "spikes": np.empty((count, n))}
    for row, rng in enumerate(_generators(count, seed)):
        out["cosines"][row] = _spikes((n,), cosines, rng)
        out["spikes"][row] = _spikes((n,), spikes, rng)
    return out


def _generators(count: int, seed: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng([seed, row]) for row in range(count))


def _spikes(shape: tuple[int, ...], nonzeros: int, rng: np.random.Generator) -> Array:
    signal = np.zeros(math.prod(shape))
    places = rng.choice(signal.size, nonzeros, replace=False)
    signal[places] = rng.standard_normal(nonzeros)
    return signal.reshape(shape)


def _check(shape: tuple[int, ...], count: int) -> None:
    if not shape or any(n < 1 for n in shape):
        raise ValueError(f"a signal has positive extents, not {shape}")
    if count < 0:
        raise ValueError(f"count must be at least 0, not {count}")


def _check_nonzeros(name: str, nonzeros: int, entries: int) -> None:
    if not 0 <= nonzeros <= entries:
        raise ValueError(f"{name} must be 0 to {entries}, the number of entries, not {nonzeros}")
