"""Training can be watched while it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.trackers.wandb import Wandb
from recon.runtime.experiment.run import RunResult, run_page
from recon.runtime.trackers.base import Place, Start
from recon.runtime.trackers.outcomes import log_run
from recon.runtime.trackers.sending import Mode, Sender
from recon.runtime.trackers.wandb import WandbRuns
from wandb_files import offline_runs
from wandb_server import KEY, closed_port, wandb_server

PAGE = """recon 1
experiment "trained"
data fit = sample("*") { split = "train"; x = image }
data val = sample("coins") { x = image }
data test = sample("camera")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
train supervised(loss = l2) {
  data = fit; validate = val; patches = 16; batch = 2; steps = 40; optimizer = adam(lr = 2e-3)
}
solver network(learned(dncnn(depth = 3, channels = 8)))
metrics [psnr]
log wandb { project = "training" }
"""
WAIT = 60.0
"""Seconds for what takes two or three."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RECON_NATIVE", "0")  # kernels would be compiled anew in an empty cache


def run(out: Path) -> RunResult:
    page = parse(Source("page.recon", PAGE))
    result = run_page(page, out.parent, [], out=out, device="cpu", logs=Place(may_send=False))
    assert result.trackers is not None
    assert log_run(result, result.trackers).warnings == ()
    return result


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + WAIT
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


def test_training_is_a_run_of_the_group(tmp_path: Path) -> None:
    run(tmp_path / "out")
    runs = offline_runs(tmp_path / "out")
    assert set(runs) == {"training dncnn", "trained"}
    training, outcome = runs["training dncnn"], runs["trained"]
    assert (training.kind, outcome.kind) == ("training", "reconstruction")
    assert training.group == outcome.group
    assert set(training.series("loss")) == set(range(1, 41))
    assert all(v > 0 for v in training.series("loss").values())
    assert set(training.series("validation")) == set(range(2, 41, 2)), "twenty looks at validation data"
    assert training.exit == 0
    assert training.config["train"]["optimizer"]["lr"] == 2e-3
    assert training.config["train"]["steps"] == 40
    assert training.config["spec"] == (tmp_path / "out" / "spec.recon").read_text()
    # weights that are there already are not trained again, and so not logged
    run(tmp_path / "again")
    assert set(offline_runs(tmp_path / "again")) == {"trained"}


def test_a_run_is_sent_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wandb_server() as server:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "1")  # seconds, else 15
        runs = WandbRuns(Wandb.model_validate({"project": "p"}), Place(True), Sender(Mode("online")))
        watched = runs.start(Start("training", "g", "training"), tmp_path)
        for step in range(1, 11):
            watched.log(step, {"loss": 1.0 / step})
        assert until(lambda: any(len(r.history) > 1 for r in server.runs.values())), "before it has ended"
        (there,) = server.runs.values()
        assert there.exit is None
        watched.log(11, {"loss": 0.01})
        watched.finish()
        assert there.exit == 0
        assert [line["loss"] for line in there.history][-1] == 0.01
        asked = len(server.asked)
        told = runs.close(tmp_path)
        assert told.warnings == ()
        assert server.asked[asked:] == ["Viewer"], "it is not sent twice"


def test_without_a_server_a_run_that_is_followed_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", closed_port())
    runs = WandbRuns(Wandb.model_validate({"project": "p"}), Place(True), Sender(Mode("online")))
    watched = runs.start(Start("training", "g", "training"), tmp_path)
    watched.log(1, {"loss": 1.0})
    watched.finish("interrupted")
    assert len(runs.close(tmp_path).warnings) == 1
    written = offline_runs(tmp_path)["training"]
    assert (written.series("loss"), written.exit, written.summary["failure"]) == ({1: 1.0}, 1, "interrupted")


SCRIPT = """
import sys, time
from pathlib import Path
from recon.dsl.vocabulary.trackers.wandb import Wandb
from recon.runtime.trackers.base import Place, Start
from recon.runtime.trackers.sending import Mode, Sender
from recon.runtime.trackers.wandb import WandbRuns
runs = WandbRuns(Wandb.model_validate({"project": "p"}), Place(True), Sender(Mode("online")))
watched = runs.start(Start("training", "g", "training"), Path(sys.argv[1]))
watched.log(1, {"loss": 1.0})
print(watched._following.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_follows_a_run_ends_with_it_however_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wandb_server() as server:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            follower = int(process.stdout.readline())
            assert until(lambda: bool(server.runs)), "it is at work"
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT)
        assert until(lambda: not _runs(follower))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # without a parent that asks for its end it may stay as a zombie, which does nothing any more
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
