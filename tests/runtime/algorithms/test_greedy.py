"""Greedy methods against scikit-learn, dense numpy and LAPACK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.solver import Solver
from recon.dsl.vocabulary import greedy as words
from recon.dsl.vocabulary.operators import fourier
from recon.runtime.algorithms.coefficients import Coefficients
from recon.runtime.algorithms.thresholding import Cosamp, HardThresholding
from recon.runtime.functionals.data import Exactly, HalfSquare
from recon.runtime.functionals.greedy import SparseVectors
from recon.runtime.operators.parts import Part
from sklearn.linear_model import orthogonal_mp

ALL: list[Solver] = [words.Omp(), words.Cosamp(), words.Iht()]


def named(word: Solver) -> str:
    return word.word


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a)


def normalised(rng: np.random.Generator, m: int, n: int, complex_: bool = False) -> np.ndarray:
    a = rng.standard_normal((m, n)) + (1j * rng.standard_normal((m, n)) if complex_ else 0)
    return a / np.linalg.norm(a, axis=0)


def sparse(rng: np.random.Generator, n: int, k: int, rows: int, complex_: bool = False) -> np.ndarray:
    x = np.zeros((rows, n), complex if complex_ else float)
    for row in x:
        row[rng.choice(n, k, replace=False)] = rng.standard_normal(k) + (1j * rng.standard_normal(k) if complex_ else 0)
    return x


def problem(kit: Any, A: np.ndarray, y: np.ndarray, k: int, weight: Any = 1.0) -> Any:
    space = kit.signal(A.shape[1], "complex" if np.iscomplexobj(A) else "real")
    return kit.problem(
        space,
        (HalfSquare(weight, tensor(y)), kit.dense(A, space, Facts())),
        (SparseVectors(k), kit.identity(space)),
        rows=len(y),
    )


def least_squares(A: np.ndarray, y: np.ndarray, support: np.ndarray) -> np.ndarray:
    x = np.zeros(A.shape[1], A.dtype)
    x[support] = np.linalg.lstsq(A[:, support], y, rcond=None)[0]
    return x


@pytest.mark.parametrize("scaled", [False, True])
def test_omp_is_that_of_scikit_learn(kit: Any, rng: np.random.Generator, scaled: bool) -> None:
    """Same support and coefficients, also far from recovery; columns of other norms count by their directions."""
    A = normalised(rng, 40, 100)
    y = rng.standard_normal((12, 40))
    expected = orthogonal_mp(A, y.T, n_nonzero_coefs=15).T
    factor = np.exp(rng.standard_normal(100)) if scaled else np.ones(100)
    found = kit.run(words.Omp(), problem(kit, A * factor, y, 15, 3.0)).estimate.numpy() * factor
    assert np.array_equal(found != 0, expected != 0)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_omp_of_complex_numbers(kit: Any, rng: np.random.Generator) -> None:
    """The textbook algorithm in dense numpy, step by step."""
    A = normalised(rng, 30, 80, complex_=True)
    y = rng.standard_normal((5, 30)) + 1j * rng.standard_normal((5, 30))
    found = kit.run(words.Omp(), problem(kit, A, y, 10)).estimate.numpy()
    for mine, row in zip(found, y, strict=True):
        support: list[int] = []
        x = np.zeros(80, complex)
        for _ in range(10):
            support.append(int(np.argmax(np.abs(A.conj().T @ (row - A @ x)))))
            x = least_squares(A, row, np.array(support))
        np.testing.assert_allclose(mine, x, atol=1e-10)


def test_a_table_and_computed_columns_give_the_same(
    kit: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = problem(kit, normalised(rng, 40, 100), rng.standard_normal((4, 40)), 12)
    table = kit.run(words.Omp(), p).estimate
    monkeypatch.setattr(words.Omp, "cheap", 0)
    computed = kit.run(words.Omp(), p).estimate
    assert not torch.equal(table, torch.zeros_like(table))
    torch.testing.assert_close(computed, table, atol=1e-10, rtol=0)


@pytest.mark.parametrize("word", ALL, ids=named)
@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("exact", [False, True])
def test_sparse_vectors_are_recovered(
    kit: Any, rng: np.random.Generator, word: Solver, complex_: bool, exact: bool
) -> None:
    A, x = normalised(rng, 60, 150, complex_), sparse(rng, 150, 6, 8, complex_)
    p = problem(kit, A, x @ A.T, 6, 1e6)
    if exact:
        p.terms[0].functional = Exactly(tensor(x @ A.T))
    np.testing.assert_allclose(kit.run(word, p, iterations=300).estimate.numpy(), x, atol=1e-9)


@pytest.mark.parametrize("word", ALL, ids=named)
def test_rows_do_not_see_each_other(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """With a weight of each row, too, which changes nothing."""
    A, y = normalised(rng, 30, 70), rng.standard_normal((6, 30))
    together = kit.run(word, problem(kit, A, y, 5, torch.logspace(-3, 3, 6, dtype=torch.float64)), 12).estimate
    for i in range(6):
        alone = kit.run(word, problem(kit, A, y[i : i + 1], 5), 12).estimate
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-10, rtol=0)


def test_cosamp_steps_in_dense_numpy(kit: Any, rng: np.random.Generator) -> None:
    A, k = normalised(rng, 40, 90), 7
    y = sparse(rng, 90, 12, 3) @ A.T  # not as sparse as it is allowed to be, so that supports keep changing
    algorithm = Cosamp(problem(kit, A, y, k))
    state = algorithm.init()
    x = np.zeros((3, 90))
    for _ in range(6):
        state = algorithm.step(state, {})
        for r in range(3):
            proxy = np.abs(A.T @ (y[r] - A @ x[r]))
            merged = np.union1d(np.argsort(proxy)[-2 * k :], np.flatnonzero(x[r]))
            b = least_squares(A, y[r], merged)
            x[r] = np.where(np.isin(np.arange(90), np.argsort(np.abs(b))[-k:]), b, 0)
        np.testing.assert_allclose(state.numpy(), x, atol=1e-9)
    for r in range(3):
        expected = least_squares(A, y[r], np.flatnonzero(x[r]))
        np.testing.assert_allclose(algorithm.estimate(state)[r].numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("step", [None, 0.02])
def test_iht_steps_in_dense_numpy(kit: Any, rng: np.random.Generator, step: float | None) -> None:
    A, k, c, kappa = normalised(rng, 40, 90) * 3, 7, 0.01, 2.0
    y = sparse(rng, 90, 7, 3) @ A.T
    weight = 0.5
    algorithm = HardThresholding(problem(kit, A, y, k, weight), step)
    state = algorithm.init()

    def keep(v: np.ndarray) -> np.ndarray:
        return np.where(np.isin(np.arange(90), np.argsort(np.abs(v))[-k:]), v, 0)

    x = np.zeros((3, 90))
    shortened = 0
    for _ in range(12):
        state = algorithm.step(state, {})
        for r in range(3):
            g = A.T @ (y[r] - A @ x[r])
            if step is not None:
                x[r] = keep(x[r] + step * weight * g)
                continue
            support = keep(g) != 0 if not x[r].any() else x[r] != 0
            t = np.sum(g[support] ** 2) / np.sum((A[:, support] @ g[support]) ** 2)
            while True:
                new = keep(x[r] + t * g)
                d = new - x[r]
                if np.array_equal(new != 0, support) or t <= (1 - c) * np.sum(d**2) / np.sum((A @ d) ** 2):
                    break
                t /= kappa * (1 - c)
                shortened += 1
            x[r] = new
        np.testing.assert_allclose(state.z.numpy(), x, atol=1e-10)
    assert shortened > 0 or step is not None


def test_the_normalised_method_never_rises_and_forgets_the_scale_of_a(kit: Any, rng: np.random.Generator) -> None:
    A, y = rng.standard_normal((30, 80)), rng.standard_normal((4, 30))
    small, large = (HardThresholding(problem(kit, s * A, y, 8), None) for s in (1e-3, 1e3))
    a, b = small.init(), large.init()
    before = np.full(4, np.inf)
    for _ in range(40):
        a, b = small.step(a, {}), large.step(b, {})
        now = np.sum((y - a.z.numpy() @ (1e-3 * A).T) ** 2, axis=1)
        assert np.all(now <= before * (1 + 1e-12))
        before = now
        np.testing.assert_allclose(1e-3 * a.z.numpy(), 1e3 * b.z.numpy(), atol=1e-9)


@pytest.mark.parametrize("word", ALL, ids=named)
def test_sparse_in_an_orthonormal_basis(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """`C @ x in sparse(k)` is `z in sparse(k)` with x = C^T z, on an image."""
    space = kit.image(8, 8)
    C = kit.word(fourier.Cosine(), space)
    A = normalised(rng, 40, 64)
    z = sparse(rng, 64, 4, 3)
    x = C.adjoint(tensor(z).reshape(3, 8, 8))
    y = x.reshape(3, 64).numpy() @ A.T
    p = kit.problem(space, (HalfSquare(1.0, tensor(y)), kit.dense(A, space)), (SparseVectors(4), C), rows=3)
    torch.testing.assert_close(kit.run(word, p, 300).estimate, x, atol=1e-9, rtol=0)


@pytest.mark.parametrize("word", ALL, ids=named)
def test_two_unknowns_each_with_its_own_number(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """Cosines and spikes, 3 of the one and 5 of the other."""
    n = 64
    flat = kit.signal(2 * n)
    C = np.stack([np.cos(np.pi * (np.arange(n) + 0.5) * j / n) for j in range(n)])
    C /= np.linalg.norm(C, axis=1, keepdims=True)
    z = np.concatenate([sparse(rng, n, 3, 4), sparse(rng, n, 5, 4)], 1)
    z += np.sign(z)  # so that all are found at this size
    A = np.hstack([C.T, np.eye(n)])
    parts = Part(flat, 0, n, (n,)), Part(flat, n, 2 * n, (n,))
    terms = [(HalfSquare(1.0, tensor(z @ A.T)), kit.dense(A, flat))]
    terms += [(SparseVectors(k), part) for k, part in zip((3, 5), parts, strict=True)]
    p = kit.problem(flat, *terms, rows=4)
    found = kit.run(word, p, 300).estimate.numpy()
    np.testing.assert_allclose(found, z, atol=1e-8)
    assert Coefficients(p).nonzeros == 8


@pytest.mark.parametrize("word", ALL, ids=named)
def test_squares_add_up(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """w/2 |A x - y|^2 + v/2 |B x|^2 is the least-squares problem of the stacked matrix."""
    A, B = rng.standard_normal((30, 50)), 0.1 * rng.standard_normal((20, 50))
    y = rng.standard_normal((3, 30))
    space, k = kit.signal(50), kit.identity(kit.signal(50))
    terms = (HalfSquare(3.0, tensor(y)), kit.dense(A)), (HalfSquare(2.0), kit.dense(B)), (SparseVectors(5), k)
    stacked = np.vstack([3.0**0.5 * A, 2.0**0.5 * B])
    b = np.hstack([3.0**0.5 * y, np.zeros((3, 20))])
    mine = kit.run(word, kit.problem(space, *terms, rows=3), 30).estimate
    torch.testing.assert_close(mine, kit.run(word, problem(kit, stacked, b, 5), 30).estimate, atol=1e-9, rtol=0)


@pytest.mark.parametrize("word", ALL, ids=named)
def test_nothing_measured_gives_nothing(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    y = rng.standard_normal((2, 20))
    y[1] = 0
    found = kit.run(word, problem(kit, normalised(rng, 20, 50), y, 4), 30).estimate
    assert torch.isfinite(found).all()
    assert found[0].any()
    assert not found[1].any()


@pytest.mark.parametrize("word", ALL, ids=named)
def test_duplicate_and_zero_columns(kit: Any, rng: np.random.Generator, word: Solver) -> None:
    """The data are met all the same, with no more entries than are allowed; a zero column is never chosen."""
    A = normalised(rng, 40, 60)
    A[:, 30:] = A[:, :30]
    A[:, 7] = A[:, 37] = 0
    x = sparse(rng, 60, 3, 4) * (np.arange(60) % 30 != 7)
    y = x @ A.T
    found = kit.run(word, problem(kit, A, y, 6), 100).estimate.numpy()
    assert np.isfinite(found).all()
    assert np.all(np.count_nonzero(found, axis=1) <= 6)
    assert not found[:, [7, 37]].any()
    np.testing.assert_allclose(found @ A.T, y, atol=1e-6)


def test_omp_ends_where_the_residual_does(kit: Any, rng: np.random.Generator) -> None:
    """Three entries are enough for these rows, and seven are allowed; so no more than three are chosen."""
    A = normalised(rng, 40, 60)
    x = sparse(rng, 60, 3, 5)
    found = kit.run(words.Omp(), problem(kit, A, x @ A.T, 7)).estimate.numpy()
    assert np.count_nonzero(found) == 15
    np.testing.assert_allclose(found, x, atol=1e-12)


def test_omp_takes_no_more_columns_than_are_independent(kit: Any, rng: np.random.Generator) -> None:
    """A support of rank 4 in which 9 are allowed: scikit-learn stops there too."""
    A = rng.standard_normal((20, 4)) @ rng.standard_normal((4, 50))
    A /= np.linalg.norm(A, axis=0)
    y = rng.standard_normal((3, 20))
    found = kit.run(words.Omp(), problem(kit, A, y, 9)).estimate.numpy()
    assert np.all(np.count_nonzero(found, axis=1) <= 4)
    span = np.linalg.svd(A)[0][:, :4]
    np.testing.assert_allclose(found @ A.T, y @ span @ span.T, atol=1e-8)


def test_single_precision_finds_what_double_does(kit: Any, rng: np.random.Generator) -> None:
    """To rounding times the condition of the supports, whose least singular value is about 1 - (15 / 100)^(1/2)."""
    A, x = normalised(rng, 100, 300), sparse(rng, 300, 15, 10)
    p = problem(kit, A, (x @ A.T).astype(np.float32), 15)
    double = kit.run(words.Omp(), problem(kit, A, x @ A.T, 15)).estimate.numpy()
    p.terms[0].operator.matrix = p.terms[0].operator.matrix.float()
    p.real = p.terms[0].operator.precision = torch.float32
    found = kit.run(words.Omp(), p).estimate.numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, double, atol=1e-5)
