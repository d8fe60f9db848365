"""Kaczmarz's method and stochastic gradients: their rates, their limits, and what a block costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Facts
from recon.dsl.model.place import Placed, place
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import schedules, solvers
from recon.dsl.vocabulary import stochastic as words
from recon.dsl.vocabulary.operators import tomography
from recon.runtime.algorithms.blocks import blocks_of, order_of
from recon.runtime.algorithms.schedules import numbers
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.data import Exactly, HalfSquare, PoissonExponential
from recon.runtime.functionals.priors import L1, Nonnegative
from recon.runtime.loop import solve
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import Operator, ScaledOperator
from recon.runtime.operators.basic import MatrixOperator
from recon.runtime.operators.tomography import RayOperator

from .conftest import Kit


def matrix(entries: np.ndarray) -> Operator:
    """The matrix as the language places it: it can be cut into rows."""
    rows, columns = entries.shape
    domain = Space("complex" if np.iscomplexobj(entries) else "real", (Axis("sample", columns),))
    placed = Placed(None, domain, domain.with_axes((Axis("measurement", rows),)), Facts(blocks=("measurement",)))
    operator = MatrixOperator(torch.as_tensor(entries), placed)
    operator.precision = torch.float64
    return operator


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)[None]


def conditioned(rng: np.random.Generator, rows: int, columns: int, condition: float) -> np.ndarray:
    """A matrix with singular values from one down to 1 / condition, and rows of different lengths."""
    left, right = (np.linalg.qr(rng.standard_normal((n, columns)))[0] for n in (rows, columns))
    return np.asarray(left @ np.diag(np.geomspace(1, 1 / condition, columns)) @ right.T)


@pytest.mark.parametrize("complex_valued", [False, True])
def test_the_rate_of_randomised_kaczmarz(kit: Kit, rng: np.random.Generator, complex_valued: bool) -> None:
    """E |x_k - x|^2 <= (1 - s^2 / |A|_F^2)^k |x_0 - x|^2 (Strohmer and Vershynin 2009), over 120 seeds.

    With all singular values alike the bound is met with equality, since then E |A e|^2 = s^2 |e|^2 for every e: the
    mean error has the statistical error of its 120 draws, and four of these are allowed.
    """
    n, m, sweeps = 6, 20, 3
    for condition, equal in ((1.0, True), (4.0, False)):
        A = conditioned(rng, m, n, condition)
        if complex_valued:
            A = A * np.exp(1j * rng.standard_normal((m, 1))) @ np.diag(np.exp(1j * rng.standard_normal(n)))
        truth = rng.standard_normal(n) + (1j * rng.standard_normal(n) if complex_valued else 0)
        problem = kit.problem(matrix(A).domain, (Exactly(tensor(A @ truth)), matrix(A)))
        word = words.Kaczmarz(sweeps=sweeps)
        algorithm = meaning(word)(word, problem)
        errors = []
        for seed in range(120):
            problem.seed = seed
            x = solve(algorithm, problem, iterations=sweeps, tolerance=0).estimate[0].numpy()
            errors.append(np.sum(np.abs(x - truth) ** 2) / np.sum(np.abs(truth) ** 2))
        rate = (1 - np.linalg.svd(A)[1][-1] ** 2 / np.sum(np.abs(A) ** 2)) ** (m * sweeps)
        spread = 4 * np.std(errors) / len(errors) ** 0.5
        assert np.mean(errors) <= rate + spread
        if equal:
            assert np.mean(errors) >= rate - spread


@pytest.mark.parametrize("order", ["random", "shuffled", "cyclic"])
def test_kaczmarz_finds_the_nearest_solution(kit: Kit, rng: np.random.Generator, order: Any) -> None:
    """Of an underdetermined consistent system, from a start, as the pseudo-inverse says."""
    A, truth, start = rng.standard_normal((8, 20)), rng.standard_normal(20), rng.standard_normal(20)
    problem = kit.problem(kit.signal(20), (HalfSquare(4.0, tensor(A @ truth)), matrix(A)))
    problem.start = tensor(start)
    found = kit.run(words.Kaczmarz(order=order), problem, 800).estimate[0].numpy()
    np.testing.assert_allclose(found, start + np.linalg.pinv(A) @ (A @ (truth - start)), atol=1e-9)


def test_kaczmarz_within_a_set(kit: Kit, rng: np.random.Generator) -> None:
    """Projections onto the rows and the set by turns reach a point of both."""
    A = rng.standard_normal((8, 20))
    y = A @ np.abs(rng.standard_normal(20))
    problem = kit.problem(
        kit.signal(20), (Exactly(tensor(y)), matrix(A)), (Nonnegative(), kit.identity(kit.signal(20)))
    )
    x = kit.run(words.Kaczmarz(order="cyclic"), problem, 1000).estimate[0].numpy()
    assert x.min() >= 0
    np.testing.assert_allclose(A @ x, y, atol=1e-6)


def test_falling_relaxation_reaches_least_squares(kit: Kit, rng: np.random.Generator) -> None:
    """With data that contradict each other constant steps stay away by about the noise; falling ones come near.

    The limit weighs each row by one over its length squared (Censor, Eggermont, Gordon 1983).
    """
    A, y = rng.standard_normal((30, 5)), rng.standard_normal(30)
    lengths = np.linalg.norm(A, axis=1)
    wanted = np.linalg.lstsq(A / lengths[:, None], y / lengths)[0]
    problem = kit.problem(kit.signal(5), (HalfSquare(1.0, tensor(y)), matrix(A)))
    off = []
    for relaxation in (1.0, schedules.Geometric(start=1.0, stop=1e-3)):
        word = words.Kaczmarz(order="cyclic", relaxation=relaxation, sweeps=600)
        off.append(np.linalg.norm(kit.run(word, problem, 600).estimate[0].numpy() - wanted))
    assert off[1] < 2e-2 * np.linalg.norm(wanted)
    assert off[0] > 0.1 * np.linalg.norm(wanted)


def scan(views: int = 24, n: int = 16) -> tuple[Operator, np.ndarray]:
    """Parallel beams of a small image, and their matrix."""
    domain = Space("real", (Axis("row", n), Axis("col", n)))
    operator = build_operator(place(Leaf(tomography.Radon(views=views)), domain), Build(real=torch.float64))
    unit = torch.eye(n * n, dtype=torch.float64).reshape(n * n, n, n)
    return operator, operator.forward(unit).reshape(n * n, -1).T.numpy()


def test_the_norms_of_blocks(kit: Kit) -> None:
    """Bounds that are nearly met, by Collatz and Wielandt for views, exact for rows."""
    operator, dense = scan()
    views = operator.codomain.sizes[0]
    data = torch.zeros(1, *operator.codomain.sizes, dtype=torch.float64)
    problem = kit.problem(operator.domain, (HalfSquare(1.0, data), operator))
    rows = dense.reshape(views, -1, dense.shape[1])
    for count, slack in ((None, 1.1), (6, 1.35)):
        blocks = blocks_of(problem, words.Kaczmarz(), count)
        assert len(blocks) == (count or views)
        for b, block in enumerate(blocks):
            exact = np.linalg.norm(rows[b :: len(blocks)].reshape(-1, dense.shape[1]), 2) ** 2
            assert exact * (1 - 1e-9) <= block.square <= slack * exact


STOCHASTIC: list[tuple[Solver, float]] = [
    (words.Sgd(blocks=5, epochs=1500, decay=schedules.Harmonic(offset=10)), 2e-2),
    (words.Sgd(blocks=5, epochs=800, order="random", decay=schedules.Harmonic(offset=10)), 1e-1),
    (words.Saga(blocks=5, epochs=400), 1e-8),
    (words.Saga(blocks=5, epochs=400, order="shuffled"), 1e-8),
]


@pytest.mark.parametrize(("word", "off"), STOCHASTIC, ids=lambda w: getattr(w, "word", ""))
@pytest.mark.parametrize("field", ["real", "complex"])
def test_inconsistent_least_squares(kit: Kit, rng: np.random.Generator, word: Any, off: float, field: str) -> None:
    """SAGA to rounding with constant steps, stochastic gradients with falling ones to within their rate of 1 / k."""
    A, y = conditioned(rng, 30, 5, 2.0), rng.standard_normal(30)
    if field == "complex":
        A, y = A * np.exp(1j * rng.standard_normal((30, 5))), y * np.exp(1j * rng.standard_normal(30))
    problem = kit.problem(matrix(A).domain, (HalfSquare(3.0, tensor(y)), matrix(A)))
    wanted = np.linalg.lstsq(A, y)[0]
    found = kit.run(word, problem, word.epochs).estimate[0].numpy()
    assert np.linalg.norm(found - wanted) <= off * np.linalg.norm(wanted)


def test_constant_steps_hover_where_memory_does_not(kit: Kit, rng: np.random.Generator) -> None:
    """The ball about the minimiser that constant steps reach has a radius like the root of the step (3.5)."""
    A, y = conditioned(rng, 40, 4, 1.5), rng.standard_normal(40)
    problem = kit.problem(kit.signal(4), (HalfSquare(1.0, tensor(y)), matrix(A)))
    wanted = np.linalg.lstsq(A, y)[0]
    off = []
    for factor in (1.0, 1 / 16):
        algorithm = meaning(words.Sgd)(words.Sgd(blocks=40, order="random", decay=factor), problem)
        state, squares = algorithm.init(), []
        for k in range(1, 401):
            state = algorithm.step(state, algorithm.knobs(k))
            squares.append(np.sum((algorithm.estimate(state)[0].numpy() - wanted) ** 2))
        off.append(np.mean(squares[100:]))
    assert 6 < off[0] / off[1] < 40  # 16 for small steps, more where a step is near its limit


def test_priors_take_part_in_every_step(kit: Kit, rng: np.random.Generator) -> None:
    """A LASSO with a Tikhonov term beside it, to the optimum that FISTA finds."""
    A, y = rng.standard_normal((40, 12)), rng.standard_normal(40)
    space = kit.signal(12)
    terms = [
        (HalfSquare(2.0, tensor(y)), matrix(A)),
        (HalfSquare(1.0), kit.identity(space)),
        (L1(6.0), kit.identity(space)),
    ]
    problem = kit.problem(space, *terms)
    best = kit.run(solvers.Fista(), problem, 800).estimate
    found = kit.run(words.Saga(blocks=8), problem, 500).estimate
    torch.testing.assert_close(found, best, rtol=0, atol=1e-8)
    assert bool((found == 0).any())


def test_photon_counts_in_blocks_of_views(kit: Kit, rng: np.random.Generator) -> None:
    """Beer-Lambert's law: after as many passes the gap to the minimum is a fraction of that of gradient descent."""
    operator, dense = scan()
    truth = 0.02 * rng.random(dense.shape[1])
    counts = rng.poisson(1e4 * np.exp(-dense @ truth)).astype(float).reshape(1, *operator.codomain.sizes)
    minus = ScaledOperator(-1.0, operator, fact.scale(-1.0, operator.facts))
    minus.precision = torch.float64
    problem = kit.problem(operator.domain, (PoissonExponential(torch.as_tensor(counts), 1e4), minus))
    least = kit.run(solvers.Fista(), problem, 500).trace.objective[-1][0]
    gaps = {}
    for word in (words.Sgd(blocks=12), solvers.Ista()):
        trace = kit.run(word, problem, 10).trace
        assert trace.epochs[-1] == 10
        gaps[word.word] = trace.objective[-1][0] - least
    assert 0 < gaps["sgd"] < 0.5 * gaps["ista"]


def test_rows_of_a_batch_do_not_see_each_other(kit: Kit, rng: np.random.Generator) -> None:
    """The order of the blocks is that of the seed; each row ends as it would alone, whatever its noise level."""
    A, y = rng.standard_normal((12, 5)), rng.standard_normal((3, 12))
    weight = torch.tensor([1.0, 50.0, 3.0], dtype=torch.float64)

    def run(word: Solver, rows: slice) -> torch.Tensor:
        data = HalfSquare(weight[rows], torch.as_tensor(y[rows]))
        problem = kit.problem(kit.signal(5), (data, matrix(A)), rows=len(y[rows]))
        return kit.run(word, problem, 5).estimate

    for word in (words.Kaczmarz(), words.Sgd(blocks=4), words.Saga(blocks=4)):
        together = run(word, slice(0, 3))
        torch.testing.assert_close(run(word, slice(1, 2)), together[1:2], rtol=1e-12, atol=1e-12)


def test_orders(kit: Kit) -> None:
    problem = kit.problem(kit.signal(2))
    assert order_of("cyclic", [1.0] * 4, problem, "sgd", 3) == [0, 1, 2, 3]
    shuffled = [order_of("shuffled", [1.0] * 9, problem, "sgd", k) for k in range(3)]
    assert all(sorted(o) == list(range(9)) for o in shuffled)
    assert shuffled[0] != shuffled[1]
    assert shuffled[0] == order_of("shuffled", [1.0] * 9, problem, "sgd", 0)
    drawn = [b for k in range(400) for b in order_of("random", [1.0, 3.0, 0.0, 4.0], problem, "kaczmarz", k)]
    share = np.bincount(drawn, minlength=4) / len(drawn)
    # 1600 draws: four standard deviations of a share are at most 0.05
    np.testing.assert_allclose(share, [0.125, 0.375, 0, 0.5], atol=0.05)


def test_schedules() -> None:
    def first(given: Any, count: int = 5) -> list[float]:
        at = numbers(given, 5)
        return [at(k) for k in range(1, count + 1)]

    assert first(0.5) == [0.5] * 5
    assert first((3.0, 2.0)) == [3, 2, 2, 2, 2]
    np.testing.assert_allclose(first(schedules.Geometric(start=16.0, stop=1.0)), [16, 8, 4, 2, 1])
    np.testing.assert_allclose(first(schedules.Geometric(start=4.0, stop=1.0, count=3)), [4, 2, 1, 1, 1])
    np.testing.assert_allclose(first(schedules.Harmonic(start=2.0, offset=2.0)), [2, 4 / 3, 1, 0.8, 2 / 3])


def test_blocks_of_views_hold_their_views_alone(kit: Kit) -> None:
    """Each view is in one block, and a block's operator computes no others."""
    operator, _ = scan()
    data = torch.zeros(1, *operator.codomain.sizes, dtype=torch.float64)
    problem = kit.problem(operator.domain, (HalfSquare(1.0, data), operator))
    seen = []
    for block in blocks_of(problem, words.Sgd(), 5):
        assert isinstance(block.operator, RayOperator)
        assert isinstance(operator, RayOperator)
        seen += block.operator.beam.angles
        assert block.functional.target is not None
        assert block.functional.target.shape[1] == len(block.operator.beam.angles)
    assert sorted(seen) == sorted(operator.beam.angles)


PAGE = "recon 1\ndata cam = phantom(blobs) {{ x = image }}\nimage x : {kind}[16, 16]\n{body}\n"


def told(body: str, kind: str = "real") -> str:
    with pytest.raises(SpecError) as e:
        load(PAGE.format(body=body, kind=kind), "page.recon", Path())
    return e.value.diagnostics[0].message + " / " + " ".join(e.value.diagnostics[0].help)


def test_what_cannot_be_cut_is_refused() -> None:
    gauss = "noise y ~ gaussian(A @ x, sigma = 0.1)\n"
    blurred = "forward A = radon(views = 8) @ conv(gaussian(width = 1))\n"
    assert "a part of `y ~ gaussian(A @ x, sigma = 0.1)` costs as much" in told(f"{blurred}{gauss}solver sgd")
    coils = "forward A = cartesian() @ fft2() @ coils(maps = birdcage(4))\n"
    assert "it can be cut along `coil`" in told(f"{coils}{gauss}solver sgd(blocks = 4, axis = row)", "complex")
    views = "forward A = radon(views = 8)\n"
    assert "write `blocks = 8` or less" in told(f"{views}{gauss}solver saga(blocks = 9)")
    bounded = f"simulate {{ {gauss} }}\nnoise y ~ bounded(A @ x, radius = 1)\n"
    assert "no sum over its entries" in told(f"{views}{bounded}solver kaczmarz")
