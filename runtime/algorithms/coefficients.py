"""A least-squares problem in sparse coefficients: what the greedy methods see of a problem.

With z = W x for an orthonormal W (the identity, a transform, or both side by side for several unknowns), minimise

    F(z) = <z, N z> / 2 - Re <c, z>,   N = W (sum_j w_j K_j^H K_j) W^H,   c = W sum_j w_j K_j^H b_j,

with at most k_b entries of each block b of z that are not zero. Exact data A x = y are the square |A x - y|^2 / 2. The
weight of a single term changes nothing of what the methods find, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..functionals.greedy import SparseVectors, largest_entries
from ..functionals.quadratic import HalfSquare
from ..functionals.sets import Exactly
from ..operators.base import IdentityOperator, Operator
from ..operators.basic import MatrixOperator
from ..problem import Problem, Term
from .smooth import Smooth


@dataclass(frozen=True)
class Block:
    """The coefficients K x of one sparse set, z[start:stop], of which at most `nonzeros` are not zero."""

    operator: Operator
    start: int
    stop: int
    nonzeros: int


class Coefficients:
    """N, c and the blocks of z, for z of shape [rows, n]. `weight`: that of a single term, which is left out of N."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.blocks: list[Block] = []
        squares: list[Term] = []
        start = 0
        for term in problem.terms:
            g = term.functional
            if isinstance(g, SparseVectors):
                stop = start + (term.operator.codomain.count or 0)
                self.blocks.append(Block(term.operator, start, stop, g.nonzeros))
                start = stop
            elif isinstance(g, Exactly):
                squares.append(replace(term, functional=HalfSquare(1.0, g.target)))
            else:
                squares.append(term)
        self.size = start
        self.weight: Scalar = 1.0
        if len(squares) == 1:
            only = squares[0].functional
            assert isinstance(only, HalfSquare)
            self.weight = only.weight
            squares = [replace(squares[0], functional=HalfSquare(1.0, only.target))]
        self.smooth = Smooth(problem, squares)
        self.rhs = self.analyse(self.smooth.rhs)

    @property
    def nonzeros(self) -> int:
        """How many entries of z may differ from zero."""
        return sum(b.nonzeros for b in self.blocks)

    def analyse(self, x: Tensor) -> Tensor:
        """z = W x."""
        parts = [b.operator.forward(x).flatten(1) for b in self.blocks]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def synthesise(self, z: Tensor) -> Tensor:
        """x = W^H z."""
        x: Tensor | None = None
        for b in self.blocks:
            part = z[:, b.start : b.stop].reshape(-1, *b.operator.codomain.sizes)
            back = b.operator.adjoint(part)
            x = back if x is None else x + back
        assert x is not None
        return x

    def normal(self, z: Tensor) -> Tensor:
        """N z."""
        return self.analyse(self.smooth.normal(self.synthesise(z)))

    def residual(self, z: Tensor) -> Tensor:
        """c - N z: the correlations of the columns with what z leaves of the data."""
        return self.rhs - self.normal(z)

    def keep(self, size: Tensor, times: int = 1) -> Tensor:
        """Where the `times` k_b largest moduli of each block stand: booleans [rows, n], for `size` = |z|."""
        parts = [largest_entries(size[:, b.start : b.stop], times * b.nonzeros) for b in self.blocks]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def columns(self) -> Tensor | None:
        """N^T, so that row i is column i of N; None where each row of the batch has an N of its own."""
        if any(isinstance(w, Tensor) and w.numel() > 1 for w in self.smooth.weights):
            return None
        only = self.smooth.terms[0].operator
        if len(self.smooth.terms) == 1 and isinstance(only, MatrixOperator) and len(self.blocks) == 1:
            a = only.matrix
            if isinstance(self.blocks[0].operator, IdentityOperator) and a.dtype == self.rhs.dtype:
                return a.mT @ a.conj()
        unit = torch.eye(self.size, dtype=self.rhs.dtype, device=self.rhs.device)
        return torch.cat([self.normal(part) for part in torch.split(unit, 256)])
