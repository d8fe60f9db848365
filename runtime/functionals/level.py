"""The noise level estimated from the measurement itself, by robust statistics of what carries little signal."""

from __future__ import annotations

from math import sqrt

import torch
from recon.dsl.model.space import Space
from torch import Tensor

MAD = 0.6744897501960817
"""The median of |N(0, 1)|."""

PICTURE_AXES = ("z", "row", "col", "sample", "view", "detector")
"""Axes along which neighbouring entries belong together."""

_ROOT3 = sqrt(3.0)
_DB2 = tuple(c / (4 * sqrt(2.0)) for c in (_ROOT3 - 1, 3 - _ROOT3, -3 - _ROOT3, 1 + _ROOT3))
_HAAR = (sqrt(0.5), -sqrt(0.5))
_FEWEST = 100
"""A median of fewer numbers than this is off by more than about a tenth."""


def estimate_sigma(y: Tensor, space: Space, measured: Tensor | None = None) -> Tensor:
    """The standard deviation of each real number of y, for each row: shape [rows], in the real dtype of y.

    The rule: median |d| / 0.6745 of numbers d that are nearly all noise.

    - Real data: d are the finest diagonal details of the Daubechies wavelet with two vanishing moments along the last
      two picture axes (rows, columns, z, samples, views, detectors; one axis if there is only one), at all shifts and
      without wrapping around, whose 4 x 4 entries are all measured. Where those are fewer than 100, the 2 x 2
      differences of Haar.
    - Complex data: in k-space neighbours have nothing in common, so d are also the real and imaginary parts of the
      quarter of the measured entries farthest from the middle of the grid, where the highest frequencies are. What
      signal is left in d makes either number too large, so the smaller one is taken.

    Entries beyond the picture axes (coils, channels, frames) are taken together. Fine texture counts as noise: the
    number is an upper bound in the mean. Raises ValueError where neighbours have no relation (as in compressed sensing)
    or too few are measured.

    Donoho, Johnstone 1994, section 4.2.
    """
    axes = 0
    while axes < min(len(space.axes), 3) and space.axes[-1 - axes].name in PICTURE_AXES:
        axes += 1
    if axes == 0:
        raise ValueError(f"the noise level cannot be estimated from {space}: neighbouring entries are unrelated")
    grid = tuple(y.shape[-axes:])
    mask = torch.ones(y.shape[1:], dtype=torch.bool, device=y.device)
    mask = mask if measured is None else measured.expand(y.shape[1:])
    parts = torch.view_as_real(y).movedim(-1, 1) if y.is_complex() else y.unsqueeze(1)  # [rows, 1 or 2, ...]
    samples = [s for s in (_details(parts, mask, min(axes, 2)),) if s is not None]
    if y.is_complex():
        outer = _farthest_quarter(mask, grid)
        samples.append(parts[:, :, outer].flatten(1))
    estimates = [s.abs().median(1).values / MAD for s in samples if s.shape[1] >= _FEWEST]
    if not estimates:
        raise ValueError(f"the noise level cannot be estimated from {space}: too few neighbouring entries are measured")
    return torch.stack(estimates).amin(0)


def _details(parts: Tensor, mask: Tensor, axes: int) -> Tensor | None:
    """The finest diagonal details whose entries are all measured, [rows, number], with the longest filter that fits."""
    for taps in (_DB2, _HAAR):
        if any(n < len(taps) for n in mask.shape[-axes:]):
            continue
        complete = mask
        detail = parts
        for axis in range(-axes, 0):
            complete = complete.unfold(axis, len(taps), 1).all(-1)
            count = detail.shape[axis] - len(taps) + 1
            detail = sum(
                (c * detail.narrow(axis, i, count) for i, c in enumerate(taps)), torch.zeros((), dtype=parts.dtype)
            )
        if int(complete.sum()) >= _FEWEST or taps is _HAAR:
            return detail[:, :, complete].flatten(1)
    return None


def _farthest_quarter(mask: Tensor, grid: tuple[int, ...]) -> Tensor:
    """The measured entries whose distance from the grid's middle, in units of its extents, is in the top fourth."""
    distance = torch.zeros(grid, dtype=torch.float64, device=mask.device)
    for axis, n in enumerate(grid):
        position = (torch.arange(n, dtype=torch.float64, device=mask.device) - n // 2) / n
        distance = distance + position.square().view(-1, *([1] * (len(grid) - axis - 1)))
    distance = distance.expand(mask.shape)
    inside = distance[mask]
    if inside.numel() == 0:
        return mask
    return mask & (distance >= inside.sort().values[(3 * inside.numel()) // 4])
