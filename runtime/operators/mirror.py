"""Images that go on beyond their edges as in a mirror, the edge pixel repeated: c b a | a b c | c b a."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Margins = Sequence[tuple[int, int]]


def mirror(x: Tensor, margins: Margins, dims: Sequence[int]) -> Tensor:
    """x with so many entries more in front and behind along each of `dims`. A margin may be wider than the image."""
    for d, (before, after) in zip(dims, margins, strict=True):
        for b, a in _steps(x.shape[d], before, after):
            n = x.shape[d]
            parts = [x.narrow(d, 0, b).flip(d), x, x.narrow(d, n - a, a).flip(d)]
            x = torch.cat([p for p in parts if p.shape[d]], d)
    return x


def fold(y: Tensor, margins: Margins, dims: Sequence[int]) -> Tensor:
    """The adjoint of `mirror` with the same margins: what stands beyond the edges is added to where it came from."""
    for d, (before, after) in reversed(list(zip(dims, margins, strict=True))):
        for b, a in reversed(_steps(y.shape[d] - before - after, before, after)):
            n = y.shape[d] - b - a
            x = y.narrow(d, b, n).clone()
            if b:
                x.narrow(d, 0, b).add_(y.narrow(d, 0, b).flip(d))
            if a:
                x.narrow(d, n - a, a).add_(y.narrow(d, b + n, a).flip(d))
            y = x
    return y


def _steps(n: int, before: int, after: int) -> list[tuple[int, int]]:
    """The margins in steps that are no wider than what is there: a mirrored image mirrors about its new edges too."""
    out = []
    while before or after:
        out.append((min(before, n), min(after, n)))
        before, after, n = before - out[-1][0], after - out[-1][1], n + sum(out[-1])
    return out
