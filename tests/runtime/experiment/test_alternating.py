"""Unknown parameters of the forward model: one unknown at a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.place import linear_across, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Across, Compose, Leaf, Times, Unknown
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.operators import fourier, mri
from recon.runtime.build import Build, Quantified, build_operator
from recon.runtime.experiment.run import RunResult, run_page

N, COILS, SIGMA = 6, 3, 0.5


def run(text: str, folder: Path) -> RunResult:
    page = parse(Source("page.recon", "recon 1\n" + text))
    return run_page(page, folder, [], out=folder / "out", device="cpu")


PAGE = f"""
data d = npz("scan.npz") {{ y = y; x = x }}
image x : complex[{N}, {N}]
image c : complex[{N}, {N}] {{ channels = {COILS}; init = birdcage({COILS}) }}
forward A = coils(maps = c)
noise y ~ gaussian(A @ x, sigma = {SIGMA})
prior 2 * sq(c)
prior 0.5 * sq(x)
solver alternate(rounds = 100, tolerance = 1e-10) {{ x = closed_form; c = cg(iterations = 50, tolerance = 1e-12) }}
metrics nmse {{ of = rss(c * x); against = abs(truth) }}
run {{ precision = "float64" }}
"""


def test_the_product_of_two_regularised_unknowns(tmp_path: Path) -> None:
    """|c x - y|^2 / (2 s^2) + a |c|^2 + b |x|^2 has its minimum where |c x| = max(|y| - 2 s^2 sqrt(a b), 0) at each
    pixel, with c x along y: for a product t the two energies are at least 2 sqrt(a b) t."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N))
    y = rng.normal(size=(COILS, N, N)) + 1j * rng.normal(size=(COILS, N, N))
    np.savez(tmp_path / "scan.npz", x=x, y=y)
    result = run(PAGE, tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    c, found = (np.load(result.folder / f"reconstruction-{n}.npy") for n in "cx")
    size = np.linalg.norm(y, axis=0)
    expected = y * np.maximum(1 - 2 * SIGMA**2 / size, 0)
    np.testing.assert_allclose(c * found, expected, atol=1e-6 * size.max())
    objective = result.outcomes[0].trace["objective"]
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(objective))


def test_solvers_that_are_left_out_are_chosen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "scan.npz", x=rng.normal(size=(N, N)), y=rng.normal(size=(COILS, N, N)) + 0j)
    lines = [line for line in PAGE.splitlines() if not line.startswith("solver")]
    result = run("\n".join(lines), tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    assert result.outcomes[0].solver == "alternate"


def test_everything_begins_at_zero(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "scan.npz", x=rng.normal(size=(N, N)), y=rng.normal(size=(COILS, N, N)) + 0j)
    result = run(PAGE.replace(f"; init = birdcage({COILS})", ""), tmp_path)
    assert result.code == 3
    assert result.outcomes[0].failure == ("every unknown begins at zero, where their product stays; give `c` an `init`")


def test_a_solver_of_everything_together_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", x=np.zeros((N, N)), y=np.zeros((COILS, N, N)))
    with pytest.raises(SpecError) as failed:
        run(PAGE.replace("solver alternate", "solver cg  #"), tmp_path)
    assert [d.code for d in failed.value.diagnostics] == ["RC034"]


IMAGE = Space("complex", (Axis("row", 4), Axis("col", 5)))
MAPS = Space("complex", (Axis("channel", 2), Axis("row", 4), Axis("col", 5)))
C, X = Unknown("c", space=MAPS), Unknown("x", space=IMAGE)
SENSE = Compose((Leaf(mri.Cartesian(accel=2), "m"), Leaf(fourier.Fft2()), Leaf(mri.Coils(maps=C))))


def test_maps_are_linear_parameters_and_twice_is_not() -> None:
    assert linear_across(SENSE, "c")
    assert linear_across(Leaf(mri.Coils(maps=Times(2.0, C))), "c")
    assert not linear_across(Compose((Leaf(mri.Coils(maps=C)), Leaf(mri.Coils(maps=C)))), "c")


def test_the_adjoint_across_a_parameter_is_that_of_the_dense_matrix() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, 4, 5), generator=generator, dtype=torch.complex128)
    build = Build(real=torch.float64, values={"x": Quantified(x), "c": Quantified(torch.zeros(1, 2, 4, 5))})
    across = build_operator(place(Across(SENSE, "c", X), MAPS), build)
    n, m = MAPS.count or 0, across.codomain.count or 0
    columns = across.forward(torch.eye(n, dtype=torch.complex128).view(n, *MAPS.sizes)).reshape(n, m).T
    rows = across.adjoint(torch.eye(m, dtype=torch.complex128).view(m, *across.codomain.sizes)).reshape(m, n).T
    torch.testing.assert_close(rows, columns.conj().T, rtol=1e-12, atol=1e-12)
    c = torch.randn((1, *MAPS.sizes), generator=generator, dtype=torch.complex128)
    plain = build_operator(place(SENSE, IMAGE), Build(real=torch.float64, values={"c": Quantified(c)}))
    torch.testing.assert_close(across.forward(c), plain.forward(x), rtol=1e-12, atol=1e-12)


def test_the_objective_counts_noise_lines_that_a_block_does_not_hold(tmp_path: Path) -> None:
    """A second line of x alone is part of the objective although the block of c, found last, does not hold it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, N)) + 0j, rng.normal(size=(COILS, N, N)) + 0j
    np.savez(tmp_path / "scan.npz", x=x, y=y, z=x + 5)
    page = PAGE.replace("y = y;", "y = y; z = z;").replace("prior 2", "noise z ~ gaussian(x, sigma = 1)\nprior 2")
    result = run(page, tmp_path)
    assert result.code == 0, [o.failure for o in result.outcomes]
    c, found = (np.load(result.folder / f"reconstruction-{n}.npy") for n in "cx")
    first = np.linalg.norm(c * found - y) ** 2 / (2 * SIGMA**2) + np.linalg.norm(found - x - 5) ** 2 / 2
    expected = first + 2 * np.linalg.norm(c) ** 2 + 0.5 * np.linalg.norm(found) ** 2
    np.testing.assert_allclose(result.outcomes[0].trace["objective"][-1], expected, rtol=1e-9)
