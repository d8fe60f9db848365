"""What chapter 3 of the book says of first-order methods, held against every iterate of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import Facts, Norm
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.runtime.algorithms.base import Algorithm
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.priors import L1
from recon.runtime.loop import Diverged
from recon.runtime.meaning import meaning
from recon.runtime.problem import Problem

from .conftest import Kit


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)[None]


def iterates(word: Solver, problem: Problem, count: int) -> np.ndarray:
    """The estimates x_0, x_1, ... of the first row: [count + 1, n]."""
    algorithm: Algorithm[Any] = meaning(word)(word, problem)
    state = algorithm.init()
    out = [algorithm.estimate(state)[0].numpy().copy()]
    for k in range(1, count + 1):
        state = algorithm.step(state, algorithm.knobs(k))
        out.append(algorithm.estimate(state)[0].numpy().copy())
    return np.array(out)


def with_spectrum(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """A square matrix with these singular values."""
    left, right = (np.linalg.qr(rng.standard_normal((len(values), len(values))))[0] for _ in range(2))
    return np.asarray(left @ np.diag(values) @ right)


def quadratic(kit: Kit, rng: np.random.Generator, condition: float, n: int = 40) -> tuple[Problem, np.ndarray]:
    """1/2 |A x - y|^2 + m/2 |x|^2 with M = 1 and m = 1 / condition, known to the solver; and its minimiser."""
    m = 1 / condition
    values = np.sqrt(np.append(np.geomspace(1e-6, 1, n - 1) * (1 - m), 0.0))
    A, y = with_spectrum(rng, values), rng.standard_normal(n)
    facts = Facts(norm=Norm(float(values.max()), exact=True))
    space = kit.signal(n)
    problem = kit.problem(
        space, (HalfSquare(1.0, tensor(y)), kit.dense(A, space, facts)), (HalfSquare(m), kit.identity(space))
    )
    return problem, np.linalg.solve(A.T @ A + m * np.eye(n), A.T @ y)


def lasso(kit: Kit, rng: np.random.Generator) -> tuple[Problem, float, float, np.ndarray]:
    """An underdetermined LASSO with the largest curvature of its smooth part, and its minimum and minimiser, which are
    proven by the optimality conditions: A^T (y - A x) = lam sign(x) on the support and below lam in modulus off it."""
    A = rng.standard_normal((20, 40))
    y = A[:, :5] @ np.array([2.0, -1.0, 1.5, 3.0, -2.0]) + 0.1 * rng.standard_normal(20)
    lam, norm = 2.0, float(np.linalg.norm(A, 2))
    space = kit.signal(40)
    facts = Facts(norm=Norm(norm, exact=True))
    problem = kit.problem(
        space, (HalfSquare(1.0, tensor(y)), kit.dense(A, space, facts)), (L1(lam), kit.identity(space))
    )
    rough = kit.run(words.Fista(), problem, 1500).estimate[0].numpy()
    on = np.abs(rough) > 1e-6
    x = np.zeros(40)
    x[on] = np.linalg.solve(A[:, on].T @ A[:, on], A[:, on].T @ y - lam * np.sign(rough[on]))
    slope = A.T @ (y - A @ x)
    np.testing.assert_allclose(slope[on], lam * np.sign(x[on]), atol=1e-9)
    assert (np.abs(slope[~on]) <= lam).all()
    return problem, norm**2, float(np.sum((A @ x - y) ** 2) / 2 + lam * np.abs(x).sum()), x


def gaps(problem: Problem, xs: np.ndarray, least: float) -> np.ndarray:
    return np.array([float(problem.objective(tensor(x))) - least for x in xs])


@pytest.mark.parametrize("start", [0.0, 10.0])
def test_bounds_at_every_iteration(kit: Kit, rng: np.random.Generator, start: float) -> None:
    """FISTA's gap is at most 2 L |x_0 - x*|^2 / (k + 1)^2 (Beck, Teboulle 2009, theorem 4.4), ISTA's at most
    L |x_0 - x*|^2 / (2 k) (theorem 3.1)."""
    problem, L, least, x = lasso(kit, rng)
    problem.start = torch.full((1, 40), start, dtype=torch.float64)
    distance = np.sum((start - x) ** 2)
    k = np.arange(1, 201)
    rounding = 1e-12 * abs(least)
    for word, bound in (
        (words.Fista(restart="none"), 2 * L * distance / (k + 1) ** 2),
        (words.Ista(), L * distance / (2 * k)),
    ):
        gap = gaps(problem, iterates(word, problem, 200), least)[1:]
        assert (gap >= -rounding).all()
        assert (gap <= bound + rounding).all()


def test_gradient_descent_and_nesterov_keep_their_bounds(kit: Kit, rng: np.random.Generator) -> None:
    """The same two bounds without a prior: least squares with curvatures down to 1e-6 of the largest."""
    A, y = with_spectrum(rng, np.geomspace(1, 1e-3, 40)), rng.standard_normal(40)
    problem = kit.problem(
        kit.signal(40), (HalfSquare(1.0, tensor(y)), kit.dense(A, facts=Facts(norm=Norm(1.0, exact=True))))
    )
    x = np.linalg.solve(A, y)
    k = np.arange(1, 401)
    descent = gaps(problem, iterates(words.Gradient(), problem, 400), 0.0)[1:]
    accelerated = gaps(problem, iterates(words.Nesterov(), problem, 400), 0.0)[1:]
    assert (descent <= x @ x / (2 * k)).all()
    assert (accelerated <= 2 * (x @ x) / (k + 1) ** 2).all()
    assert (np.diff(descent) <= 0).all()


def test_proposition_3(kit: Kit, rng: np.random.Generator) -> None:
    """With the step 2 / (M + m) the distance falls by (1 - 1/kappa) / (1 + 1/kappa) in each step at least; for a start
    whose error lies along the extreme eigenvectors by just that, and eq. (3.3) counts its steps."""
    kappa = 20.0
    A = with_spectrum(rng, np.sqrt(np.linspace(1 / kappa, 1, 12)))
    truth = rng.standard_normal(12)
    problem = kit.problem(kit.signal(12), (HalfSquare(1.0, tensor(A @ truth)), kit.dense(A)))
    word, rate = words.Gradient(step=2 / (1 + 1 / kappa)), (1 - 1 / kappa) / (1 + 1 / kappa)
    off = np.linalg.norm(iterates(word, problem, 100) - truth, axis=1)
    assert (off <= rate ** np.arange(101) * off[0] * (1 + 1e-9)).all()
    _, vectors = np.linalg.eigh(A.T @ A)
    problem.start = tensor(truth + vectors[:, 0] + vectors[:, -1])
    off = np.linalg.norm(iterates(word, problem, 100) - truth, axis=1)
    np.testing.assert_allclose(off, rate ** np.arange(101) * off[0], rtol=1e-9)
    needed = np.log(off[0] / 1e-3) / np.log((1 + 1 / kappa) / (1 - 1 / kappa))
    assert int(np.argmax(off <= 1e-3)) == int(np.ceil(needed))


def test_acceleration_saves_the_root_of_the_condition_number(kit: Kit, rng: np.random.Generator) -> None:
    """Steps to a relative error of 1e-6 over condition numbers: like kappa for gradient descent, (3.3), and like its
    root for the heavy ball, Nesterov's method and conjugate gradients (3.6)."""
    kappas = np.array([50.0, 150.0, 450.0])
    methods: dict[str, Solver] = {
        "gradient": words.Gradient(),
        "heavy_ball": words.HeavyBall(iterations=100_000),
        "nesterov": words.Nesterov(),
        "cg": words.Cg(),
    }
    counts: dict[str, list[int]] = {name: [] for name in methods}
    for kappa in kappas:
        problem, x = quadratic(kit, rng, float(kappa))
        for name, word in methods.items():
            most = int(20 * kappa) if name == "gradient" else int(60 * kappa**0.5)
            off = np.linalg.norm(iterates(word, problem, most) - x, axis=1) / np.linalg.norm(x)
            assert off[-1] <= 1e-6, name
            counts[name].append(int(np.max(np.flatnonzero(off > 1e-6))) + 1)
    slope = {name: np.polyfit(np.log(kappas), np.log(c), 1)[0] for name, c in counts.items()}
    assert 0.9 < slope["gradient"] < 1.1
    for name in ("heavy_ball", "nesterov"):
        assert 0.4 < slope[name] < 0.6
    assert slope["cg"] < 0.6  # at most the root: it also gains from gaps in the spectrum
    ratio = np.array(counts["gradient"]) / np.array(counts["heavy_ball"])
    assert (ratio > 0.3 * kappas**0.5).all()


def test_the_limit_of_steps_is_sharp(kit: Kit, rng: np.random.Generator) -> None:
    """Gradient descent converges for t < 2 / L and no longer: just above it is stopped, with advice."""
    A = with_spectrum(rng, np.linspace(0.5, 1, 12))
    x = rng.standard_normal(12)
    problem = kit.problem(
        kit.signal(12), (HalfSquare(1.0, tensor(A @ x)), kit.dense(A, facts=Facts(norm=Norm(1.0, exact=True))))
    )
    below = kit.run(words.Gradient(step=1.99), problem, 4000).estimate[0].numpy()
    np.testing.assert_allclose(below, x, atol=1e-9)
    message = "`step = 2.01` is too large, convergence is known below 2; leave `step` out to have it chosen"
    with pytest.raises(Diverged, match=message):
        kit.run(words.Gradient(step=2.01), problem, 4000)
    with pytest.raises(Diverged, match="convergence is known below 2"):
        kit.run(words.Ista(step=2.01), problem, 4000)


def test_two_ways_to_write_momentum(kit: Kit, rng: np.random.Generator) -> None:
    """v_k = beta v_{k-1} + (1 - beta) grad, x_{k+1} = x_k - eta v_k is the heavy ball with the step eta (1 - beta)."""
    A, y = rng.standard_normal((20, 8)), rng.standard_normal(20)
    beta, eta = 0.8, 1 / np.linalg.norm(A, 2) ** 2
    problem = kit.problem(kit.signal(8), (HalfSquare(1.0, tensor(y)), kit.dense(A)))
    ours = iterates(words.Gradient(step=float(eta * (1 - beta)), momentum=beta), problem, 30)
    x, v = np.zeros(8), np.zeros(8)
    for k in range(30):
        np.testing.assert_allclose(ours[k], x, atol=1e-12)
        v = beta * v + (1 - beta) * A.T @ (A @ x - y)
        x = x - eta * v


def test_conjugate_gradients_end_after_as_many_steps_as_there_are_eigenvalues(
    kit: Kit, rng: np.random.Generator
) -> None:
    A = with_spectrum(rng, np.repeat([1.0, 2.0, 5.0], 6))
    x = rng.standard_normal(18)
    problem = kit.problem(kit.signal(18), (HalfSquare(1.0, tensor(A @ x)), kit.dense(A)))
    for word in (words.Cg(), words.Lsqr()):
        off = np.linalg.norm(iterates(word, problem, 3) - x, axis=1)
        assert off[3] < 1e-12 * off[0] < off[2]
