"""Total variation of first and second order against CVXPY, on grids with long voxels and over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Unknown
from recon.dsl.model.word import EnergyWord
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary import priors
from recon.dsl.vocabulary import solvers as words
from recon.runtime.algorithms.reformulate import with_fields
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.run import run_page
from recon.runtime.experiment.solve import solve_word
from recon.runtime.functionals.base import Functional
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import Operator
from recon.runtime.problem import Problem, Term

DOUBLE = Build(real=torch.float64)
X = Unknown("x")
SIGNAL = Space("real", (Axis("sample", 24, 0.004),))
IMAGE = Space("real", (Axis("row", 6, 0.002), Axis("col", 7, 0.001)))
VOLUME = Space("real", (Axis("z", 3, 0.003), Axis("row", 4, 0.001), Axis("col", 4, 0.002)))
FILM = Space("real", (Axis("frame", 5), Axis("row", 4, 0.001), Axis("col", 4, 0.001)))
GRIDS = {"signal": SIGNAL, "image": IMAGE, "volume": VOLUME, "film": FILM}

CASES: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("signal", {}, {"sample": 1}),
    ("image", {}, {"row": 1 / 2, "col": 1}),
    ("image", {"weights": (3.0, 0.5)}, {"row": 3, "col": 0.5}),
    ("volume", {}, {"z": 1 / 3, "row": 1, "col": 1 / 2}),
    ("volume", {"axes": ("row", "col")}, {"row": 1, "col": 1 / 2}),
    ("volume", {"axes": ("z",)}, {"z": 1}),
    ("film", {"axes": ("frame",)}, {"frame": 1}),
    ("film", {"axes": ("frame", "row", "col"), "weights": (2.0, 1.0, 1.0)}, {"frame": 2, "row": 1, "col": 1}),
]


def differences(space: Space, factors: dict[str, float]) -> list[np.ndarray]:
    """h (x_{i+1} - x_i) along each named axis, zero behind the last, as dense matrices."""
    out = []
    for name, h in factors.items():
        total = np.eye(1)
        for a in space.axes:
            n = a.size or 0
            step = np.zeros((n, n))
            for i in range(n - 1):
                step[i, i], step[i, i + 1] = -h, h
            total = np.kron(total, step if a.name == name else np.eye(n))
        out.append(total)
    return out


def second(space: Space, factors: dict[str, float]) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """(k, l, from w_k, from w_l) of each component of the symmetrised derivative, entry by entry."""
    names, sizes = list(factors), space.sizes
    index = np.arange(np.prod(sizes)).reshape(sizes)
    out = []
    for k in range(len(names)):
        for j in range(k, len(names)):
            a, b = (space.axis(names[i]) or 0 for i in (k, j))
            first, other = np.zeros((index.size, index.size)), np.zeros((index.size, index.size))
            for at in np.ndindex(*sizes):
                here = index[at]
                if k == j and 0 < at[a] < sizes[a] - 1:
                    before = list(at)
                    before[a] -= 1
                    first[here, here] += factors[names[k]]
                    first[here, index[tuple(before)]] -= factors[names[k]]
                if k != j and at[a] < sizes[a] - 1 and at[b] < sizes[b] - 1:
                    for matrix, axis, h in ((first, b, factors[names[j]]), (other, a, factors[names[k]])):
                        after = list(at)
                        after[axis] += 1
                        matrix[here, here] -= h / 2**0.5
                        matrix[here, index[tuple(after)]] += h / 2**0.5
            out.append((k, j, first, other))
    return out


def lengths(parts: list[Any]) -> Any:
    return cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))


def tgv_of(gradient: list[Any], space: Space, factors: dict[str, float], ratio: float) -> tuple[Any, list[Any]]:
    w = [cp.Variable(int(np.prod(space.sizes))) for _ in factors]
    e = [f @ w[k] + o @ w[j] for k, j, f, o in second(space, factors)]
    return lengths([g - f for g, f in zip(gradient, w, strict=True)]) + ratio * lengths(e), w


def solved(objective: Any) -> float:
    problem = cp.Problem(cp.Minimize(objective))
    value = problem.solve(solver=cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
    assert problem.status in ("optimal", "optimal_inaccurate")
    return float(value)


def term(word: EnergyWord, weight: float, space: Space) -> tuple[Functional, Operator]:
    inner = word.inner()
    assert inner is not None
    k = build_operator(place(inner, space), DOUBLE)
    return meaning(word)(word, weight, k), k


def problem(word: EnergyWord, weight: float, space: Space, y: np.ndarray) -> Problem:
    g, k = term(word, weight, space)
    eye = build_operator(place(priors.Leaf(_identity()), space), DOUBLE)
    data = Term(HalfSquare(1.0, torch.as_tensor(y)[None]), eye, "data", "data")
    return Problem(space, [data, Term(g, k, "prior", word.word)], 1, torch.float64)


def _identity() -> Any:
    from recon.dsl.vocabulary.operators.basic import Identity

    return Identity()


def picture(space: Space, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ramp = sum(np.meshgrid(*[np.linspace(0, 2, n) for n in space.sizes], indexing="ij"))
    return ramp + (ramp > 1.3) + 0.3 * rng.standard_normal(space.sizes)


@pytest.mark.parametrize(("grid", "options", "factors"), CASES)
@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
def test_total_variation(grid: str, options: dict[str, Any], factors: dict[str, float], kind: Any) -> None:
    space = GRIDS[grid]
    y = picture(space)
    v = cp.Variable(y.size)
    gradient = [d @ v for d in differences(space, factors)]
    variation = lengths(gradient) if kind == "isotropic" else sum(cp.norm1(g) for g in gradient)
    best = solved(cp.sum_squares(v - y.ravel()) / 2 + 0.4 * variation)
    p = problem(priors.Tv(of=X, kind=kind, **options), 0.4, space, y)
    found = solve_word(words.Pdhg(iterations=1000, tolerance=0), p)
    assert float(p.objective(found.estimate)) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize(("grid", "options", "factors"), [CASES[i] for i in (0, 2, 3, 7)])
def test_second_order(grid: str, options: dict[str, Any], factors: dict[str, float]) -> None:
    space = GRIDS[grid]
    y = picture(space)
    v = cp.Variable(y.size)
    energy, _ = tgv_of([d @ v for d in differences(space, factors)], space, factors, 1.5)
    best = solved(cp.sum_squares(v - y.ravel()) / 2 + 0.4 * energy)
    p = problem(priors.Tgv(of=X, ratio=1.5, **options), 0.4, space, y)
    found = solve_word(words.Pdhg(iterations=3000, tolerance=0), p)
    assert found.trace.objective[-1][0] == pytest.approx(best, rel=1e-6)
    # With the field found anew at the estimate alone, up to what that shorter search leaves.
    assert best * (1 - 1e-6) <= float(p.objective(found.estimate)) <= best * (1 + 1e-3)


def test_second_order_by_admm() -> None:
    y = picture(SIGNAL)
    p = problem(priors.Tgv(of=X), 0.4, SIGNAL, y)
    v = cp.Variable(y.size)
    energy, _ = tgv_of([d @ v for d in differences(SIGNAL, {"sample": 1.0})], SIGNAL, {"sample": 1.0}, 2.0)
    best = solved(cp.sum_squares(v - y.ravel()) / 2 + 0.4 * energy)
    found = solve_word(words.Admm(iterations=400, tolerance=0), p)
    assert found.trace.objective[-1][0] == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_an_even_slope_costs_nothing(field: Any) -> None:
    space = IMAGE.with_field(field)
    rows, columns = np.meshgrid(np.arange(6.0), np.arange(7.0), indexing="ij")
    slope = torch.as_tensor(2 * rows - 3 * columns + 5)[None]
    slope = slope * (1 + 2j) if field == "complex" else slope
    g, k = term(priors.Tgv(of=X), 1.0, space)
    total, _ = term(priors.Tv(of=X), 1.0, space)
    assert float(g.value(k.forward(slope))) < 1e-5 * float(total.value(k.forward(slope)))


def test_complex_images() -> None:
    space = IMAGE.with_field("complex")
    y = picture(IMAGE) + 1j * picture(IMAGE, 1)
    v = cp.Variable(y.size, complex=True)
    gradient = [d @ v for d in differences(IMAGE, {"row": 0.5, "col": 1.0})]
    w = [cp.Variable(y.size, complex=True) for _ in range(2)]
    e = [f @ w[k] + o @ w[j] for k, j, f, o in second(IMAGE, {"row": 0.5, "col": 1.0})]
    parts = lambda zs: [p for z in zs for p in (cp.real(z), cp.imag(z))]  # noqa: E731
    energy = lengths(parts([g - f for g, f in zip(gradient, w, strict=True)])) + 2 * lengths(parts(e))
    best = solved(cp.sum_squares(v - y.ravel()) / 2 + 0.4 * energy)
    found = solve_word(words.Pdhg(iterations=3000, tolerance=0), problem(priors.Tgv(of=X), 0.4, space, y))
    assert found.trace.objective[-1][0] == pytest.approx(best, rel=1e-6)


def test_fields_start_at_zero_beside_a_given_start() -> None:
    p = problem(priors.Tgv(of=X), 0.4, IMAGE, picture(IMAGE))
    p.start = torch.ones(1, 6, 7, dtype=torch.float64)
    form = with_fields(p)
    assert form is not None
    start = form.problem.initial()
    assert torch.equal(form.undo(start), p.start)
    assert float(start.sum()) == 42


def test_what_a_field_cannot_be() -> None:
    g, k = term(priors.Tgv(of=X), 1.0, IMAGE.with_field("complex"))
    p = Problem(IMAGE, [Term(g, k, "prior", "tgv(F @ x)")], 1, torch.float64)
    with pytest.raises(ValueError, match=r"`tgv\(F @ x\)` needs an argument that is real"):
        with_fields(p)


def test_the_weight_of_a_hidden_field_is_found(tmp_path: Path) -> None:
    """By discrepancy: what is left of the data is as large as the noise, |x - y|^2 = n sigma^2."""
    text = (
        'recon 1\ndata cam = sample("camera")\nimage x : real[24, 24]\nnoise y ~ gaussian(x, sigma = 0.1)\n'
        "prior auto(discrepancy) * tgv(x)\nsolver pdhg(iterations = 100)\nmetrics [psnr]\n"
    )
    result = run_page(parse(Source("page", text)), tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0
    x, y = (np.load(result.folder / f"{n}.npy") for n in ("reconstruction", "measurement-y"))
    assert np.mean((x - y) ** 2) == pytest.approx(0.01, rel=0.05)
