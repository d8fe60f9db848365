"""One problem, every solver: whatever `check` admits finds the minimum that CVXPY finds, to 1e-6 relative."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl import vocabulary
from recon.dsl.check.page import CheckedExperiment, load
from recon.dsl.diagnostics import SpecError
from recon.runtime.build import Build
from recon.runtime.experiment.compile import compile_problem
from recon.runtime.experiment.solve import solve_word
from recon.runtime.loop import appraise

GAP = 1e-6

APART = {
    "adam": "no promise, and constant steps do not settle",
    "adagrad": "steps that fall too fast to be done in a test",
    "hqs": "the penalised problem",
    "kaczmarz": "data and sets alone, and consistent ones",
    "sgd": "hovers about the minimum",
    "alternate": "takes unknowns by turns",
    "network": "gives what a network makes of the data",
}
"""Solvers that do not find the minimum itself, and why; what they do find has tests of its own."""
SOLVERS = sorted(set(vocabulary.names("solver")) - set(APART))


def options(name: str) -> str:
    """Options for a long run."""
    fields = vocabulary.words()["solver", name].model_fields
    given = {"iterations": "3000", "epochs": "600", "blocks": "5", "tolerance": "0"}
    if name in ("cg", "lsqr"):
        given["tolerance"] = "1e-14"
    return ", ".join(f"{k} = {v}" for k, v in given.items() if k in fields)


def page(body: str, name: str) -> str:
    return f'recon 1\ndata d = npy("y.npy") {{ y = array }}\n{body}\nsolver {name}({options(name)})\n'


def lasso(folder: Path) -> tuple[str, float]:
    rng = np.random.default_rng(1)
    A, y = rng.standard_normal((45, 30)), rng.standard_normal((1, 45))
    np.save(folder / "phi.npy", A)
    np.save(folder / "y.npy", y)
    v = cp.Variable(30)
    best = minimum(cp.Problem(cp.Minimize(2 * cp.sum_squares(A @ v - y[0]) + 25 * cp.norm1(v))))
    return 'signal x : real[30]\nnoise y ~ gaussian(matrix("phi.npy") @ x, sigma = 0.5)\nprior 25 * l1(x)', best


def total_variation(folder: Path) -> tuple[str, float]:
    rng = np.random.default_rng(2)
    image = np.zeros((16, 16))
    image[4:8, 5:], image[8:, :8] = 1, 0.5
    y = image + 0.1 * rng.standard_normal(image.shape)
    np.save(folder / "y.npy", y[None])
    v = cp.Variable((16, 16))
    down = cp.vstack([v[1:] - v[:-1], np.zeros((1, 16))])
    right = cp.hstack([v[:, 1:] - v[:, :-1], np.zeros((16, 1))])
    lengths = cp.norm(cp.vstack([cp.vec(down, order="C"), cp.vec(right, order="C")]), 2, axis=0)
    best = minimum(cp.Problem(cp.Minimize(50 * cp.sum_squares(v - y) + 8 * cp.sum(lengths))))
    return "image x : real[16, 16]\nnoise y ~ gaussian(x, sigma = 0.1)\nprior 8 * tv(x)", best


def constrained(folder: Path) -> tuple[str, float]:
    rng = np.random.default_rng(3)
    A, y = rng.standard_normal((25, 12)), rng.standard_normal((1, 25))
    np.save(folder / "phi.npy", A)
    np.save(folder / "y.npy", y)
    v = cp.Variable(12)
    best = minimum(cp.Problem(cp.Minimize(2 * cp.sum_squares(A @ v - y[0])), [v >= -0.1, v <= 0.2]))
    return 'signal x : real[12]\nnoise y ~ gaussian(matrix("phi.npy") @ x, sigma = 0.5)\nprior x in -0.1..0.2', best


def unconstrained(folder: Path) -> tuple[str, float]:
    rng = np.random.default_rng(4)
    A, y = rng.standard_normal((25, 12)), rng.standard_normal((1, 25))
    np.save(folder / "phi.npy", A)
    np.save(folder / "y.npy", y)
    best = 2 * np.linalg.lstsq(A, y[0])[1][0]
    return 'signal x : real[12]\nnoise y ~ gaussian(matrix("phi.npy") @ x, sigma = 0.5)', float(best)


def minimum(problem: cp.Problem) -> float:
    value = problem.solve(solver=cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
    assert problem.status == "optimal"
    return float(value)


def admitted(text: str, folder: Path) -> CheckedExperiment | None:
    """The page, where its solver fits and minimises. Everything else about it must be right."""
    try:
        page = load(text, "page.recon", folder)
    except SpecError as e:
        if {d.code for d in e.diagnostics} - {"RC032"}:
            raise
        return None
    solver = page.choices[""].solver
    return page if solver.role == "run" or solver.word in ("closed_form", "pseudo_inverse") else None


@pytest.mark.parametrize(
    ("problem", "least"),
    [
        (lasso, {"admm", "fista", "ista", "pdhg", "saga"}),
        (total_variation, {"admm", "pdhg"}),
        (constrained, {"admm", "fista", "ista", "pdhg", "projected_gradient", "saga"}),
        (
            unconstrained,
            {
                *("admm", "cg", "closed_form", "fista", "gradient", "heavy_ball", "ista", "lsqr", "nesterov", "pdhg"),
                *("pseudo_inverse", "saga"),
            },
        ),
    ],
)
def test_every_solver_that_check_admits(problem: Any, least: set[str], tmp_path: Path) -> None:
    """`least`: solvers that must be among them."""
    body, best = problem(tmp_path)
    y = torch.as_tensor(np.load(tmp_path / "y.npy"))
    fitting = set()
    for name in SOLVERS:
        checked = admitted(page(body, name), tmp_path)
        if checked is None or (name == "pseudo_inverse" and problem is not unconstrained):
            continue  # priors play no part in a pseudo-inverse
        compiled = compile_problem(checked.methods[""], {"y": y}, Build(real=torch.float64)).problem
        value, violation = appraise(compiled, solve_word(checked.choices[""].solver, compiled).estimate)
        assert abs(float(value) - best) <= GAP * best, (name, float(value), best)
        assert float(violation) <= 1e-6, name
        fitting.add(name)
    assert fitting >= least
