"""Runs are sent where they may be, and nothing that a server does costs more than a warning."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from recon.runtime.trackers.sending import Account, Mode, NotSent, Sender, mode_of
from recon_process import recon
from wandb_files import offline_runs
from wandb_server import ENTITY, KEY, WandbServer, closed_port, silent_server, wandb_server

PAGE = """recon 1
experiment "sent"
param lam = 2
data cam = sample("camera")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior lam * sq(x)
solver gradient(iterations = 20)
metrics [psnr]
sweep weights { lam in [1, 3] }
log wandb { project = "faces"; tags = ["small"] }
"""
RUNS = 3
"""Two cells, and what sums them up."""


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with wandb_server() as found:
        yield found


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.recon"
    path.write_text(PAGE)
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was told to send nothing."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "page.recon").write_text(PAGE)
    done = recon("run", "page.recon", "--out", "out", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture
def offline(written: Path, tmp_path: Path) -> Path:
    """A copy of that folder: sending leaves marks beside what it has sent."""
    shutil.copytree(written, tmp_path / "sent", symlinks=True)
    return tmp_path / "sent"


def send(out: Path, patience: float = 30.0, **environment: str) -> Account:
    """Send all runs of a folder, with these variables."""
    runs = sorted((out / "wandb").glob("offline-run-*"))
    assert len(runs) == RUNS
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        account = Sender(Mode("online"), patience=patience).send(runs, out, lambda line: None)
    assert account is not None
    return account


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("warning: ")]


def not_sent(done: subprocess.CompletedProcess[str], folder: Path, why: str) -> None:
    """One warning that says why, and a run that is whole."""
    assert done.returncode == 0, done.stderr
    assert warnings(done) == [f"warning: not sent to W&B: {why}; `wandb sync out/wandb/offline-run-*` does it later"]
    assert {r.exit for r in offline_runs(folder / "out").values()} == {0}
    assert len(offline_runs(folder / "out")) == RUNS
    assert (folder / "out" / "metrics.json").exists()
    assert (folder / "out" / "report.html").exists()


def test_what_is_sent_is_what_was_written(server: WandbServer, page: Path) -> None:
    key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
    done = recon("run", page, "--log", "--out", "out", folder=page.parent, **key)
    assert done.returncode == 0, done.stderr
    assert warnings(done) == []
    assert server.unknown == []
    written = offline_runs(page.parent / "out")
    group = next(iter(written.values())).group
    assert f"logged: {server.url}/{ENTITY}/faces/groups/{group}" in done.stdout.splitlines()
    assert set(server.runs) == {r.id for r in written.values()}
    for run in written.values():
        there = server.runs[run.id]
        assert (there.name, there.project, there.group, there.kind) == (run.name, "faces", group, run.kind)
        assert (there.tags, there.exit) == (["small"], 0)
        assert {k: v for k, v in there.config.items() if k != "_wandb"} == {
            k: v for k, v in run.config.items() if k != "_wandb"
        }
        curve = {line["_step"]: line["trace/objective"] for line in there.history if "trace/objective" in line}
        assert curve == run.series("trace/objective")
        if run.kind == "reconstruction":
            assert len(curve) > 1
            assert there.summary["psnr"] == run.summary["psnr"]
            (picture,) = run.images("reconstruction")
            name = picture.relative_to(run.folder / "files").as_posix()
            assert server.files[f"{run.id}/{name}"] == picture.read_bytes()
    for name in ("spec.recon", "manifest.json", "metrics.json"):
        assert server.files[f"{group}/{name}"] == (page.parent / "out" / name).read_bytes()
    assert not [name for name in server.files if name.endswith((".npy", "requirements.txt", "wandb-metadata.json"))]
    place = str(page.parent).encode()
    assert {re.sub(rb'"local_path":"[^"]*"', b"", body).count(place) for body in server.bodies} == {0}


def test_nothing_is_sent_unless_asked_for(server: WandbServer, page: Path) -> None:
    key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
    offline = page.with_name("offline.recon")
    offline.write_text(PAGE.replace('"faces";', '"faces"; mode = offline;'))
    for path, options in ((page, []), (offline, ["--log"])):
        done = recon("run", path, *options, "--out", path.stem, folder=page.parent, **key)
        assert done.returncode == 0, done.stderr
        assert warnings(done) == []
        assert len(offline_runs(page.parent / path.stem)) == RUNS
    assert server.asked == []


def test_in_a_folder_that_is_called_own_it_is_sent_by_itself(server: WandbServer, page: Path) -> None:
    more = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url, "RECON_OWN": str(page.parent)}
    done = recon("run", page, "--json", "--out", "out", folder=page.parent, **more)
    assert [text.split("/groups/")[0] for text in json.loads(done.stdout)["logged"]] == [
        f"logged: {server.url}/{ENTITY}/faces"
    ]
    assert len(server.runs) == RUNS


def test_without_a_key_nothing_is_asked(server: WandbServer, offline: Path) -> None:
    with pytest.raises(NotSent, match="no key is here"):
        send(offline, WANDB_BASE_URL=server.url)
    assert server.asked == []


def test_a_key_of_a_login_is_found(server: WandbServer, offline: Path, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {server.url.removeprefix('http://')}\n  login user\n  password {KEY}\n")
    netrc.chmod(0o600)
    assert send(offline, WANDB_BASE_URL=server.url, NETRC=str(netrc)).entity == ENTITY
    assert len(server.runs) == RUNS


def test_without_a_server_it_is_written_offline_and_can_be_sent_later(server: WandbServer, page: Path) -> None:
    address = closed_port()
    key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": address}
    done = recon("run", page, "--log", "--out", "out", folder=page.parent, **key)
    not_sent(done, page.parent, f"{address} cannot be reached")
    runs = [str(p) for p in (page.parent / "out" / "wandb").glob("offline-run-*")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        patch.setenv("WANDB_BASE_URL", server.url)
        # what the warning says
        command = [sys.executable, "-m", "wandb", "sync", *runs]
        subprocess.run(command, check=True, timeout=60, capture_output=True, stdin=subprocess.DEVNULL, cwd=page.parent)
    assert set(server.runs) == {r.id for r in offline_runs(page.parent / "out").values()}
    assert server.unknown == []


def test_a_server_that_never_answers_costs_seconds(page: Path) -> None:
    with silent_server() as address:
        key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": address}
        done = recon("run", page, "--log", "--out", "out", folder=page.parent, **key)
    not_sent(done, page.parent, f"{address} has not answered for 5 seconds")


def test_a_server_that_stops_answering_is_left(server: WandbServer, offline: Path) -> None:
    server.hangs_after = 2
    key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
    for patience in (3.0, 9.0, 27.0):  # on a busy machine the process that sends takes seconds to start
        begin = time.monotonic()
        with pytest.raises(NotSent, match=f"took more than {patience:.0f} seconds"):
            send(offline, patience=patience, **key)
        assert time.monotonic() - begin < 40 + patience
        if server.asked[-1] == "...":
            break
    assert server.asked[-1] == "..."
    server.hangs_after = None
    assert send(offline, **key).entity == ENTITY
    assert len(server.runs) == RUNS


def test_a_key_that_is_not_known_is_told(server: WandbServer, offline: Path) -> None:
    with pytest.raises(NotSent, match=f"{server.url} does not take this key"):
        send(offline, WANDB_API_KEY=KEY[::-1], WANDB_BASE_URL=server.url)


class _Elsewhere(BaseHTTPRequestHandler):
    """Some other server: it answers with a page, or leads away."""

    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, "is no server of W&B"), (302, "answers with status 302"), (500, "answers with status 500")],
)
def test_another_server_is_a_warning(status: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Elsewhere,), {"status": status}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}")
    try:
        with pytest.raises(NotSent, match=told):
            Sender(Mode("online")).send([tmp_path], tmp_path, lambda line: None)
    finally:
        server.shutdown()
        server.server_close()


def test_settings_of_a_strangers_folder_get_no_key(
    server: WandbServer, offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wandb` takes the address of its server from a file in the folder that one is in; a key would go there."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text(f"[default]\nbase_url = {server.url}\n")
    monkeypatch.chdir(tmp_path)
    address, settings = closed_port(), tmp_path / "home"
    settings.mkdir()
    (settings / "settings").write_text(f"[default]\nbase_url = {address}\n")
    with pytest.raises(NotSent, match=f"{address} cannot be reached"):
        send(offline, WANDB_API_KEY=KEY, WANDB_CONFIG_DIR=str(settings))
    assert server.asked == []


@pytest.mark.parametrize(
    ("page", "environment", "may_send", "mode"),
    [
        ("auto", "", True, "online"),
        ("auto", "online", True, "online"),
        ("auto", "", False, "offline"),
        ("auto", "online", False, "offline"),
        ("auto", "offline", True, "offline"),
        ("auto", "dryrun", True, "offline"),
        ("offline", "online", True, "offline"),
        ("disabled", "online", True, "disabled"),
        ("auto", "Disabled", True, "disabled"),
        ("offline", "disabled", False, "disabled"),
    ],
)
def test_each_of_page_and_user_may_want_less(page: str, environment: str, may_send: bool, mode: str) -> None:
    assert mode_of(page, environment, may_send).name == mode
