"""Basis pursuit to the last digit: least squares on the support that an iteration has found, with a proof.

The problem is  min sum_i w_i |z_i|  over x with z = W x, W orthonormal, and A x = y or |A x - y| <= r. A vector nu
with |a_i^H nu| <= w_i for every column a_i of A W^H bounds every feasible objective from below by
Re <y, nu> - r |nu|. Now and then the support S of the iterate z is taken, with the phases s of its entries, and

    exact data:  z_S = A_S^+ y,                                       nu = nu_0 + (A_S^H)^+ (w_S s - A_S^H nu_0),
    a ball:      z_S = A_S^+ y - t (A_S^H A_S)^{-1} w_S s,            nu = (y - A_S z_S) / t,

with t > 0 such that |y - A_S z_S| = r, and nu_0 from the iteration's own subgradient. Where nu, shrunk until it is
admissible, bounds the objective of z from below by itself up to rounding, z is the minimiser: the row is done. Where
there are about as many nonzeros as measurements, a support is hard to guess, and the simplex method starts at z.

Heckel 2024, 4.3.1, eqs. (3.5), (4.3), lemma 1; Fuchs 2004; the identification of supports: Liang, Fadili, Peyre 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from recon.dsl.vocabulary import solvers as words
from torch import Tensor

from ..functionals.base import Scalar, per_row
from ..functionals.sets import Ball, Exactly
from ..functionals.sparsity import L1
from ..operators.base import Operator
from ..operators.basic import MatrixOperator
from ..problem import Problem, Term
from .base import Algorithm, Knobs, Step
from .conjugate import conjugate_gradients
from .vertex import vertex

FIRST, APART = 20, 1.5
"""The iteration of the first attempt, and the quotient of two attempts in sequence."""
INNER, CLOSE = 60, 1e-6
"""Most steps of conjugate gradients for nu_0, and the relative residual at which they end; what is left of it is small
beside the slack of the columns outside the support."""
PIVOTING = 100
"""The iteration from which on the simplex method helps where the support is not right yet."""
DENSE = 2**20
"""The most numbers in A for that."""
FULL = 0.8
"""How many nonzeros, as a part of the measurements, are about as many."""
PHASES = 100
"""Most rounds in which the phases of complex entries inside a ball are found."""

Subgradient = Callable[[Any], tuple[Tensor, Tensor]]
"""The state -> (x, p): an iterate whose W x has zeros, and a subgradient of the energy there, both like the unknown."""


@dataclass(frozen=True)
class BasisPursuit:
    """A, W (None: the identity), y, r and the weights [rows, n] of the entries of z."""

    operator: Operator
    basis: Operator | None
    target: Tensor
    radius: Scalar
    weights: Tensor


def as_basis_pursuit(problem: Problem) -> BasisPursuit | None:
    """The problem where it is one of basis pursuit, small enough for a dense factorisation; else None."""
    data = [t for t in problem.terms if isinstance(t.functional, Exactly | Ball)]
    energies = [t for t in problem.terms if isinstance(t.functional, L1)]
    if len(problem.terms) != 2 or len(data) != 1 or len(energies) != 1:
        return None
    (exact,), (energy,) = data, energies
    g, l1, space = exact.functional, energy.functional, exact.operator.codomain
    assert isinstance(g, Exactly | Ball)
    assert isinstance(l1, L1)
    measured = (space.count or 0) * (2 if space.field == "complex" else 1)
    if not (energy.plain or energy.operator.facts.unitary) or not 0 < measured <= words.Admm.largest:
        return None
    if problem.space.field == "complex" and exact.operator.facts.linear != "complex":
        return None
    z = energy.operator.forward(problem.zeros())
    weight = torch.as_tensor(per_row(l1.weight, z), device=z.device)
    counted = 1.0 if l1.penalised is None else l1.penalised.to(z.device)
    weights = (weight * counted).expand(z.shape).flatten(1).double()
    radius = g.radius if isinstance(g, Ball) else 0.0
    return BasisPursuit(exact.operator, None if energy.plain else energy.operator, g.target, radius, weights)


@dataclass(frozen=True)
class Certified:
    """The state of the iteration, the minimisers of rows that are proven, [rows, ...], and which those are."""

    inner: Any
    x: Tensor
    proven: Tensor
    iteration: int
    at: int


class CertifiedPursuit(Algorithm[Certified]):
    """An algorithm for basis pursuit whose estimate is exact as soon as the support is right."""

    def __init__(self, of: Algorithm[Any], pursuit: BasisPursuit, subgradient: Subgradient) -> None:
        self.of, self.name, self.every, self.passes = of, of.name, of.every, of.passes
        self.pursuit, self.subgradient = pursuit, subgradient

    def init(self) -> Certified:
        return self._unproven(self.of.init())

    def resume(self, last: Certified) -> Certified:
        return self._unproven(self.of.resume(last.inner))

    def _unproven(self, inner: Any) -> Certified:
        x = self.of.estimate(inner)
        return Certified(inner, torch.zeros_like(x), torch.zeros(len(x), dtype=torch.bool, device=x.device), 0, FIRST)

    def duals(self, state: Certified) -> list[tuple[Term, Tensor]]:
        return self.of.duals(state.inner)

    def step(self, state: Certified, knobs: Knobs) -> Certified:
        inner, k = self.of.step(state.inner, knobs), state.iteration + 1
        if k != state.at:
            return Certified(inner, state.x, state.proven, k, state.at)
        x, proven = state.x.clone(), state.proven.clone()
        near, slope = self.subgradient(inner)
        nu = self._dual(slope)
        for row in (~proven).nonzero()[:, 0].tolist():
            found = polished(self.pursuit, row, near[row : row + 1], nu[row])
            if found is None and k >= PIVOTING:
                found = at_vertex(self.pursuit, row, near[row : row + 1], nu[row])
            if found is not None:
                x[row], proven[row] = found[0], True
        return Certified(inner, x, proven, k, -(-int(k * APART) // self.every) * self.every)

    def _dual(self, slope: Tensor) -> Tensor:
        """nu_0, for which A^H nu_0 is nearest to the subgradient; exact data alone have a use for it."""
        a = self.pursuit.operator
        rhs = a.forward(slope)
        steps = INNER if isinstance(self.pursuit.radius, float) and self.pursuit.radius == 0 else 0
        return conjugate_gradients(lambda v: a.forward(a.adjoint(v)), rhs, torch.zeros_like(rhs), steps, CLOSE)

    def estimate(self, state: Certified) -> Tensor:
        x = self.of.estimate(state.inner)
        return torch.where(state.proven.view(-1, *[1] * (x.ndim - 1)), state.x, x)

    def proven(self, state: Certified) -> Tensor:
        return state.proven

    def steady(self, state: Certified) -> bool:
        return self.of.steady(state.inner) and state.iteration + 1 != state.at

    def knobs(self, iteration: int) -> Knobs:
        return self.of.knobs(iteration)

    def residual(self, state: Certified) -> Tensor | None:
        return self.of.residual(state.inner)

    def companions(self, state: Certified) -> list[Tensor]:
        return self.of.companions(state.inner)

    def choices(self) -> list[Step]:
        how = "exact on the support once it is found; a dual certificate proves the minimum, up to this part of it"
        return [*self.of.choices(), Step("duality gap", allowed_gap(self.pursuit.target.dtype), how)]


def allowed_gap(dtype: torch.dtype) -> float:
    """The relative duality gap that counts as rounding: eps^(3/4), 6e-6 in single and 2e-12 in double precision."""
    return float(torch.finfo(dtype).eps ** 0.75)


def polished(b: BasisPursuit, row: int, near: Tensor, start: Tensor) -> Tensor | None:
    """The minimiser for one row, of the shape of `near` [1, ...]; None where it is not proven to be one.

    `start` is nu_0, of the shape of a measurement.
    """
    z = near if b.basis is None else b.basis.forward(near)
    return _proven(b, row, z, _support(z), start)


def at_vertex(b: BasisPursuit, row: int, near: Tensor, start: Tensor) -> Tensor | None:
    """The minimiser that the simplex method finds from `near`; None where it is not proven to be one, the problem is
    no linear programme, A is large, or `near` has clearly fewer nonzeros than there are measurements."""
    z = near if b.basis is None else b.basis.forward(near)
    y = _numbers(b.target.expand(len(b.weights), *b.target.shape[1:])[row], True)
    n = z[0].numel()
    if z.is_complex() or isinstance(b.radius, Tensor) or b.radius != 0 or len(y) * n > DENSE:
        return None
    if len(_support(z)) < FULL * len(y):
        return None
    a = _columns(b, torch.arange(n, device=z.device), z, True)
    basis = vertex(a, y, b.weights[row].to(z.device), z.flatten().double())
    return None if basis is None else _proven(b, row, z, basis, start)


def _support(z: Tensor) -> Tensor:
    """The places of the entries that are more than rounding."""
    size = z.abs().flatten()
    return (size > 100 * torch.finfo(size.dtype).eps * size.max()).nonzero()[:, 0]


def _proven(b: BasisPursuit, row: int, near: Tensor, chosen: Tensor, start: Tensor) -> Tensor | None:
    """The x whose W x has this support, if a dual certificate proves it; `near` is an approximation of W x."""
    z = near.flatten()
    real = not z.is_complex()
    y = _numbers(b.target.expand(len(b.weights), *b.target.shape[1:])[row], real)
    radius = float(torch.as_tensor(b.radius).expand(len(b.weights))[row])
    w = b.weights[row].to(z.device)
    if float(torch.linalg.vector_norm(y)) <= radius:
        return torch.zeros_like(near) if b.basis is None else b.basis.adjoint(torch.zeros_like(near))
    if not len(chosen) or len(chosen) > len(y):
        return None
    a = _columns(b, chosen, near, real)
    q, r = torch.linalg.qr(a)
    pivots = r.diagonal().abs()
    if float(pivots.min()) <= len(y) * torch.finfo(torch.float64).eps * float(pivots.max()):
        return None
    if radius == 0:
        entries, nu = _on_the_data(q, r, a, y, w[chosen], _numbers(start, real))
    else:
        found = _in_the_ball(q, r, a, y, radius, w[chosen], z[chosen].to(r.dtype).sgn())
        if found is None:
            return None
        entries, nu = found
    full = torch.zeros_like(z)
    full[chosen] = entries.to(z.dtype)
    feasible = float(torch.linalg.vector_norm(y - a @ entries)) - radius
    gap, scale = _gap(b, nu, full, w, y, radius, real)
    limit = allowed_gap(z.dtype)
    if not (gap <= limit * scale and feasible <= limit * float(torch.linalg.vector_norm(y))):
        return None
    out = full.view(near.shape)
    return out if b.basis is None else b.basis.adjoint(out)


def _on_the_data(q: Tensor, r: Tensor, a: Tensor, y: Tensor, w: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """z_S with A_S z_S = y in the sense of least squares, and the nu with A_S^H nu = w s that is nearest to nu_0."""
    entries = _solve(r, q.mH @ y, True)
    missing = w * entries.sgn() - a.mH @ start
    return entries, start + q @ _solve(r.mH, missing, False)


def _in_the_ball(
    q: Tensor, r: Tensor, a: Tensor, y: Tensor, radius: float, w: Tensor, signs: Tensor
) -> tuple[Tensor, Tensor] | None:
    """z_S on the sphere |y - A_S z_S| = r and nu; of complex numbers by iterating over their phases."""
    best = _solve(r, q.mH @ y, True)
    room = radius**2 - float(torch.linalg.vector_norm(y - a @ best)) ** 2
    if room <= 0:
        return None
    entries, t = best, 1.0
    for _ in range(PHASES):
        half = _solve(r.mH, w * signs, False)
        t = (room / float(torch.linalg.vector_norm(half)) ** 2) ** 0.5
        entries = best - t * _solve(r, half, True)
        after = entries.sgn()
        moved = float((after - signs).abs().max())
        signs = after
        if moved <= 10 * torch.finfo(torch.float64).eps:
            break
    return entries, (y - a @ entries) / t


def _gap(
    b: BasisPursuit, nu: Tensor, z: Tensor, w: Tensor, y: Tensor, radius: float, real: bool
) -> tuple[float, float]:
    """The objective of z minus the bound by nu, shrunk to be admissible; and the objective."""
    space = b.operator.codomain
    dual = torch.view_as_complex(nu.view(-1, 2).contiguous()) if real and space.field == "complex" else nu
    back = b.operator.adjoint(dual.to(b.target.dtype).view(1, *space.sizes))
    c = (back if b.basis is None else b.basis.forward(back)).flatten().abs().double()
    excess = torch.where(w > 0, c / torch.where(w > 0, w, 1), 0).max()
    shrink = 1 / max(1.0, float(excess))
    objective = float((w * z.abs()).sum())
    bound = shrink * (float((nu.conj() * y).sum().real) - radius * float(torch.linalg.vector_norm(nu)))
    return abs(objective - bound), objective


def _columns(b: BasisPursuit, chosen: Tensor, like: Tensor, real: bool) -> Tensor:
    """The columns of A W^H at these places, as a matrix in double precision; of real unknowns over real numbers."""
    if isinstance(b.operator, MatrixOperator) and b.basis is None and b.operator.matrix.is_complex() != real:
        a = b.operator.matrix.index_select(1, chosen)
        return a.to(torch.promote_types(a.dtype, torch.float64))
    columns = []
    for part in torch.split(chosen, 64):
        unit = torch.zeros(len(part), like.numel(), dtype=like.dtype, device=like.device)
        unit[torch.arange(len(part), device=part.device), part] = 1
        images = unit.view(-1, *like.shape[1:])
        images = b.operator.forward(images if b.basis is None else b.basis.adjoint(images))
        columns += [_numbers(image, real) for image in images]
    return torch.stack(columns, 1)


def _numbers(v: Tensor, real: bool) -> Tensor:
    """A measurement as a vector in double precision, complex numbers as pairs where the unknowns are real."""
    flat = v.flatten()
    flat = torch.view_as_real(flat.resolve_conj()).flatten() if real and flat.is_complex() else flat
    return flat.to(torch.promote_types(flat.dtype, torch.float64))


def _solve(triangle: Tensor, rhs: Tensor, upper: bool) -> Tensor:
    x: Tensor = torch.linalg.solve_triangular(triangle, rhs.to(triangle.dtype)[:, None], upper=upper)
    return x[:, 0]
