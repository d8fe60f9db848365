"""When trackers are told, and that what goes wrong with one of them goes no further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.trackers.wandb import Wandb
from recon.runtime.experiment.run import INTERRUPTED, RunResult, run_page
from recon.runtime.report.content import Estimate, Table
from recon.runtime.trackers.base import Image, Place, Start, Told, Trackers, columns_of
from recon.runtime.trackers.outcomes import log_run
from recon.runtime.trackers.sending import Mode, Sender
from recon.runtime.trackers.wandb import WandbRuns
from wandb_files import offline_runs

PAGE = """recon 1
experiment "told"
param lam = 2
data cam = sample("camera")
image x : real[24, 24] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior lam * tv(x)
solver pdhg(iterations = 30)
metrics [psnr]
sweep weights { lam in [1, 3, 5] }
log wandb { project = "p" }
"""


@dataclass
class Notes:
    """What trackers are told; one thing fails."""

    fails: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)

    def note(self, what: str, more: str = "") -> None:
        if what == self.fails:
            raise RuntimeError("the disk\nis full")
        self.told.append((what, more))


@dataclass
class Recorder:
    notes: Notes

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self.notes.note("log", f"{step} {dict(numbers)}")

    def images(self, step: int, pictures: Mapping[str, Sequence[Image]]) -> None:
        self.notes.note("images", " ".join(pictures))

    def table(self, name: str, table: Table) -> None:
        self.notes.note("table", name)

    def summary(self, values: Mapping[str, float | str]) -> None:
        self.notes.note("summary", str(dict(values)))

    def files(self, name: str, files: Mapping[str, Path]) -> None:
        self.notes.note("files", name)

    def finish(self, failure: str = "") -> None:
        self.notes.note("finish", failure)


@dataclass
class Recording:
    notes: Notes
    images: int = 2

    def start(self, start: Start, folder: Path) -> Recorder:
        self.notes.note("start", start.name)
        return Recorder(self.notes)

    def close(self, folder: Path) -> Told:
        self.notes.note("close")
        return Told(("seen",))


def run(page: str, out: Path, stop: bool = False) -> RunResult:
    def progress(what: str, iteration: int, total: int, move: float) -> None:
        if stop and what.startswith("3"):
            raise KeyboardInterrupt

    tree = parse(Source("page.recon", page))
    return run_page(tree, out.parent, [], out=out, device="cpu", progress=progress, logs=Place(False))


def test_a_run_that_was_interrupted_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    stopped = run(PAGE, tmp_path / "out", stop=True)
    assert stopped.code == INTERRUPTED
    assert stopped.trackers is not None
    assert log_run(stopped, stopped.trackers).lines == ("not logged: the run is not done",)
    assert not list(tmp_path.rglob("offline-run-*"))
    done = run(PAGE, tmp_path / "out")
    assert done.execution.resumed == 1
    assert done.trackers is not None
    log_run(done, done.trackers)
    assert set(offline_runs(tmp_path / "out")) == {"lam=1", "lam=3", "lam=5", "summary"}
    assert offline_runs(tmp_path / "out")["lam=1"].images("reconstruction"), "pictures of before the interruption too"


def test_runs_are_whole_as_soon_as_they_are_told_of(tmp_path: Path) -> None:
    for k in range(6):
        runs = WandbRuns(Wandb.model_validate({"project": "p"}), Place(True), Sender(Mode("offline")))
        watched = runs.start(Start(f"run {k}", "group", "training"), tmp_path / str(k))
        watched.log(1, {"loss": 1.0})
        watched.finish()
        runs.close(tmp_path / str(k))
        assert offline_runs(tmp_path / str(k))[f"run {k}"].exit == 0


def test_a_method_that_failed_is_logged_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    page = PAGE.replace("sweep weights { lam in [1, 3, 5] }\n", "").replace(
        "prior lam * tv(x)\nsolver pdhg(iterations = 30)\n",
        "method wild { prior lam * sq(x); solver gradient(step = 1e3, iterations = 300) }\n"
        "method calm { prior lam * sq(x) }\n",
    )
    done = run(page, tmp_path / "out")
    assert done.trackers is not None
    assert log_run(done, done.trackers).warnings == ()
    runs = offline_runs(tmp_path / "out")
    assert runs["calm"].exit == 0
    assert runs["wild"].exit == 1
    assert runs["wild"].summary["failure"] == next(o.failure for o in done.outcomes if o.method == "wild")


@pytest.mark.parametrize("fails", ["start", "log", "images", "table", "summary", "files", "finish", "close"])
def test_a_tracker_that_fails_costs_the_others_nothing(fails: str, tmp_path: Path) -> None:
    broken, whole = Notes(fails), Notes()
    trackers = Trackers({"broken": Recording(broken), "whole": Recording(whole)})
    watched = trackers.start(Start("a", "g", "training"), tmp_path)
    watched.log(1, {"loss": 2.0, "gap": float("nan")})
    watched.log(2, {"gap": float("inf")})
    watched.images(1, {"truth": [Image("", b"")]})
    watched.table("t", Table("", ["a"], []))
    watched.summary({"psnr": 30.0, "ssim": float("nan"), "stopped": "done"})
    watched.files("f", {})
    watched.finish("failed")
    told = trackers.close(tmp_path)
    assert whole.told == [
        ("start", "a"),
        ("log", "1 {'loss': 2.0}"),
        ("images", "truth"),
        ("table", "t"),
        ("summary", "{'psnr': 30.0, 'stopped': 'done'}"),
        ("files", "f"),
        ("finish", "failed"),
        ("close", ""),
    ]
    assert told.lines == ("seen",)
    assert told.warnings == ("`log broken`: the disk is full; the folder of the run has everything",)
    assert broken.told == whole.told[: [what for what, _ in whole.told].index(fails)]


def test_without_trackers_nothing_is_told(tmp_path: Path) -> None:
    page = PAGE.replace('log wandb { project = "p" }\n', "")
    assert run(page, tmp_path / "out").trackers is None
    assert not Trackers()
    Trackers().start(Start("a", "g", "training"), tmp_path).log(1, {"loss": 1.0})


def test_numbers_with_intervals_are_two_columns() -> None:
    rows: Sequence[Sequence[str | float | Estimate | None]] = [
        ["tv", Estimate(30.0, 0.5), 1.0],
        ["adjoint", None, float("nan")],
        ["plain", Estimate(20.0), 2.0],
    ]
    table = Table("t", ["method", "psnr", "n"], rows, heads=[[("", 1), ("noise", 2)]])
    names, lines = columns_of(table)
    assert names == ["method", "noise, psnr", "noise, psnr ±", "noise, n"]
    assert lines == [["tv", 30.0, 0.5, 1.0], ["adjoint", None, None, None], ["plain", 20.0, None, 2.0]]
