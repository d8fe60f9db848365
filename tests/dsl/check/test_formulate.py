"""Spaces and facts of the terms of a checked page."""

from pathlib import Path

import pytest
from recon.dsl.check.formulate import Checked
from recon.dsl.check.lints import stated_range
from recon.dsl.check.page import CheckedExperiment, load


def loaded(body: str) -> CheckedExperiment:
    return load(f"recon 1\n{body}\n", "page.recon", Path())


def problem(body: str) -> Checked:
    return loaded(body).methods[""]


BLOBS = "data d = phantom(blobs)\n"


@pytest.mark.parametrize(
    ("unknown", "forward", "space"),
    [
        ("image x : real[8, 12]", "identity()", "real[row 8, col 12]"),
        ("image x : real[8, 12]", "fft2()", "complex[row 8, col 12]"),
        ("image x : real[8, 12]", "coils(maps = birdcage(3))", "complex[coil 3, row 8, col 12]"),
        ("image x : real[8, 12] { channels = 3 }", "downsample(2)", "real[channel 3, row 4, col 6]"),
        ("image x : real[8, 12]", "flatten()", "real[sample 96]"),
        ("image x : real[8, 12]", "gaussian(rows = 5) @ flatten()", "real[measurement 5]"),
        ("image x : real[8, 12]", "stack(identity(), cosine())", "real[part 2, row 8, col 12]"),
        ("image x : real[8, 12]", "stack(identity(), fft2())", "complex[measurement 192]"),
        ("volume x : real[4, 8, 12]", "gradient()", "real[direction 3, z 4, row 8, col 12]"),
        ("signal x : real[8]", "diff()", "real[sample 8]"),
        (
            "image x : real[9, 12] { voxel = 1mm; unit = 1/mm }",
            "radon(views = 4, detectors = 20)",
            "real[view 4, detector 20]",
        ),
    ],
)
def test_the_space_of_a_measurement(unknown: str, forward: str, space: str) -> None:
    c = problem(f"{BLOBS}{unknown}\nforward A = {forward}\nnoise y ~ gaussian(A @ x, sigma = 1)\nprior sq(x)")
    assert str(c.measurements["y"].space) == space


def test_terms_keep_what_was_written() -> None:
    c = problem(
        f"{BLOBS}image x : real[8, 8]\nnoise y ~ gaussian( x,\n sigma = 1)\nprior 2 *  sq(x)\nprior p\np = l1(x)"
    )
    assert [t.label for t in c.problem.terms] == ["y ~ gaussian(x, sigma = 1)", "2 * sq(x)", "l1(x)"]
    assert [t.role for t in c.problem.terms] == ["data", "prior", "prior"]
    assert [t.plain for t in c.problem.terms] == [True, True, True]


@pytest.mark.parametrize(("weight", "lipschitz"), [(1.0, 2.0), (3.0, 6.0), (0.5, 1.0)])
def test_weights_scale_curvature(weight: float, lipschitz: float) -> None:
    c = problem(f"{BLOBS}image x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 0.1)\nprior {weight} * sq(x)")
    assert [t.function.lipschitz for t in c.problem.terms] == [pytest.approx(100.0), pytest.approx(lipschitz)]


def test_a_gaussian_prior_is_quadratic() -> None:
    c = problem(
        f"{BLOBS}image x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 1)\nprior 3 * (x ~ gaussian(2, sigma = 0.5))"
    )
    assert c.problem.quadratic
    assert c.problem.priors[0].function.mu == pytest.approx(12.0)


def test_a_prior_of_weight_zero_is_left_out() -> None:
    c = loaded(f"{BLOBS}image x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 1)\nprior 0 * tv(x)\nprior sq(x)")
    assert [t.label for t in c.methods[""].problem.priors] == ["sq(x)"]
    assert "RL010" in [d.code for d in c.findings]


@pytest.mark.parametrize(
    ("mean", "prior", "warned"),
    [
        ("x", "x in nonnegative", False),
        ("x", "x in 0..2", False),
        ("x", "x in -1..2", True),
        ("x", "tv(x)", True),
        ("conv(gaussian(width = 0.5)) @ x + 1", "x in nonnegative", False),
        ("x - 1", "x in nonnegative", True),
        ("cosine() @ x", "x in nonnegative", True),
        ("2 * x", "x in nonnegative", False),
        ("10 * exp(-x)", "tv(x)", False),
    ],
)
def test_means_of_counts(mean: str, prior: str, warned: bool) -> None:
    c = loaded(f"{BLOBS}image x : real[8, 8]\nnoise y ~ poisson({mean})\nprior {prior}\nprior sq(x)")
    assert ("RL011" in [d.code for d in c.findings]) == warned


def test_what_makes_counts_is_not_judged() -> None:
    c = loaded(
        f"{BLOBS}image x : real[8, 8]\nsimulate {{ noise y ~ poisson(x) }}\n"
        "noise y ~ gaussian(x, sigma = 1)\nprior sq(x)"
    )
    assert "RL011" not in [d.code for d in c.findings]


@pytest.mark.parametrize(
    ("data", "unknown", "expected"),
    [
        ('sample("camera")', "", 1.0),
        ("phantom(blobs) { x = gray(image) }", "", 1.0),
        ("phantom(blobs) { x = 2 * image }", "", None),
        ("phantom(blobs) { x = 2 * image }", "{ range = 0..2 }", 2.0),
        ("sparse(nonzeros = 3)", "", None),
    ],
)
def test_the_stated_range(data: str, unknown: str, expected: float | None) -> None:
    c = loaded(f"data d = {data}\nimage x : real[8, 8] {unknown}\nnoise y ~ gaussian(x, sigma = 1)\nprior sq(x)")
    assert stated_range(c.experiment) == expected


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        ("expect mean(psnr) >= 1dB", "warning"),
        ("", "note"),
        ("simulate { image x : real[16, 16] }", None),
        ("simulate { noise y ~ gaussian(conv(gaussian(width = 0.5)) @ x, sigma = 1) }", None),
        ("simulate { noise y ~ gaussian(x, sigma = 2) }", "note"),
    ],
)
def test_the_inverse_crime(body: str, severity: str | None) -> None:
    c = loaded(f"{BLOBS}image x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 1)\nprior sq(x)\nmetrics [psnr]\n{body}")
    found = [d.severity for d in c.findings if d.code == "RL001"]
    assert found == ([severity] if severity else [])


def test_measured_data_commit_no_inverse_crime() -> None:
    data = 'data d = folder("*.png") { y = image; x = image }\n'
    body = f"{data}image x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 1)\nprior sq(x)"
    assert "RL001" not in [d.code for d in loaded(body).findings]


@pytest.mark.parametrize(
    ("forward", "rest", "warned"),
    [
        ("mask(keep = 50%)", "", True),
        ("mask(keep = 50%)", "prior sq(x)", False),
        ("mask(keep = 50%)", "solver pseudo_inverse", False),
        ("downsample(2)", "", True),
        ("identity()", "", False),
    ],
)
def test_underdetermined_problems_need_a_prior(forward: str, rest: str, warned: bool) -> None:
    c = loaded(f"{BLOBS}image x : real[8, 8]\nforward A = {forward}\nnoise y ~ gaussian(A @ x, sigma = 1)\n{rest}")
    assert ("RL002" in [d.code for d in c.findings]) == warned
