"""Folders of the zoo: what is looked at before PyTorch is, and whether they are what they say."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.folder import FolderError
from recon.zoo.folder import load
from recon.zoo.networks import DnCNN
from recon.zoo.steepness import steepness
from recon.zoo.verify import verify
from safetensors.torch import load_file, save, save_file
from small_weights import small
from torch import nn


def changed(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(("word", "arguments"), [("srcnn", {"channels": 4}), ("drunet", {"channels": 2, "blocks": 1})])
def test_what_is_as_it_says(tmp_path: Path, word: str, arguments: dict[str, int]) -> None:
    found = list(verify(small(tmp_path / "f", word, **arguments)))
    assert [f.what for f in found] == ["contract", "licences", "card", "page", "hash", "weights", "pair"]
    assert all(f.holds for f in found), found


def spoil_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


def spoil_test(folder: Path) -> None:
    path = folder / "test.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-4:] = struct.pack("<f", 2.0)
    path.write_bytes(bytes(raw))


def pair(folder: Path, **tensors: torch.Tensor | None) -> None:
    """Exchange tensors of the test pair."""
    path = folder / "test.safetensors"
    held = {**load_file(path), **tensors}
    save_file({n: t for n, t in held.items() if t is not None}, path)


@pytest.mark.parametrize(
    ("spoil", "what", "told"),
    [
        (spoil_weights, "hash", "SHA-256"),
        (spoil_test, "pair", "of the largest value"),
        (lambda f: (f / "test.safetensors").unlink(), "pair", "has no file test.safetensors"),
        (lambda f: (f / "README.md").unlink(), "card", "has no file README.md"),
        (lambda f: (f / "README.md").write_text(" \n"), "card", "is empty"),
        (lambda f: (f / "README.md").write_bytes(b"\xff"), "card", "can't decode"),
        (lambda f: (f / "spec.recon").unlink() or (f / "spec.recon").symlink_to("/etc/passwd"), "page", "is a link"),
        (
            lambda f: changed(f, licences={"weights": "x", "code": " ", "data": ""}),
            "licences",
            "of the code and the d",
        ),
        (lambda f: pair(f, input=torch.rand(1, 2, 16, 16)), "pair", "has an input of 1 x 2 x 16 x 16"),
        (lambda f: pair(f, input=torch.rand(16, 16)), "pair", "has an input of 16 x 16, and the network takes [n, 1,"),
        (lambda f: pair(f, input=torch.full((1, 1, 16, 16), torch.nan)), "pair", "something else than finite numbers"),
        (lambda f: pair(f, output=torch.rand(1, 1, 8, 8)), "pair", "answers with (1, 1, 16, 16), not (1, 1, 8, 8)"),
        (lambda f: pair(f, output=None), "pair", "has no tensor `output`"),
        (lambda f: (f / "spec.recon").write_text("recon 1\nprior ("), "page", "does not parse"),
        (lambda f: changed(f, channels=2), "weights", "holds 389 numbers, and `srcnn(channels = 4)` for 2 planes has"),
        (lambda f: changed(f, more=1), "contract", "does not hold: more: Extra inputs are not permitted"),
        (lambda f: changed(f, network={"name": "os", "arguments": {}}), "contract", "`os` is no network"),
        (
            lambda f: changed(f, network={"name": "srcnn", "arguments": {"exec": 1}}),
            "contract",
            "`srcnn` has no option `exec`",
        ),
        (lambda f: (f / "config.json").write_text("[" * 10**5), "contract", "config.json of `f` is no JSON"),
    ],
)
def test_what_is_not(tmp_path: Path, spoil: Callable[[Path], object], what: str, told: str) -> None:
    folder = small(tmp_path / "f")
    spoil(folder)
    failed = [f for f in verify(folder) if not f.holds]
    assert [f.what for f in failed] == [what]
    assert told in failed[0].found


@pytest.mark.parametrize("arguments", [{"channels": 2**12}, {"depth": 2**12}, {"depth": 2**9, "channels": 2**9}])
def test_a_contract_cannot_ask_for_more_than_the_file_holds(tmp_path: Path, arguments: dict[str, int]) -> None:
    folder = small(tmp_path / "f", "dncnn", depth=2, channels=2)
    changed(folder, network={"name": "dncnn", "arguments": {"depth": 2, "channels": 2, **arguments}})
    with pytest.raises(FolderError, match="holds 39 numbers, and `dncnn"):
        load(folder)


def test_a_told_network_is_given_as_many_levels_as_images(tmp_path: Path) -> None:
    folder = small(tmp_path / "f", "drunet", channels=2, blocks=1)
    pair(folder, sigma=torch.tensor([0.1, 0.2]))
    assert [f.found for f in verify(folder) if not f.holds] == [
        "test.safetensors of `f` has 2 noise levels for 1 images"
    ]
    pair(folder, input=torch.rand(1, 1, 12, 16), sigma=torch.tensor([0.1]))
    (found,) = [f.found for f in verify(folder) if not f.holds]
    assert "1 x 1 x 12 x 16, and the network takes [n, 1, rows, columns] with extents that are multiples of 8" in found


def test_steepness_of_a_linear_network_is_its_largest_singular_value() -> None:
    torch.manual_seed(0)
    mix = nn.Conv2d(4, 4, 1)
    weights = mix.weight[:, :, 0, 0].detach().numpy()
    assert steepness(mix, torch.rand(1, 4, 3, 3)) == pytest.approx(np.linalg.norm(weights, 2), rel=1e-3)


def test_steepness_finds_nearly_the_largest_singular_value_of_the_jacobian_and_never_more_than_there_is() -> None:
    torch.manual_seed(1)
    network, x = DnCNN(1, 4, 3).requires_grad_(False), torch.rand(1, 1, 6, 6)
    jacobian = torch.autograd.functional.jacobian(network, x).reshape(36, 36).numpy()
    largest = np.linalg.norm(jacobian, 2)
    assert 0.98 * largest <= steepness(network, x, steps=100) <= 1.02 * largest
    assert steepness(nn.ReLU(), torch.rand(1, 1, 5, 5)) <= 1 + 1e-6
    assert steepness(nn.Threshold(9.0, 9.0), torch.rand(1, 1, 5, 5)) == 0, "a constant"


@pytest.mark.parametrize(
    ("claim", "holds"),
    [({"non_expansive": True}, False), ({"lipschitz": 1.4}, False), ({"lipschitz": 1.51}, True), ({}, True)],
)
def test_what_is_claimed_is_put_to_the_test(tmp_path: Path, claim: dict[str, Any], holds: bool) -> None:
    """A network whose layers take a half of the image off it from the other side: 3/2 of the image."""
    folder = small(tmp_path / "f", "dncnn", depth=2, channels=2)
    weights = {n: torch.zeros_like(t) for n, t in load_file(folder / "model.safetensors").items()}
    weights["model.0.weight"][:, 0, 1, 1] = torch.tensor([1.0, -1.0])
    weights["model.2.weight"][0, :, 1, 1] = torch.tensor([-0.5, 0.5])
    content = save(weights)
    (folder / "model.safetensors").write_bytes(content)
    changed(folder, properties=claim, sha256=hashlib.sha256(content).hexdigest())
    x = load_file(folder / "test.safetensors")["input"]
    pair(folder, output=1.5 * x)
    found = {f.what: f for f in verify(folder)}
    assert found["pair"].holds
    assert ("lipschitz" in found) == bool(claim)
    if claim:
        assert found["lipschitz"].holds == holds
        assert "near the test input images come 1.5 times as far apart" in found["lipschitz"].found
