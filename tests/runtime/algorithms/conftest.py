"""Small problems in float64 whose minimisers other programs find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Facts
from recon.dsl.model.place import place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.model.word import Operator as OperatorWord
from recon.runtime.algorithms.base import Algorithm, Direct
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.base import Functional
from recon.runtime.loop import Solution, solve, solve_direct
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.problem import Problem, Term
from torch import Tensor


class Dense(Operator):
    """y = A x for a matrix over the flattened domain, with the facts that it is given."""

    def __init__(self, matrix: np.ndarray, domain: Space, facts: Facts | None = None) -> None:
        complex_valued = np.iscomplexobj(matrix)
        codomain = Space("complex" if complex_valued else domain.field, (Axis("measurement", matrix.shape[0]),))
        super().__init__(domain, codomain, facts or Facts())
        self.precision = torch.float64
        self.constant("matrix", torch.as_tensor(matrix))

    def _apply_(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        return (
            flat.to(torch.promote_types(flat.dtype, self.matrix.dtype))
            @ self.matrix.to(torch.promote_types(flat.dtype, self.matrix.dtype)).mT
        )

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y @ self.matrix.conj().to(torch.promote_types(y.dtype, self.matrix.dtype))
        x = x.real if self.domain.field == "real" and x.is_complex() else x
        return x.reshape(y.shape[0], *self.domain.sizes)


@dataclass(frozen=True)
class Kit:
    """What a test builds problems from."""

    def signal(self, n: int, field: Any = "real") -> Space:
        return Space(field, (Axis("sample", n),))

    def image(self, rows: int, columns: int, field: Any = "real") -> Space:
        return Space(field, (Axis("row", rows), Axis("col", columns)))

    def dense(self, matrix: np.ndarray, domain: Space | None = None, facts: Facts | None = None) -> Operator:
        return Dense(matrix, domain or self.signal(matrix.shape[1]), facts)

    def word(self, word: OperatorWord, domain: Space) -> Operator:
        return build_operator(place(Leaf(word), domain), Build(real=torch.float64))

    def identity(self, domain: Space) -> Operator:
        return IdentityOperator(domain, domain, IDENTITY)

    def problem(self, space: Space, *terms: tuple[Functional, Operator], rows: int = 1) -> Problem:
        roles = ["data"] + ["prior"] * len(terms)
        built = [Term(g, k, r, type(g).__name__) for (g, k), r in zip(terms, roles, strict=False)]
        return Problem(space, built, rows, torch.float64)

    def run(self, word: Solver, problem: Problem, iterations: int = 2000, tolerance: float = 0.0) -> Solution:
        """What the solver makes of the problem."""
        found: Algorithm[Any] | Direct = meaning(word)(word, problem)
        if isinstance(found, Algorithm):
            return solve(found, problem, iterations=iterations, tolerance=tolerance)
        return solve_direct(found, problem)

    def value(self, problem: Problem, x: Tensor) -> float:
        """The sum of all terms but constraints."""
        terms = [t for t in problem.terms if not t.functional.constraint]
        return sum(float(t.value(x).sum()) for t in terms)


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


Make = Callable[..., Problem]
