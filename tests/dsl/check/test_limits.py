"""Numbers at the edges of what a page may hold, and arrays at the edges of what is computed."""

from pathlib import Path

import pytest
from recon.dsl.check.limits import LARGEST_MATRIX, REACH
from recon.dsl.check.page import load
from recon.dsl.diagnostics import Diagnostic, SpecError
from recon.dsl.model.space import LARGEST_BYTES


def errors(body: str, unknown: str = "image x : real[8, 8]", data: str = "phantom(blobs)") -> list[Diagnostic]:
    try:
        load(f"recon 1\ndata d = {data}\n{unknown}\n{body}\n", "page.recon", Path())
    except SpecError as e:
        return [d for d in e.diagnostics if d.severity == "error"]
    return []


def codes(body: str, unknown: str = "image x : real[8, 8]", data: str = "phantom(blobs)") -> list[str]:
    return [d.code for d in errors(body, unknown, data)]


@pytest.mark.parametrize("precision", sorted(REACH))
@pytest.mark.parametrize(
    "line",
    [
        "noise y ~ gaussian(x, sigma = {})",
        "noise y ~ gaussian({} * x, sigma = 1)",
        "noise y ~ gaussian(({} * identity()) @ x, sigma = 1)",
        "noise y ~ gaussian(x, sigma = 1)\nprior {} * tv(x)",
        "noise y ~ gaussian(x, sigma = 1)\nprior x ~ gaussian(0, sigma = {})",
    ],
)
def test_what_is_squared_reaches_half_as_far(line: str, precision: str) -> None:
    run = f"\nrun {{ precision = {precision} }}"
    edge = REACH[precision] ** 0.5
    for inside in (edge, 1 / edge):
        assert codes(line.format(f"{inside:.17g}") + run) == []
    for outside in (edge * 1.01, 0.99 / edge, 1e308, 1e-308):
        assert codes(line.format(f"{outside:.17g}") + run) == ["RC052"]


def test_a_range_is_named_and_the_other_precision_where_it_helps() -> None:
    (found,) = errors("noise y ~ gaussian(x, sigma = 1e-30)")
    assert "1e-30" in found.message
    assert found.help[0] == "it may be 1e-15 to 1e+15"
    assert "float64" in found.help[1]
    (found,) = errors("noise y ~ gaussian(x, sigma = 1e-300)")
    assert len(found.help) == 1


@pytest.mark.parametrize(("level", "fits"), [(300, True), (-300, True), (301, False), (-1000, False)])
def test_levels_reach_as_far_as_their_power_ratio(level: int, fits: bool) -> None:
    assert codes(f"noise y ~ gaussian(x, snr = {level}dB)") == ([] if fits else ["RC052"])


@pytest.mark.parametrize(
    "mean", ["0 * x", "(0 * identity()) @ x", "(identity() - identity()) @ x", "0 * radon(views = 3) @ x"]
)
@pytest.mark.parametrize("law", ["poisson({})", "gaussian({}, sigma = 1)"])
def test_an_operator_that_is_zero_measures_nothing(mean: str, law: str) -> None:
    assert codes(f"noise y ~ {law.format(mean)}\nprior x in nonnegative") == ["RC054"]


def test_a_summand_may_be_zero() -> None:
    assert codes("noise y ~ gaussian((identity() + 0 * cosine()) @ x, sigma = 1)") == []


def test_measured_arrays_up_to_the_largest() -> None:
    image = "image x : real[32, 32]"
    coils = LARGEST_BYTES // (32 * 32 * 8)
    line = "noise y ~ gaussian(coils(maps = birdcage({})) @ x, sigma = 1)\nprior sq(x)"
    assert codes(line.format(coils), image) == []
    assert codes(line.format(coils + 1), image) == ["RC053"]


@pytest.mark.parametrize(
    "operator", ["gaussian(rows = {}) @ flatten()", "stack(rademacher(rows = {}), rademacher(rows = 1)) @ flatten()"]
)
def test_dense_matrices_up_to_the_largest(operator: str) -> None:
    image = "image x : real[32, 32]"
    rows = LARGEST_MATRIX // (32 * 32 * 4) - operator.count("rademacher") // 2
    line = f"noise y ~ gaussian({operator} @ x, sigma = 1)\nprior sq(x)"
    assert codes(line.format(rows), image) == []
    assert codes(line.format(rows + 1), image) == ["RC053"]


def test_unknowns_up_to_the_largest() -> None:
    line = "noise y ~ gaussian(z, sigma = 1)"
    assert codes(line, "volume z : real[1024, 1024, 1024]") == []
    assert codes(line, "volume z : complex[1024, 1024, 1024]") == ["RS103"]
