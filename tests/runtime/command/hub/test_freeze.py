"""`recon freeze` and what a run does with the lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hub_server import HubServer
from recon.dsl.lock import LockError, read_lock
from recon.runtime.command.freeze import freeze
from recon.runtime.command.run import run
from recon.runtime.command.simulate import simulate
from small_weights import small

PAGE = """recon 1
use base = "./base.recon"
weights dn = folder("w")
param lam = 0.1
data d = npy("x.npy") { x = array }
image x : real[8, 8] { range = 0..1 }
noise y ~ gaussian(x, sigma = base.level)
prior lam * sq(x)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.recon").write_text(PAGE)
    (tmp_path / "base.recon").write_text("recon 1\nparam level = 0.1\n")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((1, 8, 8), dtype=np.float32))
    small(tmp_path / "w")
    return tmp_path


def changed(folder: Path) -> None:
    """Another last number among the weights."""
    path = folder / "w" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")


def call(command: object, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])  # type: ignore[arg-type]


def test_the_same_page_gives_the_same_lock(folder: Path) -> None:
    done = call(freeze, folder / "page.recon")
    assert done.exit_code == 0, done.output
    first = (folder / "recon.lock").read_bytes()
    call(freeze, folder / "page.recon")
    assert (folder / "recon.lock").read_bytes() == first
    held = json.loads(first)["pages"]["page.recon"]
    assert set(held["files"]) == {"./base.recon", "x.npy"}
    assert held["weights"]["dn"]["from"] == 'folder("w")'
    (folder / "page.recon").write_text(PAGE.replace("lam * sq(x)", "lam  *  sq(x)   # a comment"))
    assert call(freeze, "--check", folder / "page.recon").output.endswith("is as it was frozen\n")


def test_other_pages_keep_their_entries(folder: Path) -> None:
    (folder / "other.recon").write_text(PAGE.replace("0.1", "0.2"))
    call(freeze, folder / "page.recon")
    call(freeze, folder / "other.recon")
    lock = read_lock(folder)
    assert lock is not None
    assert set(lock.pages) == {"page.recon", "other.recon"}


def text(change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda folder: (folder / "page.recon").write_text(change(PAGE))


DRIFTS = {
    "an option": (text(lambda t: t.replace("lam = 0.1", "lam = 0.3")), ["prior sq.weight: 0.1 → 0.3"]),
    "a file": (
        lambda folder: np.save(folder / "x.npy", np.zeros((1, 8, 8), np.float32)),
        ["`x.npy` has another content"],
    ),
    "a page in use": (
        lambda folder: (folder / "base.recon").write_text("recon 1\nparam level = 0.2\n"),
        ["`./base.recon` has another content"],
    ),
    "weights": (
        changed,
        ["weights `dn` have another content"],
    ),
    "a file that is no longer named": (
        text(lambda t: t.replace('npy("x.npy") { x = array }', 'sample("camera")').replace("8, 8", "16, 16")),
        [
            "`x.npy` is gone",
            'd: npy("x.npy") → sample("camera")',
            "d.x: array → image",
            "x: image real[row 8, col 8] → image real[row 16, col 16]",
        ],
    ),
    "the version": (
        lambda folder: (folder / "recon.lock").write_text(
            (folder / "recon.lock").read_text().replace('"recon": "', '"recon": "9')
        ),
        [f"recon is {version('recon-dsl')}, and was 9{version('recon-dsl')}"],
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_a_run_refuses_drift_with_a_line_for_each_difference(name: str, folder: Path) -> None:
    change, lines = DRIFTS[name]
    page = folder / "page.recon"
    call(freeze, page)
    assert call(freeze, "--check", page).exit_code == 0
    change(folder)
    checked = call(freeze, "--check", page)
    assert checked.exit_code == 1
    told = checked.stdout.splitlines()
    assert told == [f"drift: {line}" for line in lines]
    refused = call(run, page, "--out", folder / "out")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[:-1] == told
    assert "--unlocked runs it all the same" in refused.stderr
    assert not (folder / "out").exists()
    assert json.loads(call(run, page, "--json", "--out", folder / "out").stdout)["drift"] == [
        t.removeprefix("drift: ") for t in told
    ]


def test_unlocked_runs_it_all_the_same(folder: Path) -> None:
    page = folder / "page.recon"
    call(freeze, page)
    assert call(run, page, "--out", folder / "a").exit_code == 0
    assert call(run, page, "--out", folder / "b", "--set", "lam=0.5").exit_code == 0, "what --set says is no drift"
    page.write_text(PAGE.replace("0.1", "0.3"))
    assert call(run, page, "--out", folder / "c").exit_code == 1
    assert call(run, page, "--out", folder / "c", "--unlocked").exit_code == 0


def test_what_is_simulated_is_locked_as_what_is_run_is(folder: Path) -> None:
    page = folder / "page.recon"
    call(freeze, page)
    assert call(simulate, page, "--out", folder / "a").exit_code == 0
    page.write_text(PAGE.replace("lam = 0.1", "lam = 0.3"))
    refused = call(simulate, page, "--out", folder / "b")
    assert refused.exit_code == 1
    assert "--unlocked runs it all the same" in refused.stderr
    assert not (folder / "b").exists()
    assert call(simulate, page, "--out", folder / "b", "--unlocked").exit_code == 0


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 2, "pages": {}}', '{"pages": {}, "more": 1}', "\xff"])
def test_a_damaged_lock_is_one_line(damage: str, folder: Path) -> None:
    (folder / "recon.lock").write_bytes(damage.encode("latin-1"))
    with pytest.raises(LockError):
        read_lock(folder)
    for command in (freeze, run, simulate):
        done = call(command, folder / "page.recon")
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1
        assert "recon.lock" in done.stderr


def test_what_cannot_be_frozen(folder: Path) -> None:
    for spec in ("-", f"hf://owner/name@{'0' * 40}/page.recon"):
        assert "a lock lies beside the file of its page" in call(freeze, spec).stderr
    assert "is not frozen" in call(freeze, "--check", folder / "page.recon").stderr


def test_weights_of_the_hub_are_frozen_by_their_hash_without_fetching_them(hub: HubServer, folder: Path) -> None:
    commit = hub.put("owner/dn", {"config.json": b"{}", "model.safetensors": b"w" * 100})
    page = folder / "page.recon"
    page.write_text(PAGE.replace('folder("w")', f'"hf://owner/dn@{commit}"'))
    assert call(freeze, page).exit_code == 0
    lock = read_lock(folder)
    assert lock is not None
    assert lock.pages["page.recon"].weights["dn"] == {
        "from": f"hf://owner/dn@{commit}",
        "sha256": hashlib.sha256(b"w" * 100).hexdigest(),
    }
    assert hub.downloads() == []
    other = hub.put("owner/dn", {"config.json": b"{}", "model.safetensors": b"v" * 100})
    page.write_text(page.read_text().replace(commit, other))
    told = call(freeze, "--check", page).stdout
    assert f"drift: weights `dn` come from hf://owner/dn@{other}, and came from hf://owner/dn@{commit}" in told
