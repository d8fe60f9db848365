"""The noise level estimated from the measurement itself, by robust statistics of what carries little signal."""

from __future__ import annotations

from functools import cache
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
PATCH = 7
"""The extent of the patches that are looked at: large enough for structure, small enough to be quiet."""
_WHOLE = 200
"""The fewest patches whose covariance of 49 entries is worth its eigenvalues."""
_PATCHES = 40_000
"""About as many patches are looked at, evenly spread over larger pictures."""
_CHANNELS = 8
"""Of more channels or frames than that only some are looked at, evenly spread."""
_ROUNDS = 10


def estimate_sigma(y: Tensor, space: Space, measured: Tensor | None = None) -> Tensor:
    """The standard deviation of each real number of y, for each row: shape [rows], in the real dtype of y.

    - Pictures: from the quietest patches, see `_quiet_patches`. On photographs with noise of 1% to 20% of their range
      the error is a few per cent, below a tenth even where half of the picture is textured. Where less than 200 whole
      patches are measured, and for real data with one picture axis, median |d| / 0.6745 of the finest details d of
      the Daubechies wavelet with two vanishing moments, at all shifts and without wrapping around, whose entries are
      all measured; of Haar's where those are fewer than 100. Sinograms: the same along the detector alone, since few
      views have little to do with each other.
    - Complex data: in k-space neighbours have nothing in common, so d are also the real and imaginary parts of the
      quarter of the measured entries farthest from the middle of the grid, where the highest frequencies are. What
      signal is left in d makes either number too large, so the smaller one is taken.

    Entries beyond the picture axes (coils, channels, frames) are taken together. Texture without quiet patches counts
    as noise. Raises ValueError where neighbours have no relation (as in compressed sensing) or too few are measured.

    Donoho, Johnstone 1994, section 4.2; Liu, Tanaka, Okutomi 2013; Chen, Zhu, Heng 2015.
    """
    axes = 0
    while axes < min(len(space.axes), 3) and space.axes[-1 - axes].name in PICTURE_AXES:
        axes += 1
    if axes == 0:
        raise ValueError(f"the noise level cannot be estimated from {space}: neighbouring entries are unrelated")
    grid = tuple(y.shape[-axes:])
    mask = torch.ones(y.shape[1:], dtype=torch.bool, device=y.device)
    mask = mask if measured is None else measured.expand(y.shape[1:])
    sinogram = space.axes[-1].name == "detector"
    if axes >= 2 and not y.is_complex() and not sinogram:
        quiet = _quiet_patches(y, mask)
        if quiet is not None:
            return quiet
    parts = torch.view_as_real(y).movedim(-1, 1) if y.is_complex() else y.unsqueeze(1)  # [rows, 1 or 2, ...]
    samples = [s for s in (_details(parts, mask, 1 if sinogram else min(axes, 2)),) if s is not None]
    if y.is_complex():
        outer = _farthest_quarter(mask, grid)
        samples.append(parts[:, :, outer].flatten(1))
    estimates = [s.abs().median(1).values / MAD for s in samples if s.shape[1] >= _FEWEST]
    if not estimates:
        raise ValueError(f"the noise level cannot be estimated from {space}: too few neighbouring entries are measured")
    return torch.stack(estimates).amin(0)


def _quiet_patches(y: Tensor, mask: Tensor) -> Tensor | None:
    """sigma of each row from patches that have no structure beyond noise; None with too few whole patches.

    The patches of each channel fall into four groups by their mean value. The square of the result is the median of
    the groups' levels, averaged over the channels: noise that grows with the signal counts where it is middling, and
    a part of the picture that is textured all over does not count.
    """
    n = PATCH
    if min(y.shape[-2:]) < n:
        return None
    flat = y.reshape(len(y), -1, *y.shape[-2:])
    whole = mask.expand(y.shape[1:]).reshape(-1, *y.shape[-2:])
    channels = range(0, flat.shape[1], -(-flat.shape[1] // _CHANNELS))
    stride = 1
    while flat[0, 0].numel() > stride * stride * _PATCHES:
        stride += 1
    complete = whole.unfold(-2, n, stride).unfold(-2, n, stride).flatten(-2).all(-1)
    if any(int(complete[c].sum()) < _WHOLE for c in channels):
        return None
    out = []
    for row in flat.double():
        levels = []
        for c in channels:
            patches = row[c].unfold(-2, n, stride).unfold(-2, n, stride)[complete[c]]
            order = patches.mean((1, 2)).argsort()
            groups = order.chunk(4 if len(order) >= 4 * _WHOLE else 1)
            found = sorted(_quiet_level(patches[g]) for g in groups)
            levels.append((found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2)
        out.append(max(sum(levels) / len(levels), 0.0) ** 0.5)
    return torch.tensor(out, dtype=y.dtype, device=y.device)


def _quiet_level(patches: Tensor) -> float:
    """The variance of noise in [number, n, n] patches, from the quiet ones among them.

    A patch is quiet where the sum of its squared differences of neighbours is below the 99% point of what noise of the
    level assumed so far has, from the gamma law of the same mean and variance. Of the covariance of the quiet patches
    the lowest eigenvalues belong to directions without structure: the largest set of them whose mean is their median
    gives the next level, until it settles. That begins with the lowest eigenvalue over all patches.
    """
    bound, kept = _noise_bound()
    rough = patches.diff(dim=1).square().sum((1, 2)) + patches.diff(dim=2).square().sum((1, 2))
    centred = patches.flatten(1) - patches.mean((1, 2)).unsqueeze(1)
    level = float(_spectrum(centred)[0])
    for _ in range(_ROUNDS):
        quiet = rough < bound * level
        if int(quiet.sum()) < _WHOLE:
            break
        before, level = level, _without_structure(_spectrum(centred[quiet])) / kept
        if abs(level - before) < 1e-3 * level:
            break
    return level


def _spectrum(centred: Tensor) -> Tensor:
    """Eigenvalues of the covariance of patches without their means, from the lowest, without that of the constants."""
    values: Tensor = torch.linalg.eigvalsh(centred.mT @ centred / len(centred))
    return values[1:]


def _without_structure(eigenvalues: Tensor) -> float:
    """The mean of the largest set of lowest eigenvalues whose mean is at most their median."""
    means = eigenvalues.cumsum(0) / torch.arange(1, len(eigenvalues) + 1, device=eigenvalues.device)
    for count in range(len(eigenvalues), 2, -1):
        lowest = eigenvalues[:count]
        middle = (lowest[(count - 1) // 2] + lowest[count // 2]) / 2
        if means[count - 1] <= middle:
            return float(means[count - 1])
    return float(means[1])


@cache
def _noise_bound() -> tuple[float, float]:
    """The 99% point of the sum of squared differences of a patch of unit noise, and the mean square that is left below.

    With D all differences of neighbours the sum is e^T D^T D e, of mean tr M and variance 2 tr M^2 for M = D^T D.
    """
    from scipy.special import gammainc, gammaincinv

    n = PATCH
    line = torch.diff(torch.eye(n, dtype=torch.float64), dim=0)
    second = line.mT @ line
    eye = torch.eye(n, dtype=torch.float64)
    m = torch.kron(second, eye) + torch.kron(eye, second)
    mean, spread = float(m.trace()), 2 * float(m.square().sum())
    shape, scale = mean * mean / spread, spread / mean
    point = float(gammaincinv(shape, 0.99))
    return point * scale, float(gammainc(shape + 1, point)) / 0.99


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
