"""Adam and AdaGrad against torch's own, on complex numbers, and against what the book proves of AdaGrad."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.sets import Interval

from .conftest import Kit


def test_the_iterates_are_those_of_torch(kit: Kit, rng: np.random.Generator) -> None:
    matrix, target = rng.normal(size=(7, 4)), rng.normal(size=(1, 7))
    space = kit.signal(4)
    data = (HalfSquare(2.0, torch.from_numpy(target)), kit.dense(matrix, space))
    word = words.Adam(lr=0.03, iterations=40, tolerance=0.0)
    found = kit.run(word, kit.problem(space, data), iterations=40).estimate
    x = torch.zeros((1, 4), dtype=torch.float64, requires_grad=True)
    reference = torch.optim.Adam([x], lr=0.03, eps=1e-12)
    for _ in range(40):
        reference.zero_grad()
        (x @ torch.from_numpy(matrix).T - torch.from_numpy(target)).square().sum().backward()
        reference.step()
    torch.testing.assert_close(found, x.detach(), rtol=1e-9, atol=1e-9)


def test_adagrad_is_that_of_torch(kit: Kit, rng: np.random.Generator) -> None:
    matrix, target = rng.normal(size=(7, 4)), rng.normal(size=(1, 7))
    data = (HalfSquare(2.0, torch.from_numpy(target)), kit.dense(matrix, kit.signal(4)))
    found = kit.run(words.AdaGrad(lr=0.3), kit.problem(kit.signal(4), data), iterations=40).estimate
    x = torch.zeros((1, 4), dtype=torch.float64, requires_grad=True)
    reference = torch.optim.Adagrad([x], lr=0.3, eps=1e-12)
    for _ in range(40):
        reference.zero_grad()
        (x @ torch.from_numpy(matrix).T - torch.from_numpy(target)).square().sum().backward()
        reference.step()
    torch.testing.assert_close(found, x.detach(), rtol=1e-9, atol=1e-9)


def test_adagrad_on_a_diagonal_problem(kit: Kit) -> None:
    """Proposition 5 of the book: all singular values converge alike, and linearly.

    With k = lr / |x_0 - x*|, the rate that its proof gives is 1 - k^2 sqrt(4/3), where the statement has lr in the
    place of lr^2, and holds for k^2 <= 1/8, for then 2 + 1/(2 k^2) <= 3/(4 k^2).
    """
    values, distance, lr = np.array([0.1, 1.0, 1e3]), 2.0, 0.6
    truth = torch.full((1, 3), distance, dtype=torch.float64)
    problem = kit.problem(
        kit.signal(3), (HalfSquare(1.0, truth * torch.from_numpy(values)), kit.dense(np.diag(values), kit.signal(3)))
    )
    rate = 1 - (lr / distance) ** 2 * (4 / 3) ** 0.5
    for k in (1, 2, 5, 20, 60):
        left = (truth - kit.run(words.AdaGrad(lr=lr), problem, iterations=k).estimate).abs()[0]
        assert float(left.max() - left.min()) <= 1e-9 * distance
        assert float(left.max()) <= rate ** (k - 1) * distance


@pytest.mark.parametrize("word", [words.Adam(lr=0.03), words.AdaGrad(lr=0.1)], ids=lambda w: w.word)
def test_a_common_phase_changes_nothing(kit: Kit, rng: np.random.Generator, word: Solver) -> None:
    matrix = rng.normal(size=(7, 4)) + 1j * rng.normal(size=(7, 4))
    target = torch.from_numpy(rng.normal(size=(1, 7)) + 1j * rng.normal(size=(1, 7)))
    space = kit.signal(4, "complex")
    phase = np.exp(0.7j)
    a, b = (
        kit.run(word, kit.problem(space, (HalfSquare(1.0, t), kit.dense(matrix, space))), iterations=30).estimate
        for t in (target, target * phase)
    )
    torch.testing.assert_close(b, a * phase, rtol=1e-10, atol=1e-12)


def test_sets_are_projected_onto(kit: Kit, rng: np.random.Generator) -> None:
    """A box around part of the line of a quadratic: the closest point of the box is the minimiser."""
    space = kit.signal(3)
    target = torch.tensor([[-1.0, 0.4, 2.0]], dtype=torch.float64)
    problem = kit.problem(space, (HalfSquare(1.0, target), kit.identity(space)), (Interval(0, 1), kit.identity(space)))
    found = kit.run(words.Adam(lr=0.01, iterations=2000, tolerance=0.0), problem, iterations=2000).estimate
    torch.testing.assert_close(found, target.clamp(0, 1), rtol=0, atol=1e-4)
