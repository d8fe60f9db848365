"""Whether weights fit images, by their contract alone: what the check of a page says, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import Diagnostic, SpecError
from recon.dsl.model.contract import Contract
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary.fitting import known_levels, misfit, outside
from stated_weights import config, stated, zeros

TOLD = {"conditional": True, "levels": [0.0, 0.3]}
DRUNET = {"network": {"name": "drunet", "arguments": {"channels": 1, "blocks": 1}}, "multiple": 8, "noise": TOLD}
PAGE = """recon 1
weights w = folder("w")
data d = sample("camera")
image x : {space} {{ range = {range} }}
noise y ~ gaussian(x, sigma = {sigma})
{rest}
"""
BY_NETWORK = "solver network(w)"
BY_ADMM = "prior x ~ denoiser(w)\nsolver admm(iterations = 5) {{ sigma = {strength} }}"


def images(*axes: tuple[str, int | None], field: Any = "real") -> Space:
    return Space(field, tuple(Axis(n, size) for n, size in axes))


GRAY = images(("row", 8), ("col", None))
COLOUR = images(("channel", 3), ("row", 8), ("col", 8))


@pytest.mark.parametrize(
    ("changes", "space"),
    [
        ({}, GRAY),
        ({}, images(("row", 8), ("col", 8), field="complex")),
        ({}, COLOUR),
        ({}, images(("frame", 2), ("row", 8), ("col", 8))),
        ({}, images(("channel", 2), ("z", 2), ("row", 8), ("col", 8))),
        ({"channels": 3}, COLOUR),
        ({"channels": 3}, images(("channel", 3), ("row", 8), ("col", 8), field="complex")),
        ({"channels": 2, "value": "complex"}, images(("row", 8), ("col", 8), field="complex")),
        ({"channels": 2, "value": "complex"}, GRAY),
        ({"channels": 6, "value": "complex"}, COLOUR),
        (DRUNET, images(("row", 5), ("col", 7))),
    ],
)
def test_images_that_weights_are_fitted_to(changes: dict[str, Any], space: Space) -> None:
    assert misfit(Contract(**config(**changes)), space) is None


@pytest.mark.parametrize(
    ("changes", "space", "said"),
    [
        ({"channels": 3}, GRAY, "for real images of 3 channels, and this one has 1"),
        ({"channels": 2}, images(("row", 8), ("col", 8), field="complex"), "for real images of 2 channels"),
        ({"channels": 3}, images(("channel", 6), ("row", 8), ("col", 8)), "of 3 channels, and this one has 6"),
        ({"channels": 6, "value": "complex"}, GRAY, "for complex images of 3 channels, and this one has 1"),
        ({"scale": 2}, GRAY, "make an image 2 times finer"),
        ({}, images(("sample", 8)), "networks take images"),
        ({}, images(("row", 8), ("col", 8), ("channel", 3)), "networks take images"),
    ],
)
def test_images_that_they_are_not(changes: dict[str, Any], space: Space, said: str) -> None:
    wrong = misfit(Contract(**config(**changes)), space)
    assert wrong is not None
    assert said in wrong[0]


def test_levels_are_in_the_unit_of_the_image() -> None:
    contract = Contract(**config(range=[-1.0, 1.0], **{k: v for k, v in DRUNET.items() if k != "range"}))
    assert known_levels(contract, None) == (0.0, pytest.approx(0.6))
    assert known_levels(contract, (0.0, 255.0)) == (0.0, pytest.approx(76.5))


def test_levels_may_be_off_by_a_twentieth() -> None:
    assert outside((0.1, 0.1), (0.096, 0.104)) is None
    assert outside((0.1, 0.2), (0.09, 0.15)) == 0.09
    assert outside((0.1, 0.2), (0.15, 0.22)) == 0.22


def told(folder: Path, weights: dict[str, Any], rest: str, **page: str) -> list[Diagnostic]:
    """The errors of a page with these weights."""
    stated(folder / "w", zeros({"a": (40_000,)}), **weights)
    values = {"space": "real[32, 32]", "range": "0..1", "sigma": "0.1", "strength": "0.1", **page}
    text = PAGE.format(rest=rest.format(**values), **values)
    try:
        return load(text, "page.recon", folder).findings
    except SpecError as e:
        return [d for d in e.diagnostics if d.severity == "error"]


def errors(found: list[Diagnostic]) -> list[tuple[str, str]]:
    """The codes of errors, and the first place of each."""
    return [(d.code, d.labels[0].span.text) for d in found if d.severity == "error"]


@pytest.mark.parametrize("rest", [BY_NETWORK, BY_ADMM])
@pytest.mark.parametrize("weights", [{}, DRUNET])
def test_a_page_whose_weights_fit(tmp_path: Path, rest: str, weights: dict[str, Any]) -> None:
    assert errors(told(tmp_path, weights, rest)) == []
    assert errors(told(tmp_path, weights, rest, range="0..255", sigma="25.5", strength="25.5")) == []
    assert errors(told(tmp_path, weights, rest, space="complex[32, 32]")) == []


@pytest.mark.parametrize(
    ("rest", "code", "place"), [(BY_NETWORK, "RC089", "network(w)"), (BY_ADMM, "RC019", "x ~ denoiser(w)")]
)
@pytest.mark.parametrize("weights", [{"channels": 3}, {"scale": 2}])
def test_weights_for_other_images_are_an_error_at_their_place(
    tmp_path: Path, weights: dict[str, Any], rest: str, code: str, place: str
) -> None:
    assert errors(told(tmp_path, weights, rest)) == [(code, place)]


@pytest.mark.parametrize(
    ("weights", "page"),
    [
        (DRUNET, {"sigma": "0.5"}),
        (DRUNET, {"range": "0..255", "sigma": "100"}),
        ({}, {"sigma": "0.05"}),
        ({}, {"sigma": "uniform(0.1, 0.2)"}),
    ],
)
def test_noise_that_a_network_does_not_know(tmp_path: Path, weights: dict[str, Any], page: dict[str, str]) -> None:
    (found,) = told(tmp_path, weights, BY_NETWORK, **page)
    assert found.code == "RC037"
    assert found.labels[0].span.text.startswith("noise y ~ gaussian")
    assert "and the weights know noise of" in found.message


@pytest.mark.parametrize(
    ("strength", "reaches"), [("0.4", "0.4"), ("[0.1, 0.5]", "0.5"), ("geometric(0.6, 0.01)", "0.6")]
)
def test_strengths_of_a_schedule_that_a_network_does_not_know(tmp_path: Path, strength: str, reaches: str) -> None:
    (found,) = told(tmp_path, DRUNET, BY_ADMM, strength=strength)
    assert (found.code, f"reaches {reaches}," in found.message) == ("RC037", True)


def test_a_network_that_is_told_the_noise_needs_a_line_that_says_it(tmp_path: Path) -> None:
    stated(tmp_path / "w", zeros({"a": (40_000,)}), **DRUNET)
    page = PAGE.format(space="real[32, 32]", range="0..1", sigma="0.1", rest=BY_NETWORK)
    with pytest.raises(SpecError) as e:
        load(page.replace("gaussian(x, sigma = 0.1)", "laplace(x, scale = 0.1)"), "page.recon", tmp_path)
    assert ("RC088", "noise y ~ laplace(x, scale = 0.1)") in errors(list(e.value.diagnostics))
