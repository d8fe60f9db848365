"""`recon zoo pull` and `push` against a Hub on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hub_server import HubServer
from recon_process import recon_afresh
from recon_process import recon_here as recon
from small_weights import small

PAGE = """recon 1
data cam = sample("camera")
image x : real[32, 32]
noise y ~ gaussian(x, sigma = 0.1)
prior 10 * tv(x)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = small(tmp_path / "denoiser")
    (path / "spec.recon").write_text(PAGE)
    return path


@pytest.fixture
def files(folder: Path) -> dict[str, bytes]:
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_pull_prints_the_line_to_write(hub: HubServer, files: dict[str, bytes], tmp_path: Path) -> None:
    commit = hub.put("owner/Denoiser-9", files, tag="v1")
    done = recon("zoo", "pull", f"hf://owner/Denoiser-9@{commit}", "--to", "w", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f'weights denoiser_9 = "hf://owner/Denoiser-9@{commit}"'
    assert contents(tmp_path / "w") == files
    assert not any(p.is_symlink() for p in (tmp_path / "w").iterdir())
    again = recon("zoo", "pull", f"hf://owner/Denoiser-9@{commit}", "--to", "w", folder=tmp_path)
    assert (again.returncode, again.stderr) == (2, "error: w is there already, and is not empty\n")
    tag = recon("zoo", "pull", "hf://owner/Denoiser-9@v1", folder=tmp_path)
    assert tag.returncode == 2
    assert f"now it is `hf://owner/Denoiser-9@{commit}`" in tag.stderr
    assert len(tag.stderr.splitlines()) == 1


def test_pull_without_torch_and_as_json(hub: HubServer, files: dict[str, bytes], tmp_path: Path) -> None:
    commit = hub.put("owner/d", files)
    listed = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
    (tmp_path / "sitecustomize.py").write_text(listed)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = recon_afresh("zoo", "pull", f"hf://owner/d@{commit}", "--json", folder=tmp_path, PYTHONPATH=path)
    assert json.loads(done.stdout)["files"] == sorted(files)
    assert done.stderr == "False\n"


def test_push_goes_round(hub: HubServer, folder: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    done = recon("zoo", "push", folder, "owner/new", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 0, done.stderr
    commit = hub.repositories["owner/new"].refs["main"]
    assert done.stdout.splitlines()[-1] == f'weights new = "hf://owner/new@{commit}"'
    pulled = recon("zoo", "pull", f"hf://owner/new@{commit}", "--to", "back", folder=tmp_path)
    assert pulled.returncode == 0, pulled.stderr
    assert contents(tmp_path / "back") == files
    again = recon("zoo", "push", folder, "owner/new", "--json", folder=tmp_path, HF_TOKEN="writer")
    assert json.loads(again.stdout)["new"] is False
    assert hub.repositories["owner/new"].refs["main"] == commit


def test_push_says_what_to_do(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    old = hub.put("owner/new", {"README.md": b"# old"})
    hub.put("owner/new", {"README.md": b"# theirs"})
    moved = recon("zoo", "push", folder, "owner/new", "--parent", old, folder=tmp_path, HF_TOKEN="writer")
    assert moved.returncode == 3
    assert "somebody else has pushed meanwhile" in moved.stderr
    nobody = recon("zoo", "push", folder, "owner/new", folder=tmp_path)
    assert nobody.returncode == 2
    assert nobody.stderr == "error: owner/new: log in first with `hf auth login`, or set HF_TOKEN\n"
    (folder / "spec.recon").write_text(PAGE.replace("camera", "camrea"))
    wrong = recon("zoo", "push", folder, "owner/new", folder=tmp_path, HF_TOKEN="writer")
    assert wrong.returncode == 1
    assert "did you mean `camera`" in wrong.stderr
    (folder / "x.npy").write_bytes((Path(__file__).parents[3] / "specs" / "bad" / "small.npy").read_bytes())
    (folder / "spec.recon").write_text(PAGE.replace('sample("camera")', 'npy("x.npy") { x = array }'))
    local = recon("zoo", "push", folder, "owner/new", folder=tmp_path, HF_TOKEN="writer")
    assert local.returncode == 1
    assert "error[RF006]: the data `cam` are files of this machine" in local.stderr
    assert hub.repositories["owner/new"].at("main").files == {"README.md": b"# theirs"}  # type: ignore[union-attr]


def test_weights_that_are_not_what_they_say_are_not_pushed(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[:-4] + b"\0\0\0\0")
    done = recon("zoo", "push", folder, "owner/new", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 1
    assert done.stderr.startswith("error: hash: SHA-256 ")
    assert hub.asked == []
