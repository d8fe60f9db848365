"""The primal-dual method for  min_x f(x) + h(x) + sum_j g_j(K_j x), with steps that fit the distances to be covered.

    x+   = prox_{tau f}(x - tau (grad h(x) + sum_j K_j^H p_j)),
    p_j+ = prox_{sigma_j g_j^*}(p_j + sigma_j K_j (2 x+ - x)),   sigma_j = sigma / |K_j|^2,

where tau = 1 / (L / 2 + sigma M) meets the condition 1 / tau - sigma M >= L / 2 with equality; without h it reads
tau sigma M <= 1. The gap of the average of k iterations is at most D / k with

    D = |x_0 - x*|^2 / (2 tau) + sum_j |p_{j,0} - p_j*|^2 / (2 sigma_j),

which is least for sigma = |p_0 - p*| / (sqrt(M) |x_0 - x*|), where |p|^2 = sum_j |K_j|^2 |p_j|^2. Distances that were
covered stand in for those ahead: at iterations that lie ever further apart, sigma becomes the quotient of the moves
of p and x, row by row; at first of those since the start, then of those since sigma was chosen last. The latter also
finds the step at which modes that creep (one variable following the other slowly) begin to oscillate, the fastest
one: there the creeping move itself has that quotient. No scale of the problem enters.

Chambolle, Pock 2011, theorem 1; Condat 2013, theorem 3.1; Vu 2013; moves in place of distances: Applegate et al. 2021,
section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..functionals.base import Scalar, square_rows
from ..functionals.data import DataTerm
from ..problem import Problem, Term
from .base import Algorithm, Knobs, Step
from .primal_dual import Roles, blocks, joint_norm
from .proximal import prox_of
from .rows import add, at_rows, between, inner, quotient, root, where
from .smooth import Smooth

FIRST, APART, LOOKS = 3, 1.5, 18
"""The iteration in which sigma is first chosen anew, the quotient of two such iterations in sequence, and how many
there are; with sigma fixed from then on, convergence is that of the plain method."""
WARM = 5
"""The first so many of them compare with the start."""
LEAP = 10.0
"""sigma changes at most by this factor at once: the first iterates may not have left the start yet."""
STILL = 100.0
"""Moves of at most so many machine epsilons, relative, are rounding."""


@dataclass(frozen=True)
class Choosing:
    """When sigma is chosen next, how often it was, and x and p_j that the moves are measured from."""

    at: int
    count: int
    x: Tensor
    duals: list[Tensor]


@dataclass(frozen=True)
class Balanced:
    """x, p_j of each dual term, grad h(x) + sum K_j^H p_j, sigma of each row."""

    x: Tensor
    duals: list[Tensor]
    slope: Tensor
    sigma: Scalar
    iteration: int
    choosing: Choosing


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

    def _tau(self, sigma: Scalar) -> Scalar:
        return 1 / (self.lipschitz / 2 + sigma * self.norm)

    def init(self) -> Balanced:
        x = self.problem.initial()
        duals = [torch.zeros_like(b.operator.forward(x)) for b in self.blocks]
        first = torch.as_tensor(self.lipschitz / self.norm)
        sigma = at_rows(torch.where(first > 0, first, self._guess().to(x.device)), x, self.problem.real)
        choosing = Choosing(FIRST, 0, x.clone(), [p.clone() for p in duals])
        return Balanced(x, duals, self.smooth.gradient(x), sigma, 0, choosing)

    def resume(self, last: Balanced) -> Balanced:
        """The duals and sigma go on; moves are measured anew."""
        first = self.init()
        duals = [p.clone() for p in last.duals]
        slope = first.slope
        for b, p in zip(self.blocks, duals, strict=True):
            slope = slope + b.operator.adjoint(p)
        choosing = replace(first.choosing, duals=[p.clone() for p in duals])
        return replace(first, duals=duals, slope=slope, sigma=last.sigma, choosing=choosing)

    def _guess(self) -> Tensor:
        """The quotient of the distances to be covered, guessed from the data; one where they tell nothing.

        At the solution p_j of a data term is its score, whose square has the Fisher information for its mean, and
        |K^H y| / |K|^2 is about the size of x.
        """
        ones = torch.ones(self.problem.rows, dtype=torch.float64)
        for b in self.blocks:
            information = b.functional.information() if isinstance(b.functional, DataTerm) else None
            if information is None:
                continue
            assert isinstance(b.functional, DataTerm)
            size = square_rows(b.operator.adjoint(b.functional.linearise())).sqrt().cpu() * b.share
            dual = (information.cpu() / b.share / self.norm).sqrt()
            return ones * torch.where((size > 0) & (dual > 0), dual / size, 1.0)
        return ones

    def step(self, state: Balanced, knobs: Knobs) -> Balanced:
        sigma, tau, k = state.sigma, self._tau(state.sigma), state.iteration + 1
        x = self.prox(add(state.x, state.slope, -tau), tau)
        duals: list[Tensor] = []
        slope = self.smooth.gradient(x)
        beyond = torch.lerp(state.x, x, 2.0)
        for b, p in zip(self.blocks, state.duals, strict=True):
            q = b.functional.ascend_(b.operator, p, beyond, sigma * b.share)
            slope += b.operator.adjoint(q)
            duals.append(q)
        choosing = state.choosing
        if k == choosing.at:
            sigma = self._choose(choosing, x, duals, sigma)
            count = choosing.count + 1
            at = int(k * APART) if count < LOOKS else 0
            if count >= WARM:
                choosing = Choosing(at, count, x.clone(), [q.clone() for q in duals])
            else:
                choosing = Choosing(at, count, choosing.x, choosing.duals)
        return Balanced(x, duals, slope, sigma, k, choosing)

    def _choose(self, since: Choosing, x: Tensor, duals: list[Tensor], sigma: Scalar) -> Scalar:
        """The quotient of the moves, within LEAP of the old sigma; the old one where nothing moved but by rounding."""
        dual, dual_size = 2 * [0.0 * sigma]
        for b, p, old in zip(self.blocks, duals, since.duals, strict=True):
            move = p - old
            dual = dual + inner(move, move, sigma) / b.share
            dual_size = dual_size + inner(p, p, sigma) / b.share
        move = x - since.x
        primal = inner(move, move, sigma)
        rounding = (STILL * torch.finfo(self.problem.real).eps) ** 2
        moved = (dual > rounding * dual_size) | (primal > rounding * inner(x, x, sigma))
        best = root(quotient(dual, primal) / self.norm)
        return where(moved, between(best, sigma / LEAP, sigma * LEAP), sigma)

    def estimate(self, state: Balanced) -> Tensor:
        return state.x

    def steady(self, state: Balanced) -> bool:
        return state.iteration + 1 != state.choosing.at

    def duals(self, state: Balanced) -> list[tuple[Term, Tensor]]:
        return list(zip(self.roles.dual, state.duals, strict=True))

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
