"""The alternating direction method of multipliers on the splitting z_j = K_j x.

    x   <- argmin_x f(x) + sum_j rho_j / 2 |K_j x - z_j + u_j|^2,   f the sum of the quadratic terms,
    z_j <- prox_{g_j / rho_j}(K_j x + u_j),   u_j <- u_j + K_j x - z_j,

with rho_j = rho / |K_j|^2, so that a term behind a large operator is not weighed more than the others. The x-update is
closed where all K^H K are diagonal in one basis. rho balances the primal and the dual moves, one rho for each row.

Boyd et al. 2011, 3.4.1; Heckel 2024, 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from recon.dsl.model import facts as fact
from torch import Tensor

from ..functionals.base import Functional
from ..operators.base import IdentityOperator, Operator
from ..problem import Problem, Term
from .base import Algorithm, Knobs, Step
from .normal import Normal, Solve
from .proximal import Prox, through, tight
from .rows import add_, dot_rows, times
from .smooth import Smooth, is_quadratic, norm_squared

ADAPTS = 200
"""Iterations in which rho may change; with rho fixed from then on, convergence is that of the plain method."""
EVERY = 5
"""Iterations between two looks at the residuals."""
FAR = 1.5
"""Factors on rho closer to one than this are left out."""


@dataclass(frozen=True)
class Splitting:
    """The estimate x; z_j and the scaled dual u_j of each split term; rho of each row; the x-update for this rho."""

    x: Tensor
    z: list[Tensor]
    u: list[Tensor]
    rho: Tensor
    solve: Solve
    iteration: int


@dataclass(frozen=True)
class Split:
    """One term that is split off: its operator, its proximal map, and 1 / |K|^2."""

    operator: Operator
    prox: Prox
    share: float
    functional: Functional
    plain: bool


class Admm(Algorithm[Splitting]):
    """The alternating direction method; every term that is not quadratic needs a proximal map."""

    name = "admm"

    def __init__(self, problem: Problem, rho: float | None = None) -> None:
        self.problem, self.given = problem, rho
        self.smooth = Smooth(problem, [t for t in problem.terms if is_quadratic(t)])
        rough = [t for t in problem.terms if not is_quadratic(t)]
        self.splits = [_split(t) for t in rough]
        self.normal = self._normal()
        if self.normal.basis is None and any(not t.plain and tight(t.operator) for t in rough):
            # z_j = x in place of z_j = K_j x for terms with K K^H = c I: the map stays closed, and K^H K becomes I.
            plain = [_split(t, problem) if not t.plain and tight(t.operator) else _split(t) for t in rough]
            as_written, self.splits = self.splits, plain
            normal = self._normal()
            if normal.basis is None:
                self.splits = as_written
            else:
                self.normal = normal
        self.rho = rho if rho is not None else self._first_rho()
        self._rhs = self.smooth.rhs
        plain_splits = [i for i, s in enumerate(self.splits) if s.plain]
        # Of two equal limits, that of z keeps to the set, or has exact zeros.
        plain_splits.sort(key=lambda i: not self.splits[i].functional.constraint)
        self.shown = plain_splits[0] if plain_splits else None

    def _normal(self) -> Normal:
        p = self.problem
        operators = [t.operator for t in self.smooth.terms] + [s.operator for s in self.splits]
        return Normal(operators, p.space, p.real, p.device)

    def _weights(self, rho: Tensor) -> list[float | Tensor]:
        return [*self.smooth.weights, *(rho * s.share for s in self.splits)]

    def _first_rho(self) -> float:
        """The largest curvature of the quadratic terms, damped; one where there is none."""
        total = sum(float(torch.as_tensor(w).max()) * norm_squared(t) for w, t in self._weighted())
        return total * 0.1 if total > 0 else 1.0

    def _weighted(self) -> Sequence[tuple[float | Tensor, Term]]:
        return list(zip(self.smooth.weights, self.smooth.terms, strict=True))

    def init(self) -> Splitting:
        x = self.problem.initial()
        z = [s.operator.forward(x).clone() for s in self.splits]
        rho = torch.full((self.problem.rows,), self.rho, dtype=self.problem.real, device=x.device)
        return Splitting(x, z, [torch.zeros_like(v) for v in z], rho, self.normal.solver(self._weights(rho)), 0)

    def step(self, state: Splitting, knobs: Knobs) -> Splitting:
        rho, k = state.rho, state.iteration + 1
        rhs = self._rhs.clone()
        for s, z, u in zip(self.splits, state.z, state.u, strict=True):
            add_(rhs, s.operator.adjoint(z - u), rho * s.share)
        x = state.solve(rhs, state.x)
        look = self.given is None and k <= ADAPTS and k % EVERY == 0
        images, zs, us = [], [], []
        for s, u in zip(self.splits, state.u, strict=True):
            image = s.operator.forward(x)
            v = image + u
            z = s.prox(v.clone(), 1 / (rho * s.share))
            images.append(image)
            zs.append(z)
            us.append(v.sub_(z))
        if not look:
            return Splitting(x, zs, us, rho, state.solve, k)
        factor = self._balance(images, state.z, zs)
        if bool((factor == 1).all()):
            return Splitting(x, zs, us, rho, state.solve, k)
        rho = rho * factor
        us = [times(1 / factor, u) for u in us]
        return Splitting(x, zs, us, rho, self.normal.solver(self._weights(rho)), k)

    def _balance(self, images: list[Tensor], old: list[Tensor], new: list[Tensor]) -> Tensor:
        """The factor on rho: the root of |K x - z| over |z - z_old| where they are far apart, one where they are not.

        Both are moves in the method's own metric, in which the squared distance to the solution is
        rho |z - z*|^2 + rho |u - u*|^2: u moves by K x - z. So no scale of the problem enters.
        """
        dual = torch.zeros(self.problem.rows, dtype=self.problem.real, device=self.problem.device)
        primal = torch.zeros_like(dual)
        for s, image, z_old, z in zip(self.splits, images, old, new, strict=True):
            difference, move = image - z, z - z_old
            dual += s.share * dot_rows(difference, difference)
            primal += s.share * dot_rows(move, move)
        factor = (dual / primal).pow(0.25).clamp(0.1, 10)
        known = (dual > 0) & (primal > 0)
        return torch.where(known & ((factor > FAR) | (factor < 1 / FAR)), factor, 1)

    def estimate(self, state: Splitting) -> Tensor:
        return state.x if self.shown is None else state.z[self.shown]

    def companions(self, state: Splitting) -> list[Tensor]:
        return state.u

    def choices(self) -> list[Step]:
        how = "closed form" if self.normal.basis is not None else "conjugate gradients"
        why = "given" if self.given is not None else "start; then it balances the residuals of each row"
        return [Step("rho", self.rho, f"{why}; x-update by {how}")]


def _split(term: Term, onto_x: Problem | None = None) -> Split:
    """The splitting z = K x of a term; z = x where the problem is given."""
    g = term.functional
    if onto_x is None:
        share = 1 / norm_squared(term) if not term.plain else 1.0
        return Split(term.operator, g.prox_, share, g, term.plain)
    identity = IdentityOperator(onto_x.space, onto_x.space, fact.IDENTITY)
    return Split(identity, through(g, term.operator), 1.0, g, True)
