"""What makes the data: the model, `simulate`, or a derived quantity that data bind; and what no data can bind."""

from pathlib import Path

import pytest
from recon.dsl.check.page import CheckedExperiment, load
from recon.dsl.diagnostics import SpecError


def loaded(body: str) -> CheckedExperiment:
    return load(f"recon 1\n{body}\n", "page.recon", Path())


def codes(body: str) -> list[str]:
    with pytest.raises(SpecError) as e:
        loaded(body)
    return [d.code for d in e.value.diagnostics if d.severity == "error"]


BLOBS = "data d = phantom(blobs) { x = image }\nimage x : real[16, 16]\n"
MODEL = "forward A = mask(keep = 50%)\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior tv(x)\n"


def test_the_model_makes_its_own_data() -> None:
    c = loaded(BLOBS + MODEL)
    assert c.makers[""] is c.methods[""]


def test_simulate_makes_the_data_of_all_methods() -> None:
    c = loaded(
        BLOBS + MODEL + "simulate { image x : real[32, 32] }\nmethod a { prior sq(x) }\nmethod b { prior l1(x) }"
    )
    assert c.makers["a"] is c.makers["b"]
    assert c.makers["a"].problem.unknowns["x"].shape == (32, 32)
    assert c.methods["a"].problem.unknowns["x"].shape == (16, 16)


def test_a_method_with_its_own_noise_makes_its_own_data() -> None:
    c = loaded(
        BLOBS + MODEL + "method a { prior sq(x) }\nmethod b { noise y ~ poisson(x + 1); prior x in nonnegative }"
    )
    assert not c.experiment.methods["a"].own_data
    assert c.experiment.methods["b"].own_data
    assert c.makers["b"].measurements["y"].likelihood.law.word == "poisson"


def test_data_may_bind_a_derived_quantity_alone() -> None:
    body = (
        "data d = phantom(blobs) { x = image }\nunknown z : real[16, 16]\nD = cosine().H\nx = 2 * (D @ z)\n"
        "forward A = downsample(2)\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior l1(z)\n"
    )
    c = loaded(body)
    assert list(c.methods[""].problem.unknowns) == ["z"]
    assert list(c.makers[""].problem.unknowns) == ["x"]
    assert c.makers[""].problem.unknowns["x"] == c.methods[""].derived["x"].space
    assert c.makers[""].measurements["y"].space.shape == (8, 8)
    assert [p.term for p in c.makers[""].measurements["y"].blocks.values()] == [c.experiment.formulation.operators["A"]]


def test_bound_unknowns_come_before_derived_quantities() -> None:
    c = loaded(
        "data mix = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "signal c : real[16]\nsignal s : real[16]\nx = cosine().H @ c + s\n"
        "noise y ~ gaussian(x, sigma = 0.1)\nprior l1(c) + l1(s)\n"
    )
    assert c.makers[""] is c.methods[""]
    assert list(c.methods[""].derived) == ["x"]


X = "image x : real[8, 8]\n"
TWO = f"{X}image z : real[8, 8]\nnoise y ~ gaussian(x + z, sigma = 1)\nprior tv(x) + tv(z)\n"
EASY = "noise y ~ gaussian(x, sigma = 1)\nprior tv(x)\n"


def folder(bindings: str) -> str:
    return f'data d = folder("*.png") {{ {bindings} }}\n'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f"{BLOBS}noise y ~ gaussian(x)\nprior tv(x)", "RC041"),
        (f"{BLOBS}noise y ~ bounded(x, radius = 1)\nprior tv(x)", "RC041"),
        (f"{BLOBS}{MODEL}simulate {{ noise z ~ gaussian(x, sigma = 1) }}", "RC040"),
        (f"data d = phantom(blobs) {{ x = image }}\n{TWO}", "RC042"),
        (TWO, "RC042"),
        (f"{X}noise y ~ gaussian(x)\nprior tv(x)", "RC041"),
        (f"image x : real[auto, 8]\n{EASY}", "RC048"),
        (f"data d = phantom(blobs)\nimage x : real[auto, auto]\n{EASY}", "RC048"),
        (f"{folder('y = image')}{X}{EASY}metrics [psnr]", "RC046"),
        (f"{folder('y = image; x = image; ref = image')}{X}{EASY}", "RN019"),
        (f"{folder('y = image; A = image')}{X}forward A = identity()\nnoise y ~ gaussian(A @ x)", "RN015"),
    ],
)
def test_data_that_cannot_be(body: str, code: str) -> None:
    assert codes(body) == [code]


@pytest.mark.parametrize(
    "bindings",
    ["y = image", "y = image; ref = image", "y = image; x = image", "x = image"],
)
def test_the_table_of_what_data_bind(bindings: str) -> None:
    body = folder(bindings) + X + EASY
    assert [n for n, _ in loaded(body).experiment.data["d"].bindings] == [b.split(" ")[0] for b in bindings.split("; ")]
