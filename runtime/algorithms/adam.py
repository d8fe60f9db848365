"""Adam, with projections onto sets. Kingma, Ba 2015; Heckel 2024, 3.8 (with the paper's bias correction)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..problem import Problem
from .base import Algorithm, Knobs

EPSILON = 1e-12
"""Keeps a step finite where all gradients so far were zero; gradients in nats are far larger."""


@dataclass(frozen=True)
class Moments:
    """The estimate, the running mean of its gradient and of the squared modulus, and the number of steps."""

    x: Tensor
    mean: Tensor
    square: Tensor
    steps: int


class Adam(Algorithm[Moments]):
    """x <- P(x - lr m / (sqrt(v) + eps)) with the bias-corrected moments m of g and v of |g|^2, entry by entry.

    g is the gradient of all terms that are no sets; P projects onto the sets one after the other.
    """

    name = "adam"

    def __init__(self, problem: Problem, lr: float, momentum: float, decay: float) -> None:
        self.problem, self.lr, self.momentum, self.decay = problem, lr, momentum, decay
        self.terms = [t for t in problem.terms if not t.functional.constraint]
        self.sets = [t.functional for t in problem.terms if t.functional.constraint]

    def init(self) -> Moments:
        x = self.problem.initial()
        return Moments(x, torch.zeros_like(x), torch.zeros_like(x.real if x.is_complex() else x), 0)

    def step(self, state: Moments, knobs: Knobs) -> Moments:
        x, k = state.x, state.steps + 1
        gradient = torch.zeros_like(x)
        for term in self.terms:
            gradient = gradient + term.grad(x)
        power = torch.view_as_real(gradient).square().sum(-1) if x.is_complex() else gradient.square()
        mean = self.momentum * state.mean + (1 - self.momentum) * gradient
        square = self.decay * state.square + (1 - self.decay) * power
        size = (square / (1 - self.decay**k)).sqrt() + EPSILON
        x = x - self.lr * (mean / (1 - self.momentum**k)) / size
        for constraint in self.sets:
            x = constraint.prox(x, 1.0)
        return Moments(x, mean, square, k)

    def estimate(self, state: Moments) -> Tensor:
        return state.x
