"""Recovery by basis pursuit against linear programming; the statistical dimension against its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from recon.runtime.analyses.recovery import FOUND, LOST, OPEN, recovered, row_spaces, statistical_dimension
from recon.runtime.analyses.transitions import crossing

from .pages import run


def solved(a: np.ndarray, s: int) -> bool:
    """Whether the linear program min 1^T (u + v), A (u - v) = A x has the solution x of s ones."""
    n = a.shape[1]
    x = np.zeros(n)
    x[:s] = 1
    found = scipy.optimize.linprog(np.ones(2 * n), A_eq=np.hstack([a, -a]), b_eq=a @ x, method="highs")
    return bool(np.abs(found.x[:n] - found.x[n:] - x).max() < 1e-5)


@pytest.mark.parametrize("ensemble", ["gaussian", "rademacher", "cosine"])
def test_each_answer_is_that_of_a_linear_program(ensemble: str) -> None:
    """40 unknowns, on both sides of the transition and in it, one random matrix after the other."""
    sizes = [1, 3, 5, 7, 9, 12, 20, 25]
    answers = set()
    for m in (20, 30) if ensemble == "rademacher" else (10, 20, 30):  # ten signs alone often agree in two columns
        bases = row_spaces(ensemble, 40, m, 4, np.random.default_rng(m))  # type: ignore[arg-type]
        status = recovered(bases, sizes)
        assert (status != OPEN).all()
        for k, basis in enumerate(bases.double().numpy()):
            np.testing.assert_allclose(basis.T @ basis, np.eye(m), atol=1e-6)
            expected = [FOUND if solved(basis.T, s) else LOST for s in sizes]
            assert status[k].tolist() == expected
            answers |= set(expected)
    assert answers == {FOUND, LOST}


def test_square_matrices_find_everything_and_more_nonzeros_than_measurements_nothing() -> None:
    generator = np.random.default_rng(0)
    assert (recovered(row_spaces("gaussian", 12, 12, 2, generator), [1, 6, 12]) == FOUND).all()
    assert (recovered(row_spaces("gaussian", 12, 5, 2, generator), [6, 12]) == LOST).all()


@pytest.mark.parametrize("s", [2, 10, 40])
def test_the_statistical_dimension_is_its_definition(s: int) -> None:
    """E min over t of the squared distance of a Gaussian vector from t times the subdifferential at s ones.

    The formula takes the minimum outside of the expectation: above the value by at most 2 sqrt(n / s).
    """
    n, draws = 100, 2000
    g = np.random.default_rng(1).standard_normal((draws, n))
    t = np.linspace(0, 5, 501)
    on = ((g[:, :s, None] - t) ** 2).sum(1)
    off = np.stack([(np.maximum(np.abs(g[:, s:]) - u, 0) ** 2).sum(1) for u in t], 1)
    distances = (on + off).min(1)
    error = 5 * distances.std() / np.sqrt(draws)
    value = statistical_dimension(n, s)
    assert distances.mean() - error <= value <= distances.mean() + 2 * np.sqrt(n / s) + error


def test_the_contour_is_found_between_cells() -> None:
    assert crossing([10, 20, 30], [0.0, 0.25, 0.75]) == pytest.approx(25)
    assert crossing([10, 20], [0.5, 1.0]) is None
    assert crossing([10, 20], [0.0, 0.4]) is None


def test_the_transition_of_a_small_page(tmp_path: Path) -> None:
    """Within 10% of the statistical dimension at 128 unknowns; eq. (4.6) is enough in every cell that it covers."""
    result, written = run(
        "data sp = sparse(nonzeros = 3, count = 1)\nsignal x : real[128]\nforward A = gaussian(rows = 40)\n"
        "noise y ~ none(A @ x)\nprior l1(x)\nsolver admm(iterations = 5)\n"
        "analyze [phase_transition(measurements = 8..120 by 8, nonzeros = [4, 8, 16, 32], draws = 30)]",
        tmp_path / "out",
    )
    (outcome,) = written["outcomes"]
    # the share of 30 draws has a standard deviation of 0.09 at one half, a tenth of the transition's width of some 25
    assert outcome["metrics"]["transition_gap"][0] <= 0.1
    table = np.loadtxt(next(result.folder.glob("phase_transition*.csv")), delimiter=",", skiprows=1)
    assert len(table) == 15 * 4
    enough = table[:, 1] > 2 * table[:, 0] * np.log(128 / table[:, 0])
    assert enough.sum() >= 15
    assert table[enough, 2].min() >= 0.5
    assert "50% found" in (result.folder / "report.html").read_text()
