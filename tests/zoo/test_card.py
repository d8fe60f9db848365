"""Cards: what the contract says, in words, whatever a stranger wrote into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.dsl.model.folder import read_contract
from recon.dsl.model.packaged import packaged_weights
from recon.zoo.card import card, described


def contract(**more: Any) -> Contract:
    given: dict[str, Any] = {
        "network": Architecture(name="dncnn", arguments={"depth": 3}),
        "role": "denoiser",
        "channels": 1,
        "noise": NoiseLevels(conditional=True, levels=(0.0, 0.3)),
        "sha256": "0" * 64,
        "licences": Licences(weights="CC0-1.0", code="NOASSERTION", data="NOASSERTION"),
    }
    return Contract(**{**given, **more})


def test_it_tells_what_the_contract_says() -> None:
    rows = (
        {"data": "camera", "sigma": 0.1, "metric": "psnr", "value": 28.51234, "beside": {"tv": 27.0}},
        {"data": "coins", "sigma": 0.1, "metric": "psnr", "value": 27.0},
    )
    text = card(
        contract(results=rows, provenance={"experiment": "own", "steps": 7, "data": ["sample", "*"], "seed": 3})
    )
    assert text.startswith('---\nlibrary_name: "recon"\npipeline_tag: "image-to-image"\n')
    assert 'license: "cc0-1.0"\n' in text
    assert "`dncnn(depth = 3)`, a denoiser of real images in 1 plane" in text
    assert "sigma 0..0.3 of the width of that range, whose level it is told" in text
    assert "| data | sigma | metric | this | tv |\n| --- | --- | --- | --- | --- |\n" in text
    assert "| camera | 0.1 | psnr | 28.51 | 27 |\n| coins | 0.1 | psnr | 27 | - |\n" in text
    assert "| coins | 0.1 | psnr | 27 | - |\n| mean | 0.1 | psnr | 27.76 | - |\n" in text
    assert "The results are those of 2 pictures. Noise of a sigma outside 0..0.3," in text
    assert "zoo(" not in text, "it does not install with recon"
    assert "Trained for 7 steps on `sample *` from the seed 3" in text
    assert "- weights: CC0-1.0\n- code: not stated\n" in text


def test_without_results_it_says_so() -> None:
    assert "No results have been measured." in card(contract())


def test_a_level_has_a_mean_of_its_own() -> None:
    rows = tuple(
        {"data": data, "sigma": sigma, "metric": "psnr", "value": value, "beside": {"tv": value - 1}}
        for sigma, data, value in [(0.1, "a", 30.0), (0.1, "b", 32.0), (0.2, "a", 20.0), (0.2, "b", 21.0)]
    )
    means = [line for line in card(contract(results=rows)).splitlines() if line.startswith("| mean")]
    assert means == ["| mean | 0.1 | psnr | 31 | 30 |", "| mean | 0.2 | psnr | 20.5 | 19.5 |"]


def test_of_one_picture_there_is_no_mean() -> None:
    assert "| mean" not in card(contract(results=({"data": "a", "metric": "psnr", "value": 1.0},)))


@pytest.mark.parametrize("same", [True, False])
def test_weights_that_install_are_named_where_they_are_the_same(same: bool) -> None:
    held = read_contract(packaged_weights() / "srcnn-x2")
    text = card(held if same else held.model_copy(update={"sha256": "0" * 64}))
    assert ('`weights w = zoo("srcnn-x2")`' in text) == same


def test_the_contract_comes_back_as_it_was() -> None:
    made = contract(results=({"data": "a", "metric": "psnr", "value": 1.0},))
    assert Contract.model_validate_json(described(made)["config.json"]) == made


@pytest.mark.parametrize(
    "hostile",
    ["a\n---\nlicense: mit", "<script>alert(1)</script>", "![x](http://a/b.png)", "`x`", "a|b\x1b[31m", "# a"],
)
def test_a_strangers_words_stay_words(hostile: str) -> None:
    text = card(
        contract(
            licences=Licences(weights=hostile, code=hostile, data=hostile),
            provenance={
                "experiment": hostile,
                "steps": hostile,
                "data": [hostile],
                "seed": hostile,
                "measured by": hostile,
                "measured with": hostile,
            },
            results=({"data": hostile, "metric": hostile, "value": hostile, "beside": {hostile: hostile}},),
            network=Architecture(name="dncnn", arguments={"depth": hostile}),
        )
    )
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    for line in front.splitlines():  # JSON behind each key: nothing ends the field that it is in
        json.loads(line.split(": ", 1)[1])
    assert [line for line in body.splitlines() if line.startswith("# ")] == [f"# {_said(hostile)}"]
    outside = "".join(body.split("`")[::2])  # what is between backticks is shown as it is
    assert not any(c in outside for c in "<>[*\x1b")
    assert body.count("`") % 2 == 0
    assert "](" not in outside


def _said(hostile: str) -> str:
    line = " ".join(hostile.split())
    return "".join(c for c in line if c.isprintable() and c not in "<>`[]|*\\")
