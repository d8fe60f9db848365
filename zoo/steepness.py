"""How much farther apart a map of images takes two of them: what it claims of itself can be refuted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STEP = 1e-2
"""How far the second image is from the first, relative to its length."""


def steepness(function: Callable[[Tensor], Tensor], image: Tensor, steps: int = 20) -> float:
    """A lower bound of the Lipschitz constant of D: the largest |D(a) - D(b)| / |a - b| found for b near a.

    function: D, of real or complex images. image: a, [n, ...], all of it one point. The direction is that of a power
    iteration for the largest singular value of the Jacobian at a: v becomes J^H (D(a + t v) - D(a)) / t at length one;
    where D has no gradient it is drawn anew in each step. Whatever the direction, the quotient is a bound.
    """
    a = image.detach().clone().requires_grad_()
    with torch.enable_grad():
        answer = function(a)
    generator = torch.Generator().manual_seed(0)
    v = _drawn(a, generator)
    reach = STEP * max(float(a.detach().norm()), a.numel() ** 0.5 * STEP)
    found = 0.0
    for _ in range(steps):
        v = v / v.norm()
        with torch.no_grad():
            b = a + reach * v
            moved = function(b) - answer
            found = max(found, float(moved.norm() / (b - a).norm()))
        if not answer.requires_grad:
            v = _drawn(a, generator)
            continue
        if not float(moved.norm()) > 0:
            break
        (v,) = torch.autograd.grad(answer, a, moved / moved.norm(), retain_graph=True)
        if not float(v.norm()) > 0:
            break
    return found


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    wide = torch.complex128 if like.is_complex() else torch.float64
    return torch.randn(like.shape, generator=generator, dtype=wide).to(like)
