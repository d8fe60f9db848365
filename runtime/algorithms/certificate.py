"""How far an objective is from its minimum at most: duality gaps.

For any p_j with sum_j K_j^H p_j = 0 the minimum of sum_j g_j(K_j x) is at least -sum_j g_j^*(p_j). Candidates are the
dual variables of the solver, and the gradients at K_j x of the terms that have one. They meet the equation at the
solution only, so one part of the problem takes up what is missing, s = -sum_j K_j^H p_j over the other terms:

- the plain terms, if a half square is among them: their sum F is strongly convex, and
  F^*(s) = <s, x> - F(x) at x = prox_{g/w}(b + s/w);
- a plain set that is bounded, such as a box: its support function is finite everywhere;
- half squares behind operators, whose normal matrix N is diagonal in a basis and well conditioned:
  F^*(s) = <s + c, N^{-1} (s + c)> / 2 - const with c = sum w A^H b;
- a norm of K x with K^H K diagonal in a basis: p <- p - K (K^H K)^+ r with r = sum_j K_j^H p_j. What of r the norm does
  not see (constants, the coarse band of wavelets) moves the residuals of half squares first, and a common factor brings
  all p_j into their balls. This is the residual's scaling of Lasso's dual, for analysis priors too.

Boyd, Vandenberghe 2004, 5.5; Chambolle, Pock 2011; Kim, Koh, Lustig, Boyd, Gorinevsky 2007, III.A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..functionals.base import ROUNDING, Scalar, dot_rows, square_rows
from ..functionals.quadratic import HalfSquare
from ..functionals.sets import Interval
from ..functionals.simplex import Simplex
from ..functionals.sparsity import L1, GroupL1
from ..problem import Problem, Term
from .conjugate import conjugate_gradients
from .normal import Normal
from .proximal import Prox, joint, prox_of
from .rows import times
from .smooth import Smooth, is_quadratic

CONDITION = 1e-3
"""The least eigenvalue of N, relative to the largest, with which half squares take up what is missing."""
INNER = 15
"""Conjugate-gradient steps for what a norm does not see, from where the last certificate ended."""

Duals = Sequence[tuple[Term, Tensor]]
"""Terms with their dual variables, each where its conjugate is finite."""


class Absorber(Protocol):
    """The part of a problem that takes up what is missing. `inside`: its terms, whose candidates are not asked for."""

    inside: list[Term]

    def dual(self, x: Tensor, others: Duals) -> Tensor:
        """A lower bound of the minimum for each row, [rows], in float64."""
        ...


class DualityGap:
    """The objective above the largest lower bound that is at hand; `known` tells whether there can be one."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.absorber = _absorber(problem)
        linear = self.absorber is not None and all(t.operator.facts.linear != "none" for t in problem.terms)
        minima = [t.functional.conjugate(_zero(t, problem.device)) for t in problem.terms] if linear else [None]
        self.known = all(m is not None for m in minima)
        start = torch.zeros(1, dtype=torch.float64, device=problem.device)
        self.least = -sum((m for m in minima if m is not None), start)
        """The sum of the terms' own minima."""

    def relative(self, x: Tensor, duals: Duals, objective: Tensor, violation: Tensor) -> Tensor:
        """The gap over the objective above the sum of its terms' own minima, [rows]; infinite where it bounds nothing.

        Those minima are -g_j^*(0): zero of norms and half squares, so that it is the gap over the objective for most.
        `objective` is the sum of all terms but constraints at x, and `violation` the distance to the constraints:
        beyond rounding, the objective may be below the minimum.
        """
        assert self.absorber is not None
        given = {id(t): p for t, p in duals}
        others = []
        for term in self.problem.terms:
            if any(term is t for t in self.absorber.inside):
                continue
            p = given.get(id(term))
            if p is None:
                smooth = term.functional.lipschitz is not None and not term.functional.constraint
                zero = _zero(term, x.device)
                p = term.functional.grad(term.operator.forward(x)) if smooth else zero.expand(len(x), *zero.shape[1:])
            others.append((term, p))
        bound = self.absorber.dual(x, others)
        gap = (objective - bound) / (objective - self.least).clamp_min(torch.finfo(torch.float64).tiny)
        outside = violation > ROUNDING * torch.finfo(self.problem.real).eps
        return torch.where(gap.isnan() | outside, torch.inf, gap.clamp_min(0))


def _zero(term: Term, device: torch.device) -> Tensor:
    space = term.operator.codomain
    zero = torch.zeros((1, *space.sizes), dtype=term.operator.precision, device=device)
    return zero if space.field == "real" else torch.complex(zero, zero)


def _conjugate(term: Term, p: Tensor) -> Tensor:
    value = term.functional.conjugate(p)
    assert value is not None
    return value


def _pulled(terms: Duals, like: Tensor) -> Tensor:
    """sum_j K_j^H p_j."""
    total = torch.zeros_like(like)
    for term, p in terms:
        total = total + term.operator.adjoint(p.expand(len(like), *p.shape[1:]))
    return total


def _absorber(problem: Problem) -> Absorber | None:
    plain = [t for t in problem.terms if t.plain]
    squares = [t for t in plain if is_quadratic(t) and t.functional.strong > 0]
    rest = [t for t in plain if not is_quadratic(t)]
    if squares and (len(rest) <= 1 or joint(rest)):
        return StrongPart(squares, rest)
    bounded = next((t for t in plain if _bounded(t)), None)
    if bounded is not None:
        return BoundedSet(bounded)
    behind = [t for t in problem.terms if is_quadratic(t)]
    normal = Normal([t.operator for t in behind], problem.space, problem.real, problem.device) if behind else None
    conditioned = 0.0
    if normal is not None and normal.basis is not None:
        low, high = normal.extremes(Smooth(problem, behind).weights)
        conditioned = float((low / high).min())
    if normal is not None and conditioned >= CONDITION:
        return Conditioned(problem, behind, normal)
    norms = [t for t in problem.terms if isinstance(t.functional, L1 | GroupL1)]
    if behind and len(norms) + len(behind) == len(problem.terms):
        for term in sorted(norms, key=lambda t: t.plain, reverse=True):
            gram = Normal([term.operator], problem.space, problem.real, problem.device)
            if gram.basis is not None:
                return SeenByNorm(problem, behind, term, gram)
    if normal is not None and conditioned > 0:
        return Conditioned(problem, behind, normal)
    return None


def _bounded(term: Term) -> bool:
    g = term.functional
    if isinstance(g, Interval):
        return max(abs(g.low), abs(g.high)) < torch.inf
    return isinstance(g, Simplex)


class StrongPart:
    """Plain half squares, and plain terms with a closed map beside them."""

    def __init__(self, squares: list[Term], rest: list[Term]) -> None:
        self.inside = [*squares, *rest]
        self.squares, self.rest = [t.functional for t in squares], rest
        self.prox: Prox = prox_of(rest)

    def dual(self, x: Tensor, others: Duals) -> Tensor:
        s = _pulled(others, x).neg_()
        weight: Scalar = 0.0
        centre = torch.zeros_like(x)
        for g in self.squares:
            assert isinstance(g, HalfSquare)
            weight = weight + g.weight
            if g.target is not None:
                centre = centre + times(g.weight, g.target.expand_as(x))
        best = self.prox(times(1 / weight, centre + s), 1 / weight)
        value = sum((g.value(best) for g in self.squares), torch.zeros(len(x), dtype=torch.float64, device=x.device))
        for term in self.rest:
            if not term.functional.constraint:
                value = value + term.functional.value(best)
        return value - dot_rows(s, best) - sum(_conjugate(t, p) for t, p in others)


class BoundedSet:
    """A plain set whose support function is finite."""

    def __init__(self, term: Term) -> None:
        self.inside = [term]

    def dual(self, x: Tensor, others: Duals) -> Tensor:
        s = _pulled(others, x).neg_()
        return -_conjugate(self.inside[0], s) - sum(_conjugate(t, p) for t, p in others)


class Conditioned:
    """Half squares with a normal matrix that can be inverted."""

    def __init__(self, problem: Problem, squares: list[Term], normal: Normal) -> None:
        self.inside = squares
        smooth = Smooth(problem, squares)
        self.rhs, self.normal, self.inverse = smooth.rhs, normal, normal.inverse(smooth.weights)
        zero = problem.zeros()
        start = torch.zeros(problem.rows, dtype=torch.float64, device=problem.device)
        self.constant = sum((t.value(zero) for t in squares), start)

    def dual(self, x: Tensor, others: Duals) -> Tensor:
        v = self.rhs - _pulled(others, x)
        half = dot_rows(v, self.normal.divide(self.inverse, v)) / 2
        return self.constant - half - sum(_conjugate(t, p) for t, p in others)


@dataclass
class SeenByNorm:
    """A norm of K x with K^H K diagonal, beside half squares and other norms."""

    problem: Problem
    squares: list[Term]
    norm: Term
    gram: Normal

    def __post_init__(self) -> None:
        self.inside = self.squares
        self.inverse = self.gram.inverse([1.0])
        g = self.norm.functional
        self.exempt = None if not isinstance(g, L1) or g.penalised is None else ~g.penalised
        self.start: Tensor | None = None
        """Where the search for what the norm does not see begins: where the last one ended."""

    def dual(self, x: Tensor, others: Duals) -> Tensor:
        residuals = [times(self._weight(t), self._residual(t, x)) for t in self.squares]
        r = _pulled([*others, *zip(self.squares, residuals, strict=True)], x)
        unseen = self._unseen(r)
        if bool((square_rows(unseen) > 0).any()):
            start = torch.zeros_like(x) if self.start is None else self.start
            c = conjugate_gradients(self._moved, unseen, start, INNER, 1e-6)
            self.start = c = self._unseen(c)
            for i, term in enumerate(self.squares):
                residuals[i] = residuals[i] - times(self._weight(term), term.operator.forward(c))
                r = r - times(self._weight(term), term.operator.gram(c))
        move = self.norm.operator.forward(self.gram.divide(self.inverse, r))
        if self.exempt is not None:
            move = move.masked_fill(self.exempt, 0)
        left = r - self.norm.operator.adjoint(move)
        norms = [(t, p - move if t is self.norm else p) for t, p in others]
        return self._scaled(x, residuals, norms, left)

    def _scaled(self, x: Tensor, residuals: list[Tensor], norms: Duals, left: Tensor) -> Tensor:
        """The bound of c times all p_j, for the best c that keeps them in their balls.

        `left` is rounding, and what the search has left of the unseen part: it is charged with twice the size of x.
        """
        square, linear = (torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in range(2))
        for term, q in zip(self.squares, residuals, strict=True):
            g = term.functional
            assert isinstance(g, HalfSquare)
            square = square + square_rows(q) / (2 * torch.as_tensor(g.weight, dtype=torch.float64, device=x.device))
            if g.target is not None:
                linear = linear + dot_rows(q, g.target.expand_as(q))
        linear = linear + 2 * (square_rows(left) * square_rows(x)).sqrt()
        most = torch.full_like(square, torch.inf)
        for term, p in norms:
            most = torch.minimum(most, _room(term, p))
        c = torch.minimum((-linear / (2 * square)).nan_to_num(0).clamp_min(0), most)
        return -(c * c * square + c * linear)

    def _weight(self, term: Term) -> float | Tensor:
        g = term.functional
        assert isinstance(g, HalfSquare)
        return g.weight

    def _residual(self, term: Term, x: Tensor) -> Tensor:
        g, v = term.functional, term.operator.forward(x)
        assert isinstance(g, HalfSquare)
        return v if g.target is None else v - g.target

    def _unseen(self, r: Tensor) -> Tensor:
        """The part of r in the null space of the norm."""
        assert self.gram.basis is not None
        seen = self.gram.divide(torch.where(self.inverse > 0, 1.0, 0.0).to(self.inverse), r)
        out = r - seen
        if self.exempt is not None:
            kr = self.norm.operator.forward(seen)
            out = out + self.gram.divide(self.inverse, self.norm.operator.adjoint(kr * self.exempt))
        return out

    def _moved(self, c: Tensor) -> Tensor:
        """The unseen part of N c, for a c that is unseen."""
        total = torch.zeros_like(c)
        for term in self.squares:
            total = total + times(self._weight(term), term.operator.gram(c))
        return self._unseen(total)


def _room(term: Term, p: Tensor) -> Tensor:
    """The largest factor that keeps p in the ball of the norm's dual, [rows]."""
    g = term.functional
    weight = torch.as_tensor(g.weight, dtype=torch.float64, device=p.device)  # type: ignore[attr-defined]
    if isinstance(g, GroupL1):
        size = torch.linalg.vector_norm(p, dim=g.axis).flatten(1).amax(1).double()
    else:
        size = p.abs().flatten(1).amax(1).double()
    return torch.where(size > 0, weight / size, torch.inf)
