"""Random signals for experiments without measured data, one row at a time.

Row r of every source is drawn from its own generator, `default_rng([seed, r])`: it depends on nothing but the seed, its
number and the parameters. Seeds and rows are non-negative integers; a bad one raises ValueError.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]

_MAX_NOISE = 2**30  # samples; 8 GiB


def sparse(shape: tuple[int, ...], nonzeros: int, seed: int, row: int) -> Array:
    """A sparse vector: `nonzeros` entries at places uniform without repetition, values standard normal, the rest zero.

    Args:
        shape: extents of one signal.
        nonzeros: number of nonzero entries of a row, 0 to the number of entries.
        seed: a non-negative integer.
        row: number of the row, from 0.

    Returns:
        float64 array of that shape.

    Raises:
        ValueError: a bad shape, or more nonzeros than entries.
    """
    _check(shape)
    _check_nonzeros("nonzeros", nonzeros, math.prod(shape))
    return _spikes(shape, nonzeros, _generator(seed, row))


def coefficients(shape: tuple[int, ...], complex_valued: bool, seed: int, row: int) -> NDArray[np.inexact[Any]]:
    """Normal numbers of mean square 1 / n, n of them; complex ones have independent parts of half that each.

    Args:
        shape: extents of one row.
        complex_valued: whether they are complex.
        seed: a non-negative integer.
        row: number of the row, from 0.

    Returns:
        float64 or complex128 array of that shape.

    Raises:
        ValueError: a bad shape.
    """
    _check(shape)
    generator, scale = _generator(seed, row), math.prod(shape) ** -0.5
    real: Array = generator.standard_normal(shape) * scale
    if not complex_valued:
        return real
    both: NDArray[np.complex128] = (real + 1j * scale * generator.standard_normal(shape)) / 2**0.5
    return both


def smooth(shape: tuple[int, ...], width: float, seed: int, row: int) -> Array:
    """A smooth random signal: white Gaussian noise filtered by a Gaussian, then scaled to `max |x| = 1`.

    The noise is drawn beyond the borders by the filter's reach (4 widths) and cut afterwards, so the signal is
    stationary: not periodic, and no different near the border.

    Args:
        shape: extents of one signal.
        width: standard deviation of the filter in samples, along every axis; 0 leaves the noise white.
        seed: a non-negative integer.
        row: number of the row, from 0.

    Returns:
        float64 array of that shape.

    Raises:
        ValueError: a bad shape or width, or more noise than 2^30 samples.
    """
    _check(shape)
    if not 0.0 <= width < math.inf:
        raise ValueError(f"width must be a finite number of samples, at least 0, not {width}")
    reach = math.ceil(4.0 * width)
    inner = tuple(slice(reach, reach + n) for n in shape)
    drawn = [n + 2 * reach for n in shape]
    if math.prod(drawn) > _MAX_NOISE:
        raise ValueError(f"a blur of width {width:g} needs noise of {math.prod(drawn):.2g} samples, too many to draw")
    noise = _generator(seed, row).standard_normal(drawn)
    signal = gaussian_filter(noise, width, radius=reach)[inner] if reach else noise
    scaled: Array = signal / np.abs(signal).max()
    return scaled


def cosines_and_spikes(n: int, cosines: int, spikes: int, seed: int, row: int) -> dict[str, Array]:
    """Coefficients of a signal `x = C^T c + s` with few cosines c and few spikes s, C the orthonormal DCT-II.

    Places are uniform without repetition and values standard normal, in c and in s.

    Args:
        n: length of the signal.
        cosines: number of nonzero entries of c, 0 to n.
        spikes: number of nonzero entries of s, 0 to n.
        seed: a non-negative integer.
        row: number of the row, from 0.

    Returns:
        {"cosines": c, "spikes": s}, float64 arrays [n].

    Raises:
        ValueError: a bad length, or more nonzeros than entries.
    """
    _check((n,))
    _check_nonzeros("cosines", cosines, n)
    _check_nonzeros("spikes", spikes, n)
    rng = _generator(seed, row)
    return {"cosines": _spikes((n,), cosines, rng), "spikes": _spikes((n,), spikes, rng)}


def _generator(seed: int, row: int) -> np.random.Generator:
    return np.random.default_rng([seed, row])


def _spikes(shape: tuple[int, ...], nonzeros: int, rng: np.random.Generator) -> Array:
    signal = np.zeros(math.prod(shape))
    places = rng.choice(signal.size, nonzeros, replace=False)
    signal[places] = rng.standard_normal(nonzeros)
    return signal.reshape(shape)


def _check(shape: tuple[int, ...]) -> None:
    if not shape or any(n < 1 for n in shape):
        raise ValueError(f"a signal has positive extents, not {shape}")


def _check_nonzeros(name: str, nonzeros: int, entries: int) -> None:
    if not 0 <= nonzeros <= entries:
        raise ValueError(f"{name} must be 0 to {entries}, the number of entries, not {nonzeros}")
