"""Primal-dual methods for  min_x f(x) + h(x) + sum_j g_j(K_j x): the parts of the terms, and what bounds the steps.

f goes by its proximal map, h (smooth) by its gradient, each g_j by the map of its conjugate. The steps of the duals are
sigma_j = sigma / |K_j|^2, so that what bounds them is M, the norm of sum_j K_j^H K_j / |K_j|^2, between one and the
number of terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Axis, Field, Space
from torch import Tensor

from ..functionals.base import Functional
from ..operators.base import Composition, Operator, ScaledOperator, Sum, estimate_norm
from ..operators.parts import Part
from ..problem import Problem, Term
from .proximal import closed, joint
from .smooth import is_quadratic, norm_squared

ROUGH = 1e-2
"""Relative accuracy of the joint norm of several duals."""


@dataclass(frozen=True)
class Roles:
    """Which term is taken how."""

    primal: list[Term]
    smooth: list[Term]
    dual: list[Term]
    accelerated: bool


def roles(problem: Problem) -> Roles:
    """Assign the terms.

    A plain half square beside rough terms is primal, together with plain terms whose joint map is closed, and gives
    acceleration. Else the plain terms with a joint map are primal, or one with K K^H = c I; with none of these, a half
    square with K K^H = c I. Another half square goes by its gradient where K^H K is cheaper than K and K^H and other
    terms are dual; otherwise it is dual too, since that needs fewer iterations. All that is left is dual.
    """
    squares = [t for t in problem.terms if is_quadratic(t) and t.plain]
    behind = [t for t in problem.terms if is_quadratic(t) and not t.plain]
    rough = [t for t in problem.terms if not is_quadratic(t)]
    primal = _together(rough)
    if squares:
        primal = [t for t in primal if t.plain]
    rest = [t for t in rough if t not in primal]
    if not squares and not primal:
        primal = [t for t in behind if closed(t)][:1]
        behind = [t for t in behind if t not in primal]
    cheap = [t for t in behind if t.operator.normal() is not None] if rest else []
    dual = rest + [t for t in behind if t not in cheap]
    strong = any(t.functional.strong > 0 for t in squares)
    return Roles([*squares, *primal], cheap, dual, accelerated=strong and not cheap and bool(dual))


def _together(rough: list[Term]) -> list[Term]:
    """Terms whose sum has a closed map: plain ones first, else one that is tight."""
    plain = [t for t in rough if t.plain]
    for keep in (plain, [t for t in plain if t.functional.constraint][:1], plain[:1]):
        if keep and (len(keep) == 1 or joint(keep)):
            return keep
    return [t for t in rough if closed(t) and not t.functional.constraint][:1] or [t for t in rough if closed(t)][:1]


@dataclass(frozen=True)
class Block:
    """One dual term: g, K, and 1 / |K|^2."""

    functional: Functional
    operator: Operator
    share: float


def blocks(terms: Sequence[Term]) -> list[Block]:
    """The dual terms with the shares of their steps; an operator that is zero counts as one of norm one."""
    squares = [1.0 if t.plain else norm_squared(t) for t in terms]
    return [Block(t.functional, t.operator, 1 / s if s > 0 else 1.0) for t, s in zip(terms, squares, strict=True)]


def joint_norm(of: Sequence[Block]) -> float:
    """M, the norm of sum_j K_j^H K_j / |K_j|^2, from above: one for one term, else estimated to a per cent.

    More digits would cost more than they save, since the largest eigenvalues of differences lie close together.

    Where every K_j = sum_u K_ju P_u acts on parts u of one vector, the largest eigenvalue of the matrix with the
    entries sum_j |K_ju| |K_jv| / |K_j|^2 bounds it, and no product with an operator is needed.
    """
    if len(of) <= 1:
        return float(len(of))
    norms = [_part_norms(b.operator) for b in of]
    starts = sorted({u for n in norms if n is not None for u in n})
    if len(starts) > 1 and None not in norms:
        rows = [[(n or {}).get(u, 0.0) * b.share**0.5 for u in starts] for b, n in zip(of, norms, strict=True)]
        return min(float(torch.linalg.matrix_norm(torch.tensor(rows, dtype=torch.float64), 2)) ** 2, float(len(of)))
    return min(estimate_norm(_Stacked(of), rtol=ROUGH) ** 2 * (1 + 2 * ROUGH), float(len(of)))


def _part_norms(k: Operator) -> dict[int, float] | None:
    """|K_u| by the place of each part u where K = sum_u K_u P_u; None where K is not written so."""
    if isinstance(k, Part):
        return {k.start: 1.0}
    if isinstance(k, Composition) and isinstance(k.parts[-1], Part):
        return {k.parts[-1].start: k.norm()}  # P_u P_u^H = I
    if isinstance(k, ScaledOperator):
        inner = _part_norms(k.of)
        return None if inner is None else {u: abs(k.factor) * n for u, n in inner.items()}
    if isinstance(k, Sum):
        parts = [_part_norms(cast(Operator, p)) for p in k.parts]
        found = {u: n for p in parts if p is not None for u, n in p.items()}
        return found if None not in parts and len(found) == len(parts) else None
    return None


class _Stacked(Operator):
    """x -> (K_1 x / |K_1|, K_2 x / |K_2|, ...), end to end in one axis."""

    def __init__(self, of: Sequence[Block]) -> None:
        domain = of[0].operator.domain
        codomains = [b.operator.codomain for b in of]
        self_complex = any(c.field == "complex" for c in codomains)
        total = sum(math.prod(c.sizes) for c in codomains)
        field: Field = "complex" if self_complex else "real"
        facts = Facts(linear="complex" if all(b.operator.facts.linear == "complex" for b in of) else "real")
        super().__init__(domain, Space(field, (Axis("measurement", total),)), facts)
        self.precision = of[0].operator.precision
        self.blocks = torch.nn.ModuleList(b.operator for b in of)
        self.scales = [b.share**0.5 for b in of]
        self.counts = [math.prod(c.sizes) for c in codomains]

    def _apply_(self, x: Tensor) -> Tensor:
        parts = [k._apply_(x).flatten(1) * c for k, c in zip(self._operators(), self.scales, strict=True)]
        if self.codomain.field == "complex":
            parts = [p if p.is_complex() else torch.complex(p, torch.zeros_like(p)) for p in parts]
        return torch.cat(parts, 1)

    def _adjoint_(self, y: Tensor) -> Tensor:
        total: Tensor | None = None
        for k, c, part in zip(self._operators(), self.scales, torch.split(y, self.counts, 1), strict=True):
            v = part.real if part.is_complex() and k.codomain.field == "real" else part
            back = k._adjoint_(v.reshape(y.shape[0], *k.codomain.sizes).contiguous()) * c
            total = back if total is None else total + back
        assert total is not None
        return total

    def _operators(self) -> list[Operator]:
        return [cast(Operator, k) for k in self.blocks]
