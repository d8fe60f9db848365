"""Plans: origins of values, the objective, steps from closed formulas, memory, data."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.show.latex import latex, symbol
from recon.dsl.show.layout import plan_text
from recon.dsl.show.new import templates
from recon.dsl.show.plan import Plan, plan
from recon.dsl.show.solving import COPIES
from recon.dsl.syntax.parse import parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary import names

MRI = """recon 1
param accel = 4
param lam = 20
data d = phantom()
image x : real[64, 64]
forward A = cartesian(accel = accel, center = 8%) @ fft2()
noise y ~ gaussian(A @ x, sigma = 0.01)
prior lam * l1(W @ x) { W = wavelet("db4") }
solver fista(iterations = 60)
metrics [psnr]
"""
DENOISE = """recon 1
data d = sample("camera")
image x : real[64, 64]
noise y ~ gaussian(x, sigma = 0.5)
prior 3 * sq(x)
"""


def planned(text: str, sets: Sequence[tuple[str, str]] = ()) -> Plan:
    overrides = [(path, parse_expression(Source(f"--set {path}", value))) for path, value in sets]
    return plan(load(text, "page.recon", Path(), overrides))


def origin(p: Plan, name: str) -> tuple[str, str]:
    found = {s.name: (s.value, s.origin) for s in (*p.settings, *p.methods[0].settings)}
    return found[name]


def test_every_value_says_where_it_came_from() -> None:
    p = planned(MRI, [("accel", "8"), ("solver.tolerance", "1e-4"), ("run.seed", "7")])
    assert origin(p, "accel") == ("8", "--set accel")
    assert origin(p, "lam") == ("20", "page")
    assert origin(p, "A.cartesian.accel") == ("8", "--set accel")
    assert origin(p, "A.cartesian.center") == ("0.08", "page")
    assert origin(p, "A.cartesian.lines") == ("random", "default")
    assert origin(p, "prior l1.weight") == ("20", "page, lam")
    assert origin(p, "prior l1.wavelet.levels") == ("4", "chosen")
    assert origin(p, "solver.iterations") == ("60", "page")
    assert origin(p, "solver.tolerance") == ("0.0001", "--set solver.tolerance")
    assert origin(p, "solver.step") == ("auto", "default")
    assert origin(p, "run.seed") == ("7", "--set run.seed")
    assert origin(p, "run.device") == ("auto", "default")
    assert origin(p, "d.x") == ("image", "chosen")


def test_the_objective_in_nats_and_as_books_write_it() -> None:
    o = planned(MRI).methods[0].objective
    assert o.latex == r"\min_{x} \; \frac{1}{2 \sigma^2} \, \|A \, x - y\|_2^2 + \lambda \, \|W \, x\|_1"
    assert o.text == "minimise over x:  1/(2 sigma^2) |A @ x - y|^2 + lam l1(W @ x)"
    assert o.where == {"sigma": "0.01", "lam": "20"}
    assert o.book_text == "minimise over x:  1/2 |A @ x - y|^2 + lam sigma^2 l1(W @ x)"
    assert o.book_where == {"lam * sigma^2": "0.002"}


def test_objectives_of_other_laws() -> None:
    rest = "recon 1\ndata d = phantom()\nimage x : real[32, 32]\nforward A = radon(views = 8)\n"
    counts = planned(rest + "noise y ~ poisson(1e4 * exp(-A @ x))\nprior x in nonnegative\n").methods[0]
    assert counts.objective.subject_to == ("x in nonnegative",)
    assert counts.objective.where == {"mu": "1e4 * exp(-A @ x)"}
    assert counts.objective.book_latex is None
    exact = planned(rest + "noise y ~ none(A @ x)\nprior tv(x)\n").methods[0].objective
    assert r"\text{subject to } A \, x = y" in exact.latex
    assert "+" not in exact.latex
    box = planned(rest + "noise y ~ gaussian(A @ x, sigma = 0.1)\nprior x in 0..2\n").methods[0].objective
    assert r"0 \le x_i \le 2" in box.latex
    plain = rest + "noise y ~ gaussian(A @ x)\nsimulate { noise y ~ gaussian(A @ x, sigma = 0.1) }\nprior sq(x)\n"
    objective = planned(plain).methods[0].objective
    assert objective.text == "minimise over x:  1/2 |A @ x - y|^2 + sq(x)"
    assert objective.book_text is None


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("A @ x", r"A \, x"),
        ("-A @ x", r"-A \, x"),
        ("c * exp(-A @ x)", r"c \, e^{-A \, x}"),
        ("A.H @ y2", r"A^H \, y_{2}"),
        ("a / (b + 1)", r"\frac{a}{b + 1}"),
        ("(A + B) @ x", r"(A + B) \, x"),
        ("lam_1 * x^2", r"\lambda_{1} \, x^{2}"),
        ("1e4 * x", r"10^{4} \, x"),
        ("2.5e-3", r"2.5 \cdot 10^{-3}"),
        ("8%", r"8\%"),
        ("my_op @ x", r"\mathrm{my\_op} \, x"),
        ("a - (b - c)", "a - (b - c)"),
    ],
)
def test_latex_of_expressions(text: str, tex: str) -> None:
    assert latex(parse_expression(Source("", text))) == tex


@pytest.mark.parametrize("name", sorted(templates()))
def test_latex_is_balanced(name: str) -> None:
    for method in planned(templates()[name]).methods:
        for tex in (method.objective.latex, method.objective.book_latex or ""):
            assert tex.replace(r"\{", "").count("{") == tex.replace(r"\}", "").count("}")
            assert tex.count(r"\bigl") == tex.count(r"\bigr")


def test_symbols() -> None:
    assert symbol("lam") == r"\lambda"
    assert symbol("x") == "x"
    assert symbol("sigma_y") == r"\sigma_{y}"
    assert symbol("knee") == r"\mathrm{knee}"


def test_real_unknowns_are_embedded() -> None:
    m = planned(MRI).methods[0]
    assert any("embedding" in p for p in m.passes)
    lines = next(iter(m.operators.values()))
    assert [x.operator for x in lines] == ["embed", "fft2", "cartesian", "together"]
    assert lines[0].domain == "real[row 64, col 64]"
    assert lines[0].codomain == lines[1].domain == "complex[row 64, col 64]"
    assert "linear over real numbers" in lines[-1].facts
    complex_page = MRI.replace("real[64, 64]", "complex[64, 64]")
    assert not any("embedding" in p for p in planned(complex_page).methods[0].passes)


@pytest.mark.parametrize(
    ("mask", "along"),
    [("cartesian(accel = 4)", "row"), ("cartesian(accel = 4, axis = row)", "col"), ("points(accel = 4)", "")],
)
def test_transforms_that_cancel_where_whole_lines_are_kept(mask: str, along: str) -> None:
    page = f"""recon 1
    image x : complex[32, 32]
    forward A = {mask} @ fft2(norm = "ortho")
    noise y ~ gaussian(A @ x, sigma = 0.1)
    prior l1(wavelet("haar") @ x)
    """
    found = [p for p in planned(page).methods[0].passes if "cancel" in p]
    assert len(found) == bool(along)
    assert not along or f"the transforms along {along} cancel" in found[0]


def test_steps_from_closed_formulas() -> None:
    steps = {s.name: s for s in planned(MRI).methods[0].steps}
    assert steps["L"].value == pytest.approx(1e4)  # |A| <= 1, sigma = 0.01
    assert steps["L"].why.startswith("at most")
    assert steps["step"].value == pytest.approx(1e-4)
    p = planned(DENOISE + "solver gradient(momentum = 0.25)\n").methods[0]
    numbers = {s.name: s.value for s in p.steps}
    assert numbers["L"] == pytest.approx(1 / 0.5**2 + 2 * 3)
    assert numbers["step"] == pytest.approx((1 + math.sqrt(0.25)) ** 2 / 10)
    given = planned(DENOISE + "solver gradient(step = 0.05)\n").methods[0]
    assert [(s.name, s.value, s.why) for s in given.steps] == [("step", 0.05, "given")]
    unknown = planned(DENOISE.replace("gaussian(x", "gaussian(radon() @ x") + "solver gradient\n").methods[0]
    assert all(s.value is None for s in unknown.steps)


def test_the_rule_that_fired_and_its_promise() -> None:
    m = planned(DENOISE).methods[0]
    assert (m.solver.name, m.solver.rule, m.solver.promise) == ("closed_form", 10, "the exact minimiser")
    named = planned(DENOISE + "solver cg\n").methods[0]
    assert named.solver.rule == 0
    assert "rule 10 would take `closed_form`" in named.solver.why
    direct = planned(DENOISE + "solver adjoint\n").methods[0]
    assert not direct.solver.iterates


def test_memory(tmp_path: Path) -> None:
    m = planned(MRI).methods[0].memory
    assert m.unknown == 64 * 64 * 4
    assert m.measured == 64 * 64 * 8
    assert m.state == 4 * m.unknown
    double = planned(MRI, [("run.precision", "float64")]).methods[0].memory
    assert double.unknown == 64 * 64 * 8
    (tmp_path / "scan.h5").touch()
    text = MRI.replace("real[64, 64]", "real[auto, auto]").replace("phantom()", 'hdf5("scan.h5") { x = slice }')
    later = plan(load(text, "page.recon", tmp_path)).methods[0].memory
    assert (later.unknown, later.measured, later.state) == (None, None, None)


def test_every_solver_has_its_memory() -> None:
    assert set(names("solver")) - {"network"} <= set(COPIES)


def test_how_data_come_about() -> None:
    assert any("simulated by the model itself" in d for d in planned(MRI).methods[0].data)
    simulate = MRI + "simulate { noise y ~ gaussian(A @ x, sigma = 0.02) }\n"
    assert any("simulated by the page's `simulate`" in d for d in planned(simulate).methods[0].data)
    own = MRI.replace("solver fista(iterations = 60)", "method a { noise y ~ gaussian(A @ x, sigma = 0.3) }")
    assert any("this method's own model" in d for d in planned(own).methods[0].data)


def test_derived_quantities() -> None:
    text = """recon 1
signal c : real[64]
signal s : real[64]
x = cosine().H @ c + s
data d = sparse(nonzeros = 3) { x = signal }
noise y ~ gaussian(x, sigma = 0.1)
prior l1(c) + l1(s)
"""
    m = planned(text).methods[0]
    assert m.derived == {"x": "cosine().H @ c + s, real[sample 64]"}
    assert any("from x = signal" in d for d in m.data)
    assert "x known, for the metrics" in m.data[-1]
    assert "x  derived   cosine().H @ c + s, real[sample 64]" in plan_text(planned(text))


def test_a_page_without_data_is_simulated_from_a_phantom() -> None:
    m = planned(DENOISE.replace('data d = sample("camera")\n', "")).methods[0]
    assert m.data == ("y is simulated by the model itself from a phantom",)


def test_measured_data_are_said_to_be_measured(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "y.npy", np.zeros((64, 64), np.float32))
    text = DENOISE.replace('sample("camera")', 'npy("y.npy") { y = array }')
    m = plan(load(text, "page.recon", tmp_path)).methods[0]
    assert any("y is measured" in d for d in m.data)
    assert any("nothing is scored" in d for d in m.data)


def test_digests_and_sources() -> None:
    p = planned(MRI)
    assert re.fullmatch("[0-9a-f]{64}", p.spec_digest)
    again = planned(MRI.replace("lam", "weight"))
    assert again.spec_digest == p.spec_digest
    other = planned(MRI, [("lam", "30")])
    assert other.spec_digest != p.spec_digest
    assert other.methods[0].problem_digest == p.methods[0].problem_digest
    assert any("fastMRI" in source for source in p.citations)
    assert "wavelet" in {w for words in p.citations.values() for w in words}


@pytest.mark.parametrize("name", sorted(templates()))
def test_plans_as_json_and_as_text(name: str) -> None:
    p = planned(templates()[name])
    assert json.loads(json.dumps(p.to_json(), allow_nan=False))["spec_digest"] == p.spec_digest
    text = plan_text(p)
    assert "\x1b" not in text
    for method in p.methods:
        assert method.objective.text in text
        assert method.problem_digest in text
    assert "\x1b[1m" in plan_text(p, color=True)


def test_a_hostile_page_cannot_speak_to_the_terminal() -> None:
    p = planned('recon 1\n## \x9b31m doc\nexperiment "a\u202eb"\n' + DENOISE.removeprefix("recon 1\n"))
    assert not set("\x1b\x9b\u202e") & set(plan_text(p))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "forward A = conv(gaussian(width = 1))\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior 3 * tv(x)",
            [
                "rule 10, all quadratic: but for `3 * tv(x)`",
                "rule 11, FISTA: but that what stands inside `3 * tv(x)` is not orthonormal, K K^H no multiple of I",
                "rule 12, denoising: but for the operator in `y ~ gaussian(A @ x, sigma = 0.1)`",
                "rule 14 in closed form, ADMM: but that `y ~ gaussian(A @ x, sigma = 0.1)` is diagonal in the Fourier "
                "basis, `3 * tv(x)` in the cosine basis; `boundary = circular` for both would make them one",
            ],
        ),
        ("noise y ~ gaussian(x, sigma = 0.1)\nprior sq(x)", []),
        (
            "forward A = conv(gaussian(width = 1))\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior l1(x) + tv(x)",
            [
                "rule 12, denoising: but for the operator in `y ~ gaussian(A @ x, sigma = 0.1)`",
                "rule 14 in closed form, ADMM: but that `y ~ gaussian(A @ x, sigma = 0.1)` is diagonal in the Fourier "
                "basis, `tv(x)` in the cosine basis; `boundary = circular` for both would make them one",
            ],
        ),
    ],
)
def test_the_rows_that_one_term_keeps_out(body: str, expected: list[str]) -> None:
    text = f'recon 1\ndata d = sample("camera")\nimage x : real[32, 32]\n{body}\n'
    found = plan(load(text, "page.recon", Path()))
    assert list(found.methods[0].solver.missed) == expected
    assert ("missed by one" in plan_text(found)) == bool(expected)
