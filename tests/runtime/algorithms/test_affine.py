"""Projections onto exact data and onto balls around them, against dense linear algebra; and that sparse signals are
recovered from exact data at every scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Diagonal, Facts, identity
from recon.dsl.model.place import place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import sensing
from recon.runtime.algorithms.admm import Admm
from recon.runtime.algorithms.affine import project_onto
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.data import Ball, Exactly, HalfSquare
from recon.runtime.functionals.priors import L1
from recon.runtime.loop import solve
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.problem import Problem, Term
from scipy.optimize import brentq


def matrices(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, str, Facts]]:
    """Matrices of all kinds that a projection is known for: (matrix, field of x, facts)."""
    wide = rng.standard_normal((5, 12))
    complex_wide = wide + 1j * rng.standard_normal((5, 12))
    twice = np.concatenate([wide, wide[:2]])
    rows = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    kept = np.diag((np.arange(12) % 3 == 0).astype(float))
    return {
        "dense": (wide, "real", Facts()),
        "complex": (complex_wide, "complex", Facts()),
        "real to complex": (complex_wide, "real", Facts(linear="real")),
        "rows twice": (twice, "real", Facts()),
        "orthonormal rows": (3 * rows[:5], "real", Facts(cogram=identity(None))),
        "masked": (kept @ rows, "real", Facts(cogram=Diagonal("pixel"))),
    }


KINDS = ["dense", "complex", "real to complex", "rows twice", "orthonormal rows", "masked"]


def real_pairs(a: np.ndarray, field: str) -> np.ndarray:
    """A matrix over real pairs (all real parts, then all imaginary parts); its columns, too, for complex unknowns."""
    if not np.iscomplexobj(a):
        return a
    top = [a.real, -a.imag] if field == "complex" else [a.real]
    bottom = [a.imag, a.real] if field == "complex" else [a.imag]
    return np.concatenate([np.concatenate(top, 1), np.concatenate(bottom, 1)])


def pairs(v: np.ndarray) -> np.ndarray:
    return np.concatenate([v.real, v.imag], -1) if np.iscomplexobj(v) else v


@pytest.mark.parametrize("kind", KINDS)
def test_projection_onto_exact_data(kit: Any, rng: np.random.Generator, kind: str) -> None:
    """v - A^+ (A v - y), for two rows at once."""
    A, field, facts = matrices(rng)[kind]
    space = kit.signal(12, field)
    draw = rng.standard_normal((4, 2, 12))
    truth, v = (draw[:2] + 1j * draw[2:]) if field == "complex" else draw[:2]
    y = truth @ A.T
    project = project_onto(Exactly(torch.as_tensor(y)), kit.dense(A, space, facts))
    assert project is not None
    x = project(torch.as_tensor(v), 1.0).numpy()
    M = real_pairs(A, field)
    expected = pairs(v) - (pairs(v) @ M.T - pairs(y)) @ np.linalg.pinv(M).T
    np.testing.assert_allclose(pairs(x), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(x @ A.T, y, rtol=0, atol=1e-12 * np.abs(y).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [1e-3, 0.5, 1e3])
def test_projection_onto_a_ball(kit: Any, rng: np.random.Generator, kind: str, radius: float) -> None:
    """x = (I + t A^T A)^{-1} (v + t A^T y), with the t at which |A x - y| = radius found by bisection."""
    A, field, facts = matrices(rng)[kind]
    draw = rng.standard_normal((4, 12))
    truth, v = (draw[:2] + 1j * draw[2:]) if field == "complex" else draw[:2]
    y = A @ truth
    project = project_onto(Ball(torch.as_tensor(y)[None], radius), kit.dense(A, kit.signal(12, field), facts))
    assert project is not None
    x = project(torch.as_tensor(v)[None], 1.0).numpy()[0]
    M = real_pairs(A, field)

    def nearest(t: float) -> np.ndarray:
        return np.linalg.solve(np.eye(M.shape[1]) + t * M.T @ M, pairs(v) + t * M.T @ pairs(y))

    def excess(t: float) -> float:
        return float(np.log(np.linalg.norm(M @ nearest(t) - pairs(y)) / radius))

    t = 0.0 if excess(0.0) <= 0 else brentq(excess, 0.0, 1e9, xtol=1e-12, rtol=1e-14)
    # A ball of radius 1e-3 has t = 1e4 or so, and the solve that many times its rounding.
    np.testing.assert_allclose(pairs(x), nearest(t), rtol=0, atol=1e-9 * np.abs(v).max())


def test_no_projection_where_none_is_known(kit: Any, rng: np.random.Generator) -> None:
    A = rng.standard_normal((words.Admm.largest + 1, 4))
    K = kit.dense(A)
    assert project_onto(Exactly(torch.zeros(1, len(A))), K) is None
    assert project_onto(HalfSquare(1.0, torch.zeros(1, 5)), kit.dense(A[:5])) is None


@pytest.mark.parametrize("penalised", ["plain", "orthonormal"])
def test_every_estimate_of_douglas_rachford_meets_the_data(kit: Any, rng: np.random.Generator, penalised: str) -> None:
    A = rng.standard_normal((8, 20))
    y, space = rng.standard_normal((1, 8)), kit.signal(20)
    Q = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    W = kit.identity(space) if penalised == "plain" else kit.dense(Q, space, Facts(gram=identity(), cogram=identity()))
    problem = kit.problem(space, (Exactly(torch.as_tensor(y)), kit.dense(A)), (L1(1.0), W))
    admm = Admm(problem)
    state = admm.init()
    for _ in range(30):
        state = admm.step(state, {})
        np.testing.assert_allclose(admm.estimate(state).numpy() @ A.T, y, rtol=0, atol=1e-12)
    assert "projection onto the data" in admm.choices()[0].why


@pytest.mark.parametrize("word", [words.Admm(), words.Pdhg()], ids=lambda w: w.word)
def test_sparse_signals_are_recovered_in_single_precision(word: Solver) -> None:
    """64 of 256 numbers measured, six of them not zero: l1 finds them (Donoho, Tanner 2009: below the transition).

    The rows are of sizes 1e-3, 1 and 1e3, while l1 has the weight one: no scale of the data may be taken for granted.
    """
    space = Space("real", (Axis("sample", 256),))
    rng = np.random.default_rng(1)
    A = build_operator(place(Leaf(sensing.GaussianMatrix(rows=64, seed=3)), space), Build(real=torch.float32))
    truth = torch.zeros(3, 256)
    for row, size in zip(truth, (1e-3, 1.0, 1e3), strict=True):
        row[torch.as_tensor(rng.choice(256, 6, replace=False))] = torch.as_tensor(size * rng.standard_normal(6)).float()
    terms = [Term(Exactly(A.forward(truth)), A, "data"), Term(L1(1.0), IdentityOperator(space, space, IDENTITY))]
    problem = Problem(space, terms, 3)
    found = solve(meaning(word)(word, problem), problem, iterations=1000, tolerance=0).estimate
    error = (found - truth).square().sum(1) / truth.square().sum(1)
    assert error.max() <= 1e-9, error


@pytest.mark.parametrize("word", [words.Admm(), words.Pdhg()], ids=lambda w: w.word)
@pytest.mark.parametrize("exact", [False, True])
def test_the_solution_zero_is_found_and_kept(word: Solver, exact: bool) -> None:
    """Where nothing moves any more, no step grows without bound."""
    space = Space("real", (Axis("sample", 32),))
    A = build_operator(place(Leaf(sensing.GaussianMatrix(rows=8, seed=3)), space), Build(real=torch.float32))
    y = torch.zeros(1, 8) if exact else torch.ones(1, 8)
    terms = [Term(Exactly(y) if exact else HalfSquare(1.0, y), A, "data")]
    terms.append(Term(L1(100.0), IdentityOperator(space, space, IDENTITY)))
    problem = Problem(space, terms, 1)
    algorithm = meaning(word)(word, problem)
    state = algorithm.init()
    for _ in range(1000):
        state = algorithm.step(state, {})
    assert algorithm.estimate(state).abs().max() <= 1e-6
    state = state.inner if exact else state  # of basis pursuit, which is watched for a proof
    numbers = state.rho if word.word == "admm" else state.sigma
    assert 1e-12 < float(numbers) < 1e12
