"""The periodised orthonormal wavelet transform in one, two and three dimensions, and soft thresholding in its domain.

One level takes a line x of even length N to N/2 low-pass and N/2 high-pass coefficients,

    low[k] = sum_n h[n] x[(2k + 1 - F/2 + n) mod N],    high[k] = sum_n g[n] x[(2k + 1 - F/2 + n) mod N],

along each transformed axis; the next level continues on the all-low-pass corner. The coefficients fill an array of the
shape of x in Mallat's layout, the coarsest approximation in the low corner: those of
`pywt.coeffs_to_array(pywt.wavedecn(x, name, "periodization", levels))`. The matrix of the transform is orthogonal for
every size that 2^levels divides, also where the filter is longer than the line and wraps around more than once, so the
adjoint is the inverse. Source: Mallat, A Wavelet Tour of Signal Processing, 3rd ed., sections 7.3, 7.5 and 7.7.

Tensors on the CPU that record no gradient go through the compiled kernel where there is one, all others through
products with banded matrices in torch; both give the same numbers up to rounding. The kernel works under vmap, jvp and
tracing no more than any foreign function does: there, switch it off with RECON_NATIVE=0.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..native import native
from .filters import Wavelet, analysis_band, analysis_matrix, synthesis_band

_KERNELS = {torch.float32: "f32", torch.float64: "f64", torch.complex64: "f32", torch.complex128: "f64"}
_REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}
# Lines up to this length are transformed by their whole matrix, longer ones in blocks of this many coefficients: the
# fastest pair for db4 at 512 x 512 among blocks of 8 to 64. A GPU is quicker with few large products.
_DENSE, _DENSE_ELSEWHERE = 128, 1024
_BLOCK = 16
# A second thread pays from about this many numbers on.
_NUMBERS_PER_THREAD = 1 << 14
_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = (_POINTER, _POINTER, *(_INTEGER,) * 7, ctypes.POINTER(ctypes.c_double), _INTEGER, _INTEGER)


def wavelet_forward(x: Tensor, filters: Wavelet, levels: int, axes: int) -> Tensor:
    """The wavelet coefficients of `x` over its last `axes` (1, 2 or 3) axes; the axes before them are a batch.

    `x` is float32, float64, complex64 or complex128, and so is the result, of the same shape. `levels` may be 0.
    Raises ValueError if `axes` or `levels` is out of range, `x` has fewer axes, or 2^levels does not divide a size;
    TypeError for any other dtype.
    """
    _check(x, levels, axes)
    if _runs_native(x):
        return _call("forward", x, filters, levels, axes)
    return _as_real(x, axes, lambda real: _forward(real, filters, levels))


def wavelet_inverse(c: Tensor, filters: Wavelet, levels: int, axes: int) -> Tensor:
    """The array whose wavelet coefficients are `c`: inverse and adjoint of `wavelet_forward`, on the same terms."""
    _check(c, levels, axes)
    if _runs_native(c):
        return _call("inverse", c, filters, levels, axes)
    return _as_real(c, axes, lambda real: _inverse(real, filters, levels))


def wavelet_soft_threshold(
    x: Tensor, filters: Wavelet, levels: int, axes: int, threshold: Tensor | float, keep_coarse: bool
) -> Tensor:
    """W^H soft(W x, t): the proximal map of t ||W x||_1, with W the transform of `wavelet_forward`.

    soft(c, t) = c max(0, 1 - t/|c|), with the modulus of a complex coefficient. `threshold` is t >= 0, one number or a
    real tensor that broadcasts to the batch `x.shape[:-axes]`, one value for each of its entries, in the units of x.
    With `keep_coarse` the coarsest approximation band is not penalised. NaN in x stays NaN. Raises as
    `wavelet_forward` does, and ValueError for a threshold that is negative, NaN, or does not broadcast to the batch;
    the values of a threshold that is not on the CPU are not looked at.
    """
    _check(x, levels, axes)
    batch = x.shape[: x.ndim - axes]
    t = torch.as_tensor(threshold, dtype=_REAL.get(x.dtype, x.dtype), device=x.device)
    if t.device.type == "cpu" and not bool((t >= 0).all()):
        raise ValueError("a threshold must be a number that is not negative")
    try:
        t = t.expand(batch)
    except RuntimeError as problem:
        raise ValueError(f"thresholds of shape {tuple(t.shape)} do not fit the batch {tuple(batch)}") from problem
    if _runs_native(x) and _runs_native(t):
        return _call("shrink", x, filters, levels, axes, t, keep_coarse)
    c = wavelet_forward(x, filters, levels, axes)
    shrunk = soft_threshold(c, t.reshape(*batch, *(1,) * axes))
    if keep_coarse:
        shrunk = torch.where(_coarsest(tuple(x.shape[x.ndim - axes :]), levels, c.device), c, shrunk)
    return wavelet_inverse(shrunk, filters, levels, axes)


def soft_threshold(c: Tensor, t: Tensor) -> Tensor:
    """c max(0, 1 - t/|c|), elementwise, for a real `t` >= 0 that broadcasts to `c`; NaN in c stays NaN."""
    if not c.is_complex():
        return c - torch.minimum(torch.maximum(c, -t), t)
    modulus = c.abs()
    small = modulus <= t
    return c * torch.where(small, 0, 1 - t / torch.where(small, 1, modulus))


def _check(x: Tensor, levels: int, axes: int) -> None:
    if x.dtype not in _KERNELS:
        raise TypeError(f"the wavelet transform takes float32, float64, complex64 and complex128, not {x.dtype}")
    if axes not in (1, 2, 3) or x.ndim < axes:
        raise ValueError(f"the wavelet transform takes the last 1, 2 or 3 axes, not {axes} of an array of {x.ndim}")
    if levels < 0:
        raise ValueError(f"the number of levels must not be negative, not {levels}")
    sizes = tuple(x.shape[x.ndim - axes :])
    if any(size % 2**levels for size in sizes):
        raise ValueError(f"{levels} wavelet levels need sizes that {2**levels} divides, not {sizes}")


# The compiled kernel.


def _runs_native(x: Tensor) -> bool:
    recording = x.requires_grad and torch.is_grad_enabled()
    return x.device.type == "cpu" and not recording and not torch.compiler.is_compiling() and native() is not None


def _call(
    task: str,
    x: Tensor,
    filters: Wavelet,
    levels: int,
    axes: int,
    thresholds: Tensor | None = None,
    keep_coarse: bool = False,
) -> Tensor:
    kernels = native()
    assert kernels is not None
    # The kernel reads the memory itself, so pending conjugations and signs must be carried out first.
    x = x.detach().resolve_conj().resolve_neg().contiguous()
    y = torch.empty_like(x)
    if x.numel() == 0:
        return y
    sizes = (1,) * (3 - axes) + tuple(x.shape[x.ndim - axes :])
    threads = max(1, min(torch.get_num_threads(), x.numel() // _NUMBERS_PER_THREAD))
    shape = (x.numel() // math.prod(sizes), *sizes, 2 if x.is_complex() else 1, axes, levels)
    arguments = (x.data_ptr(), y.data_ptr(), *shape, _c_taps(filters), filters.length, threads)
    name = f"wavelet_{task}_{_KERNELS[x.dtype]}"
    if thresholds is None:
        kernels.function(name, _ARGUMENTS)(*arguments)
    else:
        thresholds = thresholds.detach().resolve_neg().contiguous()
        kernels.function(name, (*_ARGUMENTS, _POINTER, _INTEGER))(*arguments, thresholds.data_ptr(), int(keep_coarse))
    return y


@functools.cache
def _c_taps(filters: Wavelet) -> ctypes.Array[ctypes.c_double]:
    return (ctypes.c_double * filters.length)(*filters.taps)


# The same in torch. Real tensors of shape (outer, sizes...), whose last axes are transformed.


def _as_real(x: Tensor, axes: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Run `work` on x as one real batch; real and imaginary parts are two entries of it."""
    sizes = x.shape[x.ndim - axes :]
    if not x.is_complex():
        return work(x.reshape(-1, *sizes)).reshape(x.shape) if x.numel() else torch.empty_like(x)
    parts = torch.view_as_real(x.resolve_conj()).movedim(-1, 0)
    return torch.view_as_complex(_as_real(parts, axes, work).movedim(0, -1).contiguous())


def _forward(x: Tensor, filters: Wavelet, levels: int) -> Tensor:
    if levels == 0:
        return x.clone()
    c = x
    for axis in range(x.ndim - 1, 0, -1):
        c = _analyse(c, axis, filters)
    if levels == 1:
        return c
    return _with_corner(c, _forward(_corner(c), filters, levels - 1))


def _inverse(c: Tensor, filters: Wavelet, levels: int) -> Tensor:
    if levels == 0:
        return c.clone()
    x = c if levels == 1 else _with_corner(c, _inverse(_corner(c), filters, levels - 1))
    for axis in range(1, x.ndim):
        x = _synthesise(x, axis, filters)
    return x


def _corner(c: Tensor) -> Tensor:
    return c[(slice(None), *(slice(size // 2) for size in c.shape[1:]))]


def _with_corner(c: Tensor, corner: Tensor) -> Tensor:
    result = c.clone()
    _corner(result).copy_(corner)
    return result


def _analyse(x: Tensor, axis: int, filters: Wavelet) -> Tensor:
    """One level along `axis`: low-pass half, then high-pass half."""
    size = x.shape[axis]
    if _whole(size, x):
        return _multiply(_matrix(filters, size, x.dtype, x.device), x, axis)
    blocks = -(-size // (2 * _BLOCK))
    before, width = filters.length // 2 - 1, 2 * _BLOCK + filters.length - 2
    padded = _wrapped(x, axis, before, 2 * _BLOCK * (blocks - 1) + width - before - size)
    windows = padded.unfold(axis, width, 2 * _BLOCK)  # (..., block, ..., sample)
    band = _band(analysis_band, filters, x.dtype, x.device).reshape(2 * _BLOCK, width)
    y = torch.unflatten(_filter(band, windows, axis), axis + 1, (2, _BLOCK)).transpose(axis, axis + 1)
    y = y.flatten(axis + 1, axis + 2)  # (..., low or high, coefficient, ...)
    return y.narrow(axis + 1, 0, size // 2).flatten(axis, axis + 1)


def _synthesise(c: Tensor, axis: int, filters: Wavelet) -> Tensor:
    """The transpose of `_analyse`."""
    size = c.shape[axis]
    if _whole(size, c):
        return _multiply(_matrix(filters, size, c.dtype, c.device).T, c, axis)
    blocks = -(-size // (2 * _BLOCK))
    before, width = filters.length // 4, _BLOCK + filters.length // 2
    after = _BLOCK * (blocks - 1) + width - before - size // 2
    band = _band(synthesis_band, filters, c.dtype, c.device)
    low, high = (
        _filter(band[i], _wrapped(half, axis, before, after).unfold(axis, width, _BLOCK), axis)
        for i, half in enumerate(c.chunk(2, axis))
    )
    return (low + high).flatten(axis, axis + 1).narrow(axis, 0, size)


def _whole(size: int, like: Tensor) -> bool:
    """Whether lines of this length are transformed by one matrix."""
    return size <= (_DENSE if like.device.type == "cpu" else _DENSE_ELSEWHERE)


def _multiply(matrix: Tensor, x: Tensor, axis: int) -> Tensor:
    """The product of `matrix` with every line of `x` along `axis`."""
    if axis == x.ndim - 1:
        return x @ matrix.T
    return torch.unflatten(matrix @ x.flatten(axis + 1), axis + 1, x.shape[axis + 1 :])


def _filter(band: Tensor, windows: Tensor, axis: int) -> Tensor:
    """Multiply each window, (..., block, ..., sample), by `band`: (..., block, output, ...)."""
    if axis == windows.ndim - 2:
        # Blocks first: each is then a plain strided matrix that the product reads in place.
        y = windows.flatten(0, axis - 1).transpose(0, 1) @ band.T
        return torch.unflatten(y.transpose(0, 1), 0, windows.shape[:axis])
    rest = windows.shape[axis + 1 : -1]
    y = band @ windows.flatten(axis + 1, -2).transpose(-1, -2)
    return torch.unflatten(y, -1, rest)


def _wrapped(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    size = x.shape[axis]
    return torch.cat((x.narrow(axis, size - before, before), x, x.narrow(axis, 0, after)), axis)


# Tensors made in inference mode could not take part in a later gradient, hence the mode is left to make them.


@functools.lru_cache(maxsize=16)
def _coarsest(sizes: tuple[int, ...], levels: int, device: torch.device) -> Tensor:
    """Where the coarsest approximation is, of arrays of these sizes."""
    with torch.inference_mode(False):
        out = torch.zeros(sizes, dtype=torch.bool, device=device)
        out[tuple(slice(size >> levels) for size in sizes)] = True
        return out


@functools.lru_cache(maxsize=256)
def _matrix(filters: Wavelet, size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.as_tensor(analysis_matrix(filters, size), dtype=dtype, device=device)


@functools.lru_cache(maxsize=256)
def _band(make: Callable[[Wavelet, int], object], filters: Wavelet, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.as_tensor(make(filters, _BLOCK), dtype=dtype, device=device)
