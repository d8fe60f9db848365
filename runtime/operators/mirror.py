"""Images that go on beyond their edges as in a mirror, the edge pixel repeated: c b a | a b c | c b a."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

Margins = Sequence[tuple[int, int]]


def mirror(x: Tensor, margins: Margins, dims: Sequence[int], lengths: Sequence[int] | None = None) -> Tensor:
    """x with so many entries more in front and behind along each of `dims`, and zeros behind those up to `lengths`.

    A margin may be wider than the image, which then repeats, mirrored each time. Differentiable.
    """
    wide = [x.shape[d] + sum(m) for d, m in zip(dims, margins, strict=True)]
    shape = list(x.shape)
    for d, n in zip(dims, lengths or wide, strict=True):
        shape[d] = n
    out = x.new_zeros(shape) if lengths and list(lengths) != wide else x.new_empty(shape)
    inner = out
    for d, (before, _) in zip(dims, margins, strict=True):
        inner = inner.narrow(d, before, x.shape[d])
    inner.copy_(x)
    # One axis after the other is filled: those before it as wide as they will be, those after it as they are in x.
    for i, d in enumerate(dims):
        part = out
        for j, e in enumerate(dims):
            if j != i:
                part = part.narrow(e, 0, wide[j]) if j < i else part.narrow(e, margins[j][0], x.shape[e])
        start, n = margins[i][0], x.shape[d]
        for b, a in _steps(n, *margins[i]):
            part.narrow(d, start - b, b).copy_(part.narrow(d, start, b).flip(d))
            part.narrow(d, start + n, a).copy_(part.narrow(d, start + n - a, a).flip(d))
            start, n = start - b, n + b + a
    return out


def fold_(y: Tensor, margins: Margins, dims: Sequence[int]) -> Tensor:
    """The adjoint of `mirror`: what stands beyond the edges is added, in y itself, to where it came from.

    Returns the view of y that is left.
    """
    for d, (before, after) in reversed(list(zip(dims, margins, strict=True))):
        for b, a in reversed(_steps(y.shape[d] - before - after, before, after)):
            n = y.shape[d] - b - a
            x = y.narrow(d, b, n)
            x.narrow(d, 0, b).add_(y.narrow(d, 0, b).flip(d))
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
