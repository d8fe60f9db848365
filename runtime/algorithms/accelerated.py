"""Accelerated proximal gradient steps: Nesterov's method, and FISTA with restart.

    x_{k+1} = prox_{t g}(z_k - t grad f(z_k)),   z_{k+1} = x_{k+1} + beta_k (x_{k+1} - x_k),
    theta_{k+1} = (1 - q theta_k^2 + sqrt((1 - q theta_k^2)^2 + 4 theta_k^2)) / 2,   q = t mu,
    beta_k = (theta_k - 1) / theta_{k+1} * (1 - q theta_{k+1}) / (1 - q),

for a mu-strongly convex f; with mu = 0, theta_k = (k + 1) / 2 and beta_k = (k - 1) / (k + 2). The error falls like
min(4 / (k + 1)^2, (1 - sqrt(q))^k). Where (z_k - x_{k+1}) . (x_{k+1} - x_k) > 0 the momentum points uphill and theta
starts again from one, row by row.

Nesterov 1983; Beck, Teboulle 2009; O'Donoghue, Candes 2015, eq. (13); Chambolle, Dossal 2015, eq. (8);
Chambolle, Pock 2016, algorithm 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar, largest, smallest
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .gradient import GROWTH, forward_backward, safe
from .proximal import prox_of
from .rows import at_rows, momentum_, root, where
from .smooth import Smooth, describe, is_smooth


@dataclass(frozen=True)
class Momentum:
    """The estimate x, the extrapolated point z, theta of each row, and the step size."""

    x: Tensor
    z: Tensor
    theta: Scalar
    step: Scalar


class Accelerated(Algorithm[Momentum]):
    """Accelerated proximal gradient descent; without rough terms it is Nesterov's method. Converges for t <= 1 / L.

    With `search` steps are found by backtracking, from one that is known at the start; they only become shorter, and
    longer again with a restart.
    """

    def __init__(self, problem: Problem, name: str, step: float | None, restart: bool, search: bool = False) -> None:
        self.name, self.problem, self.restart = name, problem, restart
        self.smooth = Smooth(problem, [t for t in problem.terms if is_smooth(t)])
        self.prox = prox_of([t for t in problem.terms if not is_smooth(t)])
        self.search = search or self.smooth.local
        self.given = step
        self.mu: Scalar = 0.0
        self.bound: Scalar | None = None
        if search:
            self.size: Scalar = self.smooth.cauchy_step(problem.initial())
            self.why = "|g|^2 / <g, H g> at the start"
        else:
            curvature = self.smooth.curvature()
            self.bound = 1 / safe(curvature.upper)
            self.size = self.bound if step is None else step
            self.mu, self.why = curvature.lower, f"1 / L, L: {curvature.why}"
        self.strong = smallest(self.mu) > 0

    def init(self) -> Momentum:
        x = self.problem.initial()
        step = self.size
        if self.search:
            step = torch.as_tensor(step, dtype=self.problem.real, device=x.device).expand(self.problem.rows)
        dtype = torch.float64 if self.strong else self.problem.real
        return Momentum(x, x.clone(), at_rows(1.0, x, dtype), step)

    def step(self, state: Momentum, knobs: Knobs) -> Momentum:
        x, size = forward_backward(self.smooth, self.prox, state.z, state.step, self.search)
        after, beta = self._schedule(state.theta, size)
        z, uphill = momentum_(x, state.x, state.z, beta, self.restart)
        if self.restart:
            after = where(uphill, 1.0, after)
            if self.search and isinstance(size, Tensor) and self.given is None:
                size = where(uphill, size * GROWTH**4, size)
        return Momentum(x, z, after, size)

    def _schedule(self, theta: Scalar, size: Scalar) -> tuple[Scalar, Scalar]:
        """The next theta, and beta."""
        if not self.strong:
            after = theta + 0.5
            return after, (theta - 1) / after
        square = theta * theta
        q = self.mu * size if not isinstance(size, Tensor) else size.double() * self.mu
        q = q.double().clamp_max(0.999) if isinstance(q, Tensor) else min(q, 0.999)
        lead = 1 - q * square
        after = (lead + root(lead * lead + 4 * square)) / 2
        return after, (theta - 1) / after * (1 - q * after) / (1 - q)

    def estimate(self, state: Momentum) -> Tensor:
        return state.x

    def choices(self) -> list[Step]:
        why = "given" if self.given is not None else self.why
        if self.search:
            why += "; then by backtracking"
        found = [Step(*describe("step", self.size, why, self.bound))]
        if self.strong:
            found.append(
                Step(
                    "mu",
                    largest(self.mu),
                    f"strong convexity of the smooth terms: {self.why.removeprefix('1 / L, L: ')}",
                )
            )
        return found
