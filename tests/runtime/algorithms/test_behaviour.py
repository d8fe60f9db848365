"""Rates, choices, and that no row sees another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.place import Placed
from recon.dsl.model.problem import FunctionFacts, TermFacts
from recon.dsl.model.problem import Problem as Described
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import sparsity
from recon.runtime.algorithms.condat_vu import BalancedPdhg
from recon.runtime.algorithms.primal_dual import ROUGH, Roles, blocks, joint_norm, roles
from recon.runtime.algorithms.proximal import prox_of
from recon.runtime.functionals.data import Exactly, HalfSquare, PoissonCounts, PoissonExponential
from recon.runtime.functionals.priors import L1, GroupL1, Interval, Nonnegative
from recon.runtime.loop import solve
from recon.runtime.meaning import meaning
from recon.runtime.problem import Problem, Term

ALL: list[Solver] = [
    words.Cg(), words.ClosedForm(), words.Gradient(), words.HeavyBall(), words.Nesterov(), words.Ista(),
    words.Fista(), words.ProjectedGradient(), words.Admm(), words.Pdhg(),
    words.Lsqr(), words.Gradient(step="backtracking"),
]  # fmt: skip


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)


def lasso(kit: Any, A: np.ndarray, b: np.ndarray, weight: float) -> Problem:
    space = kit.signal(A.shape[1])
    data = HalfSquare(1.0, tensor(b))
    problem: Problem = kit.problem(space, (data, kit.dense(A)), (L1(weight), kit.identity(space)), rows=len(b))
    return problem


def described(problem: Problem) -> Described:
    """The problem as the language sees it, so that a word can say whether it fits."""

    def facts(term: Term) -> FunctionFacts:
        g = term.functional
        if isinstance(g, HalfSquare):
            return FunctionFacts(quadratic=True, lipschitz=g.lipschitz, mu=g.strong, gradient=True)
        if isinstance(g, GroupL1):
            return FunctionFacts(shape="group")
        return FunctionFacts(constraint=g.constraint)

    terms = tuple(
        TermFacts(
            "data" if t.role == "data" else "prior",
            t.label,
            facts(t),
            {"x": Placed(None, t.operator.domain, t.operator.codomain, t.operator.facts)},
        )
        for t in problem.terms
    )
    return Described({"x": problem.space}, terms)


def problems(kit: Any, rng: np.random.Generator) -> dict[str, Problem]:
    A, b, space = rng.standard_normal((30, 16)), rng.standard_normal((1, 30)), kit.image(4, 4)
    data = (HalfSquare(1.0, tensor(b)), kit.dense(A, space))
    identity, D = kit.identity(space), kit.word(sparsity.Gradient(), space)
    return {
        "ridge": kit.problem(space, data, (HalfSquare(3.0), identity)),
        "lasso": kit.problem(space, data, (L1(2.0), identity)),
        "box": kit.problem(space, data, (Interval(-0.05, 0.1), identity)),
        "variation": kit.problem(space, data, (GroupL1(2.0), D)),
        "both": kit.problem(space, data, (GroupL1(2.0), D), (Nonnegative(), identity)),
    }


@pytest.mark.parametrize("name", ["ridge", "lasso", "box", "variation", "both"])
def test_one_problem_every_solver_that_fits(kit: Any, rng: np.random.Generator, name: str) -> None:
    problem = problems(kit, rng)[name]
    fitting = [w for w in ALL if w.misfit(described(problem)) is None]
    assert len(fitting) >= 2
    values = {w.word: kit.value(problem, kit.run(w, problem, 4000).estimate) for w in fitting}
    assert max(values.values()) - min(values.values()) <= 1e-6 * min(values.values()), values


def test_fista_keeps_its_bound(kit: Any, rng: np.random.Generator) -> None:
    """F(x_k) - F* <= 2 L |x_0 - x*|^2 / (k + 1)^2 (Beck, Teboulle 2009, theorem 4.4)."""
    A, b = rng.standard_normal((20, 60)) @ np.diag(np.logspace(0, -2, 60)), rng.standard_normal((1, 20))
    problem = lasso(kit, A, b, 0.05)
    best = kit.run(words.Fista(), problem, 20000)
    optimum, L = kit.value(problem, best.estimate), np.linalg.norm(A, 2) ** 2
    distance = float(best.estimate.square().sum())
    fista = meaning(words.Fista)(words.Fista(restart="none"), problem)
    state = fista.init()
    for k in range(1, 300):
        state = fista.step(state, {})
        gap = kit.value(problem, fista.estimate(state)) - optimum
        assert gap <= 2 * L * 1.0003 * distance / (k + 1) ** 2 + 1e-9


def test_acceleration_is_faster(kit: Any, rng: np.random.Generator) -> None:
    """On an ill-conditioned least-squares problem, after equally many steps."""
    A, y = rng.standard_normal((40, 30)) @ np.diag(np.logspace(0, -1.5, 30)), rng.standard_normal((1, 40))
    problem = kit.problem(kit.signal(30), (HalfSquare(1.0, tensor(y)), kit.dense(A)))
    optimum = kit.value(problem, kit.run(words.ClosedForm(), problem).estimate)
    gap = {w.word: kit.value(problem, kit.run(w, problem, 200).estimate) - optimum for w in ALL[2:7]}
    assert gap["gradient"] > 0
    for name in ("nesterov", "fista", "heavy_ball"):
        assert gap[name] < 0.2 * gap["gradient"], gap


def many_rows(kit: Any, rng: np.random.Generator) -> dict[str, tuple[Problem, list[Problem], list[Solver]]]:
    """Problems of three rows of very different sizes, the same row by row, and the solvers to compare."""
    A = rng.random((24, 16)) + 0.1 * rng.standard_normal((24, 16))
    space = kit.image(4, 4)
    y = np.abs(rng.standard_normal((3, 24))) * np.array([[1.0], [0.02], [40.0]])
    counts = rng.poisson(np.array([[30.0], [500.0], [5.0]]) * np.ones((3, 24))).astype(float)
    D, identity = kit.word(sparsity.Gradient(), space), kit.identity(space)

    def build(make: Any, *priors: Any, sign: float = 1.0) -> tuple[Problem, list[Problem]]:
        def rows_of(rows: slice) -> Problem:
            target = tensor((counts if make is not HalfSquare else y)[rows])
            first = make(1.0, target) if make is HalfSquare else make(target)
            out: Problem = kit.problem(space, (first, kit.dense(sign * A, space)), *priors, rows=len(target))
            return out

        return rows_of(slice(None)), [rows_of(slice(i, i + 1)) for i in range(3)]

    smooth: list[Solver] = [words.Gradient(momentum=0.5), words.HeavyBall(), words.Nesterov()]
    return {
        "square": (*build(HalfSquare), [words.Cg(), words.PseudoInverse(), words.ClosedForm(), *smooth]),
        "sparse": (*build(HalfSquare, (L1(0.5), identity)), [words.Ista(), words.Fista(), words.Admm(), words.Pdhg()]),
        "variation": (*build(HalfSquare, (GroupL1(0.5), D)), [words.Admm(), words.Pdhg()]),
        "counts": (*build(PoissonCounts, (Nonnegative(), identity), (GroupL1(1.0), D)), [words.Admm(), words.Pdhg()]),
        "exponential": (
            *build(lambda t: PoissonExponential(t, 100.0), (Nonnegative(), identity), sign=-0.1),
            [words.Ista(), words.Fista()],
        ),
    }


@pytest.mark.parametrize("name", ["square", "sparse", "variation", "counts", "exponential"])
def test_rows_are_independent(kit: Any, rng: np.random.Generator, name: str) -> None:
    """Solved together, with stopping, each row is what it is when solved alone; and twice the same."""
    together, alone, solvers = many_rows(kit, rng)[name]
    for word in solvers:
        all_rows = kit.run(word, together, 150, 1e-5)
        again = kit.run(word, together, 150, 1e-5)
        assert torch.equal(all_rows.estimate, again.estimate), word.word
        for i, problem in enumerate(alone):
            one = kit.run(word, problem, 150, 1e-5)
            scale = float(one.estimate.abs().max())
            torch.testing.assert_close(
                all_rows.estimate[i], one.estimate[0], rtol=0, atol=1e-10 * scale, msg=f"{word.word}, row {i}"
            )


def test_exact_steps_of_quadratics_are_found(kit: Any, rng: np.random.Generator) -> None:
    """The heavy ball's L and mu against the eigenvalues."""
    A, y = rng.standard_normal((20, 8)), rng.standard_normal((1, 20))
    problem = kit.problem(kit.signal(8), (HalfSquare(2.0, tensor(y)), kit.dense(A)))
    exact = np.linalg.eigvalsh(2 * A.T @ A)
    found = {c.name: c.value for c in meaning(words.HeavyBall)(words.HeavyBall(), problem).choices()}
    assert found["L"] == pytest.approx(exact[-1], rel=3e-4)
    assert found["mu"] == pytest.approx(exact[0], rel=3e-4)
    root = np.sqrt(exact[0]), np.sqrt(exact[-1])
    assert found["step"] == pytest.approx(4 / sum(root) ** 2, rel=1e-3)
    assert found["momentum"] == pytest.approx(((root[1] - root[0]) / sum(root)) ** 2, rel=1e-3)


def test_step_is_one_over_lipschitz(kit: Any, rng: np.random.Generator) -> None:
    A, y = rng.standard_normal((20, 8)), rng.standard_normal((1, 20))
    problem = lasso(kit, A, y, 1.0)
    for word in (words.Ista(), words.Fista()):
        (step, *_) = meaning(word)(word, problem).choices()
        limit = 1 / np.linalg.norm(A, 2) ** 2
        assert limit * (1 - 5e-4) <= step.value <= limit * (1 + 1e-9)


def test_joint_norm_bounds_the_stack(kit: Any, rng: np.random.Generator) -> None:
    """tau sigma |stack K|^2 <= 1 holds: M is an upper bound of the normalised stack's squared norm, within 3%."""
    space = kit.image(4, 4)
    A, y = rng.standard_normal((10, 16)), rng.standard_normal((1, 10))
    D = kit.word(sparsity.Gradient(), space)
    problem = kit.problem(space, (PoissonCounts(tensor(np.abs(y))), kit.dense(A, space)), (L1(1.0), D))
    of = blocks(problem.terms)
    dense = D.forward(torch.eye(16, dtype=torch.float64).reshape(16, 4, 4)).reshape(16, -1).T.numpy()
    stack = np.concatenate([A * of[0].share ** 0.5, dense * of[1].share ** 0.5])
    exact = np.linalg.norm(stack, 2) ** 2
    assert exact <= joint_norm(of) * (1 + 1e-9)
    assert joint_norm(of) <= exact * (1 + 3 * ROUGH)
    assert of[0].share <= 1 / np.linalg.norm(A, 2) ** 2


def test_condat_vu_reaches_the_same_minimum(kit: Any, rng: np.random.Generator) -> None:
    problem = problems(kit, rng)["both"]
    best = kit.value(problem, kit.run(words.Admm(), problem, 4000).estimate)
    square, variation, sign = problem.terms
    algorithm = BalancedPdhg(problem, Roles([sign], [square], [variation], False))
    assert {c.name for c in algorithm.choices()} >= {"L", "M", "gradient terms"}
    found = solve(algorithm, problem, iterations=4000, tolerance=0)
    assert kit.value(problem, found.estimate) == pytest.approx(best, rel=1e-6)


def test_roles(kit: Any, rng: np.random.Generator) -> None:
    space = kit.image(4, 4)
    identity, D = kit.identity(space), kit.word(sparsity.Gradient(), space)
    y = tensor(rng.standard_normal((1, 4, 4)))
    denoising = roles(kit.problem(space, (HalfSquare(1.0, y), identity), (GroupL1(1.0), D), (Nonnegative(), identity)))
    assert denoising.accelerated
    assert [t.label for t in denoising.primal] == ["HalfSquare", "Nonnegative"]
    assert [t.label for t in denoising.dual] == ["GroupL1"]
    exact = roles(kit.problem(space, (Exactly(y), identity), (L1(1.0), kit.word(sparsity.Wavelet(levels=1), space))))
    assert not exact.accelerated


@pytest.mark.parametrize("t", [0.1, 2.0])
def test_joint_proximal_maps_are_optimal(kit: Any, rng: np.random.Generator, t: float) -> None:
    """No neighbour of the map's value does better; among them a wavelet's l1 and a half square with l1 and a box."""
    space = kit.image(4, 4)
    identity, W = kit.identity(space), kit.word(sparsity.Wavelet(name="db2", levels=1), space)
    y, v = tensor(rng.standard_normal((1, 4, 4))), tensor(rng.standard_normal((1, 4, 4)))
    cases = [
        kit.problem(space, (L1(0.7), W)),
        kit.problem(space, (L1(0.7), identity), (Interval(-0.2, 0.5), identity)),
        kit.problem(space, (HalfSquare(3.0, y), identity), (L1(0.7), identity), (Nonnegative(), identity)),
        kit.problem(space, (HalfSquare(3.0, y), identity), (GroupL1(0.7), identity)),
    ]
    for problem in cases:
        x = prox_of(problem.terms)(v.clone(), t)
        best = float(problem.objective(x) + (x - v).square().sum() / (2 * t))
        assert np.isfinite(best)
        for _ in range(200):
            z = x + 1e-3 * tensor(rng.standard_normal((1, 4, 4)))
            assert float(problem.objective(z) + (z - v).square().sum() / (2 * t)) >= best - 1e-12


@pytest.mark.parametrize(
    "word", [words.Gradient(step="backtracking"), words.ProjectedGradient(step="backtracking")], ids=lambda w: w.word
)
def test_backtracking_descends_row_by_row_and_needs_no_constant(
    kit: Any, rng: np.random.Generator, word: Solver
) -> None:
    """Curvatures of two rows that are apart by 1e6: neither row rises, and each ends at its own minimum."""
    A, y = rng.standard_normal((20, 6)), tensor(np.tile(rng.standard_normal(20), (2, 1)))
    space = kit.signal(6)
    data = HalfSquare(torch.tensor([1.0, 1e6], dtype=torch.float64), y)
    problem = kit.problem(space, (data, kit.dense(A)), (Interval(-0.2, 0.2), kit.identity(space)), rows=2)
    if word.word == "gradient":
        problem.terms.pop()
    found = kit.run(word, problem, 600)
    trace = np.array(found.trace.objective)
    assert (np.diff(trace, axis=0) <= 1e-12 * trace[:-1]).all()
    np.testing.assert_allclose(found.estimate[0].numpy(), found.estimate[1].numpy(), atol=1e-8)
    assert "backtracking" in found.trace.choices[0].why
    assert found.trace.choices[0].bound is None


def test_backtracking_where_no_constant_exists(kit: Any, rng: np.random.Generator) -> None:
    """Counts with a linear mean: the curvature has no bound near zero, and the referee is Newton's method."""
    A, truth = rng.random((30, 4)) + 0.1, rng.random(4) + 0.5
    y = rng.poisson(50 * A @ truth).astype(float)
    problem = kit.problem(kit.signal(4), (PoissonCounts(tensor(y)[None]), kit.dense(50 * A)))
    problem.start = torch.ones(1, 4, dtype=torch.float64)
    found = kit.run(words.Gradient(step="backtracking"), problem, 3000).estimate[0].numpy()
    x = np.ones(4)
    for _ in range(50):
        mean = 50 * A @ x
        x -= np.linalg.solve((50 * A).T @ (y[:, None] / mean[:, None] ** 2 * 50 * A), (50 * A).T @ (1 - y / mean))
    np.testing.assert_allclose(found, x, rtol=1e-6)
