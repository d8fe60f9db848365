"""Steps that each entry scales by its past gradients: AdaGrad and Adam, with projections onto sets.

Of complex numbers the modulus of the gradient counts, so that a common phase of data and start is one of all iterates;
torch's optimizers scale real and imaginary part apart.

Duchi, Hazan, Singer 2011; Kingma, Ba 2015; Heckel 2024, 3.7, 3.8 (with Adam's bias correction as in the paper).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..problem import Problem
from .base import Algorithm, Knobs

EPSILON = 1e-12
"""Keeps a step finite where all gradients so far were zero; gradients in nats are far larger."""


class Slopes:
    """The gradient of all terms that are no sets, and the projection onto the sets, one after the other."""

    def __init__(self, problem: Problem) -> None:
        self.terms = [t for t in problem.terms if not t.functional.constraint]
        self.sets = [t.functional for t in problem.terms if t.functional.constraint]

    def gradient(self, x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for term in self.terms:
            total = total + term.grad(x)
        return total

    def project(self, x: Tensor) -> Tensor:
        for constraint in self.sets:
            x = constraint.prox(x, 1.0)
        return x


def power(gradient: Tensor) -> Tensor:
    """|g|^2, entry by entry."""
    return torch.view_as_real(gradient).square().sum(-1) if gradient.is_complex() else gradient.square()


@dataclass(frozen=True)
class Moments:
    """The estimate, the running mean of its gradient and of the squared modulus, and the number of steps."""

    x: Tensor
    mean: Tensor
    square: Tensor
    steps: int


class Adam(Algorithm[Moments]):
    """x <- P(x - lr m / (sqrt(v) + eps)) with the bias-corrected moments m of g and v of |g|^2, entry by entry."""

    name = "adam"

    def __init__(self, problem: Problem, lr: float, momentum: float, decay: float) -> None:
        self.problem, self.lr, self.momentum, self.decay = problem, lr, momentum, decay
        self.slopes = Slopes(problem)

    def init(self) -> Moments:
        x = self.problem.initial()
        return Moments(x, torch.zeros_like(x), torch.zeros_like(x.real if x.is_complex() else x), 0)

    def step(self, state: Moments, knobs: Knobs) -> Moments:
        k, gradient = state.steps + 1, self.slopes.gradient(state.x)
        mean = self.momentum * state.mean + (1 - self.momentum) * gradient
        square = self.decay * state.square + (1 - self.decay) * power(gradient)
        size = (square / (1 - self.decay**k)).sqrt() + EPSILON
        x = state.x - self.lr * (mean / (1 - self.momentum**k)) / size
        return Moments(self.slopes.project(x), mean, square, k)

    def estimate(self, state: Moments) -> Tensor:
        return state.x


@dataclass(frozen=True)
class Accumulated:
    """The estimate, and the sum of |g|^2 over all steps so far."""

    x: Tensor
    square: Tensor


class AdaGrad(Algorithm[Accumulated]):
    """x <- P(x - lr g / (sqrt(h) + eps)) with h the sum of |g|^2 over all steps, entry by entry.

    On a diagonal least-squares problem an entry's course does not depend on its singular value.
    """

    name = "adagrad"

    def __init__(self, problem: Problem, lr: float) -> None:
        self.problem, self.lr = problem, lr
        self.slopes = Slopes(problem)

    def init(self) -> Accumulated:
        x = self.problem.initial()
        return Accumulated(x, torch.zeros_like(x.real if x.is_complex() else x))

    def step(self, state: Accumulated, knobs: Knobs) -> Accumulated:
        gradient = self.slopes.gradient(state.x)
        square = state.square + power(gradient)
        x = state.x - self.lr * gradient / (square.sqrt() + EPSILON)
        return Accumulated(self.slopes.project(x), square)

    def estimate(self, state: Accumulated) -> Tensor:
        return state.x
