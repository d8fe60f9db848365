"""The optimality residual: zero at what CVXPY finds and not beside it, a bound where it is said to be one, traced."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.facts import Facts, Norm
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers
from recon.dsl.vocabulary.operators.sparsity import Gradient
from recon.runtime.algorithms.optimality import OptimalityResidual
from recon.runtime.functionals.counts import PoissonCounts
from recon.runtime.functionals.priors import L1, GroupL1, HalfSquare, Interval, Nonnegative
from recon.runtime.functionals.sets import Exactly
from recon.runtime.problem import Problem
from torch import Tensor

TIGHT = {"solver": cp.CLARABEL, "tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}


def row(a: np.ndarray) -> Tensor:
    return torch.as_tensor(np.asarray(a, dtype=np.float64))[None]


@pytest.mark.parametrize("split", [True, False], ids=["data with a dual", "data projected onto"])
def test_it_is_zero_at_a_minimum_with_its_duals_and_nowhere_else(
    kit: Any, rng: np.random.Generator, split: bool
) -> None:
    """min |D x|_1 with A x = y: the duals are CVXPY's."""
    A, D = rng.standard_normal((6, 12)), np.eye(12)[:11] - np.eye(12, k=1)[:11]
    y = A @ np.repeat([1.0, -2.0, 0.5], 4)
    x, z = cp.Variable(12), cp.Variable(11)
    exact, link = A @ x == y, z == D @ x
    cp.Problem(cp.Minimize(cp.norm1(z)), [exact, link]).solve(**TIGHT)
    nu, p = exact.dual_value, -link.dual_value
    if np.abs(A.T @ nu + D.T @ p).max() > np.abs(A.T @ nu - D.T @ p).max():
        nu = -nu
    if p @ (D @ x.value) < 0:  # a subgradient of the norm is along it
        nu, p = -nu, -p
    problem = kit.problem(kit.signal(12), (Exactly(row(y)), kit.dense(A)), (L1(1.0), kit.dense(D)))
    data, prior = problem.terms

    def residual(at: np.ndarray, factor: float = 1.0) -> float:
        duals = [(prior, row(p * factor)), *([(data, row(nu * factor))] if split else [])]
        found = OptimalityResidual(problem).relative(row(at), duals)
        assert found is not None
        return float(found[0])

    assert residual(x.value) <= 1e-8
    null = np.linalg.svd(A)[2][-1]
    for move in (1e-3 * null, 1e-3 * rng.standard_normal(12)):  # along the data, and off them
        size = np.linalg.norm(move) / np.linalg.norm(x.value)
        assert residual(x.value + move) >= 0.01 * size
    assert residual(x.value, 0.9) >= 1e-3, "duals that are no subgradients"


@pytest.mark.parametrize("rough", ["none", "l1", "box"])
def test_it_bounds_the_distance_where_the_smooth_part_is_strongly_convex(
    kit: Any, rng: np.random.Generator, rough: str
) -> None:
    """|x - x*| <= (1 + L / mu) r |x|, at random points and on the way; and it falls with the distance."""
    A, y = rng.standard_normal((20, 10)), rng.standard_normal(20)
    v = cp.Variable(10)
    terms = {"none": [], "l1": [(L1(2.0), kit.identity(kit.signal(10)))]}
    terms["box"] = [(Interval(-0.1, 0.2), kit.identity(kit.signal(10)))]
    objective = cp.sum_squares(A @ v - y) / 2 + (2 * cp.norm1(v) if rough == "l1" else 0)
    limits = [v >= -0.1, v <= 0.2] if rough == "box" else []
    cp.Problem(cp.Minimize(objective), limits).solve(**TIGHT)
    best = v.value
    problem = kit.problem(kit.signal(10), (HalfSquare(1.0, row(y)), kit.dense(A)), *terms[rough])
    values = np.linalg.eigvalsh(A.T @ A)
    ratio = values[-1] * 1.0005 / values[0]  # the norm is estimated
    measure = OptimalityResidual(problem)

    def checked(x: np.ndarray) -> float:
        found = measure.relative(row(x), [])
        assert found is not None
        assert np.linalg.norm(x - best) <= (1 + ratio) * float(found[0]) * np.linalg.norm(x) + 1e-9
        return float(found[0])

    for scale in (1.0, 0.1, 1e-3, 1e-5):
        for _ in range(5):
            x = best + scale * rng.standard_normal(10)
            nearest = 2 * np.linalg.norm(x - best) / np.linalg.norm(x)  # the step is non-expansive
            assert checked(x) <= nearest * (1 + 1e-6) + 1e-9
    assert checked(best) <= 1e-8


def test_it_knows_no_units(kit: Any, rng: np.random.Generator) -> None:
    """Neither those of the unknown nor those of the objective."""
    A, y, x, p = (rng.standard_normal(n) for n in ((12, 8), 12, 8, 8))

    def residual(unit: float, weight: float) -> float:
        space = kit.signal(8)
        square, norm = HalfSquare(weight / unit**2, row(unit * y)), L1(weight / unit)
        problem = kit.problem(space, (square, kit.dense(A)), (norm, kit.identity(space)))
        given = [(problem.terms[1], row(p * weight / unit))]
        found = OptimalityResidual(problem).relative(row(unit * x), given)
        assert found is not None
        return float(found[0])

    for unit, weight in ((1e3, 1.0), (1.0, 1e4), (1e-5, 1e-3)):
        assert residual(unit, weight) == pytest.approx(residual(1.0, 1.0), rel=1e-9)


def counts(kit: Any, y: np.ndarray) -> Problem:
    """Counts with total variation: nothing takes up what a dual certificate lacks, so that there is no gap."""
    space = kit.image(6, 6)
    k, identity = kit.word(Gradient.model_validate({}), space), kit.identity(space)
    data = PoissonCounts(torch.as_tensor(y, dtype=torch.float64))
    problem: Problem = kit.problem(space, (data, identity), (GroupL1(1.0), k), (Nonnegative(), identity), rows=len(y))
    return problem


@pytest.mark.parametrize("word", [solvers.Pdhg(), solvers.Admm()], ids=lambda w: w.word)
def test_the_trace_has_it_where_there_is_no_gap(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    y = rng.poisson(20.0, (2, 6, 6)).astype(float)
    both = kit.run(word, counts(kit, y), 3000)
    assert "gap" not in both.trace.series
    trace = np.array(both.trace.series["residual"])
    assert len(trace) == len(both.trace.iterations)
    assert (trace[-1] <= 1e-6).all(), "as near as the objectives of other tests come to CVXPY's"
    assert (trace[2] >= 1e-4).all()
    assert "optimality residual" in both.stopped
    few = kit.run(word, counts(kit, y), 30)
    for i in range(2):
        alone = kit.run(word, counts(kit, y[i : i + 1]), 30)
        assert alone.trace.series["residual"][-1][0] == pytest.approx(few.trace.series["residual"][-1][i], rel=1e-6)


def test_where_a_gap_or_a_proof_is_known_it_is_left_out(kit: Any, rng: np.random.Generator) -> None:
    space, y = kit.signal(10), rng.standard_normal(5)
    A = rng.standard_normal((5, 10))
    lasso = kit.problem(space, (HalfSquare(1.0, row(y)), kit.dense(A)), (L1(0.1), kit.identity(space)))
    assert set(kit.run(solvers.Fista(), lasso, 20).trace.series) == {"gap"}
    pursuit = kit.problem(space, (Exactly(row(y)), kit.dense(A)), (L1(1.0), kit.identity(space)))
    assert "residual" not in kit.run(solvers.Admm(), pursuit, 200, 1e-9).trace.series


def test_there_is_none_where_a_map_is_not_closed(kit: Any, rng: np.random.Generator) -> None:
    """A norm of K x without its dual variable, for a K that is no tight frame."""
    space, y = kit.signal(10), rng.standard_normal(5)
    terms = [(HalfSquare(1.0, row(y)), kit.dense(rng.standard_normal((5, 10))))]
    problem = kit.problem(space, *terms, (L1(1.0), kit.dense(rng.standard_normal((7, 10)))))
    measure = OptimalityResidual(problem)
    assert measure.relative(row(rng.standard_normal(10)), []) is None
    assert not measure.known


def test_no_norm_is_estimated_for_it_where_a_bound_is_known(
    kit: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An estimate costs as much as dozens of iterations, of conjugate gradients, say, which need none."""
    A, y = rng.standard_normal((6, 4)), row(rng.standard_normal(6))
    bound = float(np.linalg.norm(A))
    k = kit.dense(A, facts=Facts(norm=Norm(bound)))
    problem = kit.problem(kit.signal(4), (HalfSquare(2.0, y), k))
    x = row(rng.standard_normal(4))
    monkeypatch.setattr(k, "norm", lambda: pytest.fail("a norm was estimated"))
    found = OptimalityResidual(problem).relative(x, [])
    slope = 2 * A.T @ (A @ x.numpy()[0] - y.numpy()[0])
    assert found is not None
    expected = np.linalg.norm(slope) / (2 * bound**2) / np.linalg.norm(x.numpy())
    np.testing.assert_allclose(float(found), expected, rtol=1e-12)
