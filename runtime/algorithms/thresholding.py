"""Iterative hard thresholding and CoSaMP, row by row, for  min F(z) with at most k entries of z not zero.

H_k keeps the k entries with the largest moduli, g = c - N z is minus the gradient of F. Both need N alone.

Blumensath, Davies 2008; Blumensath, Davies 2010; Needell, Tropp 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .coefficients import Coefficients
from .conjugate import conjugate_gradients
from .rows import add, inner_rows, ratio
from .smooth import describe

SLACK, SHRINK = 0.01, 2.0
"""c and kappa of the normalised method: a step that changes the support is at most (1 - c) |d|^2 / <d, N d> for the
move d, and is divided by kappa (1 - c) until it is."""
INNER = 50
"""Most steps of conjugate gradients in one least-squares problem of CoSaMP."""


@dataclass(frozen=True)
class Thresholded:
    """z, its support (booleans), and g = c - N z."""

    z: Tensor
    support: Tensor
    slope: Tensor


class HardThresholding(Algorithm[Thresholded]):
    """z <- H_k(z + t g); with `step` None the normalised method, whose objective falls in every step.

    The normalised step is t = |g_S|^2 / <g_S, N g_S>, S the support of z. Where the support changes with it and
    t > (1 - c) |d|^2 / <d, N d>, d the move, t is shortened until neither is so. A given step is one of the problem's
    objective, with its weights. Blumensath, Davies 2010, algorithm 1.
    """

    name = "iht"

    def __init__(self, problem: Problem, step: float | None) -> None:
        self.problem, self.given = problem, step
        self.coefficients = Coefficients(problem)
        self.size: Scalar | None = None if step is None else step * self.coefficients.weight

    def init(self) -> Thresholded:
        c = self.coefficients
        z = c.analyse(self.problem.initial())
        z = torch.where(c.keep(z.abs()), z, 0)
        slope = c.residual(z)
        empty = (z == 0).all(1, keepdim=True)
        return Thresholded(z, torch.where(empty, c.keep(slope.abs()), z != 0), slope)

    def step(self, state: Thresholded, knobs: Knobs) -> Thresholded:
        if self.size is not None:
            return self._moved(state, torch.as_tensor(self.size, device=state.z.device).expand(self.problem.rows))
        g = state.slope * state.support
        step = ratio(inner_rows(g, g), inner_rows(g, self.coefficients.normal(g)))
        while True:
            after = self._moved(state, step)
            move = after.z - state.z
            most = (1 - SLACK) * inner_rows(move, move)
            curved = inner_rows(move, state.slope - after.slope)
            changed = (after.support != state.support).any(1)
            long = changed & (step * curved > most)
            if not bool(long.any()):
                return after
            step = torch.where(long, step / (SHRINK * (1 - SLACK)), step)

    def _moved(self, state: Thresholded, step: Tensor) -> Thresholded:
        z = add(state.z, state.slope, step)
        support = self.coefficients.keep(z.abs())
        z = torch.where(support, z, 0)
        return Thresholded(z, support, self.coefficients.residual(z))

    def estimate(self, state: Thresholded) -> Tensor:
        return self.coefficients.synthesise(state.z)

    def choices(self) -> list[Step]:
        if self.given is None:
            return []
        upper = self.coefficients.smooth.curvature().upper
        bound = 1 / torch.as_tensor(upper * self.coefficients.weight, dtype=torch.float64)
        return [Step(*describe("step", self.given, "given", bound))]


class Cosamp(Algorithm[Tensor]):
    """T = supp_2k(g) joined with supp(z); b minimises F over T; z <- H_k(b). The state is z.

    Least squares are solved by conjugate gradients from z, to rounding or for `INNER` steps. Needell, Tropp 2009,
    algorithm 1.
    """

    name = "cosamp"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.coefficients = Coefficients(problem)

    def init(self) -> Tensor:
        z = self.coefficients.analyse(self.problem.initial())
        return torch.where(self.coefficients.keep(z.abs()), z, 0)

    def step(self, state: Tensor, knobs: Knobs) -> Tensor:
        c, z = self.coefficients, state
        b = self._fitted(c.keep(c.residual(z).abs(), 2) | (z != 0), z)
        return torch.where(c.keep(b.abs()), b, 0)

    def estimate(self, state: Tensor) -> Tensor:
        """Least squares on the support: z itself comes from one over up to 3k columns, which amplifies noise more."""
        return self.coefficients.synthesise(self._fitted(state != 0, state))

    def _fitted(self, support: Tensor, z: Tensor) -> Tensor:
        """The minimiser of F with this support."""
        c = self.coefficients
        tolerance = 10 * torch.finfo(self.problem.real).eps
        return conjugate_gradients(lambda v: c.normal(v) * support, c.rhs * support, z, INNER, tolerance)
