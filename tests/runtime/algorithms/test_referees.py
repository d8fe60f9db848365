"""The minimum that each solver finds, against CVXPY or a dense solve, to 1e-6 relative in the objective."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.facts import Facts, identity
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import sparsity
from recon.dsl.vocabulary.schedules import Geometric
from recon.runtime.algorithms.smooth import norm_squared
from recon.runtime.functionals.data import Ball, Exactly, HalfSquare, PoissonCounts, PoissonExponential
from recon.runtime.functionals.priors import L1, GroupL1, Interval, Nonnegative
from recon.runtime.loop import appraise
from recon.runtime.operators.parts import Part
from recon.runtime.problem import Problem

GAP = 1e-6


def solved(problem: cp.Problem) -> float:
    value = problem.solve(solver=cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
    assert problem.status in ("optimal", "optimal_inaccurate")
    return float(value)


def check(
    kit: Any, word: Solver, problem: Problem, best: float, iterations: int = 3000, feasible: float = 1e-6
) -> None:
    """The objective is within GAP of the referee's; the constraints hold."""
    x = kit.run(word, problem, iterations).estimate
    value, violation = appraise(problem, x)
    assert abs(float(value) - best) <= GAP * abs(best) + 1e-12, (word.word, float(value), best)
    assert float(violation) <= feasible


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)[None]


QUADRATIC = [
    words.Cg(iterations=500, tolerance=1e-12),
    words.ClosedForm(),
    words.Gradient(),
    words.Gradient(momentum=0.7),
    words.Gradient(step="backtracking"),
    words.Lsqr(iterations=500, tolerance=1e-12),
    words.HeavyBall(),
    words.Nesterov(),
    words.Ista(),
    words.Fista(),
    words.Admm(),
    words.Pdhg(),
]
ONE_PROX = [
    words.Ista(),
    words.Ista(step="backtracking"),
    words.Fista(),
    words.Fista(restart="none"),
    words.Fista(step="backtracking"),
    words.Admm(),
    words.Pdhg(),
]
SPLITTING = [words.Admm(), words.Pdhg()]


def named(word: Solver) -> str:
    return word.word


@pytest.mark.parametrize("word", QUADRATIC, ids=named)
def test_tikhonov(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    A, b = rng.standard_normal((20, 12)), rng.standard_normal(20)
    x = np.linalg.solve(3 * A.T @ A + 2 * np.eye(12), 3 * A.T @ b)
    best = 1.5 * np.sum((A @ x - b) ** 2) + np.sum(x**2)
    space = kit.signal(12)
    problem = kit.problem(space, (HalfSquare(3.0, tensor(b)), kit.dense(A)), (HalfSquare(2.0), kit.identity(space)))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", QUADRATIC, ids=named)
@pytest.mark.parametrize("boundary", ["reflect", "circular"])
def test_generalised_tikhonov_in_a_basis(kit: Any, rng: np.random.Generator, word: Solver, boundary: Any) -> None:
    space = kit.image(9, 8)
    D = kit.word(sparsity.Gradient(boundary=boundary), space)
    y = rng.standard_normal((9, 8))
    unit = torch.eye(72, dtype=torch.float64).reshape(72, 9, 8)
    dense = D.forward(unit).reshape(72, -1).T.numpy()
    x = np.linalg.solve(4 * np.eye(72) + 6 * dense.T @ dense, 4 * y.ravel())
    best = 2 * np.sum((x - y.ravel()) ** 2) + 3 * np.sum((dense @ x) ** 2)
    problem = kit.problem(space, (HalfSquare(4.0, tensor(y)), kit.identity(space)), (HalfSquare(6.0), D))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", ONE_PROX, ids=named)
@pytest.mark.parametrize("field", ["real", "complex"])
def test_lasso(kit: Any, rng: np.random.Generator, word: Solver, field: str) -> None:
    A, b = rng.standard_normal((15, 30)), rng.standard_normal(15)
    if field == "complex":
        A, b = A + 1j * rng.standard_normal((15, 30)), b + 1j * rng.standard_normal(15)
    v = cp.Variable(30, complex=field == "complex")
    best = solved(cp.Problem(cp.Minimize(cp.sum_squares(A @ v - b) / 2 + 1.5 * cp.norm1(v))))
    space = kit.signal(30, field)
    problem = kit.problem(space, (HalfSquare(1.0, tensor(b)), kit.dense(A, space)), (L1(1.5), kit.identity(space)))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", ONE_PROX, ids=named)
def test_lasso_in_a_wavelet(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    space = kit.image(8, 8)
    W = kit.word(sparsity.Wavelet(name="db2", levels=1), space)
    A, b = rng.standard_normal((40, 64)), rng.standard_normal(40)
    dense = W.forward(torch.eye(64, dtype=torch.float64).reshape(64, 8, 8)).reshape(64, 64).T.numpy()
    kept = np.ones((8, 8), dtype=bool)
    kept[:4, :4] = False
    v = cp.Variable(64)
    sparse = cp.norm1((dense @ v)[np.flatnonzero(kept)])
    best = solved(cp.Problem(cp.Minimize(cp.sum_squares(A @ v - b) / 2 + 2 * sparse)))
    problem = kit.problem(space, (HalfSquare(1.0, tensor(b)), kit.dense(A, space)), (L1(2.0, torch.as_tensor(kept)), W))
    check(kit, word, problem, best)


@pytest.mark.parametrize(
    "word", [*ONE_PROX, words.ProjectedGradient(), words.ProjectedGradient(step="backtracking")], ids=named
)
@pytest.mark.parametrize("low_high", [(0.0, np.inf), (-0.1, 0.3)])
def test_nonnegative_and_box(kit: Any, rng: np.random.Generator, word: Solver, low_high: tuple[float, float]) -> None:
    A, b = rng.standard_normal((25, 12)), rng.standard_normal(25)
    low, high = low_high
    v = cp.Variable(12)
    bounds = [v >= low] + ([v <= high] if np.isfinite(high) else [])
    best = solved(cp.Problem(cp.Minimize(2 * cp.sum_squares(A @ v - b)), bounds))
    space = kit.signal(12)
    box = Nonnegative() if high == np.inf else Interval(low, high)
    problem = kit.problem(space, (HalfSquare(4.0, tensor(b)), kit.dense(A)), (box, kit.identity(space)))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", ONE_PROX, ids=named)
def test_nonnegative_lasso(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    A, b = rng.standard_normal((15, 20)), rng.standard_normal(15)
    v = cp.Variable(20)
    best = solved(cp.Problem(cp.Minimize(cp.sum_squares(A @ v - b) / 2 + cp.norm1(v)), [v >= 0]))
    space = kit.signal(20)
    problem = kit.problem(
        space,
        (HalfSquare(1.0, tensor(b)), kit.dense(A)),
        (L1(1.0), kit.identity(space)),
        (Nonnegative(), kit.identity(space)),
    )
    check(kit, word, problem, best)


def variation(v: cp.Variable, kind: str) -> cp.Expression:
    down = cp.vstack([v[1:] - v[:-1], np.zeros((1, v.shape[1]))])
    right = cp.hstack([v[:, 1:] - v[:, :-1], np.zeros((v.shape[0], 1))])
    if kind == "anisotropic":
        return cp.sum(cp.abs(down)) + cp.sum(cp.abs(right))
    return cp.sum(cp.norm(cp.vstack([cp.vec(down, order="C"), cp.vec(right, order="C")]), 2, axis=0))


def steps(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    image = np.zeros((rows, columns))
    image[rows // 4 : rows // 2, columns // 3 :] = 1
    image[rows // 2 :, : columns // 2] = 0.5
    return image + 0.1 * rng.standard_normal(image.shape)


@pytest.mark.parametrize("word", SPLITTING, ids=named)
@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
def test_total_variation_denoising(kit: Any, rng: np.random.Generator, word: Solver, kind: str) -> None:
    y = steps(rng, 24, 24)
    v = cp.Variable((24, 24))
    best = solved(cp.Problem(cp.Minimize(50 * cp.sum_squares(v - y) + 8 * variation(v, kind))))
    space = kit.image(24, 24)
    g = GroupL1(8.0) if kind == "isotropic" else L1(8.0)
    D = kit.word(sparsity.Gradient(), space)
    problem = kit.problem(space, (HalfSquare(100.0, tensor(y)), kit.identity(space)), (g, D))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", SPLITTING, ids=named)
@pytest.mark.parametrize("bounded", [False, True])
def test_total_variation_deblurring(kit: Any, rng: np.random.Generator, word: Solver, bounded: bool) -> None:
    n = 16
    column = np.array([np.exp(-(min(i, n - i) ** 2) / 2) for i in range(n)])
    C = np.array([[column[(i - j) % n] for j in range(n)] for i in range(n)])
    C /= C.sum(1, keepdims=True)
    y = C @ steps(rng, n, n) @ C.T
    v = cp.Variable((n, n))
    kept = [v >= 0.1, v <= 0.6] if bounded else []
    best = solved(cp.Problem(cp.Minimize(200 * cp.sum_squares(C @ v @ C.T - y) + 2 * variation(v, "isotropic")), kept))
    space = kit.image(n, n)
    terms: list[Any] = [(HalfSquare(400.0, tensor(y.reshape(-1))), kit.dense(np.kron(C, C), space))]
    terms.append((GroupL1(2.0), kit.word(sparsity.Gradient(), space)))
    if bounded:
        terms.append((Interval(0.1, 0.6), kit.identity(space)))
    check(kit, word, kit.problem(space, *terms), best, iterations=6000 if word.word == "pdhg" else 1500)


@pytest.mark.parametrize("word", SPLITTING, ids=named)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_poisson_with_total_variation_and_sign(kit: Any, rng: np.random.Generator, word: Solver, scale: float) -> None:
    """Counts whose mean is linear; with 1e4 photons and unknowns of about 0.02, scales that are far apart."""
    n = 8
    truth = np.zeros((n, n))
    truth[2:6, 3:7] = 1
    A = rng.random((40, n * n))
    unit = 0.02 if scale > 1 else 1.0
    y = rng.poisson(scale * A @ truth.ravel()).astype(float)
    v = cp.Variable((n, n))
    mean = (scale / unit) * A @ cp.vec(v, order="C")
    weight = 2.0 / unit
    loss = cp.sum(mean) - y[y > 0] @ cp.log(mean[np.flatnonzero(y > 0)])
    best = solved(cp.Problem(cp.Minimize(loss + weight * variation(v, "isotropic")), [v >= 0]))
    space = kit.image(n, n)
    problem = kit.problem(
        space,
        (PoissonCounts(tensor(y)), kit.dense(scale / unit * A, space)),
        (GroupL1(weight), kit.word(sparsity.Gradient(), space)),
        (Nonnegative(), kit.identity(space)),
    )
    check(kit, word, problem, best, iterations=1500)


@pytest.mark.parametrize(
    "word", [*ONE_PROX, words.ProjectedGradient(), words.ProjectedGradient(step="backtracking")], ids=named
)
def test_beer_lambert_with_sign(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    A, photons = rng.random((30, 12)), 1000.0
    x = np.abs(rng.standard_normal(12)) * 0.2
    y = rng.poisson(photons * np.exp(-A @ x)).astype(float)
    v = cp.Variable(12)
    best = solved(cp.Problem(cp.Minimize(cp.sum(photons * cp.exp(-A @ v)) + y @ (A @ v)), [v >= 0]))
    space = kit.signal(12)
    problem = kit.problem(
        space,
        (PoissonExponential(tensor(y), photons), kit.dense(-A)),
        (Nonnegative(), kit.identity(space)),
    )
    check(kit, word, problem, best, iterations=8000)


@pytest.mark.parametrize("word", SPLITTING, ids=named)
@pytest.mark.parametrize("rows", ["any", "orthonormal"])
def test_basis_pursuit(kit: Any, rng: np.random.Generator, word: Solver, rows: str) -> None:
    A = rng.standard_normal((15, 40))
    facts = Facts()
    if rows == "orthonormal":
        A, facts = np.linalg.qr(A.T)[0].T.copy(), Facts(cogram=identity())
    truth = np.zeros(40)
    truth[[3, 17, 30]] = [1.0, -2.0, 0.5]
    b = A @ truth
    v = cp.Variable(40)
    best = solved(cp.Problem(cp.Minimize(cp.norm1(v)), [A @ v == b]))
    space = kit.signal(40)
    problem = kit.problem(space, (Exactly(tensor(b)), kit.dense(A, space, facts)), (L1(1.0), kit.identity(space)))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", SPLITTING, ids=named)
def test_sparse_within_a_ball(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    A, b = rng.standard_normal((15, 40)), rng.standard_normal(15)
    v = cp.Variable(40)
    best = solved(cp.Problem(cp.Minimize(cp.norm1(v)), [cp.norm(A @ v - b, 2) <= 0.8]))
    space = kit.signal(40)
    problem = kit.problem(space, (Ball(tensor(b), 0.8), kit.dense(A)), (L1(1.0), kit.identity(space)))
    check(kit, word, problem, best)


@pytest.mark.parametrize("word", [words.Fista(), words.Admm(), words.Pdhg()], ids=named)
def test_two_unknowns_side_by_side(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """min |A x + B u - y|^2 / 2 + |x|_1 with u >= 0, on the flat vector (x, u)."""
    A, B, y = rng.standard_normal((12, 6)), rng.standard_normal((12, 4)), rng.standard_normal(12)
    v, u = cp.Variable(6), cp.Variable(4)
    loss = cp.sum_squares(A @ v + B @ u - y) / 2 + 2 * cp.norm1(v)
    best = solved(cp.Problem(cp.Minimize(loss), [u >= 0]))
    flat = kit.signal(10)
    parts = Part(flat, 0, 6, (2, 3)), Part(flat, 6, 10, (4,))
    for part in parts:
        part.precision = torch.float64
    problem = kit.problem(
        flat,
        (HalfSquare(1.0, tensor(y)), kit.dense(np.hstack([A, B]), flat)),
        (L1(2.0), parts[0]),
        (Nonnegative(), parts[1]),
    )
    check(kit, word, problem, best)


@pytest.mark.parametrize("rho", [5.0, 80.0])
def test_half_quadratic_splitting_solves_its_penalised_problem(kit: Any, rng: np.random.Generator, rho: float) -> None:
    """CVXPY's minimum with copies held by the penalty; rho is relative to |K|^2, which is under 8 for differences."""
    y = steps(rng, 12, 12)
    space = kit.image(12, 12)
    D = kit.word(sparsity.Gradient(), space)
    problem = kit.problem(space, (HalfSquare(100.0, tensor(y)), kit.identity(space)), (GroupL1(8.0), D))
    own = rho / norm_squared(problem.terms[1])
    v, p, q = cp.Variable((12, 12)), cp.Variable((11, 12)), cp.Variable((12, 11))
    down = cp.vstack([p, np.zeros((1, 12))])
    right = cp.hstack([q, np.zeros((12, 1))])
    lengths = cp.norm(cp.vstack([cp.vec(down, order="C"), cp.vec(right, order="C")]), 2, axis=0)
    penalty = cp.sum_squares(v[1:] - v[:-1] - p) + cp.sum_squares(v[:, 1:] - v[:, :-1] - q)
    best = solved(cp.Problem(cp.Minimize(50 * cp.sum_squares(v - y) + 8 * cp.sum(lengths) + own / 2 * penalty)))
    x = kit.run(words.Hqs(rho=rho), problem, 3000).estimate
    z = GroupL1(8.0).prox(D.forward(x), 1 / own)
    found = float(problem.terms[0].value(x) + GroupL1(8.0).value(z)) + own / 2 * float(
        (D.forward(x) - z).square().sum()
    )
    assert abs(found - best) <= GAP * best
    assert float(problem.objective(x)) > best * (1 + 1e-3)  # which is not the problem itself


def test_half_quadratic_splitting_nears_the_problem_as_rho_grows(kit: Any, rng: np.random.Generator) -> None:
    """The gap to the LASSO's minimum falls like 1 / rho."""
    A, b = rng.standard_normal((15, 30)), rng.standard_normal(15)
    v = cp.Variable(30)
    best = solved(cp.Problem(cp.Minimize(cp.sum_squares(A @ v - b) / 2 + 1.5 * cp.norm1(v))))
    space = kit.signal(30)
    problem = kit.problem(space, (HalfSquare(1.0, tensor(b)), kit.dense(A)), (L1(1.5), kit.identity(space)))
    gaps = []
    for stop in (1e1, 1e2, 1e3):
        word = words.Hqs(rho=Geometric(start=0.1, stop=stop, count=1000))
        gaps.append(kit.value(problem, kit.run(word, problem, 3000).estimate) - best)
    assert 8 < gaps[0] / gaps[1] < 12
    assert 8 < gaps[1] / gaps[2] < 12
