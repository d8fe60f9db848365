"""The smooth part f of a problem: its gradient with everything precomputed, its curvature, and a test of step sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar, largest
from ..functionals.data import HalfSquare
from ..operators.base import random_point
from ..problem import Problem, Term
from .normal import Normal
from .rows import add, add_, inner_rows, norm_rows, ratio, times

NORM_SAFETY = 1 + 2e-4
"""Factor on a squared norm that was estimated: `estimate_norm` may be too small by 1e-4 relative."""


@dataclass(frozen=True)
class Curvature:
    """Bounds mu <= Hessian of f <= upper, one number or one a row, with how they are known."""

    lower: Scalar
    upper: Scalar
    why: str


def is_quadratic(term: Term) -> bool:
    """Whether the term is w/2 |K x - b|^2 with a linear K."""
    return isinstance(term.functional, HalfSquare) and term.operator.facts.linear != "none"


def is_smooth(term: Term) -> bool:
    """Whether the term's gradient is Lipschitz continuous, globally or where the iterates go."""
    return term.functional.lipschitz is not None


def is_local(term: Term) -> bool:
    """Whether the term's gradient is Lipschitz continuous on bounded sets only."""
    return term.functional.local and is_smooth(term)


def norm_squared(term: Term) -> float:
    """An upper bound of |K|^2."""
    exact = term.operator.facts.norm.exact
    return term.operator.norm() ** 2 * (1.0 if exact else NORM_SAFETY)


def _constant(term: Term) -> Scalar:
    """The Lipschitz constant of g's gradient, one number or one a row."""
    g = term.functional
    constant = g.weight if isinstance(g, HalfSquare) else g.lipschitz
    assert constant is not None
    return constant


class Smooth:
    """f(x) = sum of the given terms, all with gradients.

    The quadratic ones are kept as f(x) = <x, N x> / 2 - <rhs, x> + const with N = sum_j w_j K_j^H K_j, so that their
    gradient needs K^H K alone.
    """

    def __init__(self, problem: Problem, terms: Sequence[Term]) -> None:
        self.problem, self.terms = problem, list(terms)
        self.quadratic: list[tuple[Term, HalfSquare]] = [
            (t, t.functional) for t in terms if isinstance(t.functional, HalfSquare) and is_quadratic(t)
        ]
        self._other = [t for t in terms if not is_quadratic(t)]
        self.local = any(is_local(t) for t in terms)
        self._negative: Tensor | None = None
        for term, g in self.quadratic:
            back = term.back
            if back is not None:
                old = torch.zeros_like(back) if self._negative is None else self._negative
                self._negative = add(old, back, -g.weight)

    @property
    def weights(self) -> list[Scalar]:
        """w_j of the quadratic terms, in their order."""
        return [g.weight for _, g in self.quadratic]

    @property
    def rhs(self) -> Tensor:
        """sum_j w_j K_j^H b_j of the quadratic terms."""
        return self.problem.zeros() if self._negative is None else self._negative.neg().expand_as(self.problem.zeros())

    def normal(self, x: Tensor) -> Tensor:
        """N x, in memory of its own."""
        total: Tensor | None = None
        for term, g in self.quadratic:
            part = term.operator.gram(x)
            total = times(g.weight, part) if total is None else add_(total, part, g.weight)
        return torch.zeros_like(x) if total is None else total

    def gradient(self, x: Tensor) -> Tensor:
        """grad f(x), in memory of its own."""
        total = self._negative
        for i, (term, g) in enumerate(self.quadratic):
            part = term.operator.gram(x)
            if total is None:
                total = times(g.weight, part)
            else:
                total = add(total, part, g.weight) if i == 0 else add_(total, part, g.weight)
        for term in self._other:
            part = term.grad(x)
            total = part if total is None else total + part
        return torch.zeros_like(x) if total is None else total

    def curvature(self) -> Curvature:
        """mu and L: from the normal matrix's diagonal where there is one, else sum_j L_j |K_j|^2 and mu of plain terms.

        With terms that are Lipschitz on bounded sets only, L is that at the starting point.
        """
        problem = self.problem
        if self.local:
            x = problem.initial()
            return Curvature(0.0, self.local_lipschitz(x), "largest eigenvalue of the Hessian at the start")
        if not self._other and self.quadratic:
            operators, weights = [t.operator for t, _ in self.quadratic], [g.weight for _, g in self.quadratic]
            normal = Normal(operators, problem.space, problem.real, problem.device)
            if normal.basis is not None:
                low, high = normal.extremes(weights)
                if low.numel() == 1:
                    return Curvature(float(low), float(high), "extreme eigenvalues of the normal matrix")
                return Curvature(low, high, "extreme eigenvalues of the normal matrix")
        lower: Scalar = 0.0
        upper: Scalar = 0.0
        for term in self.terms:
            g = term.functional
            upper = upper + _constant(term) * norm_squared(term)
            if term.plain:
                lower = lower + (g.weight if isinstance(g, HalfSquare) else g.strong)
        exact = all(t.operator.facts.norm.exact for t in self.terms)
        return Curvature(lower, upper, "sum of weight |K|^2" + ("" if exact else ", |K| estimated to 1e-4"))

    def bound(self) -> Scalar:
        """An upper bound of a global L, for which no norm is estimated where the facts give a bound of it."""
        total: Scalar = 0.0
        for term in self.terms:
            known = term.operator.facts.norm.value
            total = total + _constant(term) * (norm_squared(term) if known is None else known**2)
        return total

    def local_lipschitz(self, x: Tensor, iterations: int = 30) -> Tensor:
        """The largest eigenvalue of the Hessian at x, [rows], by the power method on differences of gradients."""
        u = random_point(self.problem.space, self.problem.real, seed=0, device=x.device).expand_as(x).contiguous()
        value = torch.zeros(x.shape[0], dtype=self.problem.real, device=x.device)
        for _ in range(iterations):
            u = times(ratio(torch.ones_like(value), norm_rows(u)), u)
            u = self._hessian(x, u)
            value = norm_rows(u)
        return value * 1.05  # thirty steps of the power method may end a few per cent below

    def _hessian(self, x: Tensor, u: Tensor) -> Tensor:
        total = self.normal(u)
        for term in self._other:
            v, w = term.operator.forward(x), term.operator.forward(u)
            # A move of 1e-3 per entry keeps the difference's truncation and rounding error both near 1e-3 in float32.
            h = 1e-3 / w.abs().flatten(1).amax(1).clamp_min(torch.finfo(self.problem.real).tiny)
            slope = times(1 / h, term.functional.grad(add(v, w, h)) - term.functional.grad(v))
            total = total + term.operator.adjoint(slope)
        return total

    def cauchy_step(self, x: Tensor) -> Tensor:
        """|g|^2 / <g, H g> at x, [rows], with the gradient g and the Hessian H: the best step there were f quadratic.

        Where an operator is not linear, H g is the difference of the gradients at x and a short way along -g.
        """
        g = self.gradient(x)
        square = inner_rows(g, g)
        if all(t.operator.facts.linear != "none" for t in self.terms):
            bent = inner_rows(g, self._hessian(x, g)).abs()
        else:
            top = torch.maximum(x.abs().flatten(1).amax(1), torch.ones_like(square))
            h = 1e-3 * top / g.abs().flatten(1).amax(1).clamp_min(torch.finfo(self.problem.real).tiny)
            bent = inner_rows(g, g - self.gradient(add(x, g, -h))).abs() / h
        return torch.where((bent > 0) & (square > 0), square / torch.where(bent > 0, bent, 1), 1).to(self.problem.real)

    def accepts(self, z: Tensor, x: Tensor, step: Tensor) -> Tensor:
        """Whether the step from z to x was short enough: a boolean of each row.

        The test is that of descent, f(x) <= f(z) + <grad f(z), x - z> + |x - z|^2 / (2 t). Its left side cancels to
        noise near the solution, where the symmetric form <grad f(x) - grad f(z), x - z> <= |x - z|^2 / t says the same
        to second order; both must hold, the first up to rounding.
        """
        square = inner_rows(x - z, x - z).double()
        symmetric = torch.zeros_like(square)
        excess = torch.zeros_like(square)
        noise = torch.zeros_like(square)
        for term in self.terms:
            g = term.functional
            a, b = term.operator.forward(z), term.operator.forward(x)
            low, high = g.value(a), g.value(b)
            if term.operator.facts.linear == "none":
                at_z = term.grad(z)
                symmetric += inner_rows(term.grad(x) - at_z, x - z)
                slope = inner_rows(at_z, x - z)
            else:
                at_a, move = g.grad(a), b - a
                symmetric += inner_rows(g.grad(b) - at_a, move)
                slope = inner_rows(at_a, move)
            excess += high - low - slope
            noise += (low.abs() + high.abs()) * (8 * torch.finfo(self.problem.real).eps)
        t = step.double()
        return (symmetric <= square / t * (1 + 1e-6)) & (excess <= square / (2 * t) + noise)


def describe(name: str, value: Scalar, why: str, bound: Scalar | None = None) -> tuple[str, float, str, float | None]:
    """The fields of a `Step` for one number or one number a row."""
    each = ", the largest of the rows" if isinstance(value, Tensor) and value.numel() > 1 else ""
    return name, largest(value), why + each, None if bound is None else largest(bound)
