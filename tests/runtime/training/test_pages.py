"""Pages that train: what a run writes, that it is not trained twice, and that a break costs little."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recon.dsl.model.contract import Contract
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import RunResult, run_page
from recon.zoo.folder import load, read_contract, read_test
from safetensors.torch import load_file

PAGE = """recon 1
experiment "small"
data fit = sample("*") {{ split = "train"; x = image }}
{data}
data test = sample("camera")
image x : {space} {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = {sigma})
train supervised({loss}) {{
  data = fit; patches = 16; batch = 4; steps = {steps}; checkpoint = 5; ema = 0.9
  schedule = cosine(warmup = 5); augment = [flip, rotate90]; {options}
}}
{solvers}
metrics [psnr]
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RECON_NATIVE", "0")  # kernels would be compiled anew in an empty cache
    return tmp_path / "cache" / "recon" / "training"


def text(**more: Any) -> str:
    given = {
        "space": "real[64, 64]",
        "sigma": "0.1",
        "loss": "loss = l2",
        "steps": 20,
        "options": "",
        "data": "",
        "solvers": "solver network(learned(dncnn(depth = 3, channels = 8)))",
    }
    return PAGE.format(**{**given, **more})


def run(folder: Path, **more: Any) -> RunResult:
    steps: list[tuple[str, int]] = more.pop("steps_seen", [])

    def progress(what: str, step: int, total: int, move: float) -> None:
        if what.startswith("training"):
            steps.append((what, step))

    page = parse(Source("page.recon", text(**more)))
    result = run_page(page, folder, [], out=folder / "out", progress=progress)
    assert not result.failure
    assert not any(o.failure for o in result.outcomes), [o.failure for o in result.outcomes]
    return result


def test_a_run_trains_reconstructs_scores_and_keeps_the_weights(tmp_path: Path, cache: Path) -> None:
    steps: list[tuple[str, int]] = []
    result = run(tmp_path, steps_seen=steps)
    assert steps == [("training dncnn", k) for k in range(1, 21)]
    (outcome,) = result.outcomes
    assert outcome.solver == "network"
    weights = result.folder / "weights"
    assert {p.name for p in weights.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "spec.recon",
        "test.safetensors",
    }
    contract = read_contract(weights)
    assert contract == Contract.model_validate_json((weights / "config.json").read_text())
    assert (contract.network.name, contract.network.arguments) == ("dncnn", {"depth": 3, "channels": 8})
    assert (contract.channels, contract.value, contract.role, contract.multiple) == (1, "real", "denoiser", 1)
    assert contract.noise is not None
    assert (contract.noise.conditional, contract.noise.levels) == (False, (0.1, 0.1))
    # The estimate is what the network of the folder makes of the measurement.
    network, _ = load(weights)
    shown = outcome.shown[0]
    measured = torch.from_numpy(shown.measured["y"])
    with torch.no_grad():
        expected = network(measured[None, None])[0, 0]
    np.testing.assert_allclose(shown.estimates["x"], expected.numpy(), atol=1e-5)


def test_the_test_pair_of_the_folder_is_what_the_network_gives(tmp_path: Path) -> None:
    solvers = "solver network(learned(drunet(channels = 4, blocks = 1)))"
    weights = run(tmp_path, sigma="uniform(0, 0.2)", solvers=solvers).folder / "weights"
    network, contract = load(weights)
    pair = read_test(weights)
    assert contract.noise is not None
    assert contract.noise.levels == (0.0, 0.2)
    with torch.no_grad():
        torch.testing.assert_close(network(pair["input"], pair["sigma"]), pair["output"])


def test_the_same_page_is_trained_once_and_another_one_anew(tmp_path: Path, cache: Path) -> None:
    first = run(tmp_path)
    again: list[tuple[str, int]] = []
    second = run(tmp_path, steps_seen=again)
    assert again == []
    assert [o.metrics for o in first.outcomes] == [o.metrics for o in second.outcomes]
    other: list[tuple[str, int]] = []
    run(tmp_path, steps=21, steps_seen=other)
    assert len(other) == 21
    watched: list[tuple[str, int]] = []
    val = 'data val = sample("*") { split = "test"; x = image; limit = 1 }'
    run(tmp_path, data=val, options="validate = val", steps_seen=watched)
    assert watched == [], "what training is watched on changes nothing of it"


def test_the_same_page_elsewhere_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_file(run(tmp_path).folder / "weights" / "model.safetensors")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    second = load_file(run(tmp_path).folder / "weights" / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[n], second[n]) for n in first)


def test_methods_are_trained_apart_and_share_what_is_equal(tmp_path: Path) -> None:
    solvers = """
method one { solver network(learned(dncnn(depth = 3, channels = 8))) }
method same { solver network(learned(dncnn(depth = 3, channels = 8))) }
method wide { solver network(learned(dncnn(depth = 3, channels = 9))) }
method tv { prior 10 * tv(x) }
"""
    steps: list[tuple[str, int]] = []
    result = run(tmp_path, solvers=solvers, steps_seen=steps)
    assert [w for w, k in steps if k == 1] == ["training dncnn (one)", "training dncnn (wide)"]
    found = {o.method: o.metrics["psnr"] for o in result.outcomes}
    assert found["one"] == found["same"] != found["wide"]
    assert "tv" in found
    assert (result.folder / "weights-2" / "config.json").exists()


def test_a_residual_target_is_taken_off_the_input(tmp_path: Path) -> None:
    """With weights that answer zero the image stays as it is, where without it it would vanish."""
    solvers = "solver network(learned(srcnn(channels = 4)))"
    weights = run(tmp_path, loss="loss = l2, target = residual", solvers=solvers).folder / "weights"
    network, contract = load(weights)
    assert contract.predicts == "noise"
    y = torch.rand(1, 1, 12, 12)
    for p in network.parameters():
        p.zero_()
    assert torch.equal(network(y), y)


def test_complex_images_go_through_a_network_of_two_planes(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        space="complex[64, 64]",
        solvers="solver network(learned(dncnn(depth = 2, channels = 4)))",
    )
    contract = read_contract(result.folder / "weights")
    assert (contract.channels, contract.value) == (2, "complex")
    assert np.iscomplexobj(result.outcomes[0].shown[0].estimates["x"])


def test_extents_need_not_be_a_multiple_of_what_the_network_takes(tmp_path: Path) -> None:
    solvers = "solver network(learned(drunet(channels = 4, blocks = 1)))"
    result = run(tmp_path, space="real[61, 50]", solvers=solvers)
    assert result.outcomes[0].shown[0].estimates["x"].shape == (61, 50)


def _command(tmp_path: Path, spec: Path) -> subprocess.Popen[bytes]:
    code = "from recon.runtime.command.main import main; main()"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-c", code, "run", str(spec), "--out", str(tmp_path / "out"), "--quiet"]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_broken_off_goes_on_from_its_checkpoint(
    tmp_path: Path, cache: Path, how: signal.Signals
) -> None:
    spec = tmp_path / "page.recon"
    spec.write_text(text(steps=3000))
    first = _command(tmp_path, spec)
    limit = time.monotonic() + 90
    while not list(cache.glob("*/checkpoint.safetensors")):
        assert time.monotonic() < limit, "no checkpoint came"
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(how)
    first.communicate(timeout=60)
    assert first.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    (state,) = cache.glob("*/checkpoint.safetensors")
    done = int(_metadata(state)["step"])
    assert 5 <= done < 3000
    if how == signal.SIGKILL:
        assert done % 5 == 0
    seen: list[tuple[str, int]] = []
    second = text(steps=3000)

    def progress(what: str, step: int, total: int, move: float) -> None:
        seen.append((what, step))
        if step >= done + 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_page(parse(Source("page.recon", second)), tmp_path, [], out=tmp_path / "out", progress=progress)
    assert [k for _, k in seen] == [done + 1, done + 2, done + 3]
    assert int(_metadata(state)["step"]) == done + 3


def _metadata(path: Path) -> dict[str, str]:
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        found: dict[str, str] = json.loads(file.read(size))["__metadata__"]
    return found


def test_training_that_diverges_is_told_with_what_may_help(tmp_path: Path) -> None:
    spec = tmp_path / "page.recon"
    spec.write_text(text(steps=2000, options="optimizer = adam(lr = 1e6)"))
    process = _command(tmp_path, spec)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    assert b"smaller learning rate" in out
    assert b"Traceback" not in out


def test_a_page_can_use_the_weights_of_another_run(tmp_path: Path) -> None:
    first = run(tmp_path)
    page = """recon 1
weights own = folder("out/weights")
data test = sample("camera")
image x : real[64, 64] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
solver network(own)
metrics [psnr]
"""
    second = run_page(parse(Source("page.recon", page)), tmp_path, [], out=tmp_path / "second")
    assert second.outcomes[0].metrics == first.outcomes[0].metrics
