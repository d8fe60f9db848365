"""Kaczmarz's method and stochastic gradients: one step of the loop is a pass over all blocks of the measurements.

Kaczmarz 1937; Strohmer, Vershynin 2009; Robbins, Monro 1951; Defazio, Bach, Lacoste-Julien 2014; Heckel 2024, 3.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from recon.dsl.vocabulary import stochastic as words
from torch import Tensor

from ..functionals.base import Scalar, largest
from ..meaning import meaning_of
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .blocks import Block, blocks_of, order_of, residual
from .gradient import safe
from .proximal import prox_of
from .rows import add_, times
from .schedules import Numbers, numbers
from .smooth import Smooth, describe, is_smooth


@dataclass(frozen=True)
class Swept:
    """The estimate after so many sweeps."""

    x: Tensor
    sweep: int


class Kaczmarz(Algorithm[Swept]):
    """x <- P_C(x + omega K_b^H (y_b - K_b x) / |K_b|^2), block after block.

    With blocks drawn with chances like |K_b|^2, and consistent data, the expected squared distance to the solution
    falls in each step by the factor 1 - s^2 / sum_b |K_b|^2, s the least singular value of K that is not zero: for
    single rows that of Strohmer and Vershynin.
    """

    name = "kaczmarz"
    every = 1

    def __init__(self, problem: Problem, blocks: Sequence[Block], order: str, relaxation: Numbers) -> None:
        self.problem, self.blocks, self.order, self.relaxation = problem, blocks, order, relaxation
        self.sets = [t.functional for t in problem.terms if t.role != "data"]
        self.sizes = [b.square for b in blocks]

    def init(self) -> Swept:
        return Swept(self.problem.initial(), 0)

    def knobs(self, iteration: int) -> Knobs:
        return {"relaxation": self.relaxation(iteration)}

    def step(self, state: Swept, knobs: Knobs) -> Swept:
        x = state.x
        for b in order_of(self.order, self.sizes, self.problem, self.name, state.sweep):
            block = self.blocks[b]
            if block.square > 0:
                x = add_(x, block.operator.adjoint(residual(block, x)), knobs["relaxation"] / block.square)
            for constraint in self.sets:
                x = constraint.prox_(x, 1.0)
        return Swept(x, state.sweep + 1)

    def estimate(self, state: Swept) -> Tensor:
        return state.x

    def steady(self, state: Swept) -> bool:
        return False

    def choices(self) -> list[Step]:
        return [Step("blocks", float(len(self.blocks)), "parts of the measurements, each met by itself")]


@dataclass(frozen=True)
class Descending:
    """The estimate after so many epochs; of each block what its data term's gradient was last, and K^H of all these."""

    x: Tensor
    epoch: int
    table: list[Tensor | None]
    total: Tensor | None


class StochasticGradient(Algorithm[Descending]):
    """x <- prox_{t g}(x - t (G + grad h(x))) with G = B grad f_b(x), or by SAGA B (grad f_b(x) - c_b) + sum_j c_j.

    f_b is the data term of block b, h the smooth priors, g one without gradient, and c_b the gradient of f_b when it
    was taken last. With L = B max_b L_b + L_h the step is 1 / L, and 1 / (3 L) with SAGA. What SAGA remembers is kept
    as gradients in K_b x, so in an array like the measurements, and costs no further product with K or K^H.
    """

    every = 1

    def __init__(
        self, problem: Problem, name: str, blocks: Sequence[Block], order: str, step: float | None, decay: Numbers
    ) -> None:
        self.name, self.problem, self.blocks, self.order = name, problem, blocks, order
        self.remembers = name == "saga"
        priors = [t for t in problem.terms if t.role != "data"]
        self.smooth = Smooth(problem, [t for t in priors if is_smooth(t)])
        self.prox = prox_of([t for t in priors if not is_smooth(t)])
        bound = _largest([b.curvature for b in blocks])
        total = bound * len(blocks) + self.smooth.curvature().upper
        self.given, self.decay = step, decay
        self.size: Scalar = 1 / (safe(total) * (3 if self.remembers else 1)) if step is None else step
        self.bound = 2 / safe(total)

    def init(self) -> Descending:
        x = self.problem.initial()
        return Descending(x, 0, [None] * len(self.blocks), torch.zeros_like(x) if self.remembers else None)

    def knobs(self, iteration: int) -> Knobs:
        return {"decay": self.decay(iteration)}

    def step(self, state: Descending, knobs: Knobs) -> Descending:
        x, table, total = state.x, list(state.table), state.total
        t = self.size * knobs["decay"]
        count = len(self.blocks)
        for b in order_of(self.order, [1.0] * count, self.problem, self.name, state.epoch):
            block = self.blocks[b]
            slope = block.functional.grad(block.operator.forward(x))
            if total is None:
                move = times(count, block.operator.adjoint(slope))
            else:
                before = table[b]
                fresh = block.operator.adjoint(slope if before is None else slope - before)
                move, table[b] = total + count * fresh, slope
                total = total + fresh
            if self.smooth.terms:
                move = add_(move, self.smooth.gradient(x), 1.0)
            x = self.prox(add_(x, move, -t), t)
        return Descending(x, state.epoch + 1, table, total)

    def estimate(self, state: Descending) -> Tensor:
        return state.x

    def steady(self, state: Descending) -> bool:
        return False

    def choices(self) -> list[Step]:
        factor = "1 / (3 L)" if self.remembers else "1 / L"
        why = "given" if self.given is not None else f"{factor}, L = B max_b L_b and the curvature of the priors"
        return [
            Step(*describe("step", self.size, why, self.bound)),
            Step("blocks", float(len(self.blocks)), "parts of the measurements"),
        ]


def _largest(values: Sequence[Scalar]) -> Scalar:
    """Of the numbers of all blocks, row by row where they are so."""
    if not any(isinstance(v, Tensor) for v in values):
        return max(largest(v) for v in values)
    return torch.stack([torch.as_tensor(v) for v in values]).amax(0)


def _count(blocks: int | str) -> int | None:
    return None if isinstance(blocks, str) else blocks


def _given(number: float | str) -> float | None:
    return None if isinstance(number, str) else number


@meaning_of(words.Kaczmarz)
def kaczmarz(word: words.Kaczmarz, problem: Problem) -> Algorithm[Any]:
    """Row by row, or block by block."""
    blocks = blocks_of(problem, word, _count(word.blocks))
    return Kaczmarz(problem, blocks, word.order, numbers(word.relaxation, word.sweeps))


@meaning_of(words.Sgd)
def sgd(word: words.Sgd, problem: Problem) -> Algorithm[Any]:
    """Stochastic gradients."""
    blocks, decay = blocks_of(problem, word, word.blocks), numbers(word.decay, word.epochs)
    return StochasticGradient(problem, "sgd", blocks, word.order, _given(word.step), decay)


@meaning_of(words.Saga)
def saga(word: words.Saga, problem: Problem) -> Algorithm[Any]:
    """Stochastic gradients with a memory."""
    blocks = blocks_of(problem, word, word.blocks)
    return StochasticGradient(problem, "saga", blocks, word.order, _given(word.step), lambda k: 1.0)
