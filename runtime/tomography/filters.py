"""Ramp filters, the views' shares of a turn, and filtered back-projection of parallel-beam data.

A. C. Kak, M. Slaney, "Principles of Computerized Tomographic Imaging", IEEE Press 1988, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .parallel import ParallelBeam, interpolate_views

FilterName = Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"]


def filtered_backprojection(sinogram: Tensor, geometry: ParallelBeam, filter: FilterName = "ramp") -> Tensor:
    """The image whose line integrals are `sinogram`: real or complex [..., V, D] to [..., H, W].

        x(r) = sum over views v of delta_v * (h * y_v)(s_v(r)),

    h the ramp filter times the window named by `filter`, s_v(r) the place on the detector that pixel r projects to,
    with linear interpolation, and delta_v the view's share of the half circle, see `view_weights`. With `sinogram`
    in value times length the result is in values, for any pitch, voxel, offset and order of the views; views beyond
    half a turn repeat earlier ones and share their weight. The filter is a convolution without wrap-around; it is
    exact if the object's shadow fits on the detector. The result has no autograd history.

    Raises ValueError for another shape or an unknown filter, TypeError for a dtype but float32, float64, complex64,
    complex128.
    """
    require_data(sinogram, geometry.measured)
    response = ramp_response(geometry.detectors, geometry.pitch, filter)
    return interpolate_views(convolve(sinogram.detach(), response), geometry, view_weights(geometry.angles))


def require_data(sinogram: Tensor, measured: tuple[int, ...]) -> None:
    """Raises ValueError for another shape than [..., *measured], TypeError for integers."""
    if tuple(sinogram.shape[-len(measured) :]) != measured:
        raise ValueError(f"expected data of shape [..., {', '.join(map(str, measured))}], not {tuple(sinogram.shape)}")
    if not (sinogram.is_floating_point() or sinogram.is_complex()):
        raise TypeError(f"expected float32, float64, complex64 or complex128, not {sinogram.dtype}")


def ramp_response(
    detectors: int, pitch: float, filter: FilterName = "ramp", bend: float = 0.0
) -> npt.NDArray[np.float64]:
    """Frequency response, in 1/length, of the windowed ramp at the n frequencies of `numpy.fft.rfftfreq`.

    The padded length N is the power of two from 2 * detectors on (at least 64), n = N/2 + 1; float64 [n]. The ramp
    is the transform of pitch * h, the band-limited kernel sampled at the detectors (Kak and Slaney, eq. (3.61)):

        h[0] = 1 / (4 pitch^2),   h[k] = -1 / (pi k pitch)^2 for odd k,   h[k] = 0 for even k.

    On an arc whose neighbouring detectors lie `bend` radians apart, h[k] is multiplied by (k bend / sin(k bend))^2
    (section 3.4.1). Sampling |f| itself would lose the mean of the image. The windows, at the frequency f in cycles
    per detector (|f| <= 1/2): "shepp-logan" sin(pi f)/(pi f), "cosine" cos(pi f), "hamming" 0.54 + 0.46 cos(2 pi f),
    "hann" 0.5 + 0.5 cos(2 pi f); "ramp" has none. Raises ValueError for another name.
    """
    size = max(64, 2 ** math.ceil(math.log2(2 * detectors)))
    lag = np.minimum(np.arange(size), size - np.arange(size))
    kernel = np.zeros(size)
    kernel[lag % 2 == 1] = -1 / (np.pi * lag[lag % 2 == 1]) ** 2
    kernel[0] = 0.25
    if bend:
        reach = (lag > 0) & (lag < detectors)  # beyond, it never meets data
        kernel[reach] *= (lag[reach] * bend / np.sin(lag[reach] * bend)) ** 2
    frequency = np.fft.rfftfreq(size)
    if filter == "ramp":
        window = np.ones_like(frequency)
    elif filter == "shepp-logan":
        window = np.sinc(frequency)
    elif filter == "cosine":
        window = np.cos(np.pi * frequency)
    elif filter == "hamming":
        window = 0.54 + 0.46 * np.cos(2 * np.pi * frequency)
    elif filter == "hann":
        window = 0.5 + 0.5 * np.cos(2 * np.pi * frequency)
    else:
        raise ValueError(f"unknown filter {filter!r}: one of {', '.join(get_args(FilterName))}")
    response: npt.NDArray[np.float64] = np.fft.rfft(kernel).real * window / pitch
    return response


def view_weights(angles: Sequence[float] | Tensor) -> npt.NDArray[np.float64]:
    """The share delta_v, in radians, of each view in the integral over half a turn: float64 [V]; see `shares`.

    Views half a turn apart see the same lines, so angles count modulo pi.
    """
    return shares(angles, np.pi)[0]


def shares(
    angles: Sequence[float] | Tensor, period: float
) -> tuple[npt.NDArray[np.float64], tuple[float, float] | None]:
    """The share of each view in the integral over one period, and the arc (start, length) that was measured.

    Each view takes half of the gap to either neighbour; views at the same place divide their share. The shares add up
    to the period: V even views over one or two periods have period / V each. Where one gap is more than twice as wide
    as the next, it is taken as not measured (limited angle): the two views at its ends then count it as wide as their
    gap on the other side. The arc is None where there is no such gap.
    """
    places = np.mod(np.asarray(angles, dtype=np.float64), period)
    places[period - places < 1e-9] = 0.0
    order = np.argsort(places, kind="stable")
    fresh = np.diff(places[order], prepend=-1.0) > 1e-9
    group = np.empty(len(places), dtype=np.int64)
    group[order] = np.cumsum(fresh) - 1
    unique = places[order][fresh]
    if len(unique) == 1:
        return np.full(len(places), period / len(places)), None
    after = np.diff(unique, append=unique[0] + period)
    before = np.roll(after, 1)
    widest = int(np.argmax(after))
    arc = None
    if after[widest] > (2 + 1e-9) * np.max(np.delete(after, widest)):
        following = (widest + 1) % len(after)
        gap = after[widest]
        after[widest], before[following] = before[widest], after[following]
        start = unique[following] - 0.5 * before[following]
        arc = float(start), float(period - gap + 0.5 * (after[widest] + before[following]))
    return (0.5 * (before + after) / np.bincount(group))[group], arc


def convolve(sinogram: Tensor, response: npt.NDArray[np.float64]) -> Tensor:
    """Each row of detectors convolved with the filter of that response, without wrap-around."""
    if sinogram.is_complex():
        return torch.complex(convolve(sinogram.real, response), convolve(sinogram.imag, response))
    size = 2 * (len(response) - 1)
    spectrum = torch.fft.rfft(sinogram, n=size).mul_(sinogram.new_tensor(response))
    filtered: Tensor = torch.fft.irfft(spectrum, n=size)
    return filtered[..., : sinogram.shape[-1]]
