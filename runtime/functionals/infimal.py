"""Energies that are themselves a minimum over a hidden field."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import Operator, estimate_norm
from .base import Functional, per_row, square_rows

STEPS, STILL = 3000, 1e-7
"""Most steps of a search for the field, and the relative move between two looks at which it ends."""


class Infimal(Functional):
    """g(v) = min_w outer(v - w) + inner(E w): w takes up the part of v whose E w is cheap.

    Solvers find w together with the unknown, see `fields`. Of second-order total variation outer and inner are sums of
    lengths, v is a gradient and E its symmetrised derivative. Bredies, Kunisch, Pock 2010; Chambolle, Lions 1997.
    """

    def __init__(self, outer: Functional, inner: Functional, operator: Operator) -> None:
        self.outer, self.inner, self.operator = outer, inner, operator

    def value(self, v: Tensor) -> Tensor:
        """The minimum over w, found by primal-dual steps, and so from above.

        Steps of w go through the proximal map of the outer function, those of a dual variable p through that of the
        inner one's conjugate, with tau sigma |E|^2 = 1 and tau / sigma the quotient of the squared moves of w and p
        over the last span of iterations. Chambolle, Pock 2011, algorithm 1.
        """
        with torch.no_grad():
            norm = estimate_norm(self.operator) or 1.0
            w, p = v.clone(), torch.zeros_like(self.operator.forward(v))
            ahead, seen, span = w, (w, p), 10
            quotient = torch.ones(v.shape[0], dtype=torch.float64, device=v.device)
            for k in range(1, STEPS + 1):
                tau, sigma = quotient / norm, 1 / (quotient * norm)
                p = add(p, self.operator.forward(ahead), sigma)
                p = self.inner.conjugate_prox(p, sigma)
                new = v - self.outer.prox(v - add(w, self.operator.adjoint(p), -tau), tau)
                ahead, w = 2 * new - w, new
                if k == span:
                    moved, dual = (square_rows(a - b).sqrt() for a, b in zip((w, p), seen, strict=True))
                    if bool((moved <= STILL * square_rows(w).sqrt()).all()):
                        break
                    quotient = torch.where((moved > 0) & (dual > 0), moved / dual, quotient)
                    seen, span = (w, p), int(1.5 * span)
            return self.outer.value(v - w) + self.inner.value(self.operator.forward(w))


def add(v: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """v + factor * other, with one factor a row."""
    return v + per_row(factor, v) * other
