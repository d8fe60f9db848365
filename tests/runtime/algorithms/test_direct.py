"""Direct solvers and closed forms, against dense linear algebra and scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg
import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.place import place
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.operators import basic, fourier, sparsity, tomography
from recon.runtime.algorithms.base import Direct
from recon.runtime.algorithms.cg import ConjugateGradients
from recon.runtime.algorithms.lsqr import lsqr
from recon.runtime.algorithms.normal import Normal, spectrum
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.data import HalfSquare, PoissonExponential
from recon.runtime.loop import solve
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import ScaledOperator

from .conftest import Kit


def matrix_of(operator: Any) -> np.ndarray:
    """The operator as a matrix, column by column."""
    space = operator.domain
    n = space.count
    dtype = torch.complex128 if space.field == "complex" else torch.float64
    unit = torch.eye(n, dtype=dtype).reshape(n, *space.sizes)
    return operator.forward(unit).reshape(n, -1).T.numpy()


def least_squares(kit: Any, operator: Any, y: np.ndarray, rows: int = 1) -> Any:
    return kit.problem(operator.domain, (HalfSquare(2.0, torch.as_tensor(y)), operator), rows=rows)


WORDS = [
    basic.Identity(),
    basic.Mask(keep=0.5, seed=1),
    sparsity.Gradient(),
    sparsity.Gradient(boundary="circular"),
    sparsity.Gradient(axes=("col",)),
    sparsity.Wavelet(name="db2", levels=1),
    fourier.Fft2(),
]


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)
@pytest.mark.parametrize("field", ["real", "complex"])
def test_pseudo_inverse_in_closed_form_is_numpys(kit: Any, rng: np.random.Generator, word: Any, field: Any) -> None:
    space = kit.image(6, 8, field)
    operator = kit.word(word, space)
    y = rng.standard_normal((3, *operator.codomain.sizes))
    if operator.codomain.field == "complex":
        y = y + 1j * rng.standard_normal(y.shape)
    found = kit.run(words.PseudoInverse(), least_squares(kit, operator, y, rows=3)).estimate.numpy().reshape(3, -1)
    A = matrix_of(operator)
    if field == "real" and np.iscomplexobj(A):  # on real images, the real and the imaginary part are two measurements
        pairs = np.concatenate([y.real.reshape(3, -1), y.imag.reshape(3, -1)], 1)
        expected = pairs @ np.linalg.pinv(np.concatenate([A.real, A.imag])).T
    else:
        expected = y.reshape(3, -1) @ np.linalg.pinv(A).T
    np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)
@pytest.mark.parametrize("field", ["real", "complex"])
def test_spectra_are_the_eigenvalues(kit: Any, word: Any, field: Any) -> None:
    """The diagonal that is read off one application, against the eigenvalues of the dense Gram matrix."""
    operator = kit.word(word, kit.image(6, 8, field))
    known = operator.facts.gram
    values = spectrum(operator, known, torch.float64, torch.device("cpu"))
    A = matrix_of(operator)
    gram = (A.conj().T @ A).real if field == "real" else A.conj().T @ A
    exact = np.linalg.eigvalsh(gram)
    assert values.min().item() == pytest.approx(exact[0], abs=1e-12)
    assert values.max().item() == pytest.approx(exact[-1], rel=1e-12)
    normal = Normal([operator], operator.domain, torch.float64, torch.device("cpu"))
    assert float(normal.extremes([3.0])[1][0]) == pytest.approx(3 * exact[-1], rel=1e-12)


@pytest.mark.parametrize("shape", [(12, 7), (7, 12)])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_lsqr_finds_the_solution_of_least_norm(
    kit: Any, rng: np.random.Generator, shape: tuple[int, int], field: Any
) -> None:
    A = rng.standard_normal((shape[0], 4)) @ rng.standard_normal((4, shape[1]))  # of rank four
    y = rng.standard_normal((3, shape[0]))
    if field == "complex":
        A, y = A * np.exp(1j * rng.standard_normal(A.shape[1])), y + 1j * rng.standard_normal(y.shape)
    operator = kit.dense(A, kit.signal(shape[1], field))
    problem = least_squares(kit, operator, y, rows=3)
    found = kit.run(words.PseudoInverse(tolerance=1e-13), problem).estimate.numpy()
    np.testing.assert_allclose(found, y @ np.linalg.pinv(A, rcond=1e-10).T, atol=1e-9)


def test_lsqr_of_zero_data_is_zero(kit: Any, rng: np.random.Generator) -> None:
    x, count = lsqr(kit.dense(rng.standard_normal((5, 3))), torch.zeros(2, 5, dtype=torch.float64), 10, 1e-6)
    assert count == 0
    assert not x.any()


@pytest.mark.parametrize("rank", [12, 5])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_cg_is_the_dense_solution(kit: Any, rng: np.random.Generator, rank: int, field: Any) -> None:
    """From zero, of least norm where the matrix is singular; rows with data of very different sizes."""
    A = rng.standard_normal((20, rank)) @ rng.standard_normal((rank, 12))
    y = rng.standard_normal((3, 20)) * np.array([[1.0], [1e-6], [0.0]])
    if field == "complex":
        A = A * np.exp(1j * rng.standard_normal((1, 12)))
        y = y * np.exp(1j * rng.standard_normal((1, 20)))
    problem = least_squares(kit, kit.dense(A, kit.signal(12, field)), y, rows=3)
    solution = solve(ConjugateGradients(problem), problem, iterations=300, tolerance=1e-13)
    expected = y @ np.linalg.pinv(A, rcond=1e-10).T
    np.testing.assert_allclose(solution.estimate.numpy()[:2], expected[:2], rtol=1e-7, atol=1e-15)
    assert not solution.estimate[2].any()
    assert solution.stopped.startswith("tolerance")


@pytest.mark.parametrize("real_linear", [False, True])
def test_dense_closed_form_of_complex_problems(kit: Any, rng: np.random.Generator, real_linear: bool) -> None:
    """Where an operator is linear over the real numbers only, the real and the imaginary part are two unknowns."""
    A = rng.standard_normal((9, 6)) + 1j * rng.standard_normal((9, 6))
    y = rng.standard_normal((2, 9)) + 1j * rng.standard_normal((2, 9))
    facts = Facts(linear="real") if real_linear else Facts()
    problem = least_squares(kit, kit.dense(A, kit.signal(6, "complex"), facts), y, rows=2)
    found = kit.run(words.ClosedForm(), problem).estimate.numpy()
    np.testing.assert_allclose(found, y @ np.linalg.pinv(A).T, atol=1e-11)


def test_weights_of_rows(kit: Any, rng: np.random.Generator) -> None:
    """A weight for each row: closed in a basis, dense, and by conjugate gradients."""
    A, y, w = rng.standard_normal((8, 5)), rng.standard_normal((2, 8)), np.array([1.0, 30.0])
    expected = [np.linalg.solve(v * A.T @ A + np.eye(5), v * A.T @ b) for v, b in zip(w, y, strict=True)]
    space = kit.signal(5)
    data = HalfSquare(torch.as_tensor(w), torch.as_tensor(y))
    problem = kit.problem(space, (data, kit.dense(A)), (HalfSquare(1.0), kit.identity(space)), rows=2)
    for word in (words.ClosedForm(), words.Cg(), words.Nesterov(), words.Fista(), words.Admm(), words.Pdhg()):
        found = kit.run(word, problem, 2000).estimate.numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8, err_msg=word.word)


def test_adjoint_is_the_adjoint(kit: Any, rng: np.random.Generator) -> None:
    A, y = rng.standard_normal((8, 5)), rng.standard_normal((2, 8))
    found = kit.run(words.AdjointSolver(), least_squares(kit, kit.dense(A), y, rows=2)).estimate.numpy()
    np.testing.assert_allclose(found, y @ A, rtol=1e-12)


@pytest.mark.parametrize("counts", [False, True])
def test_filtered_backprojection_is_skimages(kit: Any, counts: bool) -> None:
    """A smooth disc from its exact projections, and from the expected counts of Beer-Lambert's law."""
    from skimage.transform import iradon

    n, views = 61, 90  # 87 detectors: for an even number skimage turns about another point
    space = kit.image(n, n)
    placed = place(Leaf(tomography.Radon(views=views)), space)
    radon = build_operator(placed, Build(real=torch.float64))
    i = np.arange(n) - (n - 1) / 2
    disc = np.exp(-((i[:, None] - 5) ** 2 + i[None] ** 2) / 60) * 0.01
    sinogram = radon.forward(torch.as_tensor(disc)[None])
    operator: Any = radon
    data: Any = HalfSquare(1.0, sinogram)
    if counts:
        data = PoissonExponential(1e5 * torch.exp(-sinogram), 1e5)
        operator = ScaledOperator(-1.0, radon, radon.facts)
    problem = kit.problem(space, (data, operator))
    direct: Direct = meaning(words.Fbp)(words.Fbp(), problem)
    found = direct.solve()[0].numpy()
    assert np.abs(found - disc).max() < 0.02 * disc.max()
    theirs = iradon(sinogram[0].numpy().T, np.arange(views) * 180 / views, output_size=n, circle=False)
    assert np.abs(found - theirs).max() < 0.03 * disc.max()


def test_fbp_needs_line_integrals(kit: Any, rng: np.random.Generator) -> None:
    problem = least_squares(kit, kit.dense(rng.standard_normal((8, 5))), rng.standard_normal((1, 8)))
    with pytest.raises(ValueError, match="line integrals"):
        meaning(words.Fbp)(words.Fbp(), problem)


def test_cg_at_any_size_of_the_noise(kit: Kit, rng: np.random.Generator) -> None:
    """Squares of residuals that are weighed by 1e12 would leave the range of single precision."""
    matrix, y = np.eye(6) + 0.1 * rng.normal(size=(6, 6)), rng.normal(size=(1, 6)) * 1e4
    space = kit.signal(6)
    operator = kit.dense(matrix.astype(np.float32), space)
    problem = kit.problem(space, (HalfSquare(1e12, torch.from_numpy(y).float()), operator))
    problem.real = torch.float32
    found = kit.run(words.Cg(iterations=50), problem, iterations=50).estimate
    np.testing.assert_allclose(found.numpy()[0], np.linalg.solve(matrix, y[0]), rtol=1e-3)


@pytest.mark.parametrize("iterations", [1, 4, 9])
def test_lsqr_and_cg_take_the_steps_of_scipy(kit: Any, rng: np.random.Generator, iterations: int) -> None:
    """After so many steps the iterate is scipy's; cg's with a Tikhonov term beside it, lsqr's with it as `damp`."""
    A, y = rng.standard_normal((30, 20)), rng.standard_normal(30)
    space = kit.signal(20)
    terms = [(HalfSquare(2.0, torch.as_tensor(y)[None]), kit.dense(A)), (HalfSquare(0.5), kit.identity(space))]
    damped, *_ = scipy.sparse.linalg.lsqr(A, y, damp=0.5, iter_lim=iterations, atol=0, btol=0)
    normal, _ = scipy.sparse.linalg.cg(2 * A.T @ A + 0.5 * np.eye(20), 2 * A.T @ y, maxiter=iterations, rtol=0)
    for word, wanted in ((words.Lsqr(), damped), (words.Cg(), normal)):
        found = kit.run(word, kit.problem(space, *terms), iterations).estimate[0].numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


def test_lsqr_keeps_what_normal_equations_lose(kit: Any, rng: np.random.Generator) -> None:
    """At a condition number of 1e9, A^H A has one of 1e18, beyond double precision; A itself has not."""
    left, right = (np.linalg.qr(rng.standard_normal(s))[0] for s in ((30, 12), (12, 12)))
    A = left @ np.diag(np.geomspace(1, 1e-9, 12)) @ right.T
    x = right[:, -1] + right[:, 0]
    problem = kit.problem(kit.signal(12), (HalfSquare(1.0, torch.as_tensor(A @ x)[None]), kit.dense(A)))
    off = {
        word.word: np.linalg.norm(kit.run(word, problem, 400).estimate[0].numpy() - x)
        for word in (words.Lsqr(), words.Cg())
    }
    assert off["lsqr"] < 1e-5  # eps times the condition number, 2e-7, with room for 400 steps
    assert off["cg"] > 0.1


def test_lsqr_goes_on_from_a_start(kit: Any, rng: np.random.Generator) -> None:
    A, y, start = rng.standard_normal((30, 20)), rng.standard_normal(30), rng.standard_normal(20)
    problem = kit.problem(kit.signal(20), (HalfSquare(1.0, torch.as_tensor(y)[None]), kit.dense(A)))
    problem.start = torch.as_tensor(start)[None]
    found = kit.run(words.Lsqr(), problem, 100, tolerance=1e-12)
    assert found.iterations < 100
    np.testing.assert_allclose(found.estimate[0].numpy(), np.linalg.lstsq(A, y)[0], atol=1e-9)
    np.testing.assert_array_equal(problem.start[0].numpy(), start)
