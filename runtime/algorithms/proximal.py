"""The proximal map of the sum of terms g_j(K_j x) where it is a closed formula.

- One term with K K^H = c I:  prox_{t g(K .)}(v) = v + K^H (prox_{c t g}(K v) - K v) / c.
- Terms on different unknowns: one after the other, since each leaves the others' unknowns alone.
- A separable energy and a box or sign constraint on the same real entries: the energy's map, then the projection.
- A ball around zero after signs; a Euclidean ball around zero after anything homogeneous (Yu 2013, theorem 4).
- w/2 |x - b|^2 beside any g with a map: prox_{t g / (1 + t w)}((v + t w b) / (1 + t w)).

Combettes, Pesquet 2011, tables 10.1 and 10.2; Beck 2017, theorem 6.15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..functionals.base import Functional, Scalar, per_row
from ..functionals.data import HalfSquare
from ..functionals.sets import Interval, Nonnegative
from ..functionals.sparsity import L1
from ..operators.base import Operator, random_point
from ..operators.sparsity import WaveletOperator
from ..problem import Term
from .rows import inner_rows, times

Prox = Callable[[Tensor, Scalar], Tensor]
"""(v, t) -> argmin_x g(x) + |x - v|^2 / (2 t); may write to v."""


def tight(operator: Operator) -> bool:
    """Whether K K^H = c I is known."""
    cogram = operator.facts.cogram
    return cogram is not None and cogram.basis == "identity"


def closed(term: Term) -> bool:
    """Whether the proximal map of g(K .) is closed where that of g is."""
    return term.plain or tight(term.operator)


def joint(terms: Sequence[Term]) -> bool:
    """Whether the sum of plain terms has a closed map.

    Of real ones: one separable energy with one box or sign constraint, or signs with what depends on moduli alone. Of
    any: a Euclidean ball around zero with what is homogeneous and has a joint map itself.
    """
    balls = [t for t in terms if t.functional.radial]
    others = [t for t in terms if not t.functional.radial]
    if len(balls) == 1 and all(t.plain for t in terms) and all(t.functional.homogeneous for t in others):
        return len(others) <= 1 or joint(others)
    signs = [t for t in terms if isinstance(t.functional, Nonnegative)]
    if len(terms) == 2 and len(signs) == 1 and all(t.plain and (t in signs or t.functional.even) for t in terms):
        return all(t.operator.domain.field == "real" for t in terms)
    energies = [t for t in terms if not t.functional.constraint]
    boxes = [t for t in terms if isinstance(t.functional, Interval)]
    return (
        all(t.plain and t.operator.domain.field == "real" for t in terms)
        and len(energies) + len(boxes) == len(terms)
        and len(energies) <= 1
        and len(boxes) <= 1
        and all(t.functional.separable for t in energies)
    )


def prox_of(terms: Sequence[Term]) -> Prox:
    """The proximal map of the sum of the terms; energies act before sets, and balls last. No terms: the identity.

    A plain quadratic may be among them. Raises ValueError where a term's map is not closed.
    """
    squares = [t.functional for t in terms if t.plain and isinstance(t.functional, HalfSquare)]
    rest = [t for t in terms if not (t.plain and isinstance(t.functional, HalfSquare))]
    rest.sort(key=lambda t: (t.functional.constraint, t.functional.even, t.functional.radial))
    maps = [_one(t) for t in rest]

    def chain(v: Tensor, t: Scalar) -> Tensor:
        for square in squares:
            v, t = _shrink(v, t, square)
        for each in maps:
            v = each(v, t)
        return v

    return chain


def _shrink(v: Tensor, t: Scalar, g: HalfSquare) -> tuple[Tensor, Scalar]:
    """(v + t w b) / (1 + t w) in place of v, and t / (1 + t w)."""
    tw = t * g.weight
    share, rest = tw / (1 + tw), t / (1 + tw)
    if g.target is None:
        return v.mul_(per_row(1 - share, v)), rest
    weight = per_row(share, v)
    return v.lerp_(g.target.expand_as(v), weight.to(v.dtype) if isinstance(weight, Tensor) else weight), rest


def _one(term: Term) -> Prox:
    g, k = term.functional, term.operator
    if term.plain:
        return g.prox_
    if not tight(k):
        raise ValueError(f"the proximal map of `{term.label}` is not closed: K K^H is no multiple of the identity")
    if isinstance(k, WaveletOperator) and isinstance(g, L1):
        weight, keep_coarse = g.weight, g.penalised is not None
        return lambda v, t: k.soft_threshold(v, t * weight, keep_coarse)
    return through(g, k)


def through(g: Functional, k: Operator) -> Prox:
    """The map of g(K .) for K K^H = c I."""
    c = scale_of(k)

    def prox(v: Tensor, t: Scalar) -> Tensor:
        kv = k.forward(v)
        return v + times(1 / c, k.adjoint(g.prox(kv, c * t) - kv))

    return prox


def scale_of(k: Operator) -> float:
    """c in K K^H = c I: as the facts say, else read off one application."""
    cogram = k.facts.cogram
    assert cogram is not None
    if cogram.scale is not None:
        return cogram.scale
    y = random_point(k.codomain, k.precision, seed=0, device=k.device)[None]
    with torch.no_grad():
        back = k.adjoint(y)
        return float(inner_rows(back, back) / inner_rows(y, y))
