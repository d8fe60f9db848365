"""Conjugate gradients as an algorithm: quadratic problems. Hestenes, Stiefel 1952; Heckel 2024, 3.1."""

from __future__ import annotations

from torch import Tensor

from ..problem import Problem
from .base import Algorithm, Knobs
from .conjugate import CgState, cg_start, cg_step
from .rows import at_rows, norm_rows, on_tensor, root, times, where
from .smooth import Smooth


class ConjugateGradients(Algorithm[CgState]):
    """The normal equations sum_j w_j K_j^H K_j x = sum_j w_j K_j^H b_j of a quadratic problem.

    From zero it converges to the solution of least norm where there are many. The tolerance is that of the relative
    residual of the normal equations.
    """

    name = "cg"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.smooth = Smooth(problem, problem.terms)
        # Solved for a right-hand side of size one, whatever the weights are: squares of residuals stay in range.
        size = at_rows(norm_rows(self.smooth.rhs), self.smooth.rhs, problem.real)
        self._size = where(size > 0, size, 1.0)
        self._rhs = times(1 / self._size, self.smooth.rhs)

    def init(self) -> CgState:
        return cg_start(self.smooth.normal, self._rhs, times(1 / self._size, self.problem.initial()))

    def step(self, state: CgState, knobs: Knobs) -> CgState:
        return cg_step(self.smooth.normal, state)

    def estimate(self, state: CgState) -> Tensor:
        return times(self._size, state.x)

    def residual(self, state: CgState) -> Tensor:
        return on_tensor(root(state.square), state.x)
