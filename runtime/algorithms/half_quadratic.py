"""Half-quadratic splitting: z_j in the place of K_j x, held to it by a quadratic penalty.

    z_j <- prox_{g_j / rho_j}(K_j x),   x <- argmin_x f(x) + sum_j rho_j / 2 |K_j x - z_j|^2,

with f the sum of the quadratic terms and rho_j = rho / |K_j|^2. For constant rho this is descent by turns on

    f(x) + sum_j g_j(z_j) + rho_j / 2 |K_j x - z_j|^2,

so that x minimises f plus the Moreau envelopes of the g_j: the penalised problem, not the one with g_j(K_j x). The two
come together as rho grows, and it grows along a schedule, since small rho move fast and large ones are near.

Geman, Yang 1995; Wang, Yang, Yin, Zhang 2008.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..problem import Problem
from .admm import Split, as_written
from .base import Algorithm, Knobs, Step
from .normal import Normal
from .rows import add_, norm_rows, ratio
from .schedules import Numbers
from .smooth import Smooth, is_quadratic, norm_squared

START, STOP = 0.1, 1e3
"""What rho goes from and to where it is chosen, relative to the largest curvature of f."""


@dataclass(frozen=True)
class Halved:
    """The estimate, and its relative move in the last iteration: infinite while rho still changes."""

    x: Tensor
    move: Tensor
    copies: list[Tensor] = field(default_factory=list)
    """The z_j, where they are needed."""


class HalfQuadratic(Algorithm[Halved]):
    """Half-quadratic splitting; every term that is not quadratic needs a proximal map.

    `rho` gives the penalty of iteration k = 1, 2, ... relative to one that is `unit`.
    """

    name = "hqs"

    def __init__(self, problem: Problem, rho: Numbers, iterations: int, unit: float, why: str) -> None:
        self.problem, self.rho, self.iterations, self.unit, self.why = problem, rho, iterations, unit, why
        self.smooth = Smooth(problem, [t for t in problem.terms if is_quadratic(t)])
        self.splits: list[Split] = [as_written(t) for t in problem.terms if not is_quadratic(t)]
        operators = [t.operator for t in self.smooth.terms] + [s.operator for s in self.splits]
        self.normal = Normal(operators, problem.space, problem.real, problem.device)
        self._rhs = self.smooth.rhs

    def init(self) -> Halved:
        x = self.problem.initial()
        return Halved(x, torch.full((self.problem.rows,), torch.inf, device=x.device))

    def knobs(self, iteration: int) -> Knobs:
        settled = self.rho(iteration) == self.rho(iteration + 1) == self.rho(self.iterations)
        return {"rho": self.unit * self.rho(iteration), "settled": float(settled)}

    def step(self, state: Halved, knobs: Knobs) -> Halved:
        rho = float(knobs["rho"])
        rhs = self._rhs.clone()
        for s in self.splits:
            z = s.prox(s.operator.forward(state.x).clone(), 1 / (rho * s.share))
            add_(rhs, s.operator.adjoint(z), rho * s.share)
        x = self._solved(rho, rhs, state.x)
        if not knobs["settled"]:
            return Halved(x, state.move)
        return Halved(x, ratio(norm_rows(x - state.x), norm_rows(x)))

    def _solved(self, rho: float, rhs: Tensor, start: Tensor) -> Tensor:
        """The x-update."""
        weights = [*self.smooth.weights, *(rho * s.share for s in self.splits)]
        if self.normal.basis is None:
            return self.normal.iterate(weights, rhs, start)
        return self.normal.divide(self.normal.inverse(weights), rhs)

    def estimate(self, state: Halved) -> Tensor:
        return state.x

    def residual(self, state: Halved) -> Tensor:
        """The move in ten iterations like the last one."""
        return 10 * state.move

    def steady(self, state: Halved) -> bool:
        return False

    def choices(self) -> list[Step]:
        how = "closed form" if self.normal.basis is not None else "conjugate gradients"
        return [Step("rho", self.unit * self.rho(1), f"{self.why}; x-update by {how}")]


def curvature_of(problem: Problem) -> float:
    """The largest curvature of the quadratic terms, the natural unit of rho; one where there are none."""
    smooth = Smooth(problem, [t for t in problem.terms if is_quadratic(t)])
    pairs = zip(smooth.weights, smooth.terms, strict=True)
    total = sum(float(torch.as_tensor(w).max()) * norm_squared(t) for w, t in pairs)
    return total if total > 0 else 1.0
