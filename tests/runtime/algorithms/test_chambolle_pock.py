"""The accelerated primal-dual method: steps that wait are the same steps, and longer ones still end at the minimum."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recon.dsl.model.facts import IDENTITY
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary.operators.sparsity import Gradient
from recon.runtime.algorithms.certificate import DualityGap
from recon.runtime.algorithms.chambolle_pock import MOST, PROVEN, AcceleratedPdhg
from recon.runtime.algorithms.primal_dual import roles
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.quadratic import HalfSquare
from recon.runtime.functionals.sets import Interval
from recon.runtime.functionals.sparsity import GroupL1
from recon.runtime.loop import appraise
from recon.runtime.native import native
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.problem import Problem, Term

IMAGE = Space("real", (Axis("row", 23), Axis("col", 37)))


VOLUME = Space("real", (Axis("z", 1, 3e-3), Axis("row", 9, 1e-3), Axis("col", 14, 2e-3)))


def denoising(weight: Any, boxed: bool = False, space: Space = IMAGE) -> Problem:
    """Two rows, of which each has its own noise level, in float64."""
    double = Build(real=torch.float64)
    y = torch.rand(2, *space.sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    D = build_operator(place(Leaf(Gradient()), space), double)
    eye = IdentityOperator(space, space, IDENTITY)
    terms = [Term(HalfSquare(weight, y), eye, "data"), Term(GroupL1(0.2), D)]
    return Problem(space, [*terms, Term(Interval(0.3, 0.6), eye)] if boxed else terms, 2, torch.float64)


def after(steps: int, problem: Problem) -> tuple[AcceleratedPdhg, Any]:
    algorithm = AcceleratedPdhg(problem, roles(problem))
    state = algorithm.init()
    for k in range(1, steps + 1):
        state = algorithm.step(state, algorithm.knobs(k))
    return algorithm, state


@pytest.mark.skipif(native() is None, reason="no kernels on this machine")
@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("weight", [3.0, torch.tensor([1.0, 4.0], dtype=torch.float64)])
def test_steps_that_wait_are_the_same_steps(weight: Any, boxed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = denoising(weight, boxed)
    algorithm, state = after(2 * MOST + 5, problem)
    assert len(state.due) == 5
    found = [algorithm.estimate(state).clone(), *(p for _, p in algorithm.duals(state))]
    assert not state.due
    monkeypatch.setenv("RECON_NATIVE", "0")
    plain, last = after(2 * MOST + 5, problem)
    assert last.due is None
    expected = [plain.estimate(last), *(p for _, p in plain.duals(last))]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("space", [IMAGE, VOLUME], ids=["image", "volume"])
def test_steps_in_place_are_those_through_operators(space: Space, boxed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_NATIVE", "0")
    quick, last = after(40, denoising(3.0, boxed, space))
    assert last.planes is not None
    through, other = after(40, denoising(torch.full((2,), 3.0, dtype=torch.float64), boxed, space))
    assert other.planes is None
    torch.testing.assert_close(quick.estimate(last), through.estimate(other), rtol=0, atol=1e-13)
    torch.testing.assert_close(last.duals[0], other.duals[0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("kernels", ["1", "0"])
def test_it_ends_at_the_minimum(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beyond the iterations with the longer steps; the gap falls like one over the square of them."""
    monkeypatch.setenv("RECON_NATIVE", kernels)
    problem = denoising(3.0)
    gaps = []
    for steps in (PROVEN // 2, 2 * PROVEN):
        algorithm, state = after(steps, problem)
        x = algorithm.estimate(state)
        gap = DualityGap(problem).relative(x, algorithm.duals(state), *appraise(problem, x))
        gaps.append(float(gap.max()))
    assert gaps[1] < min(1e-8, gaps[0] / 16)
