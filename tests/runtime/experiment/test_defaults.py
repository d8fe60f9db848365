"""A page without a `solver` line is solved: the objective is CVXPY's to 1e-3, with the defaults of the table."""

from __future__ import annotations

from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.check.page import load
from recon.runtime.experiment.compile import compile_problem
from recon.runtime.experiment.gather import batches, build_for, data_sets, pose
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.counts import PoissonCounts
from recon.runtime.functionals.priors import L1, GroupL1, HalfSquare, Interval
from recon.runtime.loop import appraise
from recon.runtime.operators.base import Operator
from recon.runtime.problem import Problem, Term
from torch import Tensor

GAUSS = "noise y ~ gaussian(A @ x, sigma = 0.05)\n"
REAL, COMPLEX = "image x : real[16, 16]", "image x : complex[16, 16]"
PAGES = {
    "denoising": (REAL, f"forward A = identity()\n{GAUSS}prior 15 * tv(x)"),
    "mirrored-blur": (REAL, f'forward A = conv(disc(radius = 2), boundary = "reflect")\n{GAUSS}prior 5 * tv(x)'),
    "blur-and-box": (REAL, f"forward A = conv(gaussian(width = 1))\n{GAUSS}prior 10 * tv(x)\nprior x in 0..1"),
    "inpainting": (REAL, f"forward A = mask(keep = 50%)\n{GAUSS}prior 10 * tv(x)"),
    "coarse-pixels": (REAL, f"forward A = downsample(2)\n{GAUSS}prior 10 * tv(x)\nprior x in 0..1"),
    "projections": (REAL, f"forward A = radon(views = 12)\n{GAUSS}prior 20 * tv(x)"),
    "tikhonov": (REAL, f"forward A = radon(views = 12)\n{GAUSS}prior 20 * sq(gradient() @ x)"),
    "synthesis": (REAL, f"forward A = mask(keep = 50%)\n{GAUSS}prior 5 * l1(cosine() @ x)"),
    "two-energies": (REAL, f"forward A = conv(gaussian(width = 1))\n{GAUSS}prior 5 * tv(x) + 3 * l1(x)"),
    "counts": (REAL, "forward A = conv(gaussian(width = 1))\nnoise y ~ poisson(100 * (A @ x))\nprior 3 * tv(x)\n"
               "prior x in nonnegative"),
    "k-space": (COMPLEX, f'forward A = cartesian(accel = 2) @ fft2(norm = "ortho")\n{GAUSS}'
                'prior 10 * l1(wavelet("haar", levels = 2) @ x)'),
    "off-grid": ("image x : complex[10, 10]",
                 f"forward A = nufft(radial(spokes = 8, samples = 20)) @ coils(maps = birdcage(2))\n{GAUSS}"
                 "prior 10 * tv(x)"),
}  # fmt: skip


def problem_of(name: str) -> tuple[Problem, object]:
    unknown, body = PAGES[name]
    text = f"recon 1\ndata cam = phantom(blobs) {{ x = image }}\n{unknown}\n{body}\nrun {{ precision = float64 }}\n"
    checked = load(text.replace("= float64", '= "float64"'), "page.recon", Path())
    build = build_for(checked.experiment, torch.device("cpu"))
    data = data_sets(checked.experiment)[0]
    batch = next(batches(checked, data, Path(), build, []))
    posed = pose(checked, "", data, batch, build)
    return compile_problem(posed.method, posed.measured, posed.build).problem, checked.choices[""].solver


def reals(v: Tensor) -> np.ndarray:
    """Each row as real numbers, [rows, ..., 1 or 2]."""
    out: np.ndarray = (torch.view_as_real(v) if v.is_complex() else v.unsqueeze(-1)).numpy()
    return out


def matrix(k: Operator, x: Tensor) -> np.ndarray:
    """K as a real matrix, its columns the images of the unit vectors, real and imaginary."""
    n = x[0].numel()
    units = torch.eye(n, dtype=torch.float64).reshape(n, *x.shape[1:])
    inputs = [units.to(x.dtype), 1j * units] if x.is_complex() else [units]
    return np.concatenate([reals(k.forward(u)).reshape(n, -1) for u in inputs]).T


def modelled(term: Term, x: Tensor, v: cp.Variable) -> tuple[cp.Expression, list[cp.Constraint]]:
    """A term of the problem in CVXPY's words."""
    g, image = term.functional, matrix(term.operator, x) @ v
    shape = reals(term.operator.forward(x))[0].shape
    if isinstance(g, HalfSquare):
        target = 0 if g.target is None else reals(g.target.expand_as(term.operator.forward(x)))[0].ravel()
        return float(g.weight) / 2 * cp.sum_squares(image - target), []
    if isinstance(g, PoissonCounts):
        mean = g.factor * image + g.offset
        return cp.sum(mean) - g.target[0].numpy().ravel() @ cp.log(mean), []
    if isinstance(g, Interval):
        return cp.Constant(0), [image >= g.low] + ([image <= g.high] if g.high < np.inf else [])
    index = np.arange(int(np.prod(shape))).reshape(shape)
    if isinstance(g, GroupL1):
        groups = np.moveaxis(index, g.axis - 1, 0).reshape(shape[g.axis - 1], -1, shape[-1])
        groups = np.moveaxis(groups, 1, 0).reshape(groups.shape[1], -1)
    else:
        assert isinstance(g, L1)
        groups = index.reshape(-1, shape[-1])
        if g.penalised is not None:
            groups = groups[g.penalised.expand(shape[:-1]).flatten().numpy()]
    lengths = cp.norm(cp.reshape(image[groups.ravel()], groups.shape, order="C"), 2, axis=1)
    return float(g.weight) * cp.sum(lengths), []


@pytest.mark.parametrize("name", PAGES)
def test_the_default_comes_within_a_thousandth_of_the_minimum(name: str) -> None:
    if name == "off-grid":
        pytest.importorskip("finufft")
    problem, solver = problem_of(name)
    x = problem.zeros()
    v = cp.Variable(x[0].numel() * (2 if x.is_complex() else 1))
    parts = [modelled(t, x, v) for t in problem.terms]
    model = cp.Problem(cp.Minimize(cp.sum([p[0] for p in parts])), [c for p in parts for c in p[1]])
    best = float(model.solve(solver=cp.CLARABEL))
    found = solve_word(solver, problem)  # type: ignore[arg-type]
    objective, violation = appraise(problem, found.estimate)
    least = sum(float(-t.functional.conjugate(torch.zeros_like(t.operator.forward(x)))) for t in problem.terms)
    assert float(objective) - best <= 1e-3 * (best - least), found.stopped
    assert float(objective) - best >= -1e-5 * (best - least) - abs(best) * float(violation), "CVXPY finds no more"
    assert float(violation) <= 1e-3


def test_the_trace_is_that_of_the_problem_on_the_page() -> None:
    """Transforms that the mask of columns does not see are taken off both sides: the distances stay."""
    problem, word = problem_of("k-space")
    found = solve_word(word, problem)  # type: ignore[arg-type]
    objective, _ = appraise(problem, found.estimate)
    np.testing.assert_allclose(found.trace.objective[-1], objective.numpy(), rtol=1e-12)
