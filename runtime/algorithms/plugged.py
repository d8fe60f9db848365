"""Solvers with a denoiser inside: plug-and-play and regularisation by denoising.

A solver's step is the same as with an energy; the denoiser stands where the proximal map would, or in the gradient.
What differs is that the schedule of `sigma` says how strong it is, that there is no objective, and that iterations are
judged by how far one of them moves: at a fixed point, not at all.

Heckel 2024, 5.1, 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from recon.dsl.model import facts as fact
from torch import Tensor

from ..functionals.base import Scalar, distance_rows, square_rows
from ..functionals.plugged import DenoiserLaw, Plugged, RedEnergy
from ..operators.base import IdentityOperator
from ..problem import Problem, Term
from .base import Algorithm, Knobs, Step
from .half_quadratic import HalfQuadratic, Halved
from .normal import Normal
from .primal_dual import blocks, joint_norm
from .proximal import prox_of
from .rows import add, add_
from .schedules import Numbers
from .smooth import Smooth, is_quadratic


def plugged(problem: Problem) -> Term | None:
    """The term that a denoiser stands for, if there is one."""
    return next((t for t in problem.terms if isinstance(t.functional, Plugged)), None)


def law_of(term: Term) -> DenoiserLaw | None:
    """The law by a denoiser that a term is."""
    return term.functional if isinstance(term.functional, DenoiserLaw) else None


def penalty(term: Term, sigma: Numbers) -> Numbers:
    """k -> rho = weight / sigma_k^2 of a law by a denoiser."""
    law = law_of(term)
    assert law is not None
    weight = law.weight
    return lambda k: weight / sigma(k) ** 2


@dataclass(frozen=True)
class Playing:
    """The state of the algorithm inside, and its iterates before the last iteration; none before the first one."""

    inner: Any
    before: list[Tensor]
    settled: bool


class PlugAndPlay(Algorithm[Playing]):
    """An algorithm whose denoiser acts with the strengths of a schedule."""

    def __init__(self, of: Algorithm[Any], term: Term, sigma: Numbers, iterations: int) -> None:
        self.of, self.term, self.sigma, self.iterations = of, term, sigma, iterations
        self.name, self.every, self.passes = of.name, of.every, of.passes
        assert isinstance(term.functional, Plugged)
        self.functional = term.functional
        self.functional.strength.set(sigma(1), 1)

    def init(self) -> Playing:
        return Playing(self.of.init(), [], False)

    def resume(self, last: Playing) -> Playing:
        return Playing(self.of.resume(last.inner), [], False)

    def knobs(self, iteration: int) -> Knobs:
        now = self.sigma(iteration)
        settled = now == self.sigma(iteration + 1) == self.sigma(self.iterations)
        return {
            **self.of.knobs(iteration),
            "sigma": now,
            "iteration": float(iteration),
            "fixed": float(settled),
        }

    def step(self, state: Playing, knobs: Knobs) -> Playing:
        self.functional.strength.set(float(knobs["sigma"]), int(knobs["iteration"]))
        before = [v.clone() for v in self._iterates(state.inner)]
        return Playing(self.of.step(state.inner, knobs), before, bool(knobs["fixed"]))

    def _iterates(self, inner: Any) -> list[Tensor]:
        """The estimate, and the dual variables in its unit."""
        return [self.of.estimate(inner), *self.of.companions(inner)]

    def estimate(self, state: Playing) -> Tensor:
        return self.of.estimate(state.inner)

    def fixed_point(self, state: Playing) -> Tensor:
        """How far the last iteration moved, relative to the estimate, [rows]; infinite before the first one."""
        after = self._iterates(state.inner)
        size = square_rows(after[0]).sqrt()
        if not state.before:
            return torch.full_like(size, torch.inf)
        moved = torch.zeros_like(size)
        for a, b in zip(after, state.before, strict=True):
            moved = torch.maximum(moved, distance_rows(a, b).sqrt())
        return torch.where(moved > 0, moved / size, 0.0)

    def residual(self, state: Playing) -> Tensor:
        """The move in ten iterations like the last one; infinite while the strength still changes."""
        moved = self.fixed_point(state)
        return 10 * moved if state.settled else torch.full_like(moved, torch.inf)

    def steady(self, state: Playing) -> bool:
        return False

    def choices(self) -> list[Step]:
        first, last = self.sigma(1), self.sigma(self.iterations)
        how = "throughout" if first == last else f"in the first iteration, {last:g} in the last"
        return [*self.of.choices(), Step("sigma", first, f"strength of the denoiser of {self.term.label}, {how}")]


class PluggedHqs(HalfQuadratic):
    """Half-quadratic splitting with a denoiser: its image is the estimate.

    The x-update comes first in an iteration and the denoiser last, since what it leaves has less noise than what fits
    the data. At a fixed point grad f(x) + rho (x - D(x)) = 0, that of regularisation by denoising with the weight rho.

    Zhang, Li, Zuo, Zhang, Van Gool, Timofte 2022.
    """

    def __init__(self, problem: Problem, term: Term, rho: Numbers, iterations: int) -> None:
        super().__init__(problem, rho, iterations, 1.0, "weight / sigma^2 in the first iteration")
        self.shown = next(i for i, s in enumerate(self.splits) if s.term is term)

    def init(self) -> Halved:
        first = super().init()
        return replace(first, copies=[s.operator.forward(first.x).clone() for s in self.splits])

    def step(self, state: Halved, knobs: Knobs) -> Halved:
        rho = float(knobs["rho"])
        rhs = self._rhs.clone()
        for s, z in zip(self.splits, state.copies, strict=True):
            add_(rhs, s.operator.adjoint(z), rho * s.share)
        x = self._solved(rho, rhs, state.x)
        copies = [s.prox(s.operator.forward(x).clone(), 1 / (rho * s.share)) for s in self.splits]
        return Halved(x, state.move, copies)

    def estimate(self, state: Halved) -> Tensor:
        z = state.copies[self.shown]
        return z if self.splits[self.shown].plain else self.splits[self.shown].operator.adjoint(z)


@dataclass(frozen=True)
class Dual:
    """x, p_j of the other terms, tau sum K_j^H p_j, and tau."""

    x: Tensor
    duals: list[Tensor]
    pull: Tensor
    tau: float


class PluggedPdhg(Algorithm[Dual]):
    """The primal-dual method with the denoiser as proximal map of x, and all other terms dual.

    x+ = D(x - tau sum K_j^H p_j) with tau = sigma^2 / weight, p_j+ = prox_{s_j g_j^*}(p_j + s_j K_j (2 x+ - x)) with
    s_j = 1 / (tau M |K_j|^2), so that the steps are as long as is proven for every tau.

    Heckel 2024, 5.1; Chambolle, Pock 2011; Ono 2017.
    """

    name = "pdhg"

    def __init__(self, problem: Problem, term: Term, rho: Numbers) -> None:
        self.problem, self.rho = problem, rho
        self.prox = prox_of([term])
        self.blocks = blocks([t for t in problem.terms if t is not term])
        self.norm = joint_norm(self.blocks) or 1.0

    def knobs(self, iteration: int) -> Knobs:
        return {"tau": 1 / self.rho(iteration)}

    def init(self) -> Dual:
        x = self.problem.initial()
        return Dual(x, [torch.zeros_like(b.operator.forward(x)) for b in self.blocks], torch.zeros_like(x), 1.0)

    def step(self, state: Dual, knobs: Knobs) -> Dual:
        tau = float(knobs["tau"])
        x = self.prox(add(state.x, state.pull, -tau / state.tau), tau)
        beyond = torch.lerp(state.x, x, 2.0)
        pull, duals = torch.zeros_like(x), []
        for b, p in zip(self.blocks, state.duals, strict=True):
            q = b.functional.ascend_(b.operator, p, beyond, b.share / (tau * self.norm))
            add_(pull, b.operator.adjoint(q), tau)
            duals.append(q)
        return Dual(x, duals, pull, tau)

    def estimate(self, state: Dual) -> Tensor:
        return state.x

    def companions(self, state: Dual) -> list[Tensor]:
        return [state.pull]

    def choices(self) -> list[Step]:
        why = "sigma^2 / weight in the first iteration; tau sigma M = 1 for the other terms, which are dual"
        return [Step("tau", 1 / self.rho(1), why)]


class RedFixedPoint(Algorithm[Tensor]):
    """x+ = argmin_x f(x) + w / 2 |x - D(x_k)|^2 for quadratic f, in closed form or by a few conjugate gradients.

    Romano, Elad, Milanfar 2017, section 5.3.
    """

    name = "fixed_point"

    def __init__(self, problem: Problem, term: Term) -> None:
        assert isinstance(term.functional, RedEnergy)
        self.problem, self.term, self.red = problem, term, term.functional
        self.smooth = Smooth(problem, [t for t in problem.terms if is_quadratic(t)])
        identity = term.operator
        if term.plain:
            identity = IdentityOperator(problem.space, problem.space, fact.IDENTITY)
        operators = [*(t.operator for t in self.smooth.terms), identity]
        self.normal = Normal(operators, problem.space, problem.real, problem.device)
        self.weights: list[Scalar] = [*self.smooth.weights, self.red.weight]

    def init(self) -> Tensor:
        return self.problem.initial()

    def step(self, state: Tensor, knobs: Knobs) -> Tensor:
        k = self.term.operator
        image = self.red.denoised(state if self.term.plain else k.forward(state))
        rhs = add(self.smooth.rhs, image if self.term.plain else k.adjoint(image), self.red.weight)
        if self.normal.basis is None:
            return self.normal.iterate(self.weights, rhs, state)
        return self.normal.divide(self.normal.inverse(self.weights), rhs)

    def estimate(self, state: Tensor) -> Tensor:
        return state

    def choices(self) -> list[Step]:
        how = "closed form" if self.normal.basis is not None else "conjugate gradients"
        return [Step("weight", self.red.weight, f"of {self.term.label}; x-update by {how}")]
