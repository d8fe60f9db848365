"""Compiled steps give what plain ones give; what is not compiled is said, with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Diagonal, Facts
from recon.dsl.model.place import place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import sensing, sparsity
from recon.runtime.algorithms.gradient import ProximalGradient
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.compiled_steps import CompiledSteps, obstacle
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.data import Exactly, HalfSquare
from recon.runtime.functionals.priors import L1
from recon.runtime.meaning import meaning
from recon.runtime.native import native
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.operators.diagonal import GridDiagonal
from recon.runtime.problem import Problem, Term

SIGNAL = Space("real", (Axis("sample", 128),))
IMAGE = Space("real", (Axis("row", 32), Axis("col", 32)))
COMPLEX = Space("complex", (Axis("sample", 16),))
MASK = Diagonal("pixel")


def identity(space: Space) -> Operator:
    return IdentityOperator(space, space, IDENTITY)


def sensed(exact: bool, prior: L1 | HalfSquare) -> Problem:
    """Two rows of 48 of 128 numbers measured."""
    A = build_operator(place(Leaf(sensing.GaussianMatrix(rows=48, seed=3)), SIGNAL), Build(real=torch.float32))
    y = torch.randn(2, 48, generator=torch.Generator().manual_seed(0))
    return Problem(
        SIGNAL, [Term(Exactly(y) if exact else HalfSquare(1.0, y), A, "data"), Term(prior, identity(SIGNAL))], 2
    )


def complex_signal() -> Problem:
    weights = (torch.arange(16) % 2).float()
    A = GridDiagonal(weights, COMPLEX, COMPLEX, Facts(gram=MASK, cogram=MASK, diagonal=MASK))
    y = torch.ones(1, 16, dtype=torch.complex64)
    return Problem(COMPLEX, [Term(HalfSquare(1.0, y), A, "data"), Term(L1(0.1), identity(COMPLEX))], 1)


def wavelet() -> Problem:
    W = build_operator(place(Leaf(sparsity.Wavelet(name="db2", levels=2)), IMAGE), Build(real=torch.float32))
    y = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))
    return Problem(IMAGE, [Term(HalfSquare(1.0, y), identity(IMAGE), "data"), Term(L1(0.1), W)], 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "problem"),
    [
        (words.Fista(iterations=100, tolerance=0), lambda: sensed(False, L1(0.1))),
        (words.Ista(iterations=100, tolerance=0), lambda: sensed(False, L1(0.1))),
        (words.Nesterov(iterations=100, tolerance=0), lambda: sensed(False, HalfSquare(0.1))),
        (words.HeavyBall(iterations=100, tolerance=0), lambda: sensed(False, HalfSquare(0.1))),
        (words.Cg(iterations=20, tolerance=0), lambda: sensed(False, HalfSquare(0.1))),
        (words.Pdhg(iterations=100, tolerance=0), lambda: sensed(True, L1(1.0))),
        (words.Admm(iterations=100, tolerance=0), lambda: sensed(True, L1(1.0))),
    ],
    ids=lambda v: v.word if isinstance(v, Solver) else "",
)
def test_compiled_steps_are_the_plain_ones(word: Solver, problem: Callable[[], Problem]) -> None:
    """Up to rounding that a hundred steps carry on."""
    compiled, plain = solve_word(word, problem(), compiled=True), solve_word(word, problem())
    torch.testing.assert_close(compiled.estimate, plain.estimate, rtol=0, atol=1e-4 * float(plain.estimate.abs().max()))
    told = compiled.trace.choices[-1]
    assert told.name == "compile"
    assert told.value > 0, told.why


@pytest.mark.parametrize("word", [words.Fista(iterations=30), words.Admm(iterations=30), words.Pdhg(iterations=30)])
def test_complex_numbers_are_not_compiled(word: Solver) -> None:
    compiled, plain = solve_word(word, complex_signal(), compiled=True), solve_word(word, complex_signal())
    assert torch.equal(compiled.estimate, plain.estimate)
    told = compiled.trace.choices[-1]
    assert (told.name, told.value) == ("compile", 0.0)
    assert "complex" in told.why
    assert all(c.name != "compile" for c in plain.trace.choices)


@pytest.mark.skipif(native() is None, reason="no kernels on this machine")
def test_steps_that_run_native_kernels_are_not_compiled() -> None:
    assert "kernels" in solve_word(words.Fista(iterations=5), wavelet(), compiled=True).trace.choices[-1].why


def test_steps_that_branch_on_numbers_are_not_compiled() -> None:
    """The x-update by conjugate gradients ends when its residual is small."""
    problem = sensed(False, L1(0.1))
    assert "depends on the numbers" in obstacle(meaning(words.Admm)(words.Admm(), problem))


class Refused(ProximalGradient):
    """Gradient steps that torch.compile cannot follow."""

    def step(self, state, knobs):  # type: ignore[no-untyped-def]
        torch._dynamo.graph_break()
        return super().step(state, knobs)


def test_what_torch_refuses_runs_as_it_is() -> None:
    problem = sensed(False, HalfSquare(0.1))
    plain, refused = (
        ProximalGradient(problem, "gradient", None),
        CompiledSteps(Refused(problem, "gradient", None), problem),
    )
    assert "refuses" in refused.report().why
    with torch.no_grad():
        a, b = plain.init(), refused.init()
        for _ in range(5):
            a, b = plain.step(a, {}), refused.step(b, {})
    assert torch.equal(a.x, refused.estimate(b))


@pytest.mark.slow
def test_more_versions_than_torch_makes_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 1)
    torch._dynamo.reset()
    told = []
    for problem in (sensed(False, HalfSquare(0.1)), sensed(False, L1(0.1))):
        plain, compiled = ProximalGradient(problem, "ista", None), ProximalGradient(problem, "ista", None)
        steps = CompiledSteps(compiled, problem)
        with torch.no_grad():
            a, b = plain.init(), steps.init()
            for _ in range(5):
                a, b = plain.step(a, {}), steps.step(b, {})
        torch.testing.assert_close(a.x, steps.estimate(b))
        told.append(steps.report().why)
    torch._dynamo.reset()
    assert "seconds" in told[0]
    assert "refuses" in told[-1]
