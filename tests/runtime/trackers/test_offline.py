"""What a page logs is all in the offline runs that `wandb` can send later."""

from __future__ import annotations

import csv
import getpass
import json
import re
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recon_process import recon
from wandb_files import offline_run, offline_runs, records

PAGE = """recon 1
## Small faces
experiment "watched"
param lam = 10
data faces = sample("lfw_subset") { limit = 3 }
image x : real[25, 25] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
method tv { prior lam * tv(x); solver pdhg(iterations = 30) }
method plain { prior lam * sq(x) }
metrics [psnr, ssim]
expect mean(psnr) >= 5dB
sweep weights { lam in [5, 10] }
report table { rows = method; columns = lam; cells = [mean(psnr)] }
log wandb { project = "faces"; entity = "some-team"; images = 2; tags = ["small", "tv"] }
"""
SINGLE = """recon 1
experiment "single"
data cam = sample("camera")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior 5 * tv(x)
solver pdhg(iterations = 20)
metrics [psnr]
log wandb { project = "one" }
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the page with everything."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "page.recon").write_text(PAGE)
    done = recon("run", "page.recon", "--out", "out", folder=folder, WANDB_MODE="offline", WANDB_API_KEY="")
    assert done.returncode == 0, done.stderr
    assert "warning: " not in done.stderr
    assert "logged for W&B, offline as WANDB_MODE says; `wandb sync out/wandb/offline-run-*` sends it" in done.stdout
    assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("wandb:")]
    return folder / "out"


def test_each_method_in_each_cell_is_a_run_of_one_group(sweep: Path) -> None:
    runs = offline_runs(sweep)
    assert set(runs) == {"lam=5 tv", "lam=5 plain", "lam=10 tv", "lam=10 plain", "summary"}
    digest = json.loads((sweep / "manifest.json").read_text())["digests"]["spec"]
    assert {r.group for r in runs.values()} == {f"watched-{digest[:8]}"}
    assert {(r.project, r.entity, r.exit) for r in runs.values()} == {("faces", "some-team", 0)}
    assert all(r.tags == ["small", "tv"] for r in runs.values())
    assert {r.name for r in runs.values() if r.kind == "summary"} == {"summary"}


def test_the_config_says_what_was_run(sweep: Path) -> None:
    run = offline_runs(sweep)["lam=5 tv"]
    manifest = json.loads((sweep / "manifest.json").read_text())
    assert run.config["spec"] == (sweep / "spec.recon").read_text()
    assert run.config["digests"] == manifest["digests"]
    assert run.config["params"] == {"lam": 5.0}
    assert run.config["cell"] == {"lam": 5.0}
    assert (run.config["method"], run.config["solver"], run.config["data"]) == ("tv", "pdhg", "faces")
    assert run.config["versions"]["torch"] == manifest["versions"]["torch"]


def test_curves_are_the_trace(sweep: Path) -> None:
    traces = json.loads((sweep / "trace.json").read_text())
    runs = offline_runs(sweep)
    for trace in traces:
        run = runs[f"lam={trace['cell']['lam']} {trace['method']}"]
        for name in ("objective", "move", "gap"):
            expected = {
                n: v
                for n, v in zip(trace["iterations"], trace.get(name, []), strict=False)
                if v is not None and np.isfinite(v)
            }
            assert run.series(f"trace/{name}") == pytest.approx(expected)
    assert len(runs["lam=5 tv"].series("trace/objective")) > 1


def test_numbers_are_the_metrics(sweep: Path) -> None:
    runs = offline_runs(sweep)
    for o in json.loads((sweep / "metrics.json").read_text())["outcomes"]:
        run = runs[f"lam={o['cell']['lam']} {o['method']}"]
        for name in ("psnr", "ssim"):
            assert run.summary[name] == pytest.approx(o["mean"][name])
        rows = run.table("rows")
        assert rows["columns"] == ["row", "psnr", "ssim"]
        assert [r[1] for r in rows["data"]] == pytest.approx(o["metrics"]["psnr"])


def test_pictures_are_those_of_the_first_rows(sweep: Path) -> None:
    run = offline_runs(sweep)["lam=10 tv"]
    for name in ("truth", "reconstruction", "error"):
        assert len(run.images(name)) == 2
    assert not any("measurement" in line or "adjoint image" in line for line in run.history)
    truth = np.load(sweep / "lam=10" / "tv" / "truth-0001.npy")
    low, high = truth.min(), truth.max()
    shown = np.asarray(Image.open(run.images("truth")[1]).convert("L"))
    # grey levels from black at the lowest value to white at the highest, rounded to one of 256
    assert np.abs(shown / 255 - (truth - low) / (high - low)).max() <= 0.51 / 255


def test_the_summary_holds_tables_and_files(sweep: Path) -> None:
    run = offline_runs(sweep)["summary"]
    with (sweep / "table-1.csv").open() as file:
        written = list(csv.reader(file))
    table = run.table("table-1")
    assert table["columns"] == written[0]
    assert [[str(row[0]), *row[1:]] for row in table["data"]] == [
        [row[0], *(float(c) if c else None for c in row[1:])] for row in written[1:]
    ]
    assert {row[3] for row in run.table("claims")["data"]} == {"met"}
    files = run.artifacts[run.group]
    assert set(files) >= {"spec.recon", "manifest.json", "metrics.json", "trace.json", "citations.bib", "table-1.csv"}
    assert not [name for name in files if name.endswith((".npy", ".png"))]
    assert all(path.resolve() == (sweep / name).resolve() for name, path in files.items())


def test_what_is_found_out_about_a_machine_is_not_there(sweep: Path) -> None:
    for folder in (sweep / "wandb").glob("offline-run-*"):
        run = offline_run(folder)
        assert run.host == ""
        kinds = {r.WhichOneof("record_type") for r in records(next(folder.glob("*.wandb")))}
        assert kinds <= {"run", "history", "summary", "artifact", "files", "exit", "telemetry", "header", "footer"}
        sent = json.dumps([run.config, run.history, run.summary])
        words = set(re.findall(r"[\w.-]+", sent))
        assert not words & {socket.gethostname(), getpass.getuser()}
        assert str(sweep.parent) not in sent
        below = {p.relative_to(folder / "files").parts[0] for p in (folder / "files").rglob("*") if p.is_file()}
        assert below <= {"media"}, "no requirements, no metadata, no output of the terminal"


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a run of the page of one method, and what it said of where it is logged."""
    folder = tmp_path_factory.mktemp("single")
    (folder / "page.recon").write_text(SINGLE)
    done = recon("run", "page.recon", "--out", "out", "--json", folder=folder, WANDB_MODE="", WANDB_API_KEY="")
    assert done.returncode == 0, done.stderr
    return folder / "out", json.loads(done.stdout)["logged"]


def test_a_page_of_one_method_is_one_run(single: tuple[Path, list[str]]) -> None:
    out, said = single
    run = offline_runs(out)["single"]
    where = f"out/wandb/{run.folder.name}"
    assert said == [
        "logged for W&B, not sent: a page does that with --log, or in a folder that RECON_OWN names; "
        f"`wandb sync {where}` sends it"
    ]
    assert run.kind == "reconstruction"
    assert set(run.artifacts[run.group]) >= {"spec.recon", "manifest.json"}
    assert len(run.images("reconstruction")) == 1


def test_what_a_page_logs_changes_no_result(single: tuple[Path, list[str]], tmp_path: Path) -> None:
    logged, quiet = single[0], tmp_path / "quiet"
    (tmp_path / "page.recon").write_text(SINGLE)
    done = recon("run", "page.recon", "--out", "quiet", "--no-log", folder=tmp_path)
    assert done.returncode == 0
    assert "W&B" not in done.stdout + done.stderr
    files = {p.relative_to(logged) for p in logged.rglob("*") if p.is_file()}
    kept = {p.relative_to(quiet) for p in quiet.rglob("*") if p.is_file()}
    assert {p.parts[0] for p in files - kept} == {"wandb"}
    assert kept <= files
    for name in ("reconstruction.npy", "metrics.json", "reconstruction.png", "measurement-y.npy"):
        assert (logged / name).read_bytes() == (quiet / name).read_bytes()


def test_nothing_is_written_where_it_is_switched_off(tmp_path: Path) -> None:
    (tmp_path / "page.recon").write_text(SINGLE)
    done = recon("run", "page.recon", "--out", "out", "--log", folder=tmp_path, WANDB_MODE="disabled")
    assert done.returncode == 0
    assert "W&B" not in done.stdout + done.stderr
    assert not (tmp_path / "out" / "wandb").exists()


def test_files_go_where_the_variable_says(tmp_path: Path) -> None:
    (tmp_path / "page.recon").write_text(SINGLE)
    place = tmp_path / "elsewhere"
    done = recon("run", "page.recon", "--out", "out", folder=tmp_path, WANDB_MODE="offline", WANDB_DIR=str(place))
    assert done.returncode == 0
    (run,) = offline_runs(place).values()
    assert f"`wandb sync elsewhere/wandb/{run.folder.name}` sends it" in done.stdout
    assert not (tmp_path / "out" / "wandb").exists()


def test_a_folder_that_cannot_be_written_to_costs_one_warning(tmp_path: Path) -> None:
    (tmp_path / "page.recon").write_text(SINGLE)
    (tmp_path / "taken").write_text("no folder")
    environment = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path / "taken")}
    done = recon("run", "page.recon", "--out", "out", folder=tmp_path, **environment)
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: `log wandb`: ")
    assert (tmp_path / "out" / "metrics.json").exists()
