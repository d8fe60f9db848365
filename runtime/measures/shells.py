"""Fourier shell correlation: how far two volumes agree at each resolution.

G. Harauz, M. van Heel, "Exact filters for general geometry three dimensional reconstruction", Optik 73, 1986;
P. B. Rosenthal, R. Henderson, J. Mol. Biol. 333, 2003, on thresholds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import check_pair


def shell_correlation(estimate: Tensor, truth: Tensor, dimensions: int) -> Tensor:
    """FSC(s) = Re sum e^ conj(t^) / sqrt(sum |e^|^2 sum |t^|^2) over the frequencies of shell s = 0 .. N // 2.

    e^ and t^ are discrete Fourier transforms over the last `dimensions` axes; shell s holds the frequencies k (cycles a
    voxel) with round(N |k|) = s, N the largest extent, and all axes between batch and volume. A shell in which one of
    the two is zero has correlation 0. Computed in float64.

    Args:
        estimate: real or complex [B, ..., *volume].
        truth: of the same shape.
        dimensions: number of the volume's axes, 1 to 3.

    Returns:
        float64 [B, N // 2 + 1].

    Raises:
        ValueError: the shapes differ, or there are fewer axes than `dimensions` behind the batch.
    """
    check_pair(estimate, truth)
    if not 1 <= dimensions < truth.ndim:
        raise ValueError(f"a correlation over {dimensions} axes needs a batch of them, not shape {list(truth.shape)}")
    sizes = truth.shape[-dimensions:]
    largest = max(sizes)
    square = torch.zeros(sizes, dtype=torch.float64, device=truth.device)
    for axis, n in enumerate(sizes):
        k = torch.fft.fftfreq(n, dtype=torch.float64, device=truth.device)
        square += k.square().reshape(-1, *[1] * (dimensions - axis - 1))
    shell = torch.round(square.sqrt() * largest).long()
    shell = torch.where(shell <= largest // 2, shell, largest // 2 + 1).flatten()  # the corners share one at the end
    rows = []
    for e, t in zip(estimate, truth, strict=True):
        spectra = [torch.fft.fftn(v.to(torch.complex128), dim=tuple(range(-dimensions, 0))) for v in (e, t)]
        a, b = (s.reshape(-1, shell.numel()) for s in spectra)
        cross, own, other = (
            torch.zeros(largest // 2 + 2, dtype=torch.float64, device=truth.device).index_add_(0, shell, v.sum(0))
            for v in ((a * b.conj()).real, a.abs().square(), b.abs().square())
        )
        scale = (own * other).sqrt()
        rows.append(torch.where(scale > 0, cross / torch.where(scale > 0, scale, 1), 0)[:-1])
    return torch.stack(rows)


def mean_correlation(estimate: Tensor, truth: Tensor, dimensions: int) -> Tensor:
    """The mean of the shells 1 .. N // 2, each counted once: float64 [B]. Raises as `shell_correlation` does."""
    return shell_correlation(estimate, truth, dimensions)[:, 1:].mean(1)


def resolution(estimate: Tensor, truth: Tensor, dimensions: int, threshold: float) -> Tensor:
    """The wavelength in voxels at which the correlation first falls below `threshold`: float64 [B].

    Correlations between shells are interpolated linearly, and that of shell 0 is taken to be 1. Where it never falls
    below, that is the smallest wavelength, N / (N // 2). Raises as `shell_correlation` does.
    """
    curve = shell_correlation(estimate, truth, dimensions)
    curve[:, 0] = 1.0
    largest = max(truth.shape[-dimensions:])
    out = []
    for c in curve:
        below = torch.nonzero(c < threshold)
        if len(below) == 0:
            out.append(largest / (len(c) - 1))
            continue
        s = int(below[0])
        before, after = float(c[s - 1]), float(c[s])
        out.append(largest / (s - 1 + (before - threshold) / (before - after)))
    return torch.tensor(out, dtype=torch.float64, device=truth.device)
