"""Folders of the zoo: what is looked at before PyTorch is, and whether they are what they say."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recon.dsl.model.folder import FolderError
from recon.zoo.folder import load
from recon.zoo.verify import verify
from small_weights import small


def changed(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(("word", "arguments"), [("srcnn", {"channels": 4}), ("drunet", {"channels": 2, "blocks": 1})])
def test_what_is_as_it_says(tmp_path: Path, word: str, arguments: dict[str, int]) -> None:
    found = list(verify(small(tmp_path / "f", word, **arguments)))
    assert [f.what for f in found] == ["contract", "card", "page", "weights", "pair"]
    assert all(f.holds for f in found), found


def spoil_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


def spoil_test(folder: Path) -> None:
    path = folder / "test.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-4:] = struct.pack("<f", 2.0)
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("spoil", "what", "told"),
    [
        (spoil_weights, "weights", "has the SHA-256"),
        (spoil_test, "pair", "of the largest value"),
        (lambda f: (f / "test.safetensors").unlink(), "pair", "has no file test.safetensors"),
        (lambda f: (f / "README.md").unlink(), "card", "has no file README.md"),
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
