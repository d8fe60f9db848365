"""Folders of the zoo: what is written reads back, and what does not fit is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.zoo import folder as zoo_folder
from recon.zoo.folder import FolderError, load, read_contract, read_test, write
from recon.zoo.networks import DnCNN
from safetensors.torch import save_file
from torch import Tensor


def contract(**more: Any) -> Contract:
    given: dict[str, Any] = {
        "network": Architecture(name="dncnn", arguments={"depth": 3, "channels": 4}),
        "role": "denoiser",
        "channels": 1,
        "noise": NoiseLevels(conditional=False, levels=(0.1, 0.1)),
        "sha256": "0" * 64,
        "licences": Licences(weights="CC0-1.0", code="MIT", data="CC0-1.0"),
    }
    return Contract(**{**given, **more})


def written(folder: Path, weights: dict[str, Tensor] | None = None, **more: Any) -> DnCNN:
    network = DnCNN(1, 4, 3)
    x = torch.rand(1, 1, 8, 8)
    with torch.no_grad():
        test = {"input": x, "output": network(x)}
    write(folder, contract(**more), weights or network.state_dict(), spec="recon 1\n", test=test)
    return network


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    network = written(tmp_path / "w")
    found, told = load(tmp_path / "w")
    assert told == read_contract(tmp_path / "w")
    assert told.sha256 == hashlib.sha256((tmp_path / "w" / "model.safetensors").read_bytes()).hexdigest()
    assert not found.training
    assert not any(p.requires_grad for p in found.parameters())
    assert all(torch.equal(v, found.state_dict()[k]) for k, v in network.state_dict().items())
    pair = read_test(tmp_path / "w")
    torch.testing.assert_close(found(pair["input"]), pair["output"])


def test_weights_in_any_memory_layout_are_the_same_bytes(tmp_path: Path) -> None:
    network = DnCNN(1, 4, 3)
    last = {n: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for n, t in network.state_dict().items()}
    written(tmp_path / "a", network.state_dict())
    written(tmp_path / "b", last)
    assert read_contract(tmp_path / "a").sha256 == read_contract(tmp_path / "b").sha256


def config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the contract of a folder by hand."""
    path = folder / "config.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(format=2), "format"),
        (lambda c: c.update(run="rm"), "run"),
        (lambda c: c.pop("role"), "role"),
        (lambda c: c.update(role="oracle"), "role"),
        (lambda c: c.update(channels=0), "channels"),
        (lambda c: c.update(range=[1.0, 0.0]), "range"),
        (lambda c: c.update(sha256="../../etc/passwd"), "sha256"),
        (lambda c: c["noise"].update(levels=[0.3, 0.1]), "noise"),
        (lambda c: c["network"].update(name="../dncnn"), "network"),
        (lambda c: c["network"].update(name="eval"), "`eval`"),
        (lambda c: c["network"].update(name="conv_generator"), "conv_generator"),
        (lambda c: c["network"]["arguments"].update(depth=-1), "dncnn"),
        (lambda c: c["network"]["arguments"].update(layers=3), "dncnn"),
        (lambda c: c["network"]["arguments"].update(depth=4), "dncnn"),
        (lambda c: c.update(channels=2), "dncnn"),
        (lambda c: c.update(sha256="1" * 64), "SHA-256"),
    ],
)
def test_a_contract_that_does_not_hold_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    written(tmp_path / "w")
    config(tmp_path / "w", change)
    with pytest.raises(FolderError, match=said):
        load(tmp_path / "w")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model.2.bias": None, "more": torch.zeros(9)}, "lacks `model.2.bias` of `dncnn`"),
        ({"model.2.bias": None, "model.0.bias": None, "more": torch.zeros(9)}, "lacks `model.0.bias` and 1 more of"),
        ({"model.9.bias": torch.zeros(1)}, "has `model.9.bias`, and `dncnn` has no place for that"),
        ({"model.2.bias": torch.zeros(5)}, "has `model.2.bias` with the shape 5, and `dncnn` with 4"),
        (
            {"model.2.weight": torch.zeros(4, 4, 9)},
            "has `model.2.weight` with the shape 4 x 4 x 9, and `dncnn` with 4 x 4 x 3 x 3",
        ),
        ({"model.2.bias": torch.zeros(4, dtype=torch.int64)}, "has `model.2.bias` as int64, and `dncnn` as float32"),
        ({"model.2.bias": torch.tensor([0, 0, torch.nan, 0])}, "has numbers in `model.2.bias` that are not finite"),
        ({"model.2.bias": torch.tensor([0, torch.inf, 0, 0])}, "has numbers in `model.2.bias` that are not finite"),
    ],
)
def test_weights_are_those_of_the_network(tmp_path: Path, changes: dict[str, Tensor | None], said: str) -> None:
    weights = {n: t for n, t in {**DnCNN(1, 4, 3).state_dict(), **changes}.items() if t is not None}
    written(tmp_path / "w", weights)
    with pytest.raises(FolderError, match=f"model.safetensors of `w` {said}"):
        load(tmp_path / "w")


def test_weights_of_half_precision_are_made_whole(tmp_path: Path) -> None:
    written(tmp_path / "w", {n: t.half() for n, t in DnCNN(1, 4, 3).state_dict().items()})
    network, _ = load(tmp_path / "w")
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_to_load_weights_draws_no_number(tmp_path: Path) -> None:
    written(tmp_path / "w")
    before = torch.get_rng_state()
    load(tmp_path / "w")
    assert torch.equal(torch.get_rng_state(), before)


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('run')",))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(_Runs()),
        b"",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 9) + b"not json!",
        struct.pack("<Q", 2) + b"{}" + b"rest",
    ],
)
def test_a_file_that_holds_no_tensors_is_refused_and_nothing_is_run(tmp_path: Path, content: bytes) -> None:
    written(tmp_path / "w")
    (tmp_path / "w" / "model.safetensors").write_bytes(content)
    config(tmp_path / "w", lambda c: c.update(sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(FolderError):
        load(tmp_path / "w")


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match=r"`empty` is no folder of the zoo: it has no `config\.json`"):
        load(tmp_path / "empty")
    written(tmp_path / "w")
    (tmp_path / "w" / "model.safetensors").unlink()
    (tmp_path / "w" / "model.safetensors").mkdir()
    with pytest.raises(FolderError, match="no regular file"):
        load(tmp_path / "w")
    (tmp_path / "w" / "config.json").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(FolderError, match="1,048,576 are the most that is read"):
        load(tmp_path / "w")


def test_layers_that_predict_noise_are_taken_off_the_input(tmp_path: Path) -> None:
    from recon.zoo.networks import SRCNN

    layers = SRCNN(1, 4)
    made = contract(network=Architecture(name="srcnn", arguments={"channels": 4}), predicts="noise")
    write(tmp_path / "w", made, layers.state_dict(), spec="", test={"input": torch.zeros(1)})
    network, _ = load(tmp_path / "w")
    x = torch.rand(1, 1, 9, 9)
    torch.testing.assert_close(network(x), x - layers(x))


def test_tensors_that_a_card_hides_in_are_not_read_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    save_file({"x": torch.zeros(1)}, tmp_path / "elsewhere.safetensors")
    (folder / "test.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(FolderError, match=r"test\.safetensors of `w`"):
        read_test(folder)
    (folder / "test.safetensors").unlink()
    save_file({"x": torch.zeros(1)}, folder / "test.safetensors")
    assert set(read_test(folder)) == {"x"}


def test_no_more_memory_is_asked_for_than_a_file_has(tmp_path: Path) -> None:
    written(tmp_path / "w")
    tracemalloc.start()
    try:
        load(tmp_path / "w")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("when", ["held", "read"])
def test_what_is_hashed_is_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Somebody exchanges the weights while they are looked at."""
    mine = written(tmp_path / "w")
    written(tmp_path / "other")
    looked = getattr(zoo_folder, when)

    def exchanged(folder: Path, *name: str) -> Any:
        found = looked(folder, *name)
        (folder / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
        return found

    monkeypatch.setattr(zoo_folder, when, exchanged)
    if when == "held":
        with pytest.raises(FolderError, match="has the SHA-256"):
            load(tmp_path / "w")
    else:
        found, _ = load(tmp_path / "w")
        assert all(torch.equal(v, found.state_dict()[k]) for k, v in mine.state_dict().items())
