"""Denoisers in solvers: where a denoiser is a proximal map, the fixed point is the minimiser that others find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.check.page import load
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.schedules import Geometric
from recon.runtime.algorithms.plugged import PlugAndPlay
from recon.runtime.build import Build
from recon.runtime.experiment.compile import compile_problem
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.plugged import DenoiserLaw, RedEnergy, Symmetries
from recon.runtime.functionals.quadratic import HalfSquare
from recon.runtime.meaning import meaning
from recon.runtime.problem import Problem
from torch import Tensor

N, M, SIGMA, WEIGHT, NOISE = 12, 20, 0.3, 1.7, 0.2

SPLITTINGS = [words.Admm, words.Pdhg]
FORWARD_BACKWARD = [words.Ista, words.Fista]


def solver(cls: type[Solver], **options: Any) -> Solver:
    made: Solver = cls.model_validate({"iterations": 800, "tolerance": 0, "sigma": SIGMA, **options})
    return made


class Gauss:
    """A Gaussian law of unknowns: its denoiser is the posterior mean, and its proximal map."""

    def __init__(self, rng: np.random.Generator) -> None:
        root = rng.standard_normal((N, N)) / N**0.5
        self.precision = np.linalg.inv(root @ root.T + 0.1 * np.eye(N))
        self.mean = rng.standard_normal(N)

    def denoise(self, v: Tensor, sigma: float | Tensor) -> Tensor:
        assert isinstance(sigma, float)
        normal = self.precision + np.eye(N) / sigma**2
        rhs = self.precision @ self.mean + v.numpy() / sigma**2
        return torch.as_tensor(np.linalg.solve(normal, rhs.T).T)

    def posterior(self, A: np.ndarray, y: np.ndarray, weight: float) -> np.ndarray:
        """The minimiser of |A x - y|^2 / (2 noise^2) + weight / 2 (x - m)^T P (x - m), for each row of y."""
        normal = A.T @ A / NOISE**2 + weight * self.precision
        return np.linalg.solve(normal, (y @ A / NOISE**2 + weight * self.precision @ self.mean).T).T


@pytest.fixture
def gauss(rng: np.random.Generator) -> Gauss:
    return Gauss(rng)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((M, N)), rng.standard_normal((3, M))


def plugged_in(kit: Any, data: tuple[np.ndarray, np.ndarray], functional: Any) -> Problem:
    A, y = data
    space = kit.signal(N)
    half = HalfSquare(NOISE**-2, torch.as_tensor(y))
    problem: Problem = kit.problem(space, (half, kit.dense(A)), (functional, kit.identity(space)), rows=len(y))
    return problem


@pytest.mark.parametrize("cls", SPLITTINGS)
def test_splittings_find_the_posterior_mean(cls: type[Solver], kit: Any, gauss: Gauss, data: Any) -> None:
    problem = plugged_in(kit, data, DenoiserLaw(gauss.denoise, WEIGHT, 1.0, None))
    found = solve_word(solver(cls), problem)
    np.testing.assert_allclose(found.estimate.numpy(), gauss.posterior(*data, WEIGHT), atol=1e-9)
    assert max(found.trace.series["residual"][-1]) <= 1e-12


@pytest.mark.parametrize("cls", FORWARD_BACKWARD)
def test_steps_weigh_the_law_by_strength_over_step(cls: type[Solver], kit: Any, gauss: Gauss, data: Any) -> None:
    problem = plugged_in(kit, data, DenoiserLaw(gauss.denoise, 1.0, 1.0, None))
    step = NOISE**2 / np.linalg.norm(data[0], 2) ** 2
    found = solve_word(solver(cls, step=step), problem)
    np.testing.assert_allclose(found.estimate.numpy(), gauss.posterior(*data, SIGMA**2 / step), atol=1e-9)


def test_the_schedule_ends_at_its_last_strength(kit: Any, gauss: Gauss, data: Any) -> None:
    """Penalties that grow keep the dual variables, so that the end is that of a constant strength."""
    schedule = Geometric(start=3.0, stop=SIGMA, count=100)
    for cls in SPLITTINGS:
        problem = plugged_in(kit, data, DenoiserLaw(gauss.denoise, WEIGHT, 1.0, None))
        found = solve_word(solver(cls, sigma=schedule), problem)
        np.testing.assert_allclose(found.estimate.numpy(), gauss.posterior(*data, WEIGHT), atol=1e-9)


def test_duals_do_not_jump_where_the_strength_changes(kit: Any, gauss: Gauss, data: Any) -> None:
    """From the fixed point of one strength, a step of another, of the same proximal map, stays where it is."""
    problem = plugged_in(kit, data, DenoiserLaw(gauss.denoise, WEIGHT, 1.0, None))
    algorithm: PlugAndPlay = meaning(words.Admm)(solver(words.Admm, sigma=(SIGMA,) * 600 + (0.1,)), problem)
    state = algorithm.init()
    for k in range(1, 601):
        state = algorithm.step(state, algorithm.knobs(k))
    before = algorithm.estimate(state).clone()
    assert float(algorithm.sigma(601)) == 0.1
    after = algorithm.estimate(algorithm.step(state, algorithm.knobs(601)))
    np.testing.assert_allclose(after.numpy(), before.numpy(), atol=1e-9)


def shrinking(v: Tensor, sigma: float | Tensor) -> Tensor:
    """The proximal map of sigma^2 times 2 |x|_1."""
    assert isinstance(sigma, float)
    return v.sign() * (v.abs() - 2 * sigma**2).clamp_min(0)


@pytest.mark.parametrize("cls", [*SPLITTINGS, *FORWARD_BACKWARD])
def test_a_proximal_map_gives_the_convex_minimiser(cls: type[Solver], kit: Any, data: Any) -> None:
    A, y = data
    weight, options = WEIGHT, {}
    if cls in FORWARD_BACKWARD:
        options = {"step": NOISE**2 / np.linalg.norm(A, 2) ** 2}
        weight = SIGMA**2 / options["step"]
    problem = plugged_in(kit, data, DenoiserLaw(shrinking, weight, 1.0, None))
    found = solve_word(solver(cls, **options), problem).estimate.numpy()
    for row, measured in zip(found, y, strict=True):
        x = cp.Variable(N)
        energy = cp.sum_squares(A @ x - measured) / (2 * NOISE**2) + 2 * weight * cp.norm1(x)
        cp.Problem(cp.Minimize(energy)).solve(solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=1e-12)
        np.testing.assert_allclose(row, x.value, atol=1e-6)


def smoothing(v: Tensor, sigma: float | Tensor) -> Tensor:
    """A linear, symmetric and non-expansive denoiser: means of neighbours on a circle."""
    return (v.roll(1, -1) + 2 * v + v.roll(-1, -1)) / 4


@pytest.mark.parametrize("cls", [words.Gradient, words.Ista, words.Fista, words.Admm, words.FixedPoint])
def test_red_solves_its_normal_equations(cls: type[Solver], kit: Any, data: Any) -> None:
    """A^T (A x - y) / noise^2 + lam (x - S x) = 0. Romano, Elad, Milanfar 2017, eq. (20)."""
    A, y = data
    lam = 30.0
    problem = plugged_in(kit, data, RedEnergy(smoothing, lam, lam, None))
    few = cls in (words.Admm, words.FixedPoint)  # each of its iterations solves for A^T A
    found = solve_word(solver(cls, iterations=300 if few else 1500), problem)
    S = smoothing(torch.eye(N, dtype=torch.float64), 1.0).numpy()
    dense = np.linalg.solve(A.T @ A / NOISE**2 + lam * (np.eye(N) - S), (y @ A / NOISE**2).T).T
    np.testing.assert_allclose(found.estimate.numpy(), dense, atol=1e-8)
    assert not found.trace.valued


def test_half_quadratic_splitting_ends_where_red_does(kit: Any, data: Any) -> None:
    """grad f(x) + rho (x - D(x)) = 0 with rho = weight / sigma^2; the estimate is D(x)."""
    A, y = data
    problem = plugged_in(kit, data, DenoiserLaw(smoothing, WEIGHT, 1.0, None))
    found = solve_word(solver(words.Hqs), problem).estimate.numpy()
    S = smoothing(torch.eye(N, dtype=torch.float64), 1.0).numpy()
    rho = WEIGHT / SIGMA**2
    dense = np.linalg.solve(A.T @ A / NOISE**2 + rho * (np.eye(N) - S), (y @ A / NOISE**2).T).T
    np.testing.assert_allclose(found, dense @ S.T, atol=1e-9)


def test_red_stands_beside_a_set(kit: Any, data: Any) -> None:
    from recon.runtime.functionals.sets import Interval

    A, y = data
    lam = 30.0
    space = kit.signal(N)
    half = HalfSquare(NOISE**-2, torch.as_tensor(y[:1]))
    found = {}
    for cls in (words.Ista, words.Fista, words.Admm):
        terms = [(half, kit.dense(A)), (RedEnergy(smoothing, lam, lam, None), kit.identity(space))]
        problem = kit.problem(space, *terms, (Interval(-0.1, 0.1), kit.identity(space)))
        found[cls] = solve_word(solver(cls, iterations=1500), problem).estimate.numpy()[0]
    S = smoothing(torch.eye(N, dtype=torch.float64), 1.0).numpy()
    x = cp.Variable(N)
    energy = cp.sum_squares(A @ x - y[0]) / (2 * NOISE**2) + lam / 2 * cp.quad_form(x, cp.psd_wrap(np.eye(N) - S))
    cp.Problem(cp.Minimize(energy), [x >= -0.1, x <= 0.1]).solve(
        solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=1e-12
    )
    for name, value in found.items():
        np.testing.assert_allclose(value, x.value, atol=1e-6, err_msg=str(name))


def test_averaging_mixes_with_the_image() -> None:
    law = DenoiserLaw(smoothing, 1.0, 0.25, None)
    law.strength.set(0.1, 1)
    v = torch.arange(8.0)[None]
    torch.testing.assert_close(law.prox(v, 1.0), 0.75 * v + 0.25 * smoothing(v, 0.1))


def test_without_a_strength_nothing_is_denoised() -> None:
    with pytest.raises(ValueError, match="strength"):
        DenoiserLaw(smoothing, 1.0, 1.0, None).prox(torch.zeros(1, 4), 1.0)


def directed(v: Tensor, sigma: float | Tensor) -> Tensor:
    """A map that treats directions differently."""
    return (v + v.roll(1, -1)) / 2 * (1 + 0.1 * v.roll(2, -2))


@pytest.mark.parametrize("sizes", [(6, 6), (4, 7)])
def test_the_mean_over_symmetries_is_equivariant(sizes: tuple[int, int]) -> None:
    group = Symmetries(True, sizes[0] == sizes[1], 0)
    law = DenoiserLaw(directed, 1.0, 1.0, group)
    law.strength.set(0.1, 1)
    v = torch.randn((2, *sizes), dtype=torch.float64)
    out = law.denoised(v)
    assert len(group.elements) == (8 if sizes[0] == sizes[1] else 4)
    assert not torch.allclose(out, directed(v, 0.1))
    torch.testing.assert_close(law.denoised(v.flip(-1)), out.flip(-1))
    torch.testing.assert_close(law.denoised(v.flip(-2)), out.flip(-2))
    if sizes[0] == sizes[1]:
        torch.testing.assert_close(law.denoised(v.mT), out.mT)


def test_drawn_symmetries_are_those_of_the_row() -> None:
    """What a row draws does not depend on the rows beside it, changes from step to step, and repeats with the seed."""
    names = (("cam", 0), ("cam", 1), ("moon", 0))
    group = Symmetries(False, True, 7, names)
    v = torch.randn((3, 6, 6), dtype=torch.float64)
    law, alone = (
        DenoiserLaw(directed, 1.0, 1.0, group),
        DenoiserLaw(directed, 1.0, 1.0, Symmetries(False, True, 7, names[2:])),
    )
    seen = set()
    for k in range(1, 30):
        law.strength.set(0.1, k)
        alone.strength.set(0.1, k)
        assert torch.equal(law.denoised(v)[2:], alone.denoised(v[2:]))
        seen.add(group.element(0, k))
    assert seen == set(range(8))
    other = Symmetries(False, True, 8, names)
    assert [group.element(1, k) for k in range(20)] != [other.element(1, k) for k in range(20)]


TV_PAGE = """recon 1
data d = npy("y.npy") {{ y = array }}
image x : real[12, 12]
noise y ~ gaussian(conv(gaussian(width = 1), boundary = "circular") @ x, sigma = 0.1)
{body}
"""


@pytest.mark.parametrize("name", ["admm", "pdhg"])
def test_total_variation_as_a_denoiser_is_the_prior_of_matched_weight(name: str, tmp_path: Path) -> None:
    """At a constant strength s, `weight * (x ~ denoiser(tv(strength = c)))` is `weight c / s * tv(x)`."""
    rng = np.random.default_rng(5)
    y = np.zeros((2, 12, 12))
    y[:, 3:8, 4:] = 1
    y += 0.05 * rng.standard_normal(y.shape)
    np.save(tmp_path / "y.npy", y)

    def found(body: str) -> np.ndarray:
        checked = load(TV_PAGE.format(body=body), "page.recon", tmp_path)
        build = Build(real=torch.float64)
        problem = compile_problem(checked.methods[""], {"y": torch.as_tensor(y)}, build).problem
        out: np.ndarray = solve_word(checked.choices[""].solver, problem).estimate.numpy()
        return out

    plugged = found(
        "prior 2 * (x ~ denoiser(tv(strength = 0.5, iterations = 600)))\n"
        f"solver {name}(iterations = 80, tolerance = 0) {{ sigma = 0.2 }}"
    )
    energy = found("prior 5 * tv(x)\nsolver pdhg(iterations = 5000, tolerance = 0)")
    np.testing.assert_allclose(plugged, energy, atol=2e-4)


def test_a_denoiser_stands_beside_total_variation_and_a_box(tmp_path: Path) -> None:
    """Half of total variation as a denoiser and half as an energy is all of it."""
    rng = np.random.default_rng(6)
    y = np.zeros((1, 12, 12))
    y[:, 3:8, 4:] = 1.1
    y += 0.05 * rng.standard_normal(y.shape)
    np.save(tmp_path / "y.npy", y)
    found = {}
    for body in (
        "prior x ~ denoiser(tv(strength = 0.5, iterations = 200))\nprior 2.5 * tv(x)\nprior x in 0..1\n"
        "solver admm(iterations = 150, tolerance = 0) { sigma = 0.2 }",
        "prior x ~ denoiser(tv(strength = 0.5, iterations = 200))\nprior 2.5 * tv(x)\nprior x in 0..1\n"
        "solver pdhg(iterations = 400, tolerance = 0) { sigma = 0.2 }",
        "prior 5 * tv(x)\nprior x in 0..1\nsolver pdhg(iterations = 5000, tolerance = 0)",
    ):
        checked = load(TV_PAGE.format(body=body), "page.recon", tmp_path)
        build = Build(real=torch.float64)
        problem = compile_problem(checked.methods[""], {"y": torch.as_tensor(y)}, build).problem
        found[body] = solve_word(checked.choices[""].solver, problem).estimate.numpy()
    admm, pdhg, energy = found.values()
    np.testing.assert_allclose(admm, energy, atol=2e-3)
    np.testing.assert_allclose(pdhg, energy, atol=2e-3)


def test_rows_do_not_see_each_other(kit: Any, gauss: Gauss, data: Any) -> None:
    A, y = data
    for cls in [*SPLITTINGS, *FORWARD_BACKWARD, words.Hqs]:
        options = {"iterations": 30}
        together = solve_word(solver(cls, **options), plugged_in(kit, data, DenoiserLaw(shrinking, 1.0, 1.0, None)))
        alone = solve_word(solver(cls, **options), plugged_in(kit, (A, y[1:2]), DenoiserLaw(shrinking, 1.0, 1.0, None)))
        np.testing.assert_allclose(together.estimate[1].numpy(), alone.estimate[0].numpy(), atol=1e-12)


def test_it_stops_at_a_fixed_point_and_not_before(kit: Any, gauss: Gauss, data: Any) -> None:
    """While the strength changes no tolerance is met; once it rests the move of an iteration decides."""
    problem = plugged_in(kit, data, DenoiserLaw(gauss.denoise, WEIGHT, 1.0, None))
    long = solver(words.Admm, tolerance=1e-6, sigma=Geometric(start=SIGMA * 1.0001, stop=SIGMA, count=500))
    found = solve_word(long, problem)
    assert 500 <= found.iterations < 800
    assert "tolerance" in found.stopped
    assert "fixed-point residual" in found.stopped
