"""Errors measured by the squared distance `|e - t|^2`, summed over all axes but the batch.

Real or complex tensors of any floating or integer type; the squares are accumulated in float64, so the device must
have it. NaN in a row gives NaN for that row. All measures are differentiable.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mse(estimate: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error, `|e - t|^2 / n` with n the number of entries of a row (a complex entry counts once).

    Args:
        estimate: real or complex tensor [B, ...].
        truth: tensor of the same shape.

    Returns:
        float64 tensor [B].

    Raises:
        ValueError: the shapes differ, or there is nothing to average.
    """
    check_pair(estimate, truth)
    return _energies(estimate, truth) / truth[0].numel()


def nmse(estimate: Tensor, truth: Tensor) -> Tensor:
    """Normalised squared error, `|e - t|^2 / |t|^2`; NaN, that is undefined, where the truth is zero.

    Args:
        estimate: real or complex tensor [B, ...].
        truth: tensor of the same shape.

    Returns:
        float64 tensor [B].

    Raises:
        ValueError: the shapes differ, or a row is empty.
    """
    check_pair(estimate, truth)
    size = _energies(truth)
    return _energies(estimate, truth) / torch.where(size > 0, size, torch.nan)


def nrmse(estimate: Tensor, truth: Tensor) -> Tensor:
    """Normalised root of the squared error, `|e - t| / |t|`: the square root of `nmse`, and NaN with it.

    Args:
        estimate: real or complex tensor [B, ...].
        truth: tensor of the same shape.

    Returns:
        float64 tensor [B].

    Raises:
        ValueError: the shapes differ, or a row is empty.
    """
    return nmse(estimate, truth).sqrt()


def psnr(estimate: Tensor, truth: Tensor, *, range: float | Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, `10 log10(range^2 / mse)`; inf where the two agree exactly.

    Undefined, which is NaN, where the range is zero, as that of a constant truth is.

    Args:
        estimate: real or complex tensor [B, ...].
        truth: tensor of the same shape.
        range: largest minus smallest value that the data may take (1 for pictures in 0..1); one number, or [B].

    Returns:
        float64 tensor [B].

    Raises:
        ValueError: the shapes differ, a row is empty, or a range is negative.
    """
    peak = checked_range(range, truth)
    return 10.0 * torch.log10(peak.square() / mse(estimate, truth))


def check_pair(estimate: Tensor, truth: Tensor) -> None:
    """Raise ValueError unless both have one shape [B, ...] whose rows are not empty."""
    if estimate.shape != truth.shape:
        raise ValueError(f"estimate and truth differ in shape: {list(estimate.shape)} and {list(truth.shape)}")
    if truth.ndim == 0:
        raise ValueError("a measure needs a batch axis first; this is a single number")
    if 0 in truth.shape:
        raise ValueError(f"there is nothing to measure in shape {list(truth.shape)}")


def checked_range(range: float | Tensor, truth: Tensor) -> Tensor:
    """The data range as a float64 tensor [] or [B] on truth's device, NaN where it is zero: nothing is measured
    on a scale of no length. Raises ValueError where one is negative, or their number is not that of the rows."""
    peak = torch.as_tensor(range, dtype=torch.float64, device=truth.device)
    if peak.ndim > 0 and peak.shape != truth.shape[:1]:
        raise ValueError(f"range must be one number or one a row, [{truth.shape[0]}], not {list(peak.shape)}")
    if bool((peak < 0).any()):
        raise ValueError("the data range must not be negative: the largest minus the smallest value the data may take")
    return torch.where(peak > 0, peak, torch.nan)


def _energies(a: Tensor, b: Tensor | None = None) -> Tensor:
    """`|a - b|^2` (or `|a|^2`) of each row, float64 [B]; one row at a time, so that temporaries stay small."""
    rows = []
    for k, row in enumerate(a):
        value = _floating(row)
        if b is not None:
            value = value - _floating(b[k])
        flat = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
        rows.append(torch.linalg.vector_norm(flat, dtype=torch.float64).square())
    return torch.stack(rows)


def _floating(x: Tensor) -> Tensor:
    # Half precision and integers would lose the difference; in float32 it is right to one rounding.
    if x.dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128):
        return x
    return x.to(torch.complex64 if x.is_complex() else torch.float64)
