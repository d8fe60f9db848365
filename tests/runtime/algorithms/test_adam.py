"""Adam against torch's own, and on complex numbers."""

from __future__ import annotations

import numpy as np
import torch
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


def test_a_common_phase_changes_nothing(kit: Kit, rng: np.random.Generator) -> None:
    matrix = rng.normal(size=(7, 4)) + 1j * rng.normal(size=(7, 4))
    target = torch.from_numpy(rng.normal(size=(1, 7)) + 1j * rng.normal(size=(1, 7)))
    space = kit.signal(4, "complex")
    phase = np.exp(0.7j)
    word = words.Adam(lr=0.03, iterations=30, tolerance=0.0)
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
