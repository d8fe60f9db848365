"""Folders of the zoo from a Hub on this machine: pinned, verified, gone on with, and each failure in one line."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_server import HubServer, environment
from recon.dsl.model.folder import LARGEST
from recon.dsl.model.hub import hub_path, unsafe
from recon.zoo.hub import client
from recon.zoo.hub.client import HubError, UnreachableError
from recon.zoo.hub.fetch import fetch
from recon.zoo.hub.listing import repository

REPO = "owner/denoiser"
FETCH = """
import sys, time
from huggingface_hub import constants
from recon.zoo.hub.fetch import fetch
if constants.HF_HUB_DOWNLOAD_TIMEOUT == 1:  # a whole second is the least that the variable can say
    constants.HF_HUB_DOWNLOAD_TIMEOUT = 0.2
wait = time.sleep
time.sleep = lambda seconds: wait(seconds / 10)  # the client's pauses before it tries again
print(fetch(sys.argv[1]))
"""


def safetensors(size: int = 4000) -> bytes:
    """A file of one tensor."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(256)) * (4 * size // 256) + bytes(4 * size % 256)


def folder() -> dict[str, bytes]:
    return {
        "config.json": b'{"format": 1}',
        "model.safetensors": safetensors(),
        "README.md": b"# A denoiser",
        "pytorch_model.bin": b"never asked for",
        ".gitattributes": b"*.safetensors filter=lfs",
    }


def address(commit: str, below: str = "") -> str:
    return f"hf://{REPO}@{commit}{below}"


def fetch_in_a_process(text: str, hub: HubServer, cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The client reads its timeouts when it is imported."""
    env = {**os.environ, **environment(hub, cache), **more}
    return subprocess.run(
        [sys.executable, "-c", FETCH, text], capture_output=True, text=True, env=env, timeout=100, check=False
    )


def test_a_folder_comes_whole_and_once_and_nothing_else_comes(hub: HubServer) -> None:
    files = folder()
    commit = hub.put(REPO, files)
    found = fetch(address(commit))
    assert {p.name: p.read_bytes() for p in found.iterdir()} == {n: files[n] for n in LARGEST if n in files}
    assert found == hub_path(address(commit), "model").snapshot(), "where `weights` looks for it"
    before = len(hub.asked)
    assert fetch(address(commit)) == found
    assert len(hub.asked) == before, "a commit that is cached costs no request"


def test_a_folder_below_the_root(hub: HubServer) -> None:
    commit = hub.put(REPO, {f"small/{n}": c for n, c in folder().items()} | {"README.md": b"# all"})
    assert sorted(p.name for p in fetch(address(commit, "/small")).iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    with pytest.raises(HubError, match=r"has no `config.json`; it has such folders at small"):
        fetch(address(commit))


def test_an_old_commit_stays_what_it_was(hub: HubServer) -> None:
    first = hub.put(REPO, folder())
    hub.put(REPO, {**folder(), "config.json": b'{"format": 2}'})
    assert (fetch(address(first)) / "config.json").read_bytes() == b'{"format": 1}'


def test_what_is_no_pin_is_refused_with_the_commit_that_it_is_now(hub: HubServer) -> None:
    commit = hub.put(REPO, folder(), tag="v1.0")
    for revision in ("v1.0", "main", commit[:8]):
        with pytest.raises(HubError) as caught:
            fetch(f"hf://{REPO}@{revision}/x")
        assert f"`{revision}` may come to mean other files; now it is `{address(commit)}/x`" in str(caught.value)
    with pytest.raises(HubError, match=f"an address without a commit may .* now it is `{address(commit)}`"):
        fetch(f"hf://{REPO}")
    with pytest.raises(HubError, match="the model has no commit v9"):
        fetch(f"hf://{REPO}@v9")
    assert hub.downloads() == []


def test_a_tag_that_the_client_once_asked_for_is_told_without_a_network(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import hf_hub_download

    commit = hub.put(REPO, folder(), tag="v1.0")
    hf_hub_download(REPO, "config.json", revision="v1.0", cache_dir=client.cache(), endpoint=hub.url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for revision in ("v1.0", commit[:10]):
        with pytest.raises(ValueError, match=f"`hf://{REPO}@{commit}`, which it was when this machine last asked"):
            hub_path(f"hf://{REPO}@{revision}", "model")
        with pytest.raises(HubError, match=commit):
            fetch(f"hf://{REPO}@{revision}")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_other_bytes_of_the_right_length_never_come_into_the_cache(hub: HubServer, name: str) -> None:
    """The client compares lengths alone."""
    commit = hub.put(REPO, folder())
    hub.faults[name] = "wrong"
    with pytest.raises(HubError, match=f"{name}: its content is not what the commit says"):
        fetch(address(commit))
    assert not (client.cache() / "models--owner--denoiser" / "snapshots" / commit / name).exists()
    assert hub_path(address(commit), "model").snapshot().joinpath(name).exists() is False
    hub.faults.clear()
    assert (fetch(address(commit)) / name).read_bytes() == folder()[name]


def test_a_file_that_changes_in_the_cache_is_noticed_and_forgotten(hub: HubServer) -> None:
    commit = hub.put(REPO, folder())
    found = fetch(address(commit)) / "model.safetensors"
    found.resolve().write_bytes(safetensors()[:-1] + b"!")
    with pytest.raises(HubError, match="its content is not what the commit says"):
        fetch(address(commit))
    assert not found.is_symlink()
    assert (fetch(address(commit)) / "model.safetensors").read_bytes() == safetensors()


@pytest.mark.parametrize("fault", ["truncated", "endless", "hanging", "dropped"])
def test_a_broken_download_is_one_line_and_is_gone_on_with(hub: HubServer, tmp_path: Path, fault: str) -> None:
    weights = safetensors(6_000_000)  # the client writes 10 MB at a time, and loses what is less
    commit = hub.put(REPO, {**folder(), "model.safetensors": weights})
    hub.faults["model.safetensors"] = fault
    broken = fetch_in_a_process(address(commit), hub, tmp_path / "other")
    assert broken.returncode != 0
    last = broken.stderr.splitlines()[-1]
    if fault == "endless":
        assert "model.safetensors: the server sends more bytes than the commit says" in last
    else:
        assert "the download broke off after" in last
        assert "the same command goes on from there" in last
    snapshot = tmp_path / "other" / "huggingface" / "hub" / "models--owner--denoiser" / "snapshots" / commit
    assert not (snapshot / "model.safetensors").exists()
    hub.faults.clear()
    hub.asked.clear()
    whole = fetch_in_a_process(address(commit), hub, tmp_path / "other")
    assert whole.returncode == 0, whole.stderr
    assert (snapshot / "model.safetensors").read_bytes() == weights
    oid = hashlib.sha256(weights).hexdigest()
    resumed = f"GET /lfs/{oid}/model.safetensors RANGE" in hub.asked
    assert resumed == (fault != "endless"), "in another process it goes on where the first one stopped"


def test_a_connection_that_drops_once_is_taken_up_again(hub: HubServer) -> None:
    weights = safetensors(6_000_000)
    commit = hub.put(REPO, {**folder(), "model.safetensors": weights})
    hub.faults["model.safetensors"] = "dropped once"
    assert (fetch(address(commit)) / "model.safetensors").read_bytes() == weights
    assert any(a.endswith("model.safetensors RANGE") for a in hub.asked)


def test_a_server_in_trouble_is_one_line(hub: HubServer) -> None:
    commit = hub.put(REPO, folder())
    hub.faults["config.json"] = "broken"
    begin = time.monotonic()
    with pytest.raises(HubError, match="500") as caught:
        fetch(address(commit))
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begin < 60


def test_refusals(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.put(REPO, folder())
    with pytest.raises(HubError, match=f"the model has no commit {commit[::-1]}"):
        fetch(address(commit[::-1]))
    with pytest.raises(UnreachableError, match=r"other@.*: the Hub has no such model, or it is private"):
        fetch(f"hf://owner/other@{commit}")
    private = hub.put("owner/private", folder(), private=True)
    with pytest.raises(UnreachableError, match="it is private and you are not logged in"):
        fetch(f"hf://owner/private@{private}")
    gated = hub.put("owner/gated", folder(), gated=True)
    with pytest.raises(UnreachableError) as caught:
        fetch(f"hf://owner/gated@{gated}")
    assert f"is gated; accept its terms at {hub.url}/owner/gated and log in with `hf auth login`" in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "writer")
    for name, at in (("private", private), ("gated", gated)):
        assert (fetch(f"hf://owner/{name}@{at}") / "model.safetensors").read_bytes() == safetensors()
    assert hub.leaked == [], "the host of large files is not to see a token"


def test_pickles_are_refused_with_the_reason(hub: HubServer) -> None:
    files = folder()
    del files["model.safetensors"]
    commit = hub.put(REPO, files)
    with pytest.raises(HubError, match=r"as a pickle, `pytorch_model\.bin`, which can run anything when it is loaded"):
        fetch(address(commit))
    assert hub.downloads() == []


def test_a_file_that_is_too_large_is_refused_before_it_is_asked_for(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LARGEST, "config.json", 10)
    commit = hub.put(REPO, folder())
    with pytest.raises(HubError, match=r"config.json: has 13 bytes, and 10 are the most that is read"):
        fetch(address(commit))
    assert hub.downloads() == []


def test_without_a_network_there_is_one_line_within_seconds(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.zoo.hub.listing.TIMEOUT", 1.0)
    commit = hub.put(REPO, folder())
    found = fetch(address(commit))
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    for endpoint in ("http://127.0.0.1:9", f"http://127.0.0.1:{silent.getsockname()[1]}"):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        assert fetch(address(commit)) == found
        begin = time.monotonic()
        with pytest.raises(UnreachableError, match=r"other@.*: the Hub cannot be reached") as caught:
            fetch(f"hf://owner/other@{commit}")
        assert time.monotonic() - begin < 4
        assert "\n" not in str(caught.value)
    silent.close()


def test_offline_with_and_without_a_cache(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.put(REPO, folder())
    found = fetch(address(commit))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = len(hub.asked)
    assert fetch(address(commit)) == found
    with pytest.raises(UnreachableError, match="its listing is not cached, and HF_HUB_OFFLINE forbids to ask"):
        fetch(f"hf://owner/other@{commit}")
    assert len(hub.asked) == before


def test_what_the_client_itself_has_cached_is_verified_by_the_names_of_its_blobs(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import hf_hub_download

    commit = hub.put(REPO, folder())
    for name in ("config.json", "model.safetensors"):
        hf_hub_download(REPO, name, revision=commit, cache_dir=client.cache(), endpoint=hub.url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = fetch(address(commit))
    weights = (found / "model.safetensors").resolve()
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(HubError, match=r"model.safetensors: its content is not what the commit says"):
        fetch(address(commit))


HOSTILE = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "a\\b",
    "c:x",
    "nul",
    "a/CON.txt",
    "a\nb",
    "a\0b",
    ".",
    "x" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_no_names(name: str) -> None:
    assert unsafe(name)
    with pytest.raises(ValueError, match=r"path of a file|is written"):
        hub_path(f"hf://{REPO}@{'0' * 40}/{name}", "model")


@pytest.mark.parametrize("name", ["../x/y", "owner/..", "owner/.git", "-o/x", "owner"])
def test_hostile_repositories_are_none(name: str) -> None:
    with pytest.raises(ValueError):
        hub_path(f"hf://{name}@{'0' * 40}", "model")


def test_hostile_names_in_a_listing_are_left_out(hub: HubServer) -> None:
    commit = hub.put(REPO, folder() | dict.fromkeys(HOSTILE, b"x"))
    assert sorted(repository(hub_path(address(commit), "model")).files) == sorted(folder())
    fetch(address(commit))


def test_plain_names_are_names() -> None:
    assert not any(
        unsafe(n) for n in ("a/b.safetensors", "model-00001-of-00002.safetensors", "ä b.txt", "...a", "con2")
    )


def test_processes_side_by_side_download_once(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.put(REPO, folder())
    env = {**os.environ, **environment(hub, tmp_path / "other")}
    start = [sys.executable, "-c", FETCH, address(commit)]
    running = [subprocess.Popen(start, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = {process.communicate(timeout=100)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(told) == 1
    assert sorted(hub.downloads()) == ["README.md", "config.json", "model.safetensors"]


@pytest.mark.parametrize("given", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"])
def test_the_language_and_the_client_agree_where_the_cache_is(given: str, tmp_path: Path) -> None:
    """In a process of its own: the client reads these variables when it is imported."""
    shown = (
        "import huggingface_hub as h\n"
        "from recon.dsl.model.hub import hub_path as at\n"
        "from recon.zoo.hub import client\n"
        f"print(at('hf://a/b@{'0' * 40}', 'model').snapshot().parents[2], client.cache(), h.constants.HF_HUB_CACHE)"
    )
    env = {n: v for n, v in os.environ.items() if n not in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", shown], env={**env, given: str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert len(set(done.stdout.split())) == 1, done.stdout
    assert done.stdout.startswith(str(tmp_path))
