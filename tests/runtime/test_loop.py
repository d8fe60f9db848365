"""The loop: stopping, freezing, divergence, interruption, the trace."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Facts, Norm
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary import solvers as words
from recon.runtime.algorithms.base import Algorithm, Knobs
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.priors import Nonnegative
from recon.runtime.loop import Diverged, Solution, solve, solve_direct
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.problem import Problem, Term
from torch import Tensor

SPACE = Space("real", (Axis("sample", 3),))


class Scale(Operator):
    """Multiplies with 1, 2, 3."""

    def __init__(self) -> None:
        super().__init__(SPACE, SPACE, Facts(norm=Norm(3.0, exact=True)))
        self.constant("values", torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))

    def _apply_(self, x: Tensor) -> Tensor:
        return x * self.values

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y * self.values


def least_squares(y: list[list[float]], sign: bool = False) -> Problem:
    terms = [Term(HalfSquare(1.0, torch.tensor(y, dtype=torch.float64)), Scale(), "data", "the data")]
    if sign:
        terms.append(Term(Nonnegative(), IdentityOperator(SPACE, SPACE, IDENTITY), "prior", "the sign"))
    return Problem(SPACE, terms, len(y), torch.float64)


def algorithm(problem: Problem, **options: float) -> Algorithm[object]:
    found: Algorithm[object] = meaning(words.Gradient)(words.Gradient(**options), problem)
    return found


@dataclass
class Halving(Algorithm[Tensor]):
    """Halves the distance to one in each step; from iteration `breaks` on, row 0 is not a number."""

    first: Tensor
    breaks: int = 10**9
    name = "halving"

    def init(self) -> Tensor:
        self.count = 0
        return self.first.clone()

    def step(self, state: Tensor, knobs: Knobs) -> Tensor:
        self.count += 1
        state = 1 + (state - 1) / 2
        if self.count >= self.breaks:
            state[0] = torch.nan
        return state

    def estimate(self, state: Tensor) -> Tensor:
        return state


def test_it_stops_when_the_estimate_rests() -> None:
    problem = least_squares([[1.0, 4.0, 9.0]])
    found = solve(algorithm(problem), problem, iterations=5000, tolerance=1e-8)
    assert found.stopped.startswith("tolerance 1e-08 met")
    assert found.iterations < 1000
    assert found.iterations % 10 == 0
    assert found.trace.move[-1][0] <= 1e-8 < found.trace.move[-2][0]
    torch.testing.assert_close(found.estimate, torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64), rtol=1e-6, atol=0)


def test_zero_tolerance_never_stops() -> None:
    problem = least_squares([[0.0, 0.0, 0.0]])
    found = solve(algorithm(problem), problem, iterations=123, tolerance=0)
    assert found.iterations == 123
    assert found.trace.iterations == [1, *range(10, 121, 10), 123]
    assert found.stopped == "all 123 iterations done; optimality residual 0.0e+00", "zero is the solution"


def test_the_trace_is_the_objective() -> None:
    y = [[1.0, 4.0, 9.0], [1.0, 0.0, 0.0]]
    problem = least_squares(y)
    seen: list[Tensor] = []

    def observe(k: int, x: Tensor) -> dict[str, list[float]]:
        seen.append(x.clone())
        return {"first": x[:, 0].tolist()}

    found = solve(algorithm(problem), problem, iterations=40, tolerance=0, observe=observe)
    for x, objective, first in zip(seen, found.trace.objective, found.trace.series["first"], strict=True):
        residual = x.numpy() * [1, 2, 3] - np.array(y)
        np.testing.assert_allclose(objective, 0.5 * (residual**2).sum(1), rtol=1e-12)
        assert first == x[:, 0].tolist()
    assert found.trace.choices[0].name == "step"


def test_constraints_are_a_series_of_their_own() -> None:
    problem = least_squares([[-3.0, 2.0, 3.0]], sign=True)
    direct = meaning(words.PseudoInverse)(words.PseudoInverse(), problem)
    found = solve_direct(direct, problem)
    assert found.trace.objective[0][0] == pytest.approx(0, abs=1e-12)
    assert found.trace.violation[0][0] == pytest.approx(3 / 11**0.5, rel=1e-6)
    assert found.stopped == "direct"


def test_a_finished_row_stays_as_it_was() -> None:
    """Row 0 starts next to its limit and rests early; what happens to it afterwards changes nothing."""
    problem = least_squares([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    start = torch.tensor([[1.001] * 3, [1e6] * 3], dtype=torch.float64)
    problem.start = start
    whole = solve(Halving(start), problem, iterations=200, tolerance=1e-6)
    broken = solve(Halving(start, breaks=25), problem, iterations=200, tolerance=1e-6)
    assert torch.equal(whole.estimate, broken.estimate)
    alone = least_squares([[1.0, 2.0, 3.0]])
    alone.start = start[:1]
    assert torch.equal(solve(Halving(start[:1]), alone, iterations=200, tolerance=1e-6).estimate[0], whole.estimate[0])
    rest = [row[0] for row in broken.trace.objective]
    assert all(value == rest[-1] for value in rest[3:])


def test_numbers_that_are_none_are_an_error() -> None:
    problem = least_squares([[1.0, 2.0, 3.0]])
    with pytest.raises(Diverged, match="`halving` diverged by iteration 30"):
        solve(Halving(torch.full((1, 3), 5.0, dtype=torch.float64), breaks=21), problem, iterations=100, tolerance=0)


@pytest.mark.parametrize("factor", [1.2, 3.0, 1e30])
def test_too_long_a_step_is_named(factor: float) -> None:
    problem = least_squares([[1.0, 4.0, 9.0], [1.0, 1.0, 1.0]])
    step = factor * 2 / 9
    with pytest.raises(Diverged, match=r"`gradient` diverged .* in row 0: `step = .*` is too large, .* below 0\.2222"):
        solve(algorithm(problem, step=step), problem, iterations=2000, tolerance=0)


def stopped_early(found: Solution) -> None:
    assert found.interrupted
    assert found.iterations == 50
    assert "interrupted" in found.stopped
    assert torch.isfinite(found.estimate).all()
    assert float(found.estimate.norm()) > 0


def test_ctrl_c_keeps_the_estimate() -> None:
    """The signal comes in the middle of an iteration; the step is finished, and the handler is given back."""
    problem = least_squares([[1.0, 4.0, 9.0]])
    inner = algorithm(problem)
    before = signal.getsignal(signal.SIGINT)

    class Interrupted(type(inner)):  # type: ignore[misc]
        calls = 0

        def step(self, state: object, knobs: Knobs) -> object:
            Interrupted.calls += 1
            if Interrupted.calls == 50:
                os.kill(os.getpid(), signal.SIGINT)
            return super().step(state, knobs)

    inner.__class__ = Interrupted
    stopped_early(solve(inner, problem, iterations=1000, tolerance=0))
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_callback_keeps_the_estimate() -> None:
    problem = least_squares([[1.0, 4.0, 9.0]])

    def progress(k: int, of: int, move: float) -> None:
        assert of == 1000
        assert move >= 0
        if k == 50:
            raise KeyboardInterrupt

    stopped_early(solve(algorithm(problem), problem, iterations=1000, tolerance=0, progress=progress))


def test_it_runs_in_a_thread() -> None:
    problem = least_squares([[1.0, 4.0, 9.0]])
    found: list[Solution] = []
    inner = algorithm(problem)
    thread = threading.Thread(target=lambda: found.append(solve(inner, problem, iterations=5, tolerance=0)))
    thread.start()
    thread.join(30)
    assert found[0].iterations == 5


def test_solve_then_differentiate() -> None:
    """Nothing that the loop made keeps a later gradient from being taken."""
    problem = least_squares([[1.0, 4.0, 9.0]])
    x = solve(algorithm(problem), problem, iterations=5, tolerance=0).estimate.requires_grad_()
    problem.objective(x).sum().backward()
    assert x.grad is not None
    values = np.array([1, 2, 3])
    expected = values * (values * x.detach().numpy() - np.array([1.0, 4.0, 9.0]))
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)
