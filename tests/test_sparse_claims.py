"""Chapter 4 of the book as tests: what coherence guarantees, where l1 begins to recover, and the Lasso."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.dsl.model.facts import IDENTITY
from recon.dsl.model.place import place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Compose, Leaf
from recon.dsl.vocabulary import greedy
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import fourier, sensing
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.base import Functional
from recon.runtime.functionals.data import Exactly, HalfSquare
from recon.runtime.functionals.greedy import SparseVectors
from recon.runtime.functionals.priors import L1
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.operators.basic import MatrixOperator
from recon.runtime.problem import Problem, Term
from scipy.fft import dct
from scipy.integrate import quad
from scipy.linalg import hadamard
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from sklearn.linear_model import Lasso

Matrix = NDArray[np.float64]
PURSUIT = words.Admm(iterations=2000, tolerance=1e-9)


def found(word: Solver, data: Functional, operator: Operator, prior: Functional, rows: int) -> torch.Tensor:
    """What a solver makes of a data term and a prior on the unknown itself, in double precision."""
    space = operator.domain
    terms = [Term(data, operator, "data"), Term(prior, IdentityOperator(space, space, IDENTITY))]
    return solve_word(word, Problem(space, terms, rows, torch.float64)).estimate


def as_operator(a: Matrix) -> Operator:
    space = Space("real", (Axis("sample", a.shape[1]),))
    operator = MatrixOperator(torch.from_numpy(a), place(Leaf(sensing.GaussianMatrix(rows=a.shape[0])), space))
    operator.precision = torch.float64
    return operator


def recovered(word: Solver, a: Matrix, x: Matrix) -> NDArray[np.bool_]:
    """Which rows x a solver finds from A x."""
    y = torch.from_numpy(x @ a.T)
    s = int(np.count_nonzero(x, axis=1).max())
    prior = SparseVectors(s) if isinstance(word, greedy.Omp) else L1(1.0)
    back = found(word, Exactly(y), as_operator(a), prior, len(x)).numpy()
    return np.asarray(np.linalg.norm(back - x, axis=1) <= 1e-6 * np.linalg.norm(x, axis=1))


def sparse(rng: np.random.Generator, n: int, s: int, rows: int) -> Matrix:
    x = np.zeros((rows, n))
    for row in x:
        row[rng.choice(n, s, replace=False)] = rng.standard_normal(s)
    return x


def adversaries(rng: np.random.Generator, n: int, s: int, draws: int) -> Matrix:
    """Sparse vectors for [I, H]: random places and values; equal moduli; moduli over six decades; and pieces of
    combs, whose spikes H sends to few Walsh functions and back, so that both bases vie for them."""
    side = round(n**0.5)
    combs = np.concatenate([np.arange(side) * side, n + np.arange(side)])
    rows = []
    for i in range(draws):
        x = np.zeros(2 * n)
        from_combs = i % 2 == 1
        places = rng.choice(combs if from_combs else 2 * n, s, replace=False)
        sizes = (rng.standard_normal(s), np.ones(s), 10.0 ** rng.uniform(-3, 3, s), -np.ones(s))[(i // 2) % 4]
        x[places] = sizes * rng.choice([-1.0, 1.0], s) if i % 3 else sizes
        rows.append(x)
    return np.array(rows)


@pytest.mark.parametrize("word", [greedy.Omp(tolerance=1e-12), PURSUIT], ids=["omp", "l1"])
@pytest.mark.parametrize("basis", ["hadamard", "cosine"])
@pytest.mark.parametrize(("n", "draws"), [(64, 120), pytest.param(256, 1500, marks=pytest.mark.slow)])
def test_theorem_1_incoherent_columns_are_recovered(word: Solver, basis: str, n: int, draws: int) -> None:
    """OMP and l1 find every s-sparse x with s < 1 / (2 mu), eq. (4.7); by Tropp's sharper proof with
    s < (1 + 1 / mu) / 2. For spikes and Walsh functions mu = 1 / sqrt(n), for spikes and cosines sqrt(2 / n)."""
    rng = np.random.default_rng(0)
    second = hadamard(n) / np.sqrt(n) if basis == "hadamard" else dct(np.eye(n), norm="ortho", axis=0).T
    a = np.hstack([np.eye(n), second])
    mu = float((np.abs(a.T @ a) - np.eye(2 * n)).max())
    assert mu == pytest.approx(np.sqrt((1 if basis == "hadamard" else 2) / n), rel=2e-2)
    s = int(np.ceil((1 + 1 / mu) / 2 - 1e-9)) - 1
    assert s >= 1 / (2 * mu) - 1
    for k in {1, s - 1, s}:
        assert recovered(word, a, adversaries(rng, n, k, draws)).all(), k


def test_beyond_the_bound_of_coherence_two_sparse_answers_exist() -> None:
    """A comb of sqrt(n) spikes is a comb of sqrt(n) Walsh functions: s = 1 / mu is too much for any method."""
    n = 64
    comb = np.zeros(n)
    comb[::8] = 1.0
    other = hadamard(n) @ comb / np.sqrt(n)
    assert np.count_nonzero(np.abs(other) > 1e-12) == np.count_nonzero(comb) == 8


def statistical_dimension(s: int, n: int) -> float:
    """Of the descent cone of the l1 norm at an s-sparse vector of R^n, from above and within 2 sqrt(n / s).

    n inf_t { r (1 + t^2) + (1 - r) (2 / pi)^(1/2) int_t^inf (u - t)^2 exp(-u^2 / 2) du } with r = s / n.
    Amelunxen, Lotz, McCoy, Tropp 2014, proposition 4.5.
    """
    r = s / n

    def bound(t: float) -> float:
        tail, _ = quad(lambda u: (u - t) ** 2 * np.exp(-(u**2) / 2), t, np.inf)
        return r * (1 + t**2) + (1 - r) * np.sqrt(2 / np.pi) * float(tail)

    return n * float(minimize_scalar(bound, bounds=(0.0, 6.0), method="bounded").fun)


def test_the_statistical_dimension_is_that_of_the_paper() -> None:
    """By definition it is E |P_C g|^2 = E dist(g, polar)^2, here by Monte Carlo over the scaled subdifferential."""
    n, s = 200, 20
    rng = np.random.default_rng(0)
    g = rng.standard_normal((1500, n))
    sizes = np.abs(g[:, s:])
    grid = np.linspace(0, 4, 81)
    nearest = np.full(len(g), np.inf)
    for t in grid:  # the cone of the subdifferential: t sign on the support, at most t elsewhere
        distance = np.sum((g[:, :s] - t) ** 2, 1) + np.sum(np.maximum(sizes - t, 0) ** 2, 1)
        nearest = np.minimum(nearest, distance)
    error = 4 * nearest.std() / np.sqrt(len(g))
    assert nearest.mean() - error <= statistical_dimension(s, n) <= nearest.mean() + error + 2 * np.sqrt(n / s)


def threshold(s: int, n: int, matrices: int, signals: int) -> float:
    """The number of Gaussian measurements with which l1 recovers half of the s-sparse vectors.

    The crossing of one half by a logistic curve in m, fitted by maximum likelihood to draws around the middle.
    """
    rng = np.random.default_rng(s)
    middle, spread = statistical_dimension(s, n), np.sqrt(n)
    counts = np.unique(np.round(middle + spread * np.linspace(-0.8, 0.8, 7)).astype(int))
    share = []
    for m in counts:
        hits = [
            recovered(PURSUIT, rng.standard_normal((m, n)) / np.sqrt(m), sparse(rng, n, s, signals))
            for _ in range(matrices)
        ]
        share.append(np.mean(hits))

    def cost(p: NDArray[np.float64]) -> float:
        q = 1 / (1 + np.exp(-(counts - p[0]) / p[1]))
        return -float(np.sum(xlogy(share, q) + xlogy(1 - np.array(share), 1 - q)))

    centres, widths = np.linspace(counts[0], counts[-1], 200), np.geomspace(0.02, 0.5, 20) * spread
    return float(min((cost(np.array([c, w])), c) for c in centres for w in widths)[1])


@pytest.mark.parametrize(
    ("s", "n", "matrices", "signals"),
    [
        (10, 100, 3, 14),
        *(pytest.param(s, 200, 10, 20, marks=pytest.mark.slow) for s in (4, 10, 20, 40, 60)),
        pytest.param(30, 400, 8, 20, marks=pytest.mark.slow),
    ],
)
def test_l1_recovers_half_at_the_statistical_dimension(s: int, n: int, matrices: int, signals: int) -> None:
    """Within ten per cent; and eq. (4.6), m > 2 s log(n / s), lies above it, as a sufficient number does."""
    half = threshold(s, n, matrices, signals)
    assert half == pytest.approx(statistical_dimension(s, n), rel=0.1)
    if s <= 0.2 * n:
        assert half < 2 * s * np.log(n / s)


def test_theorem_2_random_rows_of_the_fourier_transform() -> None:
    """10 of 400 complex pixels from 120 random Fourier coefficients, an operator that is never stored."""
    space = Space("complex", (Axis("row", 20), Axis("col", 20)))
    term = Compose((Leaf(sensing.RandomRows(keep=120, seed=1)), Leaf(fourier.Fft2())))
    operator = build_operator(place(term, space), Build(real=torch.float64))
    rng = np.random.default_rng(0)
    x = sparse(rng, 400, 10, 12) * np.exp(2j * np.pi * rng.random((12, 400)))
    truth = torch.from_numpy(x.reshape(12, 20, 20))
    back = found(PURSUIT, Exactly(operator.forward(truth)), operator, L1(1.0), 12)
    torch.testing.assert_close(back, truth, atol=1e-10, rtol=0)


@pytest.mark.parametrize("word", [words.Fista, words.Admm, words.Pdhg], ids=lambda w: w.__name__.lower())
def test_the_lasso_is_that_of_scikit_learn(word: Any) -> None:
    """|A x - y|^2 / (2 sigma^2) + lam |x|_1 is m / sigma^2 times its objective, for alpha = lam sigma^2 / m."""
    rng = np.random.default_rng(0)
    m, n, sigma, lam = 80, 200, 0.05, 60.0
    a, x = rng.standard_normal((m, n)) / np.sqrt(m), sparse(rng, n, 8, 3)
    y = x @ a.T + sigma * rng.standard_normal((3, m))
    data = HalfSquare(1 / sigma**2, torch.from_numpy(y))
    mine = found(word(iterations=20000, tolerance=1e-10), data, as_operator(a), L1(lam), 3).numpy()
    for row, b in zip(mine, y, strict=True):
        peer = Lasso(lam * sigma**2 / m, fit_intercept=False, tol=1e-12, max_iter=200000).fit(a, b).coef_
        objectives = [
            np.sum((a @ v - b) ** 2) / (2 * sigma**2) + lam * np.abs(v).sum() for v in (row, np.asarray(peer))
        ]
        assert objectives[0] == pytest.approx(objectives[1], rel=1e-6)
        np.testing.assert_allclose(row, peer, atol=1e-4)
