"""How much farther apart a network takes two images: what it claims of itself can be refuted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEP = 1e-2
"""How far the second image is from the first, relative to its length."""


def steepness(network: nn.Module, image: Tensor, *levels: Tensor, steps: int = 20) -> float:
    """A lower bound of the network's Lipschitz constant: the largest |N(a) - N(b)| / |a - b| found for b near a.

    image: a, [n, channels, rows, cols]. levels: of the noise, [n], for a network that is told. The direction is that of
    a power iteration for the largest singular value of the Jacobian at a: v becomes J^T (N(a + t v) - N(a)) / t at
    length one. Whatever the direction, the quotient is a bound.
    """
    a = image.detach().clone().requires_grad_()
    with torch.enable_grad():
        answer = network(a, *levels)
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(a.shape, generator=generator).to(a)
    reach = STEP * max(float(a.detach().norm()), a.numel() ** 0.5 * STEP)
    found = 0.0
    for _ in range(steps):
        v = v / v.norm()
        with torch.no_grad():
            b = a + reach * v
            moved = network(b, *levels) - answer
            found = max(found, float(moved.norm() / (b - a).norm()))
        if not float(moved.norm()) > 0:
            break
        (v,) = torch.autograd.grad(answer, a, moved / moved.norm(), retain_graph=True)
        if not float(v.norm()) > 0:
            break
    return found
