"""Estimates matched to the truth up to what a measurement cannot tell: a global phase, a shift, a flip."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import torch
from torch import Tensor


def aligned(estimate: Tensor, truth: Tensor, symmetries: Collection[str]) -> Tensor:
    """The estimate under the symmetry that correlates best with the truth, row by row.

    "phase": times exp(i a) for a real a, which for two real tensors is a sign. "shift": moved circularly by whole
    entries. "flip": read backwards along each axis, and conjugated, if that correlates better. Shifts and flips are of
    the last two axes, of the one axis of signals. Fourier magnitudes alone cannot tell any of the three.

    What is compared is |<e, t>| with "phase" among the symmetries and Re <e, t> without; for a given norm of e, the
    largest of them has the least squared error. All shifts are tried at once, by a Fourier transform. In double
    precision; shapes [B, ...]. Returns the estimate's own numbers, moved, turned and flipped.

    Source: Fienup, Invariant error metrics for image reconstruction, Applied Optics 36, 1997.
    """
    if not symmetries or estimate.shape != truth.shape:
        return estimate
    return torch.stack([_row(e, t, symmetries) for e, t in zip(estimate, truth, strict=True)])


def _row(e: Tensor, t: Tensor, symmetries: Collection[str]) -> Tensor:
    axes = tuple(range(-min(e.ndim, 2), 0))
    candidates = [e]
    if "flip" in symmetries:
        flipped = torch.flip(e, axes)
        candidates.append(flipped.conj().resolve_conj() if e.is_complex() else flipped)
    found = [_best(c, t, axes, symmetries) for c in candidates]
    return max(found, key=lambda pair: pair[0])[1]


def _best(e: Tensor, t: Tensor, axes: tuple[int, ...], symmetries: Collection[str]) -> tuple[float, Tensor]:
    """How well e correlates with t under the best shift and phase, and e after them."""
    wide_e, wide_t = e.to(torch.complex128), t.to(torch.complex128)
    if "shift" in symmetries:
        product = torch.fft.fftn(wide_t, dim=axes) * torch.fft.fftn(wide_e, dim=axes).conj()
        over = cast(Tensor, torch.fft.ifftn(product, dim=axes))  # sum_n conj(e[n]) t[n + s] at shift s
        over = over.reshape(-1, *over.shape[-len(axes) :]).sum(0)
        score = over.abs() if "phase" in symmetries else over.real
        at = int(score.argmax())
        shift = [int(i) for i in torch.unravel_index(torch.tensor(at), score.shape)]
        e = torch.roll(e, shift, axes)
        inner = over.flatten()[at]
    else:
        inner = torch.vdot(wide_e.flatten(), wide_t.flatten())
    if "phase" not in symmetries:
        return float(inner.real), e
    size = inner.abs()
    turn = torch.where(size > 0, inner / torch.where(size > 0, size, 1), 1)
    if not (e.is_complex() or t.is_complex()):
        return float(size), e if float(inner.real) >= 0 else -e
    return float(size), (e.to(torch.promote_types(e.dtype, torch.complex64)) * turn.to(e.dtype.to_complex()))
