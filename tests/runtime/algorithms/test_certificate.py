"""The duality gap bounds how far an objective is from the optimum, which CVXPY finds; and it closes."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers
from recon.dsl.vocabulary.operators.fourier import Cosine
from recon.dsl.vocabulary.operators.sparsity import Gradient, Wavelet
from recon.runtime.functionals.base import Functional
from recon.runtime.functionals.counts import PoissonCounts
from recon.runtime.functionals.priors import L1, GroupL1, HalfSquare, Interval, Nonnegative, penalised_entries
from recon.runtime.functionals.simplex import Simplex
from recon.runtime.loop import Diverged, solve
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import Operator
from recon.runtime.problem import Problem

N = 8
WEIGHT = 4.0
RNG = np.random.default_rng(5)
BLUR = RNG.standard_normal((N * N, N * N)) / N * 0.4 + np.eye(N * N)
WIDE = RNG.standard_normal((40, N * N)) / N
TRUTH = np.kron(np.array([[0.0, 1.0], [2.0, 0.5]]), np.ones((4, 4)))
Y = {"plain": TRUTH.ravel() + 0.3 * RNG.standard_normal(N * N), "blur": None, "wide": None}
Y["blur"] = BLUR @ TRUTH.ravel() + 0.1 * RNG.standard_normal(N * N)
Y["wide"] = WIDE @ TRUTH.ravel() + 0.1 * RNG.standard_normal(40)


def matrix_of(k: Operator) -> np.ndarray:
    units = torch.eye(N * N, dtype=torch.float64).reshape(-1, N, N)
    return k.forward(units).reshape(N * N, -1).numpy().T


def made(kit: Any, data: str, *priors: str) -> tuple[Problem, float]:
    """A problem, and its optimal value by CVXPY."""
    space = kit.image(N, N)
    a = {"plain": np.eye(N * N), "blur": BLUR, "wide": WIDE}[data]
    operator = kit.identity(space) if data == "plain" else kit.dense(a, space)
    y = torch.from_numpy(Y[data]).reshape(1, *operator.codomain.sizes)
    terms: list[tuple[Functional, Operator]] = [(HalfSquare(WEIGHT, y), operator)]
    x = cp.Variable(N * N)
    objective, limits = WEIGHT / 2 * cp.sum_squares(a @ x - Y[data]), []
    for prior in priors:
        if prior == "tv":
            k = kit.word(Gradient.model_validate({}), space)
            d = matrix_of(k).reshape(2, N * N, N * N)
            terms.append((GroupL1(0.7), k))
            objective += 0.7 * cp.sum(cp.norm(cp.vstack([d[0] @ x, d[1] @ x]), axis=0))
        elif prior == "cosine":
            k = kit.word(Cosine.model_validate({}), space)
            terms.append((L1(0.5), k))
            objective += 0.5 * cp.norm1(matrix_of(k) @ x)
        elif prior == "wavelet":
            k = kit.word(Wavelet.model_validate({"name": "haar", "levels": 2}), space)
            entries = penalised_entries(k)
            assert entries is not None
            terms.append((L1(0.6, entries), k))
            objective += 0.6 * cp.norm1(matrix_of(k)[entries.expand(N, N).flatten().numpy()] @ x)
        elif prior == "l1":
            terms.append((L1(0.3), kit.identity(space)))
            objective += 0.3 * cp.norm1(x)
        elif prior == "ridge":
            terms.append((HalfSquare(0.8), kit.identity(space)))
            objective += 0.4 * cp.sum_squares(x)
        elif prior == "box":
            terms.append((Interval(0.0, 1.2), kit.identity(space)))
            limits += [x >= 0, x <= 1.2]
        elif prior == "sign":
            terms.append((Nonnegative(), kit.identity(space)))
            limits += [x >= 0]
        else:
            terms.append((Simplex(), kit.identity(space)))
            limits += [x >= 0, cp.sum(x) == 1]
    value = cp.Problem(cp.Minimize(objective), limits).solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-11)
    return kit.problem(space, *terms), float(value)


PDHG, ADMM, FISTA, CG = (w.model_validate({}) for w in (solvers.Pdhg, solvers.Admm, solvers.Fista, solvers.Cg))
CASES = [
    (PDHG, "plain", "tv"),
    (ADMM, "plain", "tv"),
    (PDHG, "plain", "tv", "sign"),
    (PDHG, "plain", "tv", "cosine"),
    (PDHG, "blur", "tv"),
    (ADMM, "blur", "tv"),
    (PDHG, "wide", "tv"),
    (ADMM, "wide", "tv"),
    (PDHG, "wide", "tv", "l1"),
    (PDHG, "wide", "tv", "box"),
    (ADMM, "wide", "tv", "box"),
    (PDHG, "blur", "simplex"),
    (FISTA, "wide", "cosine"),
    (FISTA, "blur", "wavelet"),
    (ADMM, "blur", "wavelet"),
    (FISTA, "wide", "l1"),
    (FISTA, "wide", "ridge", "l1"),
    (FISTA, "blur", "box"),
    (CG, "blur", "ridge"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join([c[0].word, *c[1:]]))
def test_the_gap_is_never_below_the_true_one_and_closes(kit: Any, case: tuple[Any, ...]) -> None:
    word, data, *priors = case
    problem, best = made(kit, data, *priors)
    for iterations in (3, 12, 60, 2500):
        found = solve(meaning(word)(word, problem), problem, iterations=iterations, tolerance=1e-11)
        objective, gap = found.trace.objective[-1][0], found.trace.series["gap"][-1][0]
        if gap < np.inf:  # infinite only where the estimate is off a set
            assert objective * (1 - gap) <= best * (1 + 1e-8)
        else:
            assert found.trace.violation[-1][0] > 1e-13
    assert gap <= 1e-6
    assert objective == pytest.approx(best, rel=2e-6)


def test_iterations_end_at_the_gap_and_say_so(kit: Any) -> None:
    problem, best = made(kit, "plain", "tv")
    found = solve(meaning(PDHG)(PDHG, problem), problem, iterations=2000, tolerance=1e-9, gap=1e-4)
    assert found.stopped.startswith("relative duality gap 0.0001 met after")
    assert found.iterations < 500
    assert found.trace.objective[-1][0] <= best * (1 + 1.01e-4)
    short = solve(meaning(PDHG)(PDHG, problem), problem, iterations=30, tolerance=1e-9, gap=1e-9)
    assert short.stopped.startswith("all 30 iterations done; relative duality gap ")
    assert short.stopped.endswith(": more of them would bring it down")
    first = solve(meaning(PDHG)(PDHG, problem), problem, iterations=1, tolerance=1e-9, gap=1e-9)
    assert first.stopped == "all 1 iterations done", "a bound that is far off says nothing"


def test_rows_have_gaps_of_their_own(kit: Any) -> None:
    space = kit.image(N, N)
    k = kit.word(Gradient.model_validate({}), space)
    y = torch.from_numpy(np.stack([Y["plain"], 0 * Y["plain"] + 1.0])).reshape(2, N, N)

    def gaps(rows: slice) -> list[float]:
        terms = [(HalfSquare(WEIGHT, y[rows]), kit.identity(space)), (GroupL1(0.7), k)]
        problem = kit.problem(space, *terms, rows=len(y[rows]))
        return solve(meaning(PDHG)(PDHG, problem), problem, iterations=20, tolerance=0).trace.series["gap"][-1]

    both = gaps(slice(0, 2))
    assert both[0] == pytest.approx(gaps(slice(0, 1))[0], rel=1e-9)
    assert both[1] == pytest.approx(gaps(slice(1, 2))[0], abs=1e-12)


def test_a_tolerance_below_rounding_ends_with_a_warning(kit: Any) -> None:
    space = kit.image(N, N)
    k = kit.word(Gradient.model_validate({}), space)
    y = torch.from_numpy(Y["plain"]).float().reshape(1, N, N)
    problem = kit.problem(space, (HalfSquare(WEIGHT, y), kit.identity(space)), (GroupL1(0.7), k))
    problem.real = torch.float32
    for term in problem.terms:
        term.operator.precision = torch.float32
    found = solve(meaning(PDHG)(PDHG, problem), problem, iterations=20_000, tolerance=1e-30)
    if found.stopped.startswith("tolerance"):
        assert found.trace.move[-1][0] == 0.0, "the iterates stand still"
    else:
        assert found.iterations < 20_000
        assert "rounding" in found.stopped
        assert "cannot be met in float32" in found.warning
        assert "float64" in found.warning


@pytest.mark.parametrize("word", [PDHG, ADMM], ids=lambda w: w.word)
def test_what_has_no_conjugate_or_no_part_to_take_up_the_rest_has_no_gap(kit: Any, word: Solver) -> None:
    space = kit.image(N, N)
    counts = PoissonCounts(torch.ones(1, N, N, dtype=torch.float64))
    k = kit.word(Gradient.model_validate({}), space)
    problem = kit.problem(space, (counts, kit.identity(space)), (GroupL1(0.1), k), (Nonnegative(), kit.identity(space)))
    try:
        found = solve(meaning(word)(word, problem), problem, iterations=10, tolerance=0)
    except Diverged:
        pytest.fail("a problem without a gap is solved all the same")
    assert "gap" not in found.trace.series
