"""The meaning of the rules that find a weight: (word, family of one row) -> log of the weight.

A family holds the problems that differ in the weight alone. Each is solved by the solver of the page, from where the
last one ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from recon.dsl.model.solver import InBlocks, Iterative, Solver
from recon.dsl.vocabulary import weights as words
from torch import Tensor

from ..algorithms.base import Algorithm
from ..algorithms.reformulate import reformulated
from ..loop import solve
from ..meaning import meaning, meaning_of
from ..problem import Problem, Term
from .risk import fitted, log_sum, misfit, numbers, probe
from .search import STEP, Found, corner, minimum, root

DECADES, EACH = 6, 4
"""Decades that an L-curve covers, and weights in each."""
SWALLOWED = 7
"""Decades above the first weight, where nothing is left of an image but what the prior does not see."""


@dataclass
class Family:
    """The problems `at(weight)`. weighed: the places of the terms that have the weight, among all terms."""

    solver: Solver
    at: Callable[[float], Problem]
    weighed: tuple[int, ...]
    tick: Callable[[int, float], None] = lambda solves, weight: None
    solves: int = 0
    _estimate: Tensor | None = field(default=None, repr=False)
    _state: Any = field(default=None, repr=False)

    def solve(self, weight: float) -> tuple[Problem, Tensor]:
        """The problem with that weight and its solution. Raises KeyboardInterrupt where the user stops it."""
        problem = self.at(weight)
        if self._estimate is not None:
            problem = replace(problem, start=self._estimate)
        form = reformulated(self.solver, problem)
        posed = problem if form is None else form.problem
        algorithm = meaning(self.solver)(self.solver, posed)
        if not isinstance(algorithm, Algorithm):
            with torch.no_grad():
                return problem, algorithm.solve() if form is None else form.undo(algorithm.solve())
        assert isinstance(self.solver, Iterative | InBlocks)
        found = solve(
            algorithm,
            posed,
            iterations=self.solver.most,
            tolerance=self.solver.tolerance,
            resume=self._state,
            certify=False,
        )
        if found.interrupted:
            raise KeyboardInterrupt
        # Rows end together here: a difference of rows is a derivative only after equally many steps of each.
        estimate = algorithm.estimate(found.state)
        self._estimate, self._state = (estimate if form is None else form.undo(estimate)).clone(), found.state
        self.solves += 1
        self.tick(self.solves, weight)
        return problem, self._estimate

    def first(self) -> float:
        """log of a weight to begin at: that of a prior whose law would make such an image likely.

        The adjoint image has n numbers K x; were they drawn from exp(-lam g), lam g(K x) would be about n.
        """
        problem = self.at(1.0)
        x = fitted(problem)
        terms = [problem.terms[i] for i in self.weighed]
        energy = sum(float(t.value(x)) for t in terms if not t.functional.constraint)
        n = sum(numbers(t.operator.forward(x)) for t in terms if not t.functional.constraint)
        return math.log(n / energy) if energy > 0 and math.isfinite(energy) else 0.0


@meaning_of(words.Discrepancy)
def discrepancy(word: words.Discrepancy, family: Family) -> Found:
    """The root of log(misfit / expected), closer than a twentieth of what noise makes it vary by."""
    problem = family.at(1.0)
    m = sum(max(misfit(replace(problem, terms=[t]), fitted(problem))[1], 1.0) for t in problem.data)

    def excess(t: float) -> float:
        problem, x = family.solve(math.exp(t))
        have, expected = misfit(problem, x)
        return math.log(max(have, 1e-300) / expected)

    return root(excess, family.first(), precision=2e-3, level=0.05 * math.sqrt(2 / m))


@meaning_of(words.Sure)
def sure(word: words.Sure, family: Family) -> Found:
    """The least of Stein's estimate, to a tenth of the weight."""
    direction = probe(family.at(1.0))
    pair = replace(family, at=lambda weight: direction.beside(family.at(weight)))

    def risk(t: float) -> float:
        return direction.risk(*pair.solve(math.exp(t)))

    return minimum(risk, family.first(), precision=0.1)


@meaning_of(words.Lcurve)
def lcurve(word: words.Lcurve, family: Family) -> Found:
    """The corner of log prior over log misfit, below the weight at which the misfit is half of the largest one."""

    first = family.first()
    swallowed = replace(family).solve(math.exp(first) * 10.0**SWALLOWED)  # no later solve begins that far off
    half = _data(*swallowed) - math.log(2)
    top = root(lambda t: _data(*family.solve(math.exp(t))) - half, first, precision=0.5, level=0.3).t
    ts = [top - math.log(10) * i / EACH for i in range(DECADES * EACH + 1)]
    xs, ys = [], []
    for t in ts:
        problem, x = family.solve(math.exp(t))
        xs.append(_data(problem, x))
        ys.append(_energy(problem, [problem.terms[i] for i in family.weighed], x) - t)
    return corner(ts[::-1], xs[::-1], ys[::-1], EACH)


def _data(problem: Problem, x: Tensor) -> float:
    """log of the data term above its own minimum, minus g*(0)."""
    values = []
    for term in problem.data:
        v = term.operator.forward(x)
        least = term.functional.conjugate(torch.zeros_like(v))
        values.append(float(term.functional.value(v)) + (0.0 if least is None else float(least)))
    return log_sum(values)


def _energy(problem: Problem, terms: list[Term], x: Tensor) -> float:
    return log_sum([float(t.value(x)) for t in terms if not t.functional.constraint])


@meaning_of(words.Validation)
def validation(word: words.Validation, families: list[Family], truths: list[Tensor]) -> Found:
    """The least sum of squared errors over all rows of the validation data, to a tenth of the weight."""

    def error(t: float) -> float:
        found = (f.solve(math.exp(t))[1] for f in families)
        return sum(float((x - truth).abs().double().square().sum()) for x, truth in zip(found, truths, strict=True))

    start = sum(f.first() for f in families) / len(families)
    return minimum(error, start, precision=0.1)


__all__ = ["STEP", "Family", "discrepancy", "lcurve", "sure", "validation"]
