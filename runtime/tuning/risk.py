"""What rules measure of an estimate: how far the data are from it, against what the noise makes of that; Stein's risk.

With Gaussian noise the data term is sum_j w_j / 2 |K_j x - b_j|^2 with w_j = 1 / sigma_j^2, so that all that is here is
relative to the noise and lines of different noise add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..functionals.base import Scalar, dot_rows, square_rows, sum_rows
from ..functionals.counts import PoissonCounts, PoissonExponential
from ..functionals.quadratic import HalfSquare
from ..problem import Problem, Term

SHIFT = 0.1
"""Size of the shift along which the divergence is taken, in standard deviations of the noise."""
MOST_TERMS = 400
"""Counts that the expected deviance is summed over, for means up to a quarter of it."""


def misfit(problem: Problem, x: Tensor) -> tuple[float, float]:
    """The deviance of the data at x and what it is on average at the truth; of one row.

    For Gaussian noise w |K x - b|^2 and m, the number of real numbers measured. For counts y with means mu,
    2 sum(y log(y / mu) + mu - y), and the sum of what that is on average for Poisson counts of mean mu: one for large
    means, less for those below one. Bertero et al. 2010; Bevilacqua, Lanza, Pragliola, Sgallari 2021.
    """
    have = expected = 0.0
    for term in problem.data:
        g, v = term.functional, term.operator.forward(x)
        if isinstance(g, HalfSquare):
            have += 2 * float(g.value(v))
            expected += measured_numbers(term)
        elif isinstance(g, PoissonCounts | PoissonExponential):
            mean, y = g.mean(v).double().clamp(min=1e-12), g.target.double()
            inside = torch.ones_like(mean) if g.measured is None else g.measured.expand_as(mean).double()
            have += 2 * float((inside * (torch.xlogy(y, y / mean) + mean - y)).sum())
            expected += float((inside * _expected_deviance(mean)).sum())
        else:
            raise ValueError(f"the noise of `{term.label}` has no level to compare its residual with")
    return have, expected


def measured_numbers(term: Term) -> int:
    """How many real numbers one row of a data term holds; complex ones count twice, what is not measured not at all."""
    space = term.operator.codomain
    measured = term.operator.measured()
    count = int(space.count or 0) if measured is None else int(measured.expand(space.sizes).sum())
    return count * (2 if space.field == "complex" else 1)


@cache
def _table() -> tuple[Tensor, Tensor]:
    """log mu and E[2 (Y log(Y / mu) + mu - Y)] for Poisson counts Y of mean mu, by summation."""
    logs = torch.linspace(-9.0, float(np.log(MOST_TERMS / 4)), 400, dtype=torch.float64)
    mean, k = logs.exp()[:, None], torch.arange(MOST_TERMS, dtype=torch.float64)
    chance = (torch.xlogy(k, mean) - mean - torch.lgamma(k + 1)).exp()
    return logs, (chance * 2 * (torch.xlogy(k, k / mean) + mean - k)).sum(1)


def _expected_deviance(mean: Tensor) -> Tensor:
    """The table between its points, and 1 + 1 / (6 mu) above it."""
    logs, values = _table()
    at = np.interp(mean.log().flatten().numpy(force=True), logs.numpy(), values.numpy())
    inside = torch.as_tensor(at, device=mean.device).view_as(mean)
    return torch.where(mean > MOST_TERMS / 4, 1 + 1 / (6 * mean), inside)


@dataclass(frozen=True)
class Probe:
    """One random direction n_j for each data term, of one standard deviation in every real number measured."""

    directions: Sequence[Tensor]

    def beside(self, problem: Problem) -> Problem:
        """The problem of one row, with a second row beside it whose data are shifted along the direction."""
        directions = iter(self.directions)
        terms = []
        for term in problem.terms:
            g = term.functional
            if term.role == "data" and isinstance(g, HalfSquare) and g.target is not None:
                step = SHIFT * torch.as_tensor(g.weight, dtype=problem.real).reshape(-1)[0] ** -0.5
                both = torch.cat([g.target, g.target + step * next(directions)])
                term = replace(term, functional=HalfSquare(_both(g.weight), both))
            terms.append(term)
        start = None if problem.start is None else problem.start.expand(2, *problem.space.sizes).clone()
        return replace(problem, terms=terms, rows=2, start=start)

    def risk(self, problem: Problem, x: Tensor) -> float:
        """sum_j w_j |K_j x - b_j|^2 - m + 2 div, from the estimates x of the two rows of `beside`.

        On average over the noise it is sum_j w_j |K_j (x - truth)|^2. div is the trace of the derivative of K_j x by
        b_j, estimated by Re <n_j, K_j (x' - x)> over the shift. Stein 1981; Ramani, Blu, Unser 2008, theorem 2.
        """
        directions = iter(self.directions)
        total = 0.0
        for term in problem.data:
            g = term.functional
            assert isinstance(g, HalfSquare)
            assert g.target is not None
            v = term.operator.forward(x)
            weight = float(torch.as_tensor(g.weight).reshape(-1)[0])
            moved = float(dot_rows(next(directions), (v[1:] - v[:1]))) * weight**0.5 / SHIFT
            total += weight * float(square_rows((v - g.target)[:1])) - measured_numbers(term) + 2 * moved
        return total


def _both(weight: Scalar) -> Scalar:
    return weight.expand(2).contiguous() if isinstance(weight, Tensor) and weight.ndim == 1 else weight


def probe(problem: Problem) -> Probe:
    """Directions drawn from the problem's seed: the same for every row and every weight. Raises ValueError.

    Signs at random have the least variance among independent entries (Hutchinson 1990).
    """
    generator = torch.Generator().manual_seed(problem.seed)
    directions = []
    for term in problem.data:
        g = term.functional
        if not isinstance(g, HalfSquare) or g.target is None:
            raise ValueError(f"`sure` is an estimate for Gaussian noise on linear data, and `{term.label}` is not that")
        shape = (*g.target.shape, 2) if g.target.is_complex() else tuple(g.target.shape)
        signs = torch.randint(0, 2, shape, generator=generator).to(problem.real) * 2 - 1
        n = (torch.view_as_complex(signs) if g.target.is_complex() else signs).to(problem.device)
        measured = term.operator.measured()
        directions.append(n if measured is None else n * measured)
    return Probe(directions)


def fitted(problem: Problem) -> Tensor:
    """A first look at the unknown: the adjoint image of the data, scaled so that it fits them best; of one row."""
    total, against, square = problem.zeros(), 0.0, 0.0
    targets = [(t, t.functional.linearise()) for t in problem.data]  # type: ignore[attr-defined]
    for term, y in targets:
        total = total + term.operator.adjoint(y)
    for term, y in targets:
        v = term.operator.forward(total)
        against += float(dot_rows(v, y.expand_as(v)))
        square += float(square_rows(v))
    return total * (against / square if square > 0 else 1.0)


def numbers(v: Tensor) -> int:
    """How many real numbers a row of v holds."""
    return v[0].numel() * (2 if v.is_complex() else 1)


def log_sum(values: Sequence[float]) -> float:
    """The logarithm of a sum that may be zero."""
    return float(np.log(max(sum(values), 1e-300)))


__all__ = ["Probe", "fitted", "log_sum", "measured_numbers", "misfit", "numbers", "probe", "sum_rows"]
