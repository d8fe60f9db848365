"""Numbers of a single row are plain numbers, and come out as those of rows on tensors do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.runtime.algorithms import rows
from recon.runtime.functionals.base import Scalar
from recon.runtime.functionals.priors import L1, HalfSquare

NUMBERS = (0.0, 1e-300, 0.25, 3.0, 1e200, math.inf)


@pytest.mark.parametrize(
    "f",
    [
        rows.ratio,
        rows.quotient,
        rows.larger,
        lambda a, b: rows.where(a > b, a, b * 2),
        lambda a, b: rows.between(a, b / 10, b * 10),
        lambda a, b: rows.root(a),
        lambda a, b: rows.modulus(-a),
    ],
)
def test_plain_numbers_are_computed_with_as_tensors_are(f: Callable[[Scalar, Scalar], Scalar]) -> None:
    for a in NUMBERS:
        for b in NUMBERS:
            on_tensors = f(torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64))
            plain = f(a, b)
            assert isinstance(plain, float)
            assert isinstance(on_tensors, torch.Tensor)
            np.testing.assert_equal(on_tensors.numpy(), np.array([plain]))


def test_a_single_row_on_the_processor_is_plain() -> None:
    one, two = torch.ones(1, 3), torch.ones(2, 3)
    assert rows.at_rows(torch.tensor([2.5]), one, torch.float32) == 2.5
    many = rows.at_rows(2.5, two, torch.float64)
    assert isinstance(many, torch.Tensor)
    assert many.tolist() == [2.5, 2.5]
    assert rows.inner(one, one, 0.0) == 3.0
    assert torch.equal(torch.as_tensor(rows.inner(two, two, many)), torch.tensor([3.0, 3.0]))
    turned = torch.tensor([[1 + 2j, 3j]])
    assert rows.inner(turned, turned.conj(), 0.0) == pytest.approx(float((turned.conj() * turned.conj()).real.sum()))


SOLVERS: list[Solver] = [words.Fista(), words.Admm(), words.Pdhg(), words.Cg(), words.Lsqr(), words.Nesterov()]


@pytest.mark.parametrize("word", SOLVERS, ids=lambda w: w.word)
def test_a_row_alone_is_what_it_is_in_company_in_single_precision(
    kit: Any, rng: np.random.Generator, word: Solver
) -> None:
    """Up to rounding of single precision, which thirty steps on a well-conditioned problem carry on."""
    A, y = torch.as_tensor(rng.standard_normal((24, 8))), torch.as_tensor(rng.standard_normal((3, 24)))

    def found(which: slice) -> torch.Tensor:
        space, target = kit.signal(8), y[which].float()
        operator, identity = kit.dense(A.float().numpy()), kit.identity(space)
        operator.precision = identity.precision = torch.float32
        rough = word.word in ("fista", "admm", "pdhg")
        prior = L1(1.0) if rough else HalfSquare(0.5)
        problem = kit.problem(space, (HalfSquare(1.0, target), operator), (prior, identity), rows=len(target))
        problem.real = torch.float32
        return kit.run(word, problem, 30).estimate

    together = found(slice(0, 3))
    for i in range(3):
        torch.testing.assert_close(
            found(slice(i, i + 1))[0], together[i], rtol=0, atol=3e-5 * float(together.abs().max())
        )
