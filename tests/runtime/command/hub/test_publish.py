"""`publish`: a run whose claims held is shared, where it may be, and comes back as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hub_server import HubServer
from recon.runtime.command.own import is_own
from recon_process import recon_here as recon

PAGE = """recon 1
## Denoising *one* picture
experiment "shared"
param lam = 0.1
data cam = sample("camera")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior lam * sq(x)
metrics [psnr]
expect mean(psnr) >= 15dB
publish "hf://owner/shared" { license = "cc-by-4.0" }
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.recon"
    path.write_text(PAGE)
    return path


def test_nothing_is_published_unless_asked_for(hub: HubServer, page: Path, tmp_path: Path) -> None:
    done = recon("run", page, "--out", "a", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 0, done.stderr
    assert "not published: `publish` acts with --publish, or in a folder that RECON_OWN names" in done.stdout
    assert hub.asked == []


def test_a_published_run_comes_back_and_runs_again(hub: HubServer, page: Path, tmp_path: Path) -> None:
    done = recon("run", page, "--publish", "--set", "lam=0.2", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 0, done.stderr
    head = hub.repositories["owner/shared"].at("main")
    assert head is not None
    assert f"published, pulled back and verified: hf://owner/shared@{head.oid}" in done.stdout
    assert set(head.files) >= {"README.md", "spec.recon", "metrics.json", "manifest.json", "citations.bib"}
    assert not [n for n in head.files if n.endswith((".npy", ".html"))]
    assert b"param lam = 0.2" in head.files["spec.recon"]
    card = head.files["README.md"].decode()
    assert card.startswith("---\n")
    assert "license: cc-by-4.0" in card
    assert "model-index:" in card
    psnr = json.loads(head.files["metrics.json"])["outcomes"][0]["mean"]["psnr"]
    assert f"value: {psnr}" in card
    assert "met: mean(psnr) >= 15dB" in card


def test_in_a_folder_that_is_called_own_it_acts_by_itself(hub: HubServer, page: Path, tmp_path: Path) -> None:
    done = recon("run", page, "--json", folder=tmp_path, HF_TOKEN="writer", RECON_OWN=str(tmp_path))
    commit = hub.repositories["owner/shared"].refs["main"]
    assert json.loads(done.stdout)["published"] == {"address": f"hf://owner/shared@{commit}", "new": True}


def test_what_is_own_is_said_by_the_user_alone(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "link.recon").symlink_to(page)
    (own / "page.recon").write_text(PAGE)
    monkeypatch.delenv("RECON_OWN", raising=False)
    assert not is_own(str(own / "page.recon"))
    monkeypatch.setenv("RECON_OWN", os.pathsep.join(["/nowhere", str(own)]))
    assert is_own(str(own / "page.recon"))
    assert not is_own(str(own / "link.recon")), "a link does not make a page one's own"
    monkeypatch.chdir(own)
    assert is_own("page.recon")
    assert not is_own("-")
    assert not is_own(f"hf://owner/name@{'0' * 40}/page.recon")


def test_a_claim_that_was_not_met_is_not_published(hub: HubServer, page: Path, tmp_path: Path) -> None:
    page.write_text(PAGE.replace("15dB", "60dB"))
    done = recon("run", page, "--publish", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 4
    assert "not published: the claim mean(psnr) >= 60dB was not met" in done.stdout
    assert hub.asked == []


def test_what_cannot_be_published_costs_no_result(hub: HubServer, page: Path, tmp_path: Path) -> None:
    done = recon("run", page, "--publish", "--out", "a", folder=tmp_path, HF_TOKEN="wrong")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("error: not published: owner/shared: ")
    assert (tmp_path / "a" / "metrics.json").exists()


def test_without_a_login_nothing_is_begun(hub: HubServer, page: Path, tmp_path: Path) -> None:
    for more, told in (({}, "log in first"), ({"HF_HUB_OFFLINE": "1", "HF_TOKEN": "writer"}, "forbids to push")):
        done = recon("run", page, "--publish", "--out", "a", folder=tmp_path, **more)
        assert done.returncode == 2
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "a").exists()
