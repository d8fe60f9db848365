"""Which solver is chosen for which problem, and which named ones are refused: the rows of the table."""

from pathlib import Path

import pytest
from recon.dsl import vocabulary
from recon.dsl.check.page import CheckedExperiment, load
from recon.dsl.check.rules import TABLE
from recon.dsl.diagnostics import SpecError

SQUARE = "forward A = conv(gaussian(width = 1))\n"


def loaded(body: str, unknown: str = "image x : real[16, 16]") -> CheckedExperiment:
    return load(f"recon 1\ndata cam = phantom(blobs) {{ x = image }}\n{unknown}\n{body}\n", "page.recon", Path())


def chosen(body: str, unknown: str = "image x : real[16, 16]") -> tuple[str, int]:
    (choice,) = loaded(body, unknown).choices.values()
    return choice.solver.word, choice.rule


GAUSS = "noise y ~ gaussian(A @ x, sigma = 0.1)\n"
COMPLEX = "image x : complex[16, 16]"


@pytest.mark.parametrize(
    ("body", "unknown", "expected"),
    [
        # 2: an operator takes an unknown as a parameter
        (
            f"image k : real[3, 3] {{ init = gaussian(width = 0.5) }}\nforward A = conv(k)\n{GAUSS}"
            "simulate { forward A = conv(gaussian(width = 0.5)) }\nprior sq(x)\nprior k in simplex",
            None,
            ("alternate", 2),
        ),
        # 7: magnitudes, by the power of the modulus that is measured
        ("noise y ~ gaussian(abs(fft2() @ coded() @ x), sigma = 0.1)", None, ("amplitude_flow", 7)),
        (
            "noise y ~ gaussian(abs(fft2() @ x), sigma = 1)\nprior l1(x) + (x in nonnegative)",
            None,
            ("amplitude_flow", 7),
        ),
        ("noise y ~ poisson(9 * abs(fft2() @ coded() @ x)^2)", None, ("wirtinger_flow", 7)),
        # 14: off-grid samples of k-space are ill-conditioned, and A^H A is cheap
        (f"forward A = nufft(radial(spokes = 8, samples = 16))\n{GAUSS}prior tv(x)", COMPLEX, ("admm", 14)),
        # 8: not convex
        ("forward A = identity()\nnoise y ~ rician(A @ x, sigma = 0.1)\nprior tv(x)", None, ("pdhg", 8)),
        # 9: sparse sets; the columns of A^H A are looked up where there are few
        ("forward A = gaussian(rows = 64) @ flatten()\nnoise y ~ none(A @ x)\nprior x in sparse(9)", None, ("omp", 9)),
        (f"{SQUARE}{GAUSS}prior cosine() @ x in sparse(9)", None, ("omp", 9)),
        (f"{SQUARE}{GAUSS}prior x in sparse(9)", "image x : real[64, 65]", ("iht", 9)),
        ("noise y ~ poisson(x)\nprior x in sparse(9)", None, ("pdhg", 8)),
        # 10: all quadratic; closed where the normal matrix is diagonal in one basis
        (f"forward A = identity()\n{GAUSS}prior sq(x)", None, ("closed_form", 10)),
        (f"{SQUARE}{GAUSS}prior sq(diff(axis = row, boundary = circular) @ x)", None, ("closed_form", 10)),
        (f"{SQUARE}{GAUSS}prior sq(diff(axis = row) @ x)", None, ("cg", 10)),
        (f"forward A = cartesian(accel = 2) @ fft2()\n{GAUSS}prior sq(x)", COMPLEX, ("closed_form", 10)),
        (f"forward A = radon(views = 8)\n{GAUSS}prior sq(x)", None, ("cg", 10)),
        (f"{SQUARE}{GAUSS}prior x ~ gaussian(0, sigma = 2)", None, ("closed_form", 10)),
        (f"{SQUARE}{GAUSS}noise z ~ gaussian(x, sigma = 1)", None, ("closed_form", 10)),
        # 11: one term without gradient, behind an orthonormal transform
        (f'{SQUARE}{GAUSS}prior l1(wavelet("db2", levels = 2) @ x)', None, ("fista", 11)),
        (f"{SQUARE}{GAUSS}prior x in 0..1", None, ("fista", 11)),
        (f"{SQUARE}{GAUSS}prior sq(x) + l1(x)", None, ("fista", 11)),
        (f"{SQUARE}{GAUSS}prior l1(x) + (x in nonnegative)", None, ("fista", 11)),
        (f"forward A = identity()\n{GAUSS}prior l1(cosine() @ x)", None, ("fista", 11)),
        # 12: denoising with a term behind an operator
        (f"forward A = identity()\n{GAUSS}prior tv(x)", None, ("pdhg", 12)),
        (f"forward A = identity()\n{GAUSS}prior tv(x) + (x in 0..1)", None, ("pdhg", 12)),
        # 13: exact or bounded data
        ("forward A = mask(keep = 50%)\nnoise y ~ none(A @ x)\nprior l1(cosine() @ x)", None, ("admm", 13)),
        ("forward A = gaussian(rows = 1024) @ flatten()\nnoise y ~ none(A @ x)\nprior l1(x)", None, ("admm", 13)),
        ("forward A = gaussian(rows = 1025) @ flatten()\nnoise y ~ none(A @ x)\nprior l1(x)", None, ("pdhg", 13)),
        ("forward A = mask(keep = 50%)\nnoise y ~ none(A @ x)\nprior tgv(x)", None, ("pdhg", 13)),
        ("forward A = gaussian(rows = 64) @ flatten()\nnoise y ~ none(A @ x)\nprior tv(x)", None, ("admm", 13)),
        ("forward A = cartesian(accel = 2) @ fft2()\nnoise y ~ none(A @ x)\nprior tv(x)", COMPLEX, ("admm", 13)),
        (
            f"{SQUARE}noise y ~ none(A @ x)\nprior l1(conv(gaussian(width = 1), boundary = zero) @ x)",
            None,
            ("pdhg", 13),
        ),
        (
            "simulate { noise y ~ gaussian(x, sigma = 0.1) }\nnoise y ~ bounded(x, radius = 1)\nprior tv(x)",
            None,
            ("admm", 13),
        ),
        # 14: the rest that is convex
        (f"{SQUARE}{GAUSS}prior tv(x)", None, ("pdhg", 14)),
        (f"{SQUARE}{GAUSS}prior tv(x, boundary = circular)", None, ("admm", 14)),
        (f"forward A = identity()\n{GAUSS}prior tgv(x)", None, ("pdhg", 14)),
        # sets of a size, and subspaces, whose coefficients are found
        (f"{SQUARE}{GAUSS}prior x in ball(radius = 1, norm = l1)", None, ("fista", 11)),
        (f"{SQUARE}{GAUSS}prior x in ball(radius = 1)\nprior x in nonnegative\nprior l1(x)", None, ("fista", 11)),
        (f"{SQUARE}{GAUSS}prior x in ball(radius = 1, center = 1)\nprior x in nonnegative", None, ("admm", 14)),
        (f"{SQUARE}{GAUSS}prior x in span(low_frequencies(size = [16, 16], count = 4))", None, ("closed_form", 10)),
        (f"{SQUARE}{GAUSS}prior x in span(cosine().H)\nprior l1(x)", None, ("admm", 14)),
        (f"{SQUARE}{GAUSS}prior tv(x) + 2 * l1(cosine() @ x)", None, ("pdhg", 14)),
        ("forward A = radon(views = 8)\nnoise y ~ poisson(A @ x)\nprior x in nonnegative", None, ("pdhg", 14)),
    ],
)
def test_the_table(body: str, unknown: str | None, expected: tuple[str, int]) -> None:
    assert chosen(body, unknown or "image x : real[16, 16]") == expected


def test_every_row_of_the_table_is_tested() -> None:
    assert [rule.number for rule in TABLE] == [2, 5, 6, 7, 9, 8, 10, 11, 12, 13, 14]


@pytest.mark.parametrize(
    ("body", "solver"),
    [
        (f"{SQUARE}{GAUSS}prior x ~ denoiser(tv)", "hqs"),
        (f"{SQUARE}{GAUSS}prior x ~ denoiser(tv)\nprior x in 0..1", "admm"),
        ("noise y ~ poisson(x)\nprior x ~ denoiser(tv)\nprior x in nonnegative", "admm"),
        (f"{SQUARE}{GAUSS}prior 10 * red(tv, x)", "fixed_point"),
        ("noise y ~ rician(x, sigma = 1)\nprior 10 * red(tv, x)", "gradient"),
        (f"{SQUARE}{GAUSS}prior 10 * red(tv, x)\nprior x in 0..1", "ista"),
    ],
)
def test_denoisers_wait_for_their_strength(body: str, solver: str) -> None:
    """Rows 5 and 6 name the solver, and the page says how strong the denoiser is."""
    with pytest.raises(SpecError) as e:
        loaded(body)
    (found,) = e.value.diagnostics
    assert found.code == "RC036"
    (hint,) = found.help
    line = hint.removeprefix("as in `").removesuffix("`")
    assert chosen(f"{body}\n{line}") == (solver, 0)


def test_real_unknowns_are_not_complex_ones() -> None:
    """F^H M F on real images is diagonal in Fourier only after the mean with its mirror image, and no projection."""
    body = f"forward A = cartesian(accel = 2) @ fft2()\n{GAUSS}"
    real, complex_ = loaded(body + "solver cg"), loaded(body + "solver cg", COMPLEX)
    facts = [c.methods[""].problem.data[0].operator for c in (real, complex_)]
    assert [f.linear for f in facts] == ["real", "complex"]
    assert facts[0].cogram is None
    assert facts[1].cogram is not None


@pytest.mark.parametrize(
    ("solver", "problem", "fits"),
    [
        ("cg", "quadratic", True),
        ("cg", "sparse", False),
        ("closed_form", "quadratic", True),
        ("closed_form", "tv", False),
        ("gradient", "quadratic", True),
        ("gradient", "sparse", False),
        ("lsqr", "quadratic", True),
        ("lsqr", "sparse", False),
        ("kaczmarz", "views", True),
        ("kaczmarz", "quadratic", False),
        ("kaczmarz", "sinogram", False),
        ("sgd(blocks = 4)", "views", True),
        ("sgd(blocks = 4)", "sinogram", False),
        ("sgd(blocks = 4)", "quadratic", False),
        ("saga(blocks = 4)", "views", True),
        ("saga(blocks = 4)", "box", False),
        ("gradient(step = backtracking)", "quadratic", True),
        ("gradient(step = backtracking)", "sparse", False),
        ("adagrad", "box", True),
        ("adagrad", "tv", False),
        ("adam", "quadratic", True),
        ("adam", "box", True),
        ("adam", "tv", False),
        ("nesterov", "quadratic", True),
        ("nesterov", "box", False),
        ("heavy_ball", "quadratic", True),
        ("heavy_ball", "tv", False),
        ("ista", "sparse", True),
        ("ista", "tv", False),
        ("ista", "exact", False),
        ("fista", "quadratic", True),
        ("fista", "sparse", True),
        ("fista", "box", True),
        ("fista", "tv", False),
        ("fista", "two", False),
        ("projected_gradient", "box", True),
        ("projected_gradient", "sparse", False),
        ("admm", "tv", True),
        ("admm", "two", True),
        ("admm", "exact", True),
        ("hqs", "tv", True),
        ("hqs", "exact", True),
        ("pdhg", "tv", True),
        ("pdhg", "exact", True),
        ("omp", "few", True),
        ("omp", "sparse", False),
        ("cosamp", "few", True),
        ("cosamp", "exact", False),
        ("iht", "few", True),
        ("iht", "tv", False),
        ("ista", "few", True),
        ("projected_gradient", "few", False),
        ("adjoint", "tv", True),
        ("pseudo_inverse", "tv", True),
        ("fbp", "tv", False),
        ("ksvd(atoms = 64)", "white", True),
        ("ksvd(atoms = 64)", "tv", False),
        ("ksvd(atoms = 64)", "two levels", False),
        ("interpolate", "tv", False),
        ("interpolate", "coarse", True),
        ("interpolate", "margins", False),
        ("fbp", "sinogram", True),
        ("fbp", "cone", False),
        ("fdk", "cone", True),
        ("fdk", "sinogram", False),
        ("spectral", "magnitudes", True),
        ("spectral", "tv", False),
        ("amplitude_flow", "magnitudes", True),
        ("amplitude_flow", "squares", False),
        ("wirtinger_flow", "squares", True),
        ("wirtinger_flow", "quadratic", False),
        ("alternating_projections", "squares", True),
        ("alternating_projections", "magnitudes", True),
        ("error_reduction", "magnitudes", True),
        ("error_reduction", "box", False),
        ("hio", "magnitudes", False),
        ("hio", "oversampled", True),
        ("hio", "signed", True),
        ("fixed_point { sigma = 0.1 }", "red", True),
        ("fixed_point", "quadratic", False),
        ("ista { sigma = 0.1 }", "plugged", True),
        ("pdhg { sigma = 0.1 }", "plugged", True),
        ("pdhg { sigma = 0.1 }", "red", False),
        ("gradient { sigma = 0.1 }", "red", True),
        ("gradient { sigma = 0.1 }", "plugged", False),
        *((name, "plugged", False) for name in ("cg", "nesterov", "adam", "projected_gradient", "heavy_ball")),
        *((name, "red", False) for name in ("nesterov", "adam", "lsqr")),
        *((name, "magnitudes", False) for name in ("cg", "gradient", "ista", "fista", "admm", "pdhg", "adjoint")),
    ],
)
def test_named_solvers(solver: str, problem: str, fits: bool) -> None:
    bodies = {
        "magnitudes": "noise y ~ gaussian(abs(fft2() @ coded() @ x), sigma = 1)",
        "squares": "noise y ~ poisson(9 * abs(fft2() @ coded() @ x)^2)",
        "oversampled": "noise y ~ gaussian(abs(fft2() @ pad(factor = 2) @ x), sigma = 1)",
        "signed": "noise y ~ gaussian(abs(fft2() @ x), sigma = 1)\nprior x in nonnegative",
        "quadratic": f"{SQUARE}{GAUSS}prior sq(x)",
        "sparse": f"{SQUARE}{GAUSS}prior l1(x)",
        "red": f"{SQUARE}{GAUSS}prior 10 * red(tv, x)",
        "plugged": f"{SQUARE}{GAUSS}prior x ~ denoiser(tv)",
        "box": f"{SQUARE}{GAUSS}prior x in 0..1",
        "few": f"{SQUARE}{GAUSS}prior x in sparse(9)",
        "white": "noise y ~ gaussian(x, sigma = 0.1)",
        "two levels": "noise y ~ gaussian(x, sigma = 0.1)\nnoise z ~ gaussian(x, sigma = 0.2)",
        "tv": f"{SQUARE}{GAUSS}prior tv(x)",
        "two": f"{SQUARE}{GAUSS}prior l1(x) + l1(cosine() @ x)",
        "exact": "forward A = mask(keep = 50%)\nnoise y ~ none(A @ x)\nprior l1(x)",
        "coarse": f"forward A = 2 * downsample(2) @ conv(gaussian(width = 0.5))\n{GAUSS}prior tv(x)",
        "margins": f"forward A = downsample(2) @ pad(factor = 2)\n{GAUSS}prior tv(x)",
        "sinogram": f"forward A = radon(views = 8)\n{GAUSS}prior tv(x)",
        "views": f"forward A = radon(views = 8)\n{GAUSS}prior x in nonnegative",
        "cone": f"forward A = conebeam(views = 8)\n{GAUSS}prior tv(x)",
    }
    body, name = f"{bodies[problem]}\nsolver {solver}", solver.split("(")[0].split()[0]
    unknown = "volume x : real[4, 16, 16]" if problem == "cone" else "image x : real[16, 16]"
    if fits:
        assert chosen(body, unknown) == (name, 0)
        return
    with pytest.raises(SpecError) as e:
        loaded(body, unknown)
    (found,) = e.value.diagnostics
    assert found.code == "RC032"
    assert f"`{name}`" in found.message
    assert [label.text for label in found.labels] == ["this solver", "this term"]
    assert found.help


def test_every_solver_is_tested() -> None:
    mark = next(m for m in test_named_solvers.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    apart = {"alternate", "network"}  # have tests of their own, with runtime.experiment
    assert {case[0].split("(")[0].split()[0] for case in mark.args[1]} == set(vocabulary.names("solver")) - apart


def test_the_help_of_a_misfit_is_true() -> None:
    with pytest.raises(SpecError) as e:
        loaded(f"{SQUARE}{GAUSS}prior tv(x)\nsolver fista")
    (hint,) = e.value.diagnostics[0].help
    fitting, default = hint.split(" fit this problem; without a `solver` line ")
    assert [chosen(f"{SQUARE}{GAUSS}prior tv(x)\nsolver {name}") for name in ("pdhg", "admm")] == [
        ("pdhg", 0),
        ("admm", 0),
    ]
    assert fitting == "`pdhg` and `admm`"
    assert default == f"`{chosen(f'{SQUARE}{GAUSS}prior tv(x)')[0]}` is chosen"
