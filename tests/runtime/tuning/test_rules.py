"""Rules for the weight against closed formulas, exact divergences and dense sweeps.

Tikhonov's problem 1/(2 s^2) |x - y|^2 + lam |D x|^2 on a small grid has the hat matrix H = (I + 2 lam s^2 D^T D)^-1 of
which everything follows exactly; soft thresholding has Stein's formula, total variation that of Dossal et al. 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Facts
from recon.dsl.model.place import place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers
from recon.dsl.vocabulary import weights as words
from recon.dsl.vocabulary.operators.sparsity import Gradient
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.base import Functional, per_row
from recon.runtime.functionals.counts import PoissonCounts
from recon.runtime.functionals.priors import L1, GroupL1, HalfSquare
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.problem import Problem, Term
from recon.runtime.tuning.risk import misfit, probe
from recon.runtime.tuning.weights import Family, discrepancy, lcurve, sure
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import poisson

N, SIGMA = 24, 0.3
SPACE = Space("real", (Axis("row", N), Axis("col", N)))


@dataclass(frozen=True)
class Denoising:
    """An image of blocks and ramps with noise, and the problem of finding it by a prior of weight lam."""

    truth: np.ndarray
    y: np.ndarray
    gradient: Operator

    def family(self, prior: str, solver: Solver) -> Family:
        def at(weight: float) -> Problem:
            functions: dict[str, tuple[Functional, Operator]] = {
                "square": (HalfSquare(2 * weight), self.gradient),
                "l1": (L1(weight), identity()),
                "tv": (GroupL1(weight), self.gradient),
            }
            data = Term(HalfSquare(SIGMA**-2, torch.from_numpy(self.y)[None]), identity(), "data", "data")
            g, k = functions[prior]
            return Problem(SPACE, [data, Term(g, k, "prior", prior)], 1, torch.float64)

        return Family(solver, at, (1,))


def identity() -> Operator:
    return IdentityOperator(SPACE, SPACE, IDENTITY)


class Matrix(Operator):
    """A matrix on signals, of which nothing is known."""

    def __init__(self, matrix: np.ndarray, space: Space) -> None:
        super().__init__(space, space, Facts())
        self.precision = torch.float64
        self.constant("matrix", torch.from_numpy(matrix))

    def _apply_(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.matrix.mT

    def _adjoint_(self, y: torch.Tensor) -> torch.Tensor:
        return y @ self.matrix


@pytest.fixture(scope="module")
def denoising() -> Denoising:
    rng = np.random.default_rng(3)
    truth = np.zeros((N, N))
    truth[4:14, 5:18] = 1.5
    truth[:, 18:] += np.linspace(0, 2, N)[:, None]
    gradient = build_operator(place(Leaf(Gradient.model_validate({})), SPACE), Build(real=torch.float64))
    return Denoising(truth, truth + SIGMA * rng.standard_normal((N, N)), gradient)


@pytest.fixture(scope="module")
def spectrum(denoising: Denoising) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues of D^T D, and the coefficients of y and of the truth in its eigenvectors, by numpy."""
    units = torch.eye(N * N, dtype=torch.float64).reshape(-1, N, N)
    normal = denoising.gradient.gram(units).reshape(N * N, N * N).numpy()
    values, vectors = np.linalg.eigh(normal)
    return values.clip(0), vectors.T @ denoising.y.ravel(), vectors.T @ denoising.truth.ravel()


CLOSED = solvers.ClosedForm.model_validate({})
PDHG = solvers.Pdhg.model_validate({"iterations": 400, "tolerance": 1e-6})
FISTA = solvers.Fista.model_validate({"iterations": 50})


def test_discrepancy_is_the_root_of_the_closed_formula(
    denoising: Denoising, spectrum: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    values, y, _ = spectrum

    def excess(t: float) -> float:
        hat = 1 / (1 + 2 * math.exp(t) * SIGMA**2 * values)
        return float((((1 - hat) * y) ** 2).sum()) / (N * N * SIGMA**2) - 1

    found = discrepancy(words.Discrepancy(), denoising.family("square", CLOSED))
    best = brentq(excess, -10, 10)
    # The search ends at a twentieth of what the noise makes of the misfit: 0.05 sqrt(2 / m), relative.
    assert abs(excess(found.t)) <= 0.051 * math.sqrt(2 / (N * N))
    assert found.t == pytest.approx(best, abs=0.02)
    assert not found.note


def test_sure_of_tikhonov_is_steins_formula(
    denoising: Denoising, spectrum: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """For a linear estimate the divergence is tr H; along signs its spread is at most sqrt(2 tr H^2), Hutchinson's."""
    values, y, truth = spectrum
    family = denoising.family("square", CLOSED)
    direction = probe(family.at(1.0))

    def exact(t: float) -> tuple[float, float]:
        hat = 1 / (1 + 2 * math.exp(t) * SIGMA**2 * values)
        risk = float((((1 - hat) * y) ** 2).sum()) / SIGMA**2 - N * N + 2 * float(hat.sum())
        return risk, math.sqrt(2 * float((hat**2).sum()))

    for t in (-1.0, 1.0, 3.0):
        pair = direction.beside(family.at(math.exp(t)))
        x = Family(CLOSED, lambda w, pair=pair: pair, ()).solve(1.0)[1]  # type: ignore[misc]
        risk, spread = exact(t)
        assert abs(direction.risk(pair, x) - risk) <= 2 * 4 * spread
    found = sure(words.Sure(), family)
    best = minimize_scalar(lambda t: exact(t)[0], bounds=(-6, 8), method="bounded").x
    # Both are estimates of one risk; where they have their least values it differs by their spread at most.
    assert exact(found.t)[0] - exact(best)[0] <= 4 * exact(best)[1]
    hat = 1 / (1 + 2 * math.exp(found.t) * SIGMA**2 * values)
    errors = [
        float(((truth - y / (1 + 2 * math.exp(t) * SIGMA**2 * values)) ** 2).sum()) for t in np.linspace(-6, 8, 300)
    ]
    assert float(((truth - hat * y) ** 2).sum()) <= 1.1 * min(errors)


def test_the_divergence_of_soft_thresholding_counts_what_is_left(denoising: Denoising) -> None:
    """Stein 1981: the divergence of the soft threshold is the number of entries above it.

    Along signs each such entry adds exactly one, but for entries within the shift of the threshold.
    """
    family = denoising.family("l1", FISTA)
    direction = probe(family.at(1.0))
    weight = 2 / SIGMA
    problem = direction.beside(family.at(weight))
    x = Family(FISTA, lambda w: problem, ()).solve(1.0)[1]
    threshold = weight * SIGMA**2
    size = np.abs(denoising.y)
    left, near = (size > threshold).sum(), (np.abs(size - threshold) <= 0.1 * SIGMA).sum()
    residual = (np.minimum(size, threshold) ** 2).sum() / SIGMA**2
    risk = residual - N * N + 2 * left
    assert abs(direction.risk(problem, x) - risk) <= 2 * near + 1e-6
    assert near < 0.1 * left


def test_the_divergence_of_anisotropic_total_variation_counts_regions() -> None:
    """Dossal et al. 2013: the divergence of 1D total variation denoising is the number of constant pieces."""
    rng = np.random.default_rng(0)
    space = Space("real", (Axis("sample", 60),))
    gradient = build_operator(place(Leaf(Gradient.model_validate({})), space), Build(real=torch.float64))
    y = torch.from_numpy(np.repeat([0.0, 2.0, -1.0], 20) + 0.2 * rng.standard_normal(60))[None]
    plain = IdentityOperator(space, space, IDENTITY)
    terms = [Term(HalfSquare(25.0, y), plain, "data", "data"), Term(L1(12.0), gradient, "prior", "tv")]
    problem = Problem(space, terms, 1, torch.float64)
    counts = []
    for seed in range(24):
        direction = probe(Problem(space, terms, 1, torch.float64, seed=seed))
        pair = direction.beside(problem)
        x = Family(PDHG, lambda w, pair=pair: pair, ()).solve(1.0)[1]  # type: ignore[misc]
        pieces = 1 + int((np.abs(np.diff(x[0].numpy())) > 1e-4).sum())
        residual = float(25.0 * (x[:1] - y).square().sum())
        counts.append((direction.risk(pair, x) - residual + 60) / 2)
    # The piecewise mean along signs: each piece adds the square of a mean of signs, one on average, spread sqrt(2).
    assert abs(np.mean(counts) - pieces) <= 4 * math.sqrt(2 * pieces / 24)


def test_sure_of_total_variation_is_close_to_the_best_weight(denoising: Denoising) -> None:
    family = denoising.family("tv", PDHG)
    found = sure(words.Sure(), family)

    def error(t: float) -> float:
        return float((family.solve(math.exp(t))[1][0] - torch.from_numpy(denoising.truth)).square().sum())

    best = min(error(t) for t in np.linspace(found.t - 1.5, found.t + 1.5, 13))
    # The estimate of the risk |x - truth|^2 / s^2 has a standard deviation of about sqrt(2 m) for m measured numbers,
    # most of which all weights share; half of it is a tenth of the noise's own energy.
    assert error(found.t) <= best + 0.5 * math.sqrt(2 * N * N) * SIGMA**2


def test_the_l_curve_of_an_ill_posed_problem_turns_where_it_bends_most() -> None:
    """Hansen's exact curvature for Tikhonov's problem, from the singular values, against the triangle's corner."""
    rng = np.random.default_rng(1)
    n, sigma = 64, 1e-2
    s = np.linspace(-1, 1, n)
    matrix = np.exp(-((s[:, None] - s[None]) ** 2) / (2 * 0.08**2)) / 5
    truth = np.exp(-40 * (s - 0.2) ** 2) + 0.5 * np.exp(-60 * (s + 0.4) ** 2)
    y = matrix @ truth + sigma * rng.standard_normal(n)
    space = Space("real", (Axis("sample", n),))
    left, values, _ = np.linalg.svd(matrix)
    b = left.T @ y

    a = Matrix(matrix, space)

    def at(weight: float) -> Problem:
        data = Term(HalfSquare(1.0, torch.from_numpy(y)[None]), a, "data", "data")
        plain = IdentityOperator(space, space, IDENTITY)
        return Problem(space, [data, Term(HalfSquare(2 * weight), plain, "prior", "square")], 1, torch.float64)

    def point(t: float) -> tuple[float, float]:
        filtered = values**2 / (values**2 + 2 * math.exp(t))
        return math.log((((1 - filtered) * b) ** 2).sum()), math.log(((filtered * b / values) ** 2).sum())

    def bend(t: float, h: float = 1e-2) -> float:
        (x0, y0), (x1, y1), (x2, y2) = point(t - h), point(t), point(t + h)
        dx, dy, ddx, ddy = (x2 - x0) / 2 / h, (y2 - y0) / 2 / h, (x2 - 2 * x1 + x0) / h**2, (y2 - 2 * y1 + y0) / h**2
        return (dx * ddy - ddx * dy) / (dx * dx + dy * dy) ** 1.5

    found = lcurve(words.Lcurve(), Family(CLOSED, at, (1,)))
    line = np.linspace(-14, 0, 400)
    sharpest = line[int(np.argmax([bend(t) for t in line]))]
    assert abs(found.t - sharpest) <= 2 * math.log(10) / 4, "within two of the weights that are tried"
    assert not found.note


@pytest.mark.parametrize("mean", [0.01, 0.3, 2.0, 40.0, 300.0])
def test_the_expected_deviance_of_counts(mean: float) -> None:
    """Against a sum over scipy's probabilities."""
    k = np.arange(0, int(mean + 40 * math.sqrt(mean) + 60))
    deviance = 2 * (np.where(k > 0, k * np.log(np.maximum(k, 1) / mean), 0) + mean - k)
    exact = float((poisson.pmf(k, mean) * deviance).sum())
    y = torch.full((1, 4, 4), round(mean), dtype=torch.float64)
    space = Space("real", (Axis("row", 4), Axis("col", 4)))
    term = Term(PoissonCounts(y), IdentityOperator(space, space, IDENTITY), "data", "counts")
    have, expected = misfit(Problem(space, [term], 1, torch.float64), torch.full_like(y, mean))
    assert expected / 16 == pytest.approx(exact, rel=2e-3)  # the table is linear between its points
    d = float(np.where(round(mean) > 0, round(mean) * np.log(max(round(mean), 1) / mean), 0)) + mean - round(mean)
    assert have / 16 == pytest.approx(2 * d, rel=1e-9, abs=1e-12)


def test_counts_of_few_photons_meet_their_expected_deviance_on_average() -> None:
    """2000 images of mean 0.2: the mean deviance is the expected one, and far below one for each pixel."""
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.poisson(0.2, (1, 400, 500)).astype(float))
    space = Space("real", (Axis("row", 400), Axis("col", 500)))
    term = Term(PoissonCounts(y), IdentityOperator(space, space, IDENTITY), "data", "counts")
    have, expected = misfit(Problem(space, [term], 1, torch.float64), torch.full_like(y, 0.2))
    assert have == pytest.approx(expected, rel=0.01)
    assert expected < 0.75 * y.numel()


def test_rows_of_the_pair_share_the_weight_of_an_estimated_level() -> None:
    """A data term with one number a row keeps it for both rows."""
    y = torch.zeros(1, N, N, dtype=torch.float64)
    data = Term(HalfSquare(torch.tensor([4.0]), y), identity(), "data", "data")
    problem = Problem(SPACE, [data], 1, torch.float64)
    pair = probe(problem).beside(problem)
    g = pair.terms[0].functional
    assert isinstance(g, HalfSquare)
    assert isinstance(g.weight, torch.Tensor)
    assert g.weight.tolist() == [4.0, 4.0]
    assert g.target is not None
    shift = (g.target[1] - g.target[0]).abs()
    assert torch.allclose(shift, torch.full_like(shift, 0.1 / 2))
    assert per_row(g.weight, g.target).shape == (2, 1, 1)  # type: ignore[union-attr]
