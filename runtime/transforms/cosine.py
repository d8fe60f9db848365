"""The orthonormal discrete cosine transform (DCT-II), of whole arrays and of blocks.

Along a line x of length N,

    c[k] = a_k sum_n x[n] cos(pi (2n + 1) k / (2N)),    a_0 = sqrt(1/N),  a_k = sqrt(2/N) for k > 0,

along every transformed axis: `scipy.fft.dctn(x, norm="ortho")`. The matrix is orthogonal, so the adjoint is the
inverse. Short lines are multiplied by that matrix; long ones go through a complex FFT of the same length (Makhoul 1980,
A fast cosine transform in one and two dimensions, IEEE Trans. ASSP 28).
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

_REAL = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.complex64: torch.float32,
    torch.complex128: torch.float64,
}
# Up to about this length the product with the matrix is the faster one on a CPU.
_DENSE = 160


def cosine_forward(x: Tensor, axes: int) -> Tensor:
    """The cosine coefficients of `x` over its last `axes` axes, of the same shape and dtype.

    `x` is float32, float64, complex64 or complex128; real and imaginary parts are transformed alike. Raises ValueError
    unless 1 <= axes <= x.ndim, TypeError for any other dtype.
    """
    _check(x, axes)
    for axis in range(x.ndim - axes, x.ndim):
        x = _along(x, axis, inverse=False)
    return x


def cosine_inverse(c: Tensor, axes: int) -> Tensor:
    """The array whose cosine coefficients are `c`: inverse and adjoint of `cosine_forward`, on the same terms."""
    _check(c, axes)
    for axis in range(c.ndim - axes, c.ndim):
        c = _along(c, axis, inverse=True)
    return c


def block_cosine_forward(x: Tensor, size: int) -> Tensor:
    """The cosine coefficients of each `size` x `size` block of the last two axes, every block in its own place.

    Shape and dtype are those of `x`; the axes before the last two are a batch. Raises ValueError unless `size` >= 1
    divides both of the last two sizes, TypeError for a dtype that `cosine_forward` refuses.
    """
    return _blocks(x, size, inverse=False)


def block_cosine_inverse(c: Tensor, size: int) -> Tensor:
    """The array whose block coefficients are `c`: inverse and adjoint of `block_cosine_forward`, on the same terms."""
    return _blocks(c, size, inverse=True)


def _check(x: Tensor, axes: int) -> None:
    if x.dtype not in _REAL:
        raise TypeError(f"the cosine transform takes float32, float64, complex64 and complex128, not {x.dtype}")
    if not 1 <= axes <= x.ndim:
        raise ValueError(f"the cosine transform cannot take the last {axes} axes of an array of {x.ndim}")


def _blocks(x: Tensor, size: int, inverse: bool) -> Tensor:
    _check(x, 2)
    if size < 1 or any(n % size for n in x.shape[-2:]):
        raise ValueError(f"blocks of {size} x {size} do not tile the sizes {tuple(x.shape[-2:])}")
    rows, columns = x.shape[-2] // size, x.shape[-1] // size
    blocks = _along(torch.unflatten(x, -1, (columns, size)), x.ndim, inverse).flatten(-2)
    return _along(torch.unflatten(blocks, -2, (rows, size)), x.ndim - 1, inverse).flatten(-3, -2)


def _along(x: Tensor, axis: int, inverse: bool) -> Tensor:
    size = x.shape[axis]
    if x.numel() == 0:
        return x.clone()
    if size > _DENSE:
        return _long_inverse(x, axis) if inverse else _long_forward(x, axis)
    matrix = _matrix(size, _REAL[x.dtype], x.device)
    if x.is_complex():
        # A product of real matrices on the pairs: a complex one would do twice the work.
        pairs = torch.view_as_real(x.resolve_conj())
        return torch.view_as_complex(_multiply(matrix.T if inverse else matrix, pairs, axis).contiguous())
    return _multiply(matrix.T if inverse else matrix, x, axis)


def _multiply(matrix: Tensor, x: Tensor, axis: int) -> Tensor:
    if axis == x.ndim - 1:
        return x @ matrix.T
    return torch.unflatten(matrix @ x.flatten(axis + 1), -1, x.shape[axis + 1 :])


def _long_forward(x: Tensor, axis: int) -> Tensor:
    """Even samples, then odd ones backwards, have the FFT V with c[k] = a_k Re(exp(-i pi k / 2N) V[k])."""
    if x.is_complex():
        return torch.complex(_long_forward(x.real, axis), _long_forward(x.imag, axis))
    size = x.shape[axis]
    order, _, twiddle = _tables(size, x.dtype, x.device)
    line = x.movedim(axis, -1).index_select(-1, order)
    spectrum = torch.fft.rfft(line) * twiddle[: size // 2 + 1]
    # V[N-k] is the conjugate of V[k], hence c[N-k] = -a_k Im(exp(-i pi k / 2N) V[k]).
    return torch.cat((spectrum.real, -spectrum.imag[..., 1 : (size + 1) // 2].flip(-1)), -1).movedim(-1, axis)


def _long_inverse(c: Tensor, axis: int) -> Tensor:
    if c.is_complex():
        return torch.complex(_long_inverse(c.real, axis), _long_inverse(c.imag, axis))
    size = c.shape[axis]
    _, place, twiddle = _tables(size, c.dtype, c.device)
    line = c.movedim(axis, -1)
    half = size // 2 + 1
    # c[N-k] for k = 0, ..., N/2, where c[N] counts as zero.
    mirrored = torch.cat((torch.zeros_like(line[..., :1]), line[..., size - half + 1 :].flip(-1)), -1)
    spectrum = torch.complex(line[..., :half].contiguous(), -mirrored) / twiddle[:half]
    samples: Tensor = torch.fft.irfft(spectrum, n=size)
    return samples.index_select(-1, place).movedim(-1, axis)


# Tensors made in inference mode could not take part in a later gradient, hence the mode is left to make them.


@functools.lru_cache(maxsize=64)
def _matrix(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        k = torch.arange(size, dtype=torch.float64)
        matrix = torch.cos(math.pi / (2 * size) * (k[:, None] * (2 * k + 1))) * math.sqrt(2 / size)
        matrix[0] = math.sqrt(1 / size)
        return matrix.to(device=device, dtype=dtype)


@functools.lru_cache(maxsize=64)
def _tables(size: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The order of the samples, its inverse, and a_k exp(-i pi k / 2N)."""
    with torch.inference_mode(False):
        n = torch.arange(size)
        order = torch.cat((n[::2], n[1::2].flip(0)))
        scale = torch.full((size,), math.sqrt(2 / size), dtype=torch.float64)
        scale[0] = math.sqrt(1 / size)
        twiddle = torch.polar(scale, -math.pi / (2 * size) * n.to(torch.float64))
        return order.to(device), torch.argsort(order).to(device), twiddle.to(device, dtype.to_complex())
