"""Runs of many jobs: shared work, processes, one that dies, and going on after an interruption."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.analyses.finding import Finding
from recon.runtime.data.files import DataError
from recon.runtime.experiment import gather, work, workers
from recon.runtime.experiment.cells import cells
from recon.runtime.experiment.ledger import Ledger
from recon.runtime.experiment.outcome import Outcome, Shown
from recon.runtime.experiment.run import RunResult, run_page
from recon.runtime.folder import FolderError, RunFiles
from recon.runtime.operators import base
from recon.runtime.report.content import Curve

PAGE = """recon 1
param lam = 10
data cam = sample("camera")
image x : real[N, N]
forward A = conv(gaussian(width = 2), boundary = "zero")
noise y ~ gaussian(A @ x, sigma = 0.02)
method smooth { prior lam * sq(x); solver cg(iterations = I, tolerance = 0) }
method sparse { prior lam * l1(wavelet("db4") @ x); solver fista(iterations = I, tolerance = 0) }
metrics [psnr]
sweep grid { lam in [1, 10, 100] }
"""


def page(size: int = 32, iterations: int = 20) -> str:
    return PAGE.replace("N", str(size)).replace("I", str(iterations))


def run(text: str, folder: Path, name: str = "out", processes: int | None = 1) -> RunResult:
    return run_page(parse(Source("page.recon", text)), folder, [], out=folder / name, device="cpu", processes=processes)


def numbers(folder: Path) -> bytes:
    return (folder / "metrics.json").read_bytes()


def test_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run(page(), tmp_path, "one")
    monkeypatch.setattr(work, "STARTING", -1e9)
    several = run(page(), tmp_path, "several", processes=2)
    assert several.execution.processes == 2
    assert numbers(one.folder) == numbers(several.folder)
    for o in several.outcomes:
        x = np.load(several.folder / o.folder / "reconstruction.npy")
        assert np.array_equal(x, np.load(one.folder / o.folder / "reconstruction.npy"))
    assert not (several.folder / ".unfinished").exists()


def test_short_runs_stay_in_one_process(tmp_path: Path) -> None:
    assert run(page(), tmp_path, processes=None).execution.processes == 1


def test_a_page_that_shows_seconds_does_one_job_at_a_time(tmp_path: Path) -> None:
    timed = page() + "report table { rows = method; columns = lam; cells = [mean(seconds)] }\n"
    all_cells = cells(parse(Source("page.recon", timed)), tmp_path, [])
    import torch

    assert work.plan_work(all_cells, tmp_path, torch.device("cpu"), None).processes == 1


def test_what_jobs_have_in_common_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six jobs read the picture once, simulate once, and estimate the norm of the blur once."""
    seen = {"read": 0, "simulated": 0, "norms": 0}

    def counted(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def count(*args: object, **options: object) -> object:
            seen[name] += 1
            return real(*args, **options)

        return count

    monkeypatch.setattr(gather, "RowReader", counted("read", gather.RowReader))
    monkeypatch.setattr(gather, "simulate", counted("simulated", gather.simulate))
    monkeypatch.setattr(base, "estimate_norm", counted("norms", base.estimate_norm))
    run(page(), tmp_path)
    assert seen == {"read": 1, "simulated": 1, "norms": 1}


def test_a_ledger_gives_back_what_it_took(tmp_path: Path) -> None:
    arrays = {"x": np.arange(6.0).reshape(2, 3)}
    o = Outcome(
        {"lam": "1"}, "cam", "tv", "admm", [0], {"psnr": [31.5, float("nan")]}, choices=[("step", 0.1, "1 / L")]
    )
    o.shown = [Shown(0, {}, {"y": np.ones(3, np.complex64)}, None, arrays)]
    curve = Curve("spectrum", "number", {"A": ([1.0, 2.0], np.array([3.0, 1.0]))}, log_y=True)
    o.analyses = {"s": Finding("exact", "s", columns={"value": (3.0, 1.0)}, curves=(curve,))}
    ledger = Ledger(RunFiles(tmp_path), {"spec": "0"})
    ledger.open()
    ledger.write(3, o)
    found = ledger.open()[3]
    assert repr(found) == repr(o)
    assert np.array_equal(found.shown[0].estimates["x"], arrays["x"])
    assert Ledger(RunFiles(tmp_path), {"spec": "1"}).open() == {}


def test_other_seeds_are_other_data(tmp_path: Path) -> None:
    r = run(page().replace("lam in [1, 10, 100]", "run.seed in 0..1"), tmp_path)
    a, b = (np.load(r.folder / f"run.seed={s}" / "sparse" / "measurement-y.npy") for s in (0, 1))
    assert not np.array_equal(a, b)


def test_every_page_of_the_gallery_can_be_sent_to_a_process() -> None:
    for path in sorted(Path("specs").rglob("*.recon"))[::5]:
        for cell in cells(parse(Source(str(path), path.read_text())), path.parent, [])[:1]:
            assert pickle.loads(pickle.dumps(cell)).labels == cell.labels


def test_a_process_that_is_killed_costs_its_job_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system does where memory runs out: the job is told, a new process does the rest."""
    monkeypatch.setattr(work, "STARTING", -1e9)
    start, victims = workers._start, []

    def starting(*args: object) -> object:
        w = start(*args)  # type: ignore[arg-type]
        victims.append(w)
        return w

    monkeypatch.setattr(workers, "_start", starting)
    hear = workers._hear

    def killing(w: workers._Worker, progress: object) -> object:
        found = list(hear(w, progress))  # type: ignore[arg-type]
        if w is victims[0] and w.ready and w.process.is_alive():
            os.kill(w.process.pid or 0, signal.SIGKILL)
            w.process.join()
        return found

    monkeypatch.setattr(workers, "_hear", killing)
    r = run(page(64, 400), tmp_path, processes=2)
    failed = [o for o in r.outcomes if o.failure]
    assert r.code == 3
    assert len(failed) == 1
    assert "SIGKILL" in failed[0].failure
    assert "memory" in failed[0].failure
    assert all(o.metrics["psnr"] for o in r.outcomes if not o.failure)
    assert len(r.outcomes) == 6


def start_and_stop(folder: Path, number: signal.Signals, *options: str) -> subprocess.CompletedProcess[str]:
    """`recon run` on a page of long jobs, sent a signal once its first job is done."""
    command = [sys.executable, "-c", "from recon.runtime.command.main import main; main()"]
    process = subprocess.Popen(
        [*command, "run", "page.recon", "--out", "out", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + 120
    while not any((f / "0.json").exists() for f in folder.glob(".out.partial-*/.unfinished")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_is_gone_on_with(tmp_path: Path, number: signal.Signals) -> None:
    text = page(128, 300)
    (tmp_path / "page.recon").write_text(text)
    stopped = start_and_stop(tmp_path, number, "--jobs", "1")
    if number == signal.SIGINT:
        assert stopped.returncode == 130
        assert "the same command goes on from there" in stopped.stderr
        assert (tmp_path / "out-interrupted" / "report.html").exists()
    again = run(text, tmp_path)
    assert 1 <= again.execution.resumed < 6
    assert again.code == 0
    assert not (tmp_path / "out-interrupted").exists()
    whole = run(text, tmp_path, "whole")
    assert numbers(again.folder) == numbers(whole.folder)
    assert json.loads((again.folder / "manifest.json").read_text())["resumed"] == again.execution.resumed


def test_ctrl_c_reaches_the_processes(tmp_path: Path) -> None:
    """Each finishes its step and keeps its estimate; what was finished before is gone on from."""
    text = page(128, 1500)
    (tmp_path / "page.recon").write_text(text)
    stopped = start_and_stop(tmp_path, signal.SIGINT, "--jobs", "2")
    assert stopped.returncode == 130, stopped.stderr
    kept = json.loads((tmp_path / "out-interrupted" / "metrics.json").read_text())
    assert kept["outcomes"][0]["metrics"]["psnr"]
    assert len(kept["outcomes"]) < 6


def test_a_full_disk_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = RunFiles._write

    def full(self: RunFiles, name: str, *parts: bytes | memoryview) -> Path:
        if name.startswith("lam=10/") or name == "report.html":
            raise FolderError(f"cannot write {name}: no space left on the disk")
        return write(self, name, *parts)

    with monkeypatch.context() as m:
        m.setattr(RunFiles, "_write", full)
        with pytest.raises(FolderError, match="no space left on the disk; 2 of 6 are done and kept"):
            run(page(), tmp_path)
    again = run(page(), tmp_path)
    assert again.execution.resumed == 2
    assert again.code == 0


def test_a_run_that_finds_no_data_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"no array")
    text = page().replace('sample("camera")', 'npy("x.npy")')
    with pytest.raises(DataError):
        run(text, tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["x.npy"]
