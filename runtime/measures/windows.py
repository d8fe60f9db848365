"""Local means under sliding windows, and images halved: what similarity and fidelity are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

# Entries looked at together: temporaries of 256 KiB in float64 stay in a core's cache, which is worth a factor of two.
CHUNK = 2**15


def window(width: int, sigma: float, kind: Literal["gaussian", "uniform"] = "gaussian") -> list[float]:
    """One axis of a window that sums to 1: `exp(-k^2 / (2 sigma^2))` at distance k from its middle, or all the same."""
    offsets = torch.arange(width, dtype=torch.float64) - width // 2
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) if kind == "gaussian" else torch.ones_like(offsets)
    values: list[float] = (weights / weights.sum()).tolist()
    return values


def local_mean(images: Tensor, weights: list[float]) -> Tensor:
    """Means under the window at all places where it fits: [P, *image] to [P, *(image - width + 1)]."""
    # Sums of shifted copies: torch's float64 convolution would unfold the image into `window` copies at once.
    for axis in range(1, images.ndim):
        places = images.shape[axis] - len(weights) + 1
        total = weights[0] * images.narrow(axis, 0, places)
        for k, weight in enumerate(weights[1:], start=1):
            total.add_(images.narrow(axis, k, places), alpha=weight)
        images = total
    return images


def summed(maps: Callable[[Tensor, Tensor, slice], Tensor], e: Tensor, t: Tensor, lost: int) -> Tensor:
    """Maps of two stacks of images, added up over each image, a bounded number of entries at a time.

    Args:
        maps: of float64 [p, ...] pieces of the two and which images they are of; [k, p], summed over the piece.
        e, t: [P, *image].
        lost: by how much a map is shorter than the image, along each axis.

    Returns:
        float64 [k, P].
    """
    places = e.shape[1] - lost
    images, rows = max(1, CHUNK // e[0].numel()), max(1, CHUNK // e[0, 0].numel())
    out = []
    for first in range(0, e.shape[0], images):
        some = slice(first, first + images)
        slabs = []
        for start in range(0, places, rows):
            length = min(rows, places - start) + lost
            piece = [v[some].narrow(1, start, length).to(torch.float64) for v in (e, t)]
            slabs.append(maps(piece[0], piece[1], some))
        out.append(torch.stack(slabs).sum(0))
    return torch.cat(out, 1)


def mirrored(images: Tensor, by: int) -> Tensor:
    """[P, *image] continued by so many entries on each side, mirrored about its first and last entry."""
    for axis in range(1, images.ndim):
        n = images.shape[axis]
        places = torch.arange(-by, n + by, device=images.device).abs()
        images = images.index_select(axis, (n - 1) - ((n - 1) - places).abs())
    return images


def halved(images: Tensor) -> Tensor:
    """[P, *image] with half as many entries along each axis, the means of neighbours; an odd last one stands alone."""
    for axis in range(1, images.ndim):
        n = images.shape[axis]
        if n % 2:
            images = torch.cat([images, images.narrow(axis, n - 1, 1)], axis)
        first, second = (images.narrow(axis, k, images.shape[axis] - 1) for k in (0, 1))
        images = ((first + second) / 2).index_select(axis, torch.arange(0, first.shape[axis], 2, device=images.device))
    return images
