"""The accelerated primal-dual method for a strongly convex f:  min_x f(x) + sum_j g_j(K_j x).

    p_j <- prox_{sigma_j g_j^*}(p_j + sigma_j K_j xbar),   x+ = prox_{tau f}(x - tau sum_j K_j^H p_j),
    theta = 1 / sqrt(1 + gamma tau),   tau <- theta tau,   sigma <- sigma / theta,   xbar = x+ + theta (x+ - x),

from tau sigma M = 1 on, which each step keeps. The squared error falls like 1 / k^2. The schedule is that of
a strong convexity of gamma / 2, which the proof allows and which is faster in practice than gamma itself.

In the first iterations sigma is longer by a factor below 4 / 3: up to 4 / (1 + 2 theta) the method with fixed steps
converges too, and it takes a seventh of the iterations less. From `PROVEN` iterations on the product is one, so that
what is known of the method holds from there.

Chambolle, Pock 2011, algorithm 2; Banert, Upadhyaya, Giselsson 2023, theorem 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..functionals.base import Scalar, largest, per_row
from ..problem import Problem, Term
from .base import Algorithm, Knobs, Step
from .denoising import Denoising, Planes
from .primal_dual import Roles, blocks, joint_norm
from .proximal import prox_of
from .smooth import Smooth, is_quadratic

FIRST = 8.0
"""tau gamma in the first iteration."""
LONGER, PROVEN = 1.33, 1000
"""tau sigma M in so many iterations at the beginning."""
MOST = 32
"""Steps that wait at most until they are done in one call."""


@dataclass(frozen=True)
class PrimalDual:
    """x, the extrapolated x, the duals, tau and tau sigma M = 1 as sigma; and the numbers of steps that are still due.

    Where a kernel does the steps, they wait in `due` until somebody looks at the iterates, since many in one call cost
    less than one call for each; None where steps are done at once. States that follow one another share it, as they
    share the tensors that it is about, and the `planes` of torch's own steps where there is no kernel.
    """

    x: Tensor
    ahead: Tensor
    duals: list[Tensor]
    tau: Scalar
    sigma: Scalar
    due: list[Sequence[Scalar]] | None = None
    planes: Planes | None = None


class AcceleratedPdhg(Algorithm[PrimalDual]):
    """The accelerated form. Its hot path writes into the state's own tensors, and may leave steps for later."""

    name = "pdhg"

    def __init__(self, problem: Problem, roles: Roles) -> None:
        self.problem, self.roles = problem, roles
        self.prox = prox_of(roles.primal)
        self.blocks = blocks(roles.dual)
        self.norm = joint_norm(self.blocks)
        strong = Smooth(problem, [t for t in roles.primal if is_quadratic(t)])
        self.gamma: Scalar = sum(strong.weights[1:], strong.weights[0])
        self.tau = FIRST / self.gamma
        self.denoising = Denoising.of(roles)

    def init(self) -> PrimalDual:
        x = self.problem.initial().contiguous()
        return self._begun(x, [torch.zeros_like(b.operator.forward(x)).contiguous() for b in self.blocks])

    def _begun(self, x: Tensor, duals: list[Tensor]) -> PrimalDual:
        first = PrimalDual(x, x.clone(), duals, self.tau, 1 / (self.tau * self.norm))
        if self.denoising is None:
            return first
        if self.denoising.ready(x, duals[0]):
            return replace(first, due=[])
        return replace(first, planes=self.denoising.planes(x, first.ahead, duals[0]))

    def resume(self, last: PrimalDual) -> PrimalDual:
        """The duals go on; the steps begin anew."""
        self._settled(last)
        return self._begun(self.problem.initial().contiguous(), [p.clone() for p in last.duals])

    def knobs(self, iteration: int) -> Knobs:
        """What sigma is longer by."""
        return {"longer": LONGER if iteration <= PROVEN else 1.0}

    def step(self, state: PrimalDual, knobs: Knobs) -> PrimalDual:
        theta = (1 + self.gamma * state.tau) ** -0.5
        longer = state.sigma * knobs["longer"]
        if state.due is not None and self.denoising is not None:
            state.due.append(self.denoising.numbers(state.tau, longer * self.blocks[0].share, theta))
            if len(state.due) >= MOST:
                self._settled(state)
            same = (state.x, state.ahead, state.duals)
            return PrimalDual(*same, state.tau * theta, state.sigma / theta, state.due)
        if state.planes is not None and not isinstance(state.tau, Tensor):
            state.planes.step_(float(state.tau), float(longer * self.blocks[0].share), float(theta))
            return replace(state, tau=state.tau * theta, sigma=state.sigma / theta)
        duals: list[Tensor] = []
        pull: Tensor | None = None
        for b, p in zip(self.blocks, state.duals, strict=True):
            sigma = longer * b.share
            p = b.functional.ascend_(b.operator, p, state.ahead, sigma)
            back = b.operator.adjoint(p)
            pull = back if pull is None else pull + back
            duals.append(p)
        assert pull is not None
        tau = state.tau
        # state.ahead has been used: its memory takes the argument of the proximal map.
        if isinstance(tau, Tensor):
            v = torch.addcmul(state.x, pull, -_row(tau, pull), out=state.ahead)
        else:
            v = torch.add(state.x, pull, alpha=-tau, out=state.ahead)
        x = self.prox(v, tau)
        weight = 1 + theta
        if isinstance(weight, Tensor):
            ahead = torch.lerp(state.x, x, _row(weight, x).to(x.dtype), out=state.x)
        else:
            ahead = torch.lerp(state.x, x, weight, out=state.x)
        return PrimalDual(x, ahead, duals, tau * theta, state.sigma / theta)

    def _settled(self, state: PrimalDual) -> PrimalDual:
        """The state, with no step due."""
        if self.denoising is not None and state.due:
            self.denoising.settle(state.x, state.ahead, state.duals[0], state.due)
        return state

    def estimate(self, state: PrimalDual) -> Tensor:
        return self._settled(state).x

    def duals(self, state: PrimalDual) -> list[tuple[Term, Tensor]]:
        return list(zip(self.roles.dual, self._settled(state).duals, strict=True))

    def companions(self, state: PrimalDual) -> list[Tensor]:
        return self._settled(state).duals

    def choices(self) -> list[Step]:
        return [
            Step("tau", largest(self.tau), f"{FIRST:g} / gamma to begin with, then Chambolle-Pock's schedule"),
            Step("gamma", largest(self.gamma), "strong convexity of the half square"),
            Step("M", self.norm, f"norm of the normalised operators; tau sigma M = {LONGER:g}, after {PROVEN} steps 1"),
        ]


def _row(c: Tensor, like: Tensor) -> Tensor:
    shaped = per_row(c, like)
    assert isinstance(shaped, Tensor)
    return shaped
