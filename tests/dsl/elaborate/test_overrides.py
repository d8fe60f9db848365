"""`--set path=value` and swept values: the page with one value replaced."""

from pathlib import Path
from typing import Any

import pytest
from recon.dsl.check.page import CheckedExperiment, load
from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.parse import parse_expression
from recon.dsl.syntax.source import Source

PAGE = """recon 1
param lam = 10
data cam = sample("camera") { x = image }
image x : real[16, 16] { voxel = 1mm }
width = 1
forward A = conv(gaussian(width = width))
noise y ~ gaussian(A @ x, sigma = 0.1)
prior lam * tv(x)
solver pdhg(60, tolerance = 0)
method tv { prior 2 * lam * tv(x); solver admm { rho = 3 } }
method plain { prior lam * sq(x) }
metrics [psnr]
report table { rows = method; cells = [mean(psnr)] }
"""


def loaded(**paths: str) -> CheckedExperiment:
    given = [(p.replace("__", "."), parse_expression(Source("--set", v))) for p, v in paths.items()]
    return load(
        PAGE.replace("method plain { prior lam * sq(x) }", "method plain { prior lam * tv(x) }"),
        "page.recon",
        Path(),
        given,
    )


def solver(c: CheckedExperiment, method: str) -> Any:
    return c.choices[method].solver


@pytest.mark.parametrize(
    ("path", "value", "read", "expected"),
    [
        ("lam", "3", lambda c: c.experiment.methods["tv"].priors[0].weight, 6.0),
        ("width", "1.5", lambda c: c.experiment.methods["tv"].operators["A"].word.kernel.width, 1.5),
        ("run__seed", "7", lambda c: c.experiment.run.seed, 7),
        ("solver__iterations", "30", lambda c: solver(c, "plain").iterations, 30),
        ("solver__tolerance", "0.5", lambda c: solver(c, "plain").tolerance, 0.5),
        ("tv__solver__rho", "4", lambda c: solver(c, "tv").rho, 4.0),
        ("tv__solver__iterations", "9", lambda c: solver(c, "tv").iterations, 9),
        ("noise__sigma", "0.5", lambda c: c.experiment.methods["tv"].likelihoods[0].law.sigma, 0.5),
        ("x", "real[9, 24]", lambda c: c.experiment.methods["tv"].unknowns["x"].space.shape, (9, 24)),
        ("x__voxel", "2mm", lambda c: c.experiment.methods["tv"].unknowns["x"].space.axes[0].voxel, 0.002),
        ("cam__limit", "5", lambda c: c.experiment.data["cam"].options.limit, 5),
        ("cam", 'sample("chelsea")', lambda c: c.experiment.data["cam"].source.name, "chelsea"),
        ("A", "identity()", lambda c: c.experiment.methods["tv"].operators["A"].word.word, "identity"),
    ],
)
def test_a_value_is_replaced(path: str, value: str, read: Any, expected: object) -> None:
    assert read(loaded()) != expected
    assert read(loaded(**{path: value})) == expected


def test_several_values_are_replaced() -> None:
    c = loaded(lam="2", run__seed="1")
    assert (c.experiment.params["lam"], c.experiment.run.seed) == (2.0, 1)


@pytest.mark.parametrize(
    "path", ["lamb", "prior", "solver__rho__x", "tv__prior", "metrics", "tv", "x__y__z", "nothing"]
)
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(SpecError) as e:
        loaded(**{path: "1"})
    assert [d.code for d in e.value.diagnostics] == ["RN030"]
    assert f"`{path.replace('__', '.')}`" in e.value.diagnostics[0].message


def test_an_unknown_option_is_refused_at_the_value() -> None:
    with pytest.raises(SpecError) as e:
        loaded(solver__momentum="1")
    (found,) = e.value.diagnostics
    assert found.code == "RV002"
    assert found.labels[0].span.source.name == "--set"


def test_swept_values_are_tried_one_by_one() -> None:
    page = (
        PAGE.replace("rows = method", "rows = [method, lam, width]")
        + "sweep g { lam in [1, -2, 3]; width in [1, 50] }\n"
    )
    with pytest.raises(SpecError) as e:
        load(page.replace("prior lam * sq(x)", "prior lam * tv(x)"), "page.recon", Path())
    codes = {d.code for d in e.value.diagnostics if d.severity == "error"}
    assert codes == {"RK007", "RC001"}
    said = {(label.span.text, label.text) for d in e.value.diagnostics for label in d.labels[1:]}
    assert said == {("-2", "with `lam = -2`"), ("50", "with `width = 50`")}


def test_ranges_and_series_are_swept() -> None:
    page = PAGE.replace("prior lam * sq(x)", "prior lam * tv(x)").replace(
        "rows = method", "rows = [method, lam, width]"
    )
    page += "sweep g { lam in geometric(1, 100, count = 3); run.seed in 0..2; width in [0.5, 1] }\n"
    axes = load(page, "page.recon", Path()).experiment.sweeps
    assert [(a.path, a.labels) for a in axes] == [
        ("lam", ("1", "10", "100")),
        ("run.seed", ("0", "1", "2")),
        ("width", ("0.5", "1")),
    ]


def test_the_whole_solver_is_replaced_with_its_options() -> None:
    from recon.dsl.vocabulary.solvers import Admm

    changed = solver(loaded(solver="admm(iterations = 7)"), "plain")
    assert changed == Admm(iterations=7)  # the tolerance of the page's own solver went with it
