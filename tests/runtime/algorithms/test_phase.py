"""Phase retrieval: exact recovery up to the sign or phase, descent where it is promised, and solvers' starts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.vocabulary import phase as words
from recon.dsl.vocabulary import solvers
from recon.dsl.vocabulary.arrays import ArrayFile
from recon.dsl.vocabulary.operators.fourier import Fft2
from recon.dsl.vocabulary.operators.phase import Coded
from recon.dsl.vocabulary.operators.resampling import Pad
from recon.dsl.vocabulary.operators.sensing import GaussianMatrix
from recon.dsl.vocabulary.solvers import AdjointSolver
from recon.runtime.algorithms.phase import HybridInputOutput, Projections, SpectralImage, split_margin
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.magnitudes import Intensities, Magnitudes, PhaselessTerm, PoissonIntensities
from recon.runtime.functionals.sets import Nonnegative
from recon.runtime.measures.alignment import aligned
from recon.runtime.measures.errors import nmse
from recon.runtime.operators.base import IdentityOperator, Operator
from recon.runtime.problem import Problem, Term
from torch import Tensor

from ..operators.making import grid, make, sample


def phaseless(operator: Operator, x: Tensor, power: int = 1, **fields: Any) -> Problem:
    y = operator.forward(x).abs()
    g: PhaselessTerm = {1: Magnitudes(y), 2: Intensities(y**2), 3: PoissonIntensities(y**2)}[power]
    return Problem(operator.domain, [Term(g, operator, "data", "y")], len(x), torch.float64, **fields)


def error(estimate: Tensor, truth: Tensor) -> float:
    return float(nmse(aligned(estimate, truth, ("phase",)), truth).max()) ** 0.5


@pytest.mark.parametrize("solver", [words.AmplitudeFlow, words.WirtingerFlow, words.AlternatingProjections])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_random_magnitudes_give_the_signal_up_to_a_phase(solver: Any, field: str) -> None:
    """m = 8 n noiseless random measurements determine x, and the algorithms' theorems say that they find it."""
    domain = grid(40, field=field)
    entries = "complex" if field == "complex" else "real"
    operator = make(GaussianMatrix(rows=320, entries=entries), domain=domain)
    x = sample(domain, 2)
    power = 2 if solver is words.WirtingerFlow else 1
    word = solver(iterations=3000, tolerance=1e-12, init=words.Spectral())
    assert error(solve_word(word, phaseless(operator, x, power)).estimate, x) < 1e-6


@pytest.mark.parametrize("values", ["octanary", "phase"])
@pytest.mark.parametrize(
    ("solver", "power"), [(words.AmplitudeFlow, 1), (words.AlternatingProjections, 1), (words.WirtingerFlow, 3)]
)
def test_coded_diffraction_gives_the_image(solver: Any, power: int, values: Any) -> None:
    domain = grid(32, 32)
    operator = make(Fft2(), Coded(masks=6, values=values), domain=domain)
    x = sample(domain, 1)
    word = solver(iterations=800, tolerance=1e-12, init=words.Spectral())
    assert error(solve_word(word, phaseless(operator, x, power)).estimate, x) < 1e-5


def test_the_spectral_start_is_the_leading_eigenvector() -> None:
    domain = grid(30, field="complex")
    operator = make(GaussianMatrix(rows=240, entries="complex"), domain=domain)
    x = sample(domain, 1)
    problem = phaseless(operator, x)
    a = operator.forward(torch.eye(30, dtype=torch.complex128)).mT.numpy()
    s = (operator.forward(x).abs() ** 2)[0].numpy()
    s = s / s.mean()
    weights = (s - 1) / (s + np.sqrt(8) - 1)
    leading = np.linalg.eigh(a.conj().T @ np.diag(weights + 1 / (np.sqrt(8) - 1)) @ a)[1][:, -1]
    found = SpectralImage(problem, 3000).solve()[0].numpy()
    assert abs(np.vdot(leading, found)) / np.linalg.norm(found) > 1 - 1e-9
    correlation = abs(np.vdot(x[0].numpy(), found)) ** 2 / np.linalg.norm(found) ** 2 / float(x.norm()) ** 2
    assert correlation > 0.4  # a direction at random has (1 - 0.4)^29, less than one in a million


def test_dark_pixels_stay_dark_and_bright_ones_do_not_stand_out() -> None:
    """Ternary masks leave pixels unseen; the start is zero there, and correlates with the image elsewhere."""
    domain = grid(32, 32)
    operator = make(Fft2(), Coded(masks=6, values="ternary"), domain=domain)
    x = sample(domain, 1)
    dark = operator.gram(torch.ones_like(x)) == 0
    assert bool(dark.any())
    found = SpectralImage(phaseless(operator, x), 100).solve()
    assert not found[dark].any()
    assert abs(float((found * x).sum())) / float(found.norm() * x.norm()) > 0.5


@pytest.mark.parametrize("oversampled", [True, False])
def test_error_reduction_never_raises_the_residual(oversampled: bool) -> None:
    domain = grid(16, 16)
    inner = Pad(factor=2) if oversampled else Coded(masks=3)
    operator = make(Fft2(), inner, domain=domain)
    problem = phaseless(operator, sample(domain, 2).abs(), seed=5)
    problem.terms.append(Term(Nonnegative(), IdentityOperator(domain, domain, operator.facts), "prior", "x"))
    algorithm = Projections(problem, "error_reduction")
    state = algorithm.init()
    before = problem.terms[0].value(state)
    for _ in range(200):
        state = algorithm.step(state, {})
        now = problem.terms[0].value(state)
        assert bool((now <= before * (1 + 1e-12)).all())
        before = now


def test_amplitude_flow_without_truncation_descends() -> None:
    domain = grid(40, field="complex")
    operator = make(GaussianMatrix(rows=120, entries="complex"), domain=domain)
    problem = phaseless(operator, sample(domain, 1))
    found = solve_word(words.AmplitudeFlow(iterations=200, truncate="none"), problem).trace.objective
    assert all(b[0] <= a[0] * (1 + 1e-9) for a, b in itertools.pairwise(found))


def test_hybrid_input_output_is_fienups_formula() -> None:
    domain = grid(6, 6)
    operator = make(Fft2(), Pad(factor=2), domain=domain)
    x = sample(domain, 1).abs()
    problem = phaseless(operator, x)
    problem.terms.append(Term(Nonnegative(), IdentityOperator(domain, domain, operator.facts), "prior", "x"))
    algorithm = HybridInputOutput(problem, beta=0.8, iterations=10, polish=2)
    g = sample(grid(12, 12), 1, seed=3)
    y = np.abs(operator.forward(x)[0].numpy())
    spectrum = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(g[0].numpy()), norm="ortho"))
    seen = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(y * np.exp(1j * np.angle(spectrum))), norm="ortho")).real
    support = np.zeros((12, 12), dtype=bool)
    support[3:9, 3:9] = True
    good = support & (seen >= 0)
    expected = np.where(good, seen, g[0].numpy() - 0.8 * seen)
    np.testing.assert_allclose(algorithm.step(g, {"beta": 0.8})[0].numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(algorithm.step(g, {"beta": 0.0})[0].numpy(), np.where(good, seen, 0), atol=1e-12)
    assert algorithm.knobs(8)["beta"] == 0.8
    assert algorithm.knobs(9)["beta"] == 0.0


def test_margins_are_found_behind_the_embedding() -> None:
    outer, inner = split_margin(make(Fft2(), Pad(factor=2), domain=grid(4, 4)))
    assert inner is not None
    assert inner.codomain.sizes == (8, 8)
    x = sample(grid(8, 8), 1)
    torch.testing.assert_close(outer.adjoint(outer.forward(x)), x)
    assert split_margin(make(Fft2(), domain=grid(4, 4)))[1] is None


def _from(word: Any, problem: Problem, draw: int) -> Tensor:
    return solve_word(word, replace(problem, draw=draw)).estimate


def test_restarts_keep_the_best_run_of_each_row() -> None:
    domain = grid(8, 8)
    operator = make(Fft2(), Pad(factor=2), domain=domain)
    problem = phaseless(operator, sample(domain, 3).abs())
    word = words.ErrorReduction(iterations=20, restarts=4)
    best = problem.terms[0].value(solve_word(word, problem).estimate)
    single = words.ErrorReduction(iterations=20)
    each = torch.stack([problem.terms[0].value(_from(single, problem, draw)) for draw in range(4)])
    torch.testing.assert_close(best, each.amin(0))
    assert len(set(each[:, 0].tolist())) == 4


def test_rows_do_not_see_each_other() -> None:
    domain = grid(8, 8)
    operator = make(Fft2(), Pad(factor=2), domain=domain)
    x = sample(domain, 2).abs()
    word = words.Hio(iterations=30, polish=5, restarts=2)
    together = solve_word(word, phaseless(operator, x)).estimate
    torch.testing.assert_close(solve_word(word, phaseless(operator, x[1:])).estimate, together[1:], rtol=0, atol=1e-9)


def least_squares() -> tuple[Problem, Tensor]:
    domain = grid(12)
    operator = make(GaussianMatrix(rows=20), domain=domain)
    x = sample(domain, 2)
    return Problem(domain, [Term(HalfSquare(1.0, operator.forward(x)), operator, "data", "y")], 2, torch.float64), x


def test_solvers_start_where_init_says(tmp_path: Path) -> None:
    problem, x = least_squares()
    operator, y = problem.terms[0].operator, problem.terms[0].functional.target  # type: ignore[attr-defined]
    np.save(tmp_path / "start.npy", x[0].numpy())
    file = ArrayFile(file=FilePath("start.npy", str(tmp_path / "start.npy")))
    starts = {
        0.5: torch.full_like(x, 0.5),
        AdjointSolver(): operator.adjoint(y),
        solvers.Cg(iterations=50, tolerance=1e-14): x,
        file: x[:1].expand_as(x),
    }
    for init, expected in starts.items():
        word = solvers.Gradient(iterations=1, step=1e-20, tolerance=0, init=init)
        torch.testing.assert_close(solve_word(word, problem).estimate, expected, rtol=0, atol=1e-9)


def test_an_array_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    problem, _ = least_squares()
    for name, values in {"short": np.ones(5), "complex": np.ones(12) * 1j}.items():
        np.save(tmp_path / f"{name}.npy", values)
        file = ArrayFile(file=FilePath(f"{name}.npy", str(tmp_path / f"{name}.npy")))
        with pytest.raises(ValueError, match="`init`"):
            solve_word(solvers.Gradient(init=file), problem)
