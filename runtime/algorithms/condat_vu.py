"""The primal-dual method for  min_x f(x) + h(x) + sum_j g_j(K_j x), with steps that fit the distances to be covered.

    x+   = prox_{tau f}(x - tau (grad h(x) + sum_j K_j^H p_j)),
    p_j+ = prox_{sigma_j g_j^*}(p_j + sigma_j K_j (2 x+ - x)),   sigma_j = sigma / |K_j|^2,

where tau = 1 / (L / 2 + sigma M) meets the condition 1 / tau - sigma M >= L / 2 with equality; without h it reads
tau sigma M <= 1. The gap after k iterations, on average over them, is at most D / k with

    D = |x_0 - x*|^2 / (2 tau) + sum_j |p_{j,0} - p_j*|^2 / (2 sigma_j),

which is least for sigma = |p_0 - p*| / (sqrt(M) |x_0 - x*|), where |p|^2 = sum_j |K_j|^2 |p_j|^2. The iterates stand
in for the solution: sigma becomes that quotient, row by row, at iterations that lie ever further apart. As
the iterates converge so does sigma, and no scale of the problem enters.

Chambolle, Pock 2011, theorem 1; Condat 2013, theorem 3.1; Vu 2013; distances estimated from moves: Applegate et al.
2021, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .primal_dual import Roles, blocks, joint_norm
from .proximal import prox_of
from .rows import add, add_, dot_rows
from .smooth import Smooth

FIRST, APART = 10, 1.5
"""The iteration in which sigma is first chosen anew, and the quotient of two such iterations in sequence."""
LEAP = 10.0
"""sigma changes at most by this factor at once: the first iterates may not have left the start yet."""


@dataclass(frozen=True)
class Balanced:
    """x, K_j x and p_j of each dual term, grad h(x) + sum K_j^H p_j, sigma of each row; when sigma is chosen next."""

    x: Tensor
    images: list[Tensor]
    duals: list[Tensor]
    slope: Tensor
    sigma: Tensor
    iteration: int
    look: int


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
        self.start = problem.initial()

    def _tau(self, sigma: Tensor) -> Tensor:
        return 1 / (self.lipschitz / 2 + sigma * self.norm)

    def init(self) -> Balanced:
        x = self.start.clone()
        images = [b.operator.forward(x).clone() for b in self.blocks]
        one = torch.ones(self.problem.rows, dtype=self.problem.real, device=x.device)
        first = self.lipschitz / self.norm
        sigma = one * torch.where(torch.as_tensor(first) > 0, first, 1.0).to(one)
        return Balanced(x, images, [torch.zeros_like(v) for v in images], self.smooth.gradient(x), sigma, 0, FIRST)

    def step(self, state: Balanced, knobs: Knobs) -> Balanced:
        sigma, tau, k = state.sigma, self._tau(state.sigma), state.iteration + 1
        x = self.prox(add(state.x, state.slope, -tau), tau)
        images, duals = list[Tensor](), list[Tensor]()
        slope = self.smooth.gradient(x)
        for b, old, p in zip(self.blocks, state.images, state.duals, strict=True):
            image, s = b.operator.forward(x), sigma * b.share  # the image may be x itself
            q = b.functional.conjugate_prox_(add_(p, torch.lerp(old, image, 2.0), s), s)
            slope += b.operator.adjoint(q)
            images.append(image)
            duals.append(q)
        if k < state.look:
            return Balanced(x, images, duals, slope, sigma, k, state.look)
        return Balanced(x, images, duals, slope, self._fit(x, duals, sigma), k, int(k * APART))

    def _fit(self, x: Tensor, duals: list[Tensor], sigma: Tensor) -> Tensor:
        """sigma = |p - p_0| / (sqrt(M) |x - x_0|), where p_0 = 0; within LEAP of the old one."""
        move = x - self.start
        far = torch.zeros_like(sigma)
        for b, p in zip(self.blocks, duals, strict=True):
            far += dot_rows(p, p) / (b.share * self.norm)
        near = dot_rows(move, move)
        best = (far / near).sqrt()  # 0 / 0, nothing has moved: sigma stays
        return torch.where(best.isnan(), sigma, torch.clamp(best, sigma / LEAP, sigma * LEAP))

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
