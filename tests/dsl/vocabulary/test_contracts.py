"""What a contract says is held to the network that it names, before PyTorch is there."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.folder import FolderError, read_contract
from recon.dsl.vocabulary.contracts import held, held_word
from stated_weights import SMALL, stated, zeros

DRUNET = {"name": "drunet", "arguments": {"channels": 1, "blocks": 1}}
TOLD = {"conditional": True, "levels": [0.0, 0.3]}


def test_a_contract_that_holds(tmp_path: Path) -> None:
    contract, word, found = held(stated(tmp_path / "w"))
    assert contract == read_contract(tmp_path / "w")
    assert (word.word, found.count) == ("srcnn", word.parameters(1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": {"name": "srcn"}}, "`srcn` is no network .* did you mean `srcnn`?"),
        (
            {"network": {"name": "conv_generator"}},
            "`conv_generator` is no network .* image of one; there are",
        ),
        ({"network": {"name": "os"}}, "`os` is no network"),
        ({"network": {"name": "drunet", "arguments": {"block": 1}}}, "`drunet` has no option `block`; did you mean `b"),
        ({"network": {"name": "srcnn", "arguments": {"exec": 1}}}, "no option `exec`; its options are `channels`"),
        ({"network": {"name": "srcnn", "arguments": {"channels": -2}}}, "`channels` of `srcnn`: Input should be"),
        ({"network": {"name": "srcnn", "arguments": {"channels": "x"}}}, "`channels` of `srcnn`: Input should be"),
        *(
            ({"network": {"name": "srcnn", "arguments": {"channels": n}}}, "has more or larger options than")
            for n in (10**9, "40000", 40000.0)
        ),
        ({"range": [0, 5e-324]}, "range: .*between 1e-30 and 1e30 wide"),
        ({"range": [-1.7e308, 1.7e308]}, "range: .*between 1e-30 and 1e30 wide"),
        ({"network": DRUNET, "noise": TOLD}, "says `multiple` 1, and `drunet` takes multiples of 8; write 8"),
        ({"network": DRUNET, "noise": TOLD, "multiple": 12}, "says `multiple` 12, .*; write 8"),
        ({"network": DRUNET, "multiple": 8}, "says `noise.conditional` false, and `drunet` is told the level"),
        ({"network": DRUNET, "multiple": 8, "noise": None}, "has no `noise`, and `drunet` is told its level; write"),
        ({"noise": TOLD}, "says `noise.conditional` true, and `srcnn` is not told the level"),
        ({"value": "complex"}, "planes stand in pairs"),
        ({"properties": {"non_expansive": True, "lipschitz": 1.5}}, "properties: .* 1 at most"),
    ],
)
def test_a_contract_says_what_the_network_is(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    folder = stated(tmp_path / "w", **changes)
    with pytest.raises(FolderError, match=f"config.json of `w` .*{said}"):
        held_word(folder, read_contract(folder))


def test_a_network_may_ask_for_less_than_the_contract(tmp_path: Path) -> None:
    folder = stated(tmp_path / "w", network=DRUNET, noise=TOLD, multiple=16)
    assert held_word(folder, read_contract(folder)).multiple == 8


@pytest.mark.parametrize(
    ("weights", "changes", "said"),
    [
        (zeros(dtype="F64", size=8), {}, "holds `conv1.weight` as F64, and float32, float16 and bfloat16 are r"),
        (zeros(dtype="I8", size=1), {}, "holds `conv1.weight` as I8"),
        (
            zeros(),
            {"channels": 2, "value": "complex"},
            r"holds 193 numbers, and `srcnn\(channels = 2\)` for 2 pl",
        ),
        (zeros({"conv1.weight": SMALL["conv1.weight"]}), {}, "holds 162 numbers, and .* has 193; `network.arguments`"),
        (
            pickle.dumps(dict.fromkeys(range(99))),
            {},
            "is a pickle by its first bytes, which can run .* zoo convert`",
        ),
        (b"PK\x03\x04" + bytes(90), {}, "is a pickle by its first bytes"),
    ],
)
def test_weights_are_those_that_the_contract_needs(
    tmp_path: Path, weights: bytes, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(FolderError, match=f"model.safetensors of `w` {said}"):
        held(stated(tmp_path / "w", weights, **changes))


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_weights_of_half_precision_are_read(tmp_path: Path, dtype: str) -> None:
    assert held(stated(tmp_path / "w", zeros(dtype=dtype, size=2)))[2].types["conv1.bias"] == dtype


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "DRUNET.PTH"])
def test_pickles_are_refused_by_name_with_what_makes_a_folder_of_them(tmp_path: Path, name: str) -> None:
    folder = stated(tmp_path / "w")
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(FolderError, match=f"`w` has its weights as a pickle, `{name}`, which can run .* zoo convert"):
        held(folder)
    with pytest.raises(SpecError, match=f"has its weights as a pickle, `{name}`"):
        load('recon 1\nweights w = folder("w")\n', "page.recon", tmp_path)


def test_a_page_that_names_what_does_not_hold_is_refused_at_its_place(tmp_path: Path) -> None:
    stated(tmp_path / "w", noise=TOLD)
    with pytest.raises(SpecError) as e:
        load('recon 1\nweights w = folder("w")\n', "page.recon", tmp_path)
    (found,) = [d for d in e.value.diagnostics if d.code == "RF007"]
    assert "config.json of `w` says `noise.conditional` true" in found.message
    assert found.help == ("write false",)
    assert [label.span.text for label in found.labels] == ['folder("w")']
