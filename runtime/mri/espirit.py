"""ESPIRiT: sensitivity maps from a fully sampled centre of k-space (Uecker et al. 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK_NUMBERS = 2**22
"""How many entries of the matrices G(r) are held at once."""


class CalibrationError(ValueError):
    """The centre of k-space does not say what is needed. The message stands alone."""


def espirit(kspace: Tensor, calib: int, kernel: int, threshold: float, crop: float) -> Tensor:
    """Sensitivity maps of shape [C, *spatial] from centred k-space of the same shape, zero frequency at N // 2.

    1. Blocks of `kernel` samples along each axis, all coils together, from the central `calib` samples, are the rows of
       a matrix. Its right singular vectors above `threshold` times the largest singular value span what data of these
       coils look like; P is the projection on them.
    2. G_cd(r) = kernel^(-D) sum_{i, j} conj(P_{(c, i), (d, j)}) exp(2 pi i <i - j, r / N>): at each pixel the
       maps are its eigenvector to the eigenvalue one. What is summed depends on i - j alone, so that it is a Fourier
       sum of (2 kernel - 1)^D terms.
    3. The eigenvector to the largest eigenvalue, of unit norm, with the phase in which the first coil is real and not
       negative; zero where the eigenvalue is at most `crop`: outside the object.

    Raises CalibrationError where the centre is smaller than the kernel or holds nothing.
    """
    coils, spatial = kspace.shape[0], kspace.shape[1:]
    projection = _projection(_centre(kspace, calib).to(torch.complex128), kernel, threshold)
    terms = _by_difference(projection.conj(), coils, kernel, len(spatial)) / kernel ** len(spatial)
    maps = torch.empty_like(kspace.movedim(0, -1), memory_format=torch.contiguous_format)
    rows = max(1, BLOCK_NUMBERS // (coils**2 * math.prod(spatial[1:])))
    for start in range(0, spatial[0], rows):
        here = slice(start, min(start + rows, spatial[0]))
        maps[here] = _top_vectors(_evaluated(terms, spatial, here, kernel, kspace.dtype), crop)
    return maps.movedim(-1, 0).contiguous()


def _centre(kspace: Tensor, calib: int) -> Tensor:
    """The block around zero frequency, at most `calib` along each axis, in which every sample was measured.

    What is zero in all coils was not measured. One axis is made shorter where that is enough (lines), and the one that
    leaves most; else all of them are (points). Raises CalibrationError where nothing is left.
    """
    measured = (kspace != 0).any(0)
    widths = [min(calib, n) for n in measured.shape]
    while min(widths) > 0:
        whole = [w for w in _shortened(widths) if bool(_narrowed(measured, w, 0).all())]
        if whole:
            return _narrowed(kspace, max(whole, key=math.prod), 1)
        widths = [w - 1 for w in widths]
    raise CalibrationError("its centre was not measured")


def _shortened(widths: list[int]) -> list[list[int]]:
    """The widths with one of them made shorter, in all ways."""
    return [[*widths[:d], w, *widths[d + 1 :]] for d, most in enumerate(widths) for w in range(most, 0, -1)]


def _narrowed(x: Tensor, widths: list[int], first: int) -> Tensor:
    for d, width in enumerate(widths, first):
        x = x.narrow(d, x.shape[d] // 2 - width // 2, width)
    return x


def _projection(centre: Tensor, kernel: int, threshold: float) -> Tensor:
    """P = V V^H on the row space of the calibration matrix, as [n, n] with n = coils * kernel^D."""
    smallest = min(centre.shape[1:])
    if smallest < kernel:
        raise CalibrationError(
            f"its centre has {smallest} samples along an axis, fewer than the {kernel} of the kernel"
        )
    blocks = centre
    for d in range(1, centre.ndim):
        blocks = blocks.unfold(d, kernel, 1)
    blocks = blocks.movedim(0, centre.ndim - 1)  # [*places, C, *kernel]
    rows = blocks.reshape(math.prod(blocks.shape[: centre.ndim - 1]), -1)
    # The eigenvectors of the Gram matrix: in double precision the squares of singular values above 1e-6 are exact
    # enough, and the matrix has many more rows than columns.
    values, vectors = torch.linalg.eigh(rows.mH @ rows)
    if not values[-1] > 0:
        raise CalibrationError("its centre is zero")
    kept: Tensor = vectors[:, values > threshold**2 * values[-1]]
    return kept @ kept.mH


def _by_difference(matrix: Tensor, coils: int, kernel: int, dimensions: int) -> Tensor:
    """D_cd[delta] = sum over i - j = delta of matrix[(c, i), (d, j)], of shape [C, C, *(2 kernel - 1)]."""
    out = matrix.reshape(coils, *[kernel] * dimensions, coils, *[kernel] * dimensions)
    order = [0, dimensions + 1]  # coils first, then i and j of each axis side by side
    for d in range(1, dimensions + 1):
        order += [d, dimensions + 1 + d]
    out = out.permute(order)
    for _ in range(dimensions):  # the two indices of the first axis left become one difference at the end
        i, j, *rest = range(2, out.ndim)
        out = out.permute(0, 1, *rest, i, j)
        summed = [out.diagonal(-delta, -2, -1).sum(-1) for delta in range(1 - kernel, kernel)]  # i - j = delta
        out = torch.stack(summed, dim=-1)
    return out


def _evaluated(terms: Tensor, spatial: Sequence[int], here: slice, kernel: int, dtype: torch.dtype) -> Tensor:
    """G(r) for the rows `here` of the first spatial axis: [rows, *other extents, C, C]."""
    for d, n in enumerate(spatial):
        places = torch.arange(n, dtype=torch.float64, device=terms.device) - n // 2
        if d == 0:
            places = places[here]
        deltas = torch.arange(1 - kernel, kernel, dtype=torch.float64, device=terms.device)
        turns = deltas[:, None] * places * (2 * math.pi / n)
        waves = torch.polar(torch.ones_like(turns), turns)
        terms = (terms.movedim(2, -1).to(dtype) @ waves.to(dtype)) if d else terms.movedim(2, -1) @ waves
    return terms.movedim((0, 1), (-2, -1))


def _top_vectors(matrices: Tensor, crop: float) -> Tensor:
    """Eigenvectors to the largest eigenvalues of Hermitian matrices, first entry real; zero for values up to `crop`."""
    values, vectors = torch.linalg.eigh(matrices)
    top: Tensor = vectors[..., -1]
    first = top[..., :1]
    turned: Tensor = top * torch.where(
        first == 0, 1, first.conj() / first.abs().clamp(min=torch.finfo(first.real.dtype).tiny)
    )
    inside: Tensor = values[..., -1:] > crop
    return turned * inside
