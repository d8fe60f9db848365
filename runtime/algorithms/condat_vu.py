"""The primal-dual method for  min_x f(x) + h(x) + sum_j g_j(K_j x), with steps that are constant or balanced.

    x+   = prox_{tau f}(x - tau (grad h(x) + sum_j K_j^H p_j)),
    p_j+ = prox_{sigma_j g_j^*}(p_j + sigma_j K_j (2 x+ - x)),

where tau = 1 / (L / 2 + sigma M) meets the condition 1 / tau - sigma M >= L / 2 with equality; without h it reads
tau sigma M <= 1. With h, whose L bounds tau anyway, sigma = L / M. Without h, sigma balances the primal and the dual
residual in the method's own metric, tau |P|^2 against sum_j sigma_j |D_j|^2, with

    P = (x - x+) / tau - sum_j K_j^H (p_j - p_j+),   D_j = (p_j - p_j+) / sigma_j - K_j (x - x+),

so that no scale of the problem enters; row by row, by factors that fade out, so that convergence is kept.

Condat 2013, theorem 3.1; Vu 2013; Goldstein, Li, Yuan 2015, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .primal_dual import Roles, blocks, joint_norm
from .proximal import prox_of
from .rows import add, add_, dot_rows
from .smooth import Smooth

ACCURATE = 50
"""Iterations in which the residuals are compared every time; later every fifth."""
FAR = 1.5
"""How far apart the relative residuals may be before sigma changes."""
START, FADE = 0.5, 0.95
"""sigma changes by the factor 1 - alpha; alpha begins at START and shrinks by FADE with each change, by half when the
direction of the change turns. The sum of all alpha is finite, as the proof of convergence needs."""


@dataclass(frozen=True)
class Balanced:
    """x, K_j x and p_j of each dual term, grad h(x), sum K_j^H p_j, sigma, alpha and the last direction of each row."""

    x: Tensor
    images: list[Tensor]
    duals: list[Tensor]
    slope: Tensor
    pull: Tensor
    sigma: Tensor
    alpha: Tensor
    direction: Tensor
    iteration: int


class BalancedPdhg(Algorithm[Balanced]):
    """The primal-dual method of Chambolle and Pock, and with smooth terms that of Condat and Vu."""

    name = "pdhg"

    def __init__(self, problem: Problem, roles: Roles) -> None:
        self.problem, self.roles = problem, roles
        self.smooth = Smooth(problem, roles.smooth)
        self.prox = prox_of(roles.primal)
        self.blocks = blocks(roles.dual)
        self.norm = joint_norm(self.blocks) or 1.0  # without duals this is the proximal point method
        self.lipschitz: Scalar = self.smooth.curvature().upper if roles.smooth else 0.0

    def _tau(self, sigma: Tensor) -> Tensor:
        return 1 / (self.lipschitz / 2 + sigma * self.norm)

    def init(self) -> Balanced:
        x = self.problem.initial()
        images = [b.operator.forward(x).clone() for b in self.blocks]
        one = torch.ones(self.problem.rows, dtype=self.problem.real, device=x.device)
        first = self.lipschitz / self.norm
        sigma = one * torch.where(torch.as_tensor(first) > 0, first, 1.0).to(one)
        return Balanced(
            x, images, [torch.zeros_like(v) for v in images], self.smooth.gradient(x), torch.zeros_like(x),
            sigma, one * START, torch.zeros_like(one), 0,
        )  # fmt: skip

    def step(self, state: Balanced, knobs: Knobs) -> Balanced:
        sigma, tau, k = state.sigma, self._tau(state.sigma), state.iteration + 1
        x = self.prox(add(state.x, state.slope + state.pull, -tau), tau)
        images, duals, pull = list[Tensor](), list[Tensor](), torch.zeros_like(x)
        look = not self.roles.smooth and (k <= ACCURATE or k % 5 == 0)
        for b, old, p in zip(self.blocks, state.images, state.duals, strict=True):
            image, s = b.operator.forward(x), sigma * b.share
            # The image may be x itself, and p must survive where the residuals are compared.
            q = add_(p.clone() if look else p, torch.lerp(old, image, 2.0), s)
            q = b.functional.conjugate_prox_(q, s)
            pull = pull + b.operator.adjoint(q)
            images.append(image)
            duals.append(q)
        slope = self.smooth.gradient(x) if self.roles.smooth else state.slope
        after = replace(state, x=x, images=images, duals=duals, slope=slope, pull=pull, iteration=k)
        return self._balance(state, after, tau) if look else after

    def _balance(self, old: Balanced, new: Balanced, tau: Tensor) -> Balanced:
        move = old.x - new.x
        primal = add(new.pull - old.pull, move, 1 / tau)
        dual = torch.zeros_like(tau)
        for b, i, j, p, q in zip(self.blocks, old.images, new.images, old.duals, new.duals, strict=True):
            s = old.sigma * b.share
            d = add(j - i, p - q, 1 / s)
            dual += s * dot_rows(d, d)
        a, c = tau * dot_rows(primal, primal), dual
        known = (a > 0) & (c > 0) & (dot_rows(move, move) > 0)
        # A primal residual that is too large asks for a longer primal step, hence a smaller sigma.
        direction = torch.where(known & (a > c * FAR**2), -1.0, torch.where(known & (c > a * FAR**2), 1.0, 0.0)).to(a)
        turned = direction * old.direction < 0
        alpha = torch.where(turned, old.alpha / 2, old.alpha)
        factor = torch.where(direction < 0, 1 - alpha, torch.where(direction > 0, 1 / (1 - alpha), 1))
        return replace(
            new,
            sigma=old.sigma * factor,
            alpha=torch.where(direction != 0, alpha * FADE, alpha),
            direction=torch.where(direction != 0, direction, old.direction),
        )

    def estimate(self, state: Balanced) -> Tensor:
        return state.x

    def companions(self, state: Balanced) -> list[Tensor]:
        return state.duals

    def choices(self) -> list[Step]:
        found = [Step("M", self.norm, "norm of the normalised operators; 1 / tau = L / 2 + sigma M throughout")]
        if self.roles.smooth:
            found.append(Step("L", float(torch.as_tensor(self.lipschitz).max()), self.smooth.curvature().why))
        taken = {"proximal": self.roles.primal, "gradient": self.roles.smooth, "dual": self.roles.dual}
        for how, terms in taken.items():
            if terms:
                found.append(Step(f"{how} terms", float(len(terms)), ", ".join(t.label for t in terms)))
        return found
