"""Measurements in blocks: parts of data terms, each with its part of the operator, and the order they are taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from recon.dsl.model.solver import InBlocks
from torch import Tensor

from ..build import derived_seed
from ..functionals.base import Scalar
from ..functionals.data import DataTerm, HalfSquare
from ..operators.base import Operator, cut, dtype_of, estimate_norm
from ..operators.extents import entries
from ..problem import Problem, Term

PRODUCTS, TOLERANCE = 12, 0.05
"""How carefully the norm of a block is estimated where no fact gives it: a step may be too short by so much."""


@dataclass(frozen=True)
class Block:
    """g_b(K_b x), and `square`, an upper bound of |K_b|^2 that is nearly met."""

    functional: DataTerm
    operator: Operator
    square: float

    @property
    def curvature(self) -> Scalar:
        """An upper bound of the curvature of g_b(K_b x)."""
        g = self.functional
        weight = g.weight if isinstance(g, HalfSquare) else g.lipschitz
        assert weight is not None
        return weight * self.square


def blocks_of(problem: Problem, word: InBlocks, count: int | None) -> list[Block]:
    """The data terms in `count` blocks each along the word's axis, or in one for each entry.

    Block b takes the entries b, b + count, b + 2 count, ... so that each sees all sides of the unknown.
    """
    found = []
    for term in problem.data:
        axis = _axis(term, word)
        space = term.operator.codomain
        size = space.sizes[space.axis(axis) or 0]
        if count is not None and count > size:
            raise ValueError(f"`{term.label}` has {size} entries along {axis}, and cannot be cut into {count} blocks")
        step = size if count is None else count
        assert isinstance(term.functional, DataTerm)
        for b in range(step):
            keep = slice(b, None, step)
            part = cut(term.operator, axis, keep)
            part.precision = problem.real
            found.append(Block(term.functional.cut(entries(space, axis, keep)), part, squared_norm(part, problem)))
    return found


def _axis(term: Term, word: InBlocks) -> str:
    """Where the term is cut: the axis asked for, or the first that the operator can be cut along."""
    axis = next(iter(term.operator.facts.cuts), None) if word.axis == "auto" else word.axis
    if axis is None:
        raise ValueError(f"`{word.word}` takes measurements in blocks, and `{term.label}` cannot be cut")
    return axis


def squared_norm(operator: Operator, problem: Problem) -> float:
    """An upper bound of |K|^2 that is nearly met: exact where known.

    For K >= 0 and any u > 0, |K|^2 <= max (K^T K u)_i / u_i by Collatz and Wielandt, here with u = K^T 1 and with 1 for
    K K^T: three products. Else a few steps of Lanczos' method with their residual added.
    """
    if operator.facts.norm.exact and operator.facts.norm.value is not None:
        return operator.facts.norm.value**2
    if operator.facts.signs and operator.domain.field == operator.codomain.field == "real":
        space = operator.codomain
        ones = torch.ones((1, *space.sizes), dtype=dtype_of(space, problem.real), device=problem.device)
        back = operator.adjoint(ones)
        again = operator.forward(back)
        third = operator.adjoint(again)
        seen = back > 0
        inside = float((third[seen] / back[seen]).max()) if bool(seen.any()) else 0.0
        return min(float(again.max()), inside)
    return estimate_norm(operator, PRODUCTS, TOLERANCE) ** 2


def order_of(kind: str, sizes: Sequence[float], problem: Problem, name: str, sweep: int) -> list[int]:
    """The blocks of one sweep, in order: drawn with chances like `sizes`, each once in an order of its own, or in turn.

    It depends on the seed and the number of the sweep, and is the same for all rows.
    """
    if kind == "cyclic":
        return list(range(len(sizes)))
    generator = torch.Generator().manual_seed(derived_seed(problem.seed, name, problem.draw, sweep))
    if kind == "shuffled":
        return [int(i) for i in torch.randperm(len(sizes), generator=generator)]
    chances = torch.tensor(sizes, dtype=torch.float64)
    return [int(i) for i in torch.multinomial(chances, len(sizes), replacement=True, generator=generator)]


def residual(block: Block, x: Tensor) -> Tensor:
    """y_b - K_b x."""
    target = block.functional.target
    assert target is not None
    return target - block.operator.forward(x)
