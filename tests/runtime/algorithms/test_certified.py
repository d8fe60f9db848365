"""Basis pursuit is solved to the last digit, against a linear programming solver and CVXPY."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import fourier
from recon.runtime.algorithms.certified import CertifiedPursuit, allowed_gap, as_basis_pursuit, polished
from recon.runtime.algorithms.vertex import vertex
from recon.runtime.functionals.data import Ball, Exactly
from recon.runtime.functionals.priors import L1
from recon.runtime.meaning import meaning
from scipy.optimize import linprog

BOTH: list[Solver] = [words.Admm(), words.Pdhg()]


def named(word: Solver) -> str:
    return word.word


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)


def drawn(rng: np.random.Generator, m: int, n: int, k: int, rows: int, complex_: bool = False) -> Any:
    """A Gaussian matrix and measurements of sparse vectors."""

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if complex_ else 0)

    A, x = normal(m, n) / np.sqrt(m), np.zeros((rows, n), complex if complex_ else float)
    for row in x:
        row[rng.choice(n, k, replace=False)] = normal(k)
    return A, x, x @ A.T


def least_sum(A: np.ndarray, y: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """min sum_i w_i |x_i| subject to A x = y, by HiGHS."""
    w = np.broadcast_to(weights, A.shape[1])
    found = linprog(np.concatenate([w, w]), A_eq=np.hstack([A, -A]), b_eq=y, bounds=(0, None), method="highs")
    assert found.status == 0
    return float(found.fun)


def stated(kit: Any, A: np.ndarray, y: np.ndarray, radius: float = 0.0, weight: float = 1.0) -> Any:
    space = kit.signal(A.shape[1], "complex" if np.iscomplexobj(A) else "real")
    data = Ball(tensor(y), radius) if radius else Exactly(tensor(y))
    return kit.problem(space, (data, kit.dense(A, space)), (L1(weight), kit.identity(space)), rows=len(y))


@pytest.mark.parametrize("word", BOTH, ids=named)
@pytest.mark.parametrize(("m", "n", "k"), [(40, 120, 5), (40, 120, 20), (60, 80, 30), (30, 200, 12)])
def test_exact_data(kit: Any, rng: np.random.Generator, word: Solver, m: int, n: int, k: int) -> None:
    """Where the truth is recovered and where it is not; what is found meets the data, and no sum is smaller."""
    A, x, y = drawn(rng, m, n, k, 4)
    solution = kit.run(word, stated(kit, A, y), iterations=1000, tolerance=1e-9)
    found = solution.estimate.numpy()
    assert solution.stopped.startswith("proven")
    assert solution.iterations < 1000
    for mine, row in zip(found, y, strict=True):
        np.testing.assert_allclose(A @ mine, row, atol=1e-12)
        assert np.abs(mine).sum() == pytest.approx(least_sum(A, row), rel=1e-9)
    if k == 5:
        np.testing.assert_allclose(found, x, atol=1e-12)


@pytest.mark.parametrize("word", BOTH, ids=named)
def test_complex_numbers(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    A, x, y = drawn(rng, 40, 100, 8, 3, complex_=True)
    solution = kit.run(word, stated(kit, A, y), iterations=1000, tolerance=1e-9)
    assert solution.stopped.startswith("proven")
    np.testing.assert_allclose(solution.estimate.numpy(), x, atol=1e-12)


@pytest.mark.parametrize("word", BOTH, ids=named)
@pytest.mark.parametrize("complex_", [False, True])
def test_within_a_ball(kit: Any, rng: np.random.Generator, word: Solver, complex_: bool) -> None:
    A, _, y = drawn(rng, 30, 80, 4, 2, complex_)
    radius = 0.2
    found = kit.run(word, stated(kit, A, y, radius), iterations=4000, tolerance=1e-10).estimate.numpy()
    for mine, row in zip(found, y, strict=True):
        v = cp.Variable(80, complex=complex_)
        p = cp.Problem(cp.Minimize(cp.norm1(v)), [cp.norm(A @ v - row, 2) <= radius])
        best = p.solve(solver=cp.CLARABEL, tol_gap_rel=1e-11, tol_gap_abs=1e-11, tol_feas=1e-11)
        assert np.linalg.norm(A @ mine - row) <= radius * (1 + 1e-7)
        assert np.abs(mine).sum() == pytest.approx(best, rel=2e-8)


@pytest.mark.parametrize("word", BOTH, ids=named)
def test_real_numbers_behind_complex_measurements(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """Columns over pairs of real numbers: A x = y is Re A x = Re y and Im A x = Im y."""
    A, x, _ = drawn(rng, 20, 100, 6, 3)
    A = A + 1j * rng.standard_normal(A.shape) / np.sqrt(20)
    space = kit.signal(100)
    terms = (Exactly(tensor(x @ A.T)), kit.dense(A, space)), (L1(1.0), kit.identity(space))
    solution = kit.run(word, kit.problem(space, *terms, rows=3), iterations=1000, tolerance=1e-9)
    assert solution.stopped.startswith("proven")
    np.testing.assert_allclose(solution.estimate.numpy(), x, atol=1e-12)


@pytest.mark.parametrize("word", BOTH, ids=named)
def test_sparse_in_a_basis_with_entries_that_are_free(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """min w |(C x)_i|_1 over i > 3 with A x = y, on an image; the first cosines of each axis cost nothing."""
    space = kit.image(8, 8)
    C = kit.word(fourier.Cosine(), space)
    A, z, _ = drawn(rng, 35, 64, 6, 2)
    z[:, :2] = 3.0
    penalised = torch.ones(8, 8, dtype=torch.bool)
    penalised[0, :2] = False
    dense = C.forward(torch.eye(64, dtype=torch.float64).view(64, 8, 8)).reshape(64, 64).T.numpy()
    y = z @ dense @ A.T  # x = C^T z
    p = kit.problem(space, (Exactly(tensor(y)), kit.dense(A, space)), (L1(7.0, penalised), C), rows=2)
    solution = kit.run(word, p, iterations=1000, tolerance=1e-9)
    assert solution.stopped.startswith("proven")
    weights = 7.0 * penalised.flatten().numpy()
    for mine, row in zip(solution.estimate.reshape(2, 64).numpy(), y, strict=True):
        np.testing.assert_allclose(A @ mine, row, atol=1e-12)
        best = least_sum(A @ dense.T, row, weights)
        assert np.sum(weights * np.abs(dense @ mine)) == pytest.approx(best, rel=1e-9)


def test_rows_do_not_see_each_other(kit: Any, rng: np.random.Generator) -> None:
    A, _, y = drawn(rng, 30, 80, 9, 4)
    together = kit.run(words.Admm(), stated(kit, A, y), 600, 1e-9).estimate
    for i in range(4):
        alone = kit.run(words.Admm(), stated(kit, A, y[i : i + 1]), 600, 1e-9).estimate
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-11, rtol=0)


@pytest.mark.parametrize("radius", [0.0, 0.5])
def test_zero_is_the_least_where_it_meets_the_data(kit: Any, rng: np.random.Generator, radius: float) -> None:
    A, _, y = drawn(rng, 20, 60, 3, 2)
    y *= 0.9 * radius / np.linalg.norm(y, axis=1, keepdims=True)
    solution = kit.run(words.Admm(), stated(kit, A, y, radius), 100, 1e-9)
    assert not solution.estimate.any()
    assert solution.iterations <= 20


def test_nothing_is_proven_that_is_not_so(kit: Any, rng: np.random.Generator) -> None:
    """Supports that meet the data without being optimal; data that cannot be met; and a support that is right."""
    A, x, y = drawn(rng, 20, 60, 3, 1)
    b = as_basis_pursuit(stated(kit, A, y))
    assert b is not None
    nothing = torch.zeros(20, dtype=torch.float64)
    for _ in range(20):
        z = np.zeros((1, 60))
        z[0, rng.choice(60, 20, replace=False)] = 1.0
        assert polished(b, 0, tensor(z), nothing) is None
    inconsistent = np.vstack([A[:10], A[:10]])
    b = as_basis_pursuit(stated(kit, inconsistent, y))
    assert b is not None
    assert polished(b, 0, tensor(x), nothing) is None
    nu = np.linalg.lstsq(A[:, x[0] != 0].T, np.sign(x[0][x[0] != 0]), rcond=None)[0]
    b = as_basis_pursuit(stated(kit, A, y))
    assert b is not None
    known = np.abs(A.T @ nu).max() <= 1 + 1e-12  # the certificate of the book's proof
    assert (polished(b, 0, tensor(x), tensor(nu)) is not None) == known


def test_single_precision(kit: Any, rng: np.random.Generator) -> None:
    A, _, y = drawn(rng, 40, 120, 20, 3)
    A, y = A.astype(np.float32), y.astype(np.float32)
    p = stated(kit, A, y)
    p.real = p.terms[0].operator.precision = p.terms[1].operator.precision = torch.float32
    solution = kit.run(words.Admm(), p, iterations=1000, tolerance=1e-6)
    assert solution.stopped.startswith("proven")
    for mine, row in zip(solution.estimate.double().numpy(), y, strict=True):
        assert np.abs(mine).sum() == pytest.approx(least_sum(A.astype(float), row.astype(float)), rel=1e-6)
    assert allowed_gap(torch.float32) < 1e-5


def test_what_is_no_basis_pursuit_is_left_alone(kit: Any, rng: np.random.Generator) -> None:
    A, _, y = drawn(rng, 20, 60, 3, 1)
    p = stated(kit, A, y)
    assert isinstance(meaning(words.Admm)(words.Admm(), p), CertifiedPursuit)
    p.terms.append(p.terms[1])
    assert as_basis_pursuit(p) is None
    large = stated(kit, np.ones((1025, 1030)), np.ones((1, 1025)))
    assert as_basis_pursuit(large) is None


@pytest.mark.parametrize("seed", range(10))
def test_the_simplex_method_from_anywhere(seed: int) -> None:
    """From starts that know little, too; with weights of which some are zero."""
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((12, 40)), rng.standard_normal(12)
    w = rng.uniform(0.5, 2, 40) * (rng.random(40) > 0.1)
    for near in (A.T @ y, np.linalg.lstsq(A, y, rcond=None)[0]):
        basis = vertex(tensor(A), tensor(y), tensor(w), tensor(near))
        assert basis is not None
        places = basis.numpy()
        z = np.linalg.solve(A[:, places], y)
        assert np.sum(w[places] * np.abs(z)) == pytest.approx(least_sum(A, y, w), rel=1e-9, abs=1e-12)
