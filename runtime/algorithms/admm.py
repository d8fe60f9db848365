"""The alternating direction method of multipliers on the splitting z_j = K_j x.

    x   <- argmin_x f(x) + sum_j rho_j / 2 |K_j x - z_j + u_j|^2,   f the sum of the quadratic terms,
    z_j <- prox_{g_j / rho_j}(K_j x + u_j),   u_j <- u_j + K_j x - z_j,

with rho_j = rho / |K_j|^2, so that a term behind a large operator is not weighed more than the others. The x-update is
closed where all K^H K are diagonal in one basis. rho balances the primal and the dual moves, one rho for each row.

Where data must be met exactly, or within a ball, and the projection onto {A x = y} is closed, the constraint stays with
x if all K_j^H K_j of the others are multiples of the identity: the x-update is then the projection of the
mean of z_j - u_j, and the method that of Douglas and Rachford. Beside other K_j the split is z = x, not z = A x.

Boyd et al. 2011, 3.4.1; Heckel 2024, 5.1; Douglas, Rachford 1956; Combettes, Pesquet 2011, 10.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from recon.dsl.model import facts as fact
from torch import Tensor

from ..functionals.base import Functional, Scalar
from ..operators.base import IdentityOperator, Operator
from ..problem import Problem, Term
from .affine import project_onto
from .base import Algorithm, Knobs, Step
from .normal import Normal
from .proximal import Prox, prox_of, scale_of, tight
from .rows import add, anywhere, at_rows, between, inner, quotient, root, times, where
from .schedules import Numbers
from .smooth import Smooth, is_quadratic, norm_squared

ADAPTS = 200
"""Iterations in which rho may change; with rho fixed from then on, convergence is that of the plain method."""
EVERY = 5
"""Iterations between two looks at the residuals."""
FAR = 1.5
"""Factors on rho closer to one than this are left out."""
LEAP = 10.0
"""The largest factor on rho at once."""
STILL = 100.0
"""Moves of at most so many machine epsilons, relative, are rounding."""


@dataclass(frozen=True)
class Splitting:
    """The estimate x; z_j and the scaled dual u_j of each split term; rho of each row.

    inverse: what the x-update for this rho multiplies by, in the basis where it is closed.
    """

    x: Tensor
    z: list[Tensor]
    u: list[Tensor]
    rho: Scalar
    inverse: Tensor | None
    iteration: int


@dataclass(frozen=True)
class Split:
    """One term that is split off: its operator, its proximal map, and 1 / |K|^2."""

    term: Term
    operator: Operator
    prox: Prox
    share: float
    functional: Functional
    plain: bool

    def near(self, v: Tensor, t: Scalar, z: Tensor) -> Tensor:
        """The proximal map, from z where it is found by iteration; may write to v."""
        return self.functional.prox_near(v, t, z) if self.operator is self.term.operator else self.prox(v, t)


class Admm(Algorithm[Splitting]):
    """The alternating direction method; every term that is not quadratic needs a proximal map."""

    name = "admm"

    def __init__(self, problem: Problem, rho: float | Numbers | None = None) -> None:
        self.problem, self.given = problem, rho
        self.smooth = Smooth(problem, [t for t in problem.terms if is_quadratic(t)])
        rough = [t for t in problem.terms if not is_quadratic(t)]
        self.splits, self.normal, self.within = self._split(rough)
        self.schedule = rho if callable(rho) else None
        self.rho = rho(1) if callable(rho) else rho if rho is not None else self._first_rho()
        self._rhs = self.smooth.rhs
        plain = [i for i, s in enumerate(self.splits) if s.plain]
        # Of two equal limits, the one that keeps to the set is shown; else that of z, which has exact zeros.
        plain.sort(key=lambda i: not self.splits[i].functional.constraint)
        self.shown = plain[0] if plain and self.within is None else None

    def _split(self, rough: list[Term]) -> tuple[list[Split], Normal, Prox | None]:
        """How the terms are split off, the normal matrix of the x-update, and the projection that follows it."""
        onto = {i: p for i, t in enumerate(rough) if not t.plain and (p := project_onto(t.functional, t.operator))}
        inside = next(iter(onto), None)
        if inside is not None and len(rough) > 1 and not self.smooth.terms:
            others = [t for i, t in enumerate(rough) if i != inside]
            if all(t.plain or tight(t.operator) for t in others):
                splits = [self._onto_x(t) if not t.plain else as_written(t) for t in others]
                return splits, self._normal(splits), onto[inside]
        written = [as_written(t) for t in rough]
        normal = self._normal(written)
        if normal.basis is None or onto:
            # z_j = x in place of z_j = K_j x where the map is closed in x: K^H K becomes I.
            plain = [
                self._onto_x(t, onto.get(i)) if i in onto or (not t.plain and tight(t.operator)) else split
                for i, (t, split) in enumerate(zip(rough, written, strict=True))
            ]
            closed = self._normal(plain)
            if closed.basis is not None:
                return plain, closed, None
        return written, normal, None

    def _onto_x(self, term: Term, prox: Prox | None = None) -> Split:
        """The splitting z = x of a term whose proximal map in x is `prox`, or follows from K K^H = c I."""
        space = self.problem.space
        identity = IdentityOperator(space, space, fact.IDENTITY)
        return Split(term, identity, prox or prox_of([term]), 1.0, term.functional, True)

    def _normal(self, splits: list[Split]) -> Normal:
        p = self.problem
        operators = [t.operator for t in self.smooth.terms] + [s.operator for s in splits]
        return Normal(operators, p.space, p.real, p.device)

    def _inverse(self, rho: Scalar) -> Tensor | None:
        """What the x-update multiplies by for this rho, in the basis where it is closed."""
        return None if self.normal.basis is None else self.normal.inverse(self._weights(rho))

    def _update(self, rhs: Tensor, state: Splitting) -> Tensor:
        """The x-update."""
        if state.inverse is None:
            return self.normal.iterate(self._weights(state.rho), rhs, state.x)
        x = self.normal.divide(state.inverse, rhs)
        return x if self.within is None else self.within(x, 1.0)

    def _weights(self, rho: Scalar) -> list[Scalar]:
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
        rho = at_rows(self.rho, x, self.problem.real)
        return Splitting(x, z, [torch.zeros_like(v) for v in z], rho, self._inverse(rho), 0)

    def resume(self, last: Splitting) -> Splitting:
        """z, the scaled duals and rho go on."""
        z, u, rho = [v.clone() for v in last.z], [v.clone() for v in last.u], last.rho
        return Splitting(self.problem.initial(), z, u, rho, self._inverse(rho), 0)

    def knobs(self, iteration: int) -> Knobs:
        if self.schedule is None:
            return {}
        now, before = self.schedule(iteration), self.schedule(max(iteration - 1, 1))
        return {"grown": now / before} if now != before else {}

    def step(self, state: Splitting, knobs: Knobs) -> Splitting:
        if "grown" in knobs:
            state = self._rescaled(state, knobs["grown"])
        rho, k = state.rho, state.iteration + 1
        rhs = self._rhs
        for s, z, u in zip(self.splits, state.z, state.u, strict=True):
            rhs = add(rhs, s.operator.adjoint(z - u), rho * s.share)
        x = self._update(rhs, state)
        look = not self.steady(state)
        images, zs, us = [], [], []
        for s, u, z_old in zip(self.splits, state.u, state.z, strict=True):
            image = s.operator.forward(x)
            v = image + u
            t = 1 / (rho * s.share)
            z = s.near(v.clone(), t, z_old)
            images.append(image)
            zs.append(z)
            us.append(v.sub_(z))
        if not look:
            return Splitting(x, zs, us, rho, state.inverse, k)
        factor = self._balance(images, state.z, zs, us, rho)
        out = Splitting(x, zs, us, rho, state.inverse, k)
        return self._rescaled(out, factor) if anywhere(factor != 1) else out

    def _rescaled(self, state: Splitting, factor: Scalar) -> Splitting:
        """The state for a rho that is larger by a factor, with the same dual variables rho u."""
        rho = state.rho * factor
        return replace(state, u=[times(1 / factor, u) for u in state.u], rho=rho, inverse=self._inverse(rho))

    def _balance(
        self, images: list[Tensor], old: list[Tensor], new: list[Tensor], us: list[Tensor], rho: Scalar
    ) -> Scalar:
        """The factor on rho: the root of |K x - z| over |z - z_old| where they are far apart, one where they are not.

        Both are moves in the method's own metric, in which the squared distance to the solution is
        rho |z - z*|^2 + rho |u - u*|^2: u moves by K x - z. So no scale of the problem enters. Where a threshold of
        1 / rho leaves no entry of z, that has not moved at all, and rho is raised as fast as it may be.
        """
        dual, primal, dual_size, primal_size = 4 * [0.0 * rho]
        for s, image, z_old, z, u in zip(self.splits, images, old, new, us, strict=True):
            difference, move = image - z, z - z_old
            dual = dual + s.share * inner(difference, difference, rho)
            primal = primal + s.share * inner(move, move, rho)
            dual_size = dual_size + s.share * inner(u, u, rho)
            primal_size = primal_size + s.share * inner(z, z, rho)
        factor = between(root(root(quotient(dual, primal))), 1 / LEAP, LEAP)
        rounding = (STILL * torch.finfo(self.problem.real).eps) ** 2
        moved = (dual > rounding * dual_size) | (primal > rounding * primal_size)
        return where(moved & ((factor > FAR) | (factor < 1 / FAR)), factor, 1.0)

    def estimate(self, state: Splitting) -> Tensor:
        return state.x if self.shown is None else state.z[self.shown]

    def steady(self, state: Splitting) -> bool:
        k = state.iteration + 1
        return self.given is not None or k > ADAPTS or k % EVERY != 0

    def duals(self, state: Splitting) -> list[tuple[Term, Tensor]]:
        """rho u of each term that is split as it is written; of one behind a tight K with z = x, K rho u / c."""
        out = []
        for s, u in zip(self.splits, state.u, strict=True):
            p = times(state.rho * s.share, u)
            if s.operator is s.term.operator:
                out.append((s.term, p))
            elif tight(s.term.operator):
                out.append((s.term, s.term.operator.forward(p) / scale_of(s.term.operator)))
        return out

    def companions(self, state: Splitting) -> list[Tensor]:
        return state.u

    def choices(self) -> list[Step]:
        how = "closed form" if self.normal.basis is not None else "conjugate gradients"
        if self.within is not None:
            how = "projection onto the data"
        why = "given" if self.given is not None else "start; then it balances the residuals of each row"
        return [Step("rho", self.rho, f"{why}; x-update by {how}")]


def as_written(term: Term) -> Split:
    """The splitting z = K x of a term."""
    share = 1 / norm_squared(term) if not term.plain else 1.0
    return Split(term, term.operator, term.functional.prox_, share, term.functional, term.plain)
