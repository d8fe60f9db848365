"""Balls and subspaces: projections, joint maps and restricted problems against CVXPY, numpy and eq. (13.2)."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.facts import IDENTITY, Facts
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Adjoint, Leaf
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators.frames import LowFrequencies
from recon.runtime.algorithms.proximal import joint, prox_of
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.base import Functional
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.priors import L1, Nonnegative
from recon.runtime.functionals.regions import Columns, NormBall, Subspace
from recon.runtime.operators.base import AdjointOperator, IdentityOperator, Operator
from recon.runtime.problem import Problem, Term
from torch import Tensor

N = 14
SPACE = Space("real", (Axis("sample", N),))


def draw(*shape: int, seed: int = 0, field: str = "real") -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = rng.standard_normal(shape)
    return out + 1j * rng.standard_normal(shape) if field == "complex" else out


def projected(v: np.ndarray, constraints: Any, extra: Any = lambda x: 0) -> np.ndarray:
    """argmin_x extra(x) + |x - v|^2 / 2 over the constraints."""
    x = cp.Variable(v.shape, complex=np.iscomplexobj(v))
    cp.Problem(cp.Minimize(cp.sum_squares(x - v) / 2 + extra(x)), constraints(x)).solve(
        solver=cp.CLARABEL, tol_gap_rel=1e-11, tol_gap_abs=1e-11, tol_feas=1e-11
    )
    assert x.value is not None
    return np.asarray(x.value)


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("radius", [0.0, 0.7, 4.0, 100.0])
@pytest.mark.parametrize("around", [False, True])
def test_projection_onto_a_ball(field: str, norm: str, radius: float, around: bool) -> None:
    v = draw(3, N, field=field)
    centre = draw(N, seed=5, field=field) if around else np.zeros(N)
    g = NormBall(radius, norm, torch.as_tensor(centre)[None] if around else None)
    found = g.prox(torch.as_tensor(v), 2.0)
    p = 2 if norm == "l2" else 1
    for row in range(3):
        size = np.linalg.norm(v[row] - centre, p)
        if size <= radius:
            expected = v[row]
        elif radius == 0:
            expected = centre
        else:
            expected = projected(v[row], lambda x: [cp.norm(x - centre, p) <= radius])
        np.testing.assert_allclose(found[row], expected, atol=2e-5)
    assert g.value(found).tolist() == [0.0] * 3
    outside = torch.as_tensor(v) * 1e3
    assert g.value(outside).tolist() == [float("inf")] * 3
    # The support function is reached along v itself, or at its largest entry.
    if norm == "l2":
        best = centre + radius * v / np.linalg.norm(v, axis=1, keepdims=True)
    else:
        top = np.abs(v) == np.abs(v).max(1, keepdims=True)
        best = centre + radius * np.where(top, v / np.abs(v), 0)
    np.testing.assert_allclose(g.conjugate(torch.as_tensor(v)), (v.conj() * best).real.sum(1), atol=1e-10)


JOINT: list[tuple[str, list[Functional], Any, Any]] = [
    ("signs, l2", [Nonnegative(), NormBall(1.3, "l2")], lambda x: [x >= 0, cp.norm(x) <= 1.3], lambda x: 0),
    ("signs, l1", [NormBall(1.3, "l1"), Nonnegative()], lambda x: [x >= 0, cp.norm1(x) <= 1.3], lambda x: 0),
    ("l1, l2", [NormBall(1.3, "l2"), L1(0.4)], lambda x: [cp.norm(x) <= 1.3], lambda x: 0.4 * cp.norm1(x)),
    (
        "l1, signs, l2",
        [NormBall(1.3, "l2"), Nonnegative(), L1(0.4)],
        lambda x: [x >= 0, cp.norm(x) <= 1.3],
        lambda x: 0.4 * cp.norm1(x),
    ),
]


def identity(space: Space = SPACE) -> Operator:
    eye = IdentityOperator(space, space, IDENTITY)
    eye.precision = torch.float64
    return eye


def terms(functionals: list[Functional]) -> list[Term]:
    eye = identity()
    return [Term(g, eye, "prior", type(g).__name__) for g in functionals]


@pytest.mark.parametrize(("functionals", "constraints", "extra"), [c[1:] for c in JOINT], ids=[c[0] for c in JOINT])
def test_joint_maps(functionals: list[Functional], constraints: Any, extra: Any) -> None:
    v = draw(4, N, seed=2)
    assert joint(terms(functionals))
    found = prox_of(terms(functionals))(torch.as_tensor(v), 1.0)
    for row in range(4):
        np.testing.assert_allclose(found[row], projected(v[row], constraints, extra), atol=2e-5)


def test_a_subspace_and_a_ball() -> None:
    basis = np.linalg.qr(draw(N, 5, seed=3))[0]
    both: list[Functional] = [NormBall(0.5, "l2"), Subspace(Columns(torch.as_tensor(basis), SPACE))]
    assert joint(terms(both))
    v = draw(2, N, seed=4)
    found = prox_of(terms(both))(torch.as_tensor(v), 1.0)
    off = np.eye(N) - basis @ basis.T
    for row in range(2):
        expected = projected(v[row], lambda x: [cp.norm(x) <= 0.5, off @ x == 0])
        np.testing.assert_allclose(found[row], expected, atol=2e-5)


def test_what_has_no_joint_map() -> None:
    shifted = NormBall(1.0, "l2", torch.ones(1, N, dtype=torch.float64))
    assert not joint(terms([shifted, Nonnegative()]))
    assert not joint(terms([NormBall(1.0, "l1"), L1(1.0)]))


class Dense(Operator):
    """x -> A x on signals."""

    matrix: Tensor

    def __init__(self, matrix: np.ndarray) -> None:
        rows, columns = matrix.shape
        spaces = (Space("real", (Axis(name, n),)) for name, n in (("sample", columns), ("measurement", rows)))
        super().__init__(*spaces, Facts())
        self.precision = torch.float64
        self.constant("matrix", torch.as_tensor(matrix))

    def _apply_(self, x: Tensor) -> Tensor:
        return x @ self.matrix.mT

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y @ self.matrix


SOLVERS = [
    words.ClosedForm(),
    words.Cg(iterations=60, tolerance=1e-13),
    words.Lsqr(iterations=60, tolerance=1e-13),
    words.Gradient(iterations=1500, tolerance=0),
    words.HeavyBall(iterations=600, tolerance=0),
    words.Nesterov(iterations=1500, tolerance=0),
    words.ProjectedGradient(iterations=4000, tolerance=0),
    words.Fista(iterations=2000, tolerance=0),
    words.Admm(iterations=1000, tolerance=0),
    words.Pdhg(iterations=3000, tolerance=0),
]


@pytest.mark.parametrize("word", SOLVERS, ids=lambda w: w.word)
@pytest.mark.parametrize("orthonormal", [True, False])
def test_least_squares_in_a_subspace(word: Any, orthonormal: bool) -> None:
    """U (A U)^+ y, Heckel 2024, 13.1, by every solver that may be named."""
    A, U, y = draw(9, N, seed=6), draw(N, 4, seed=7), draw(2, 9, seed=8)
    U = np.linalg.qr(U)[0] if orthonormal else U
    columns = Columns(torch.as_tensor(U), SPACE) if orthonormal else Dense(U)
    if not orthonormal:
        columns.codomain = SPACE
    eye = identity()
    data = Term(HalfSquare(1.0, torch.as_tensor(y)), Dense(A), "data", "data")
    problem = Problem(SPACE, [data, Term(Subspace(columns), eye, "prior", "x in span(U)")], 2, torch.float64)
    found = solve_word(word, problem).estimate
    np.testing.assert_allclose(found, y @ np.linalg.pinv(A @ U).T @ U.T, atol=1e-6)


def test_columns_that_depend_on_others_are_told() -> None:
    U = draw(N, 3, seed=9)
    columns = Dense(np.concatenate([U, U[:, :1] + 2 * U[:, 2:]], axis=1))
    g = Subspace(columns)
    assert g.told == (("rank", 3.0, "of the 4 columns of `span`; the others depend on them"),)
    v = draw(2, N, seed=1)
    np.testing.assert_allclose(g.prox(torch.as_tensor(v), 1.0), v @ np.linalg.pinv(U).T @ U.T, atol=1e-12)
    eye = identity()
    data = Term(HalfSquare(1.0, torch.as_tensor(v)), eye, "data", "data")
    problem = Problem(SPACE, [data, Term(g, eye, "prior", "x in span(U)")], 2, torch.float64)
    for word in (words.ClosedForm(), words.Pdhg(iterations=50)):
        assert "rank" in [c.name for c in solve_word(word, problem).trace.choices]


def test_columns_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="zero"):
        Subspace(Dense(np.zeros((N, 2))))


def test_the_error_of_equation_13_2() -> None:
    """E |x^ - x|^2 = sigma^2 sum_i 1 / sigma_i^2 with the singular values of A U, over 4000 draws of the noise."""
    n, d, m, rows, sigma = 60, 8, 20, 4000, 0.3
    space = Space("real", (Axis("sample", n),))
    columns = AdjointOperator(
        build_operator(place(Adjoint(Leaf(LowFrequencies(size=n, count=d))), space), Build(real=torch.float64))
    )
    U = columns.forward(torch.eye(d, dtype=torch.float64)).mT.numpy()
    A, c = draw(m, n, seed=10) / m**0.5, draw(rows, d, seed=11)
    x = c @ U.T
    y = x @ A.T + sigma * draw(rows, m, seed=12)
    eye = identity(space)
    data = Term(HalfSquare(sigma**-2, torch.as_tensor(y)), Dense(A), "data", "data")
    problem = Problem(space, [data, Term(Subspace(columns), eye, "prior", "x in span(U)")], rows, torch.float64)
    errors = ((solve_word(words.ClosedForm(), problem).estimate.numpy() - x) ** 2).sum(1)
    foreseen = sigma**2 * np.sum(np.linalg.svd(A @ U, compute_uv=False) ** -2.0)
    assert abs(errors.mean() - foreseen) < 4 * errors.std() / rows**0.5
