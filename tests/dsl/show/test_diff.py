"""Differences by meaning: none where the digests agree, and each said in the user's words."""

from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.digest import spec_digest
from recon.dsl.model.experiment import Experiment
from recon.dsl.show.diff import differences
from recon.dsl.show.new import templates

PAGE = """recon 1
param accel = 4
data cam = sample("camera")
image x : complex[64, 64]
forward A = M @ fft2() { M = cartesian(accel = accel, center = 8%) }
noise y ~ gaussian(A @ x, sigma = 0.01)
prior 20 * l1(W @ x) { W = wavelet("db4", levels = 3) }
solver fista(iterations = 60)
metrics [psnr] { of = abs(estimate) }
expect mean(psnr) >= 20dB
"""


def experiment(text: str) -> Experiment:
    return load(text, "page.recon", Path()).experiment


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("iterations = 60", "iterations = 100", ["solver.iterations: 60 → 100"]),
        ("fista(iterations = 60)", "ista(iterations = 60)", ["solver: fista(iterations = 60) → ista(iterations = 60)"]),
        ("solver fista(iterations = 60)\n", "", ["solver: fista(iterations = 60) → chosen by rule"]),
        ("accel = 4", "accel = 8", ["A.cartesian.accel: 4 → 8"]),
        ("sigma = 0.01", "sigma = 0.02", ["noise y.sigma: 0.01 → 0.02"]),
        ("20 * l1", "30 * l1", ["prior l1.weight: 20 → 30"]),
        ("levels = 3", "levels = 2", ["prior l1.wavelet.levels: 3 → 2"]),
        ("prior 20", "prior sq(x)\nprior 20", ["prior: added sq(x)"]),
        ('sample("camera")', 'sample("coins")', ['cam.name: "camera" → "coins"']),
        ("complex[64, 64]", "complex[64, 32]", ["x: image complex[row 64, col 64] → image complex[row 64, col 32]"]),
        ("[psnr]", "[psnr, ssim]", ["ssim: added ssim"]),
        ("[psnr]", "[psnr(range = 2)]", ["psnr.range: none → 2"]),
        ("20dB", "21dB", ["expect: removed mean(psnr) >= 20dB", "expect: added mean(psnr) >= 21dB"]),
        ("solver", "run { seed = 3 }\nsolver", ["run.seed: 0 → 3"]),
        ("solver", "sweep s { accel in [2, 4] }\nsolver", ["sweep accel: added [2, 4]"]),
        ("A @ x, sigma", "2 * A @ x, sigma", ["noise y.mean"]),
    ],
)
def test_changes_in_the_users_words(old: str, new: str, said: list[str]) -> None:
    assert old in PAGE
    found = [str(d) for d in differences(experiment(PAGE), experiment(PAGE.replace(old, new)))]
    assert [d if ": " in expected else d.split(":")[0] for d, expected in zip(found, said, strict=True)] == said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("recon 1\n", "recon 1\n# a comment\n\n"),
        ("solver fista", "run { device = cpu }\nsolver fista"),
        ("20 * l1", "(10 + 10) * l1"),
        ("center = 8%", "center = 0.08"),
        ('W @ x) { W = wavelet("db4", levels = 3) }', "wavelet(levels = 3) @ x)"),
    ],
)
def test_what_is_no_difference(old: str, new: str) -> None:
    assert old in PAGE
    a, b = experiment(PAGE), experiment(PAGE.replace(old, new))
    assert spec_digest(a) == spec_digest(b)
    assert differences(a, b) == []


def test_names_of_params_do_not_count() -> None:
    renamed = PAGE.replace("param accel", "param speed").replace("accel = accel", "accel = speed")
    assert differences(experiment(PAGE), experiment(renamed)) == []


def test_methods_share_what_all_of_them_changed() -> None:
    text = PAGE.replace(
        "solver fista(iterations = 60)", "method a { solver fista(iterations = 60) }\nmethod b { solver adjoint }"
    )
    both = text.replace("accel = 4", "accel = 8").replace("iterations = 60", "iterations = 70")
    assert [str(d) for d in differences(experiment(text), experiment(both))] == [
        "A.cartesian.accel: 4 → 8",
        "a.solver.iterations: 60 → 70",
    ]
    more = text + "method c { solver ista }\n"
    assert [str(d) for d in differences(experiment(text), experiment(more))] == ["method: added c"]


@pytest.mark.parametrize("a", sorted(templates()))
@pytest.mark.parametrize("b", sorted(templates()))
def test_no_difference_exactly_where_the_digests_agree(a: str, b: str) -> None:
    x, y = experiment(templates()[a]), experiment(templates()[b])
    assert (differences(x, y) == []) == (spec_digest(x) == spec_digest(y)) == (a == b)
