"""Pushing to a Hub on this machine: one commit, on top of the head that was seen, pulled back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import HubServer
from recon.zoo.hub.client import HubError, MovedError, UnreachableError
from recon.zoo.hub.fetch import fetch
from recon.zoo.hub.push import folder_files, push, target

WEIGHTS = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "denoiser"
    path.mkdir()
    for name, content in {"config.json": b"{}", "model.safetensors": WEIGHTS, "README.md": b"# D"}.items():
        (path / name).write_bytes(content)
    (path / "notes.txt").write_text("private")
    return path


@pytest.fixture(autouse=True)
def _token(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "writer")


def test_what_was_pushed_comes_back_at_a_pinned_commit(hub: HubServer, folder: Path) -> None:
    files = folder_files(folder)
    first = push(target("owner/new"), files, message="first")
    assert first.new
    found = fetch(str(first.address))
    assert {p.name: p.read_bytes() for p in found.iterdir()} == {n: p.read_bytes() for n, p in files.items()}
    assert set(hub.repositories["owner/new"].at("main").files) == {*files, ".gitattributes"}, "and nothing else"  # type: ignore[union-attr]
    assert len(hub.repositories["owner/new"].commits) == 2, "the one that made it, and this one"
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])
    second = push(target("hf://owner/new"), folder_files(folder), message="second")
    assert second.address.commit != first.address.commit
    assert (fetch(str(first.address)) / "model.safetensors").read_bytes() == WEIGHTS
    assert (fetch(str(second.address)) / "model.safetensors").read_bytes() == WEIGHTS[::-1]
    again = push(target("owner/new"), folder_files(folder), message="again")
    assert again.address == second.address
    assert not again.new


def test_bytes_are_pushed_as_files_are(hub: HubServer) -> None:
    done = push(target("owner/new"), {"spec.recon": b"recon 1\n", "tables/a.npy": WEIGHTS}, message="m")
    head = hub.repositories["owner/new"].at(done.address.commit)
    assert head is not None
    assert head.files["tables/a.npy"] == WEIGHTS


def test_a_private_model_is_made_private(hub: HubServer, folder: Path) -> None:
    push(target("owner/secret"), folder_files(folder), message="m", private=True)
    assert hub.repositories["owner/secret"].private


def test_a_head_that_moved_is_noticed_and_nothing_is_lost(hub: HubServer, folder: Path) -> None:
    old = hub.put("owner/new", {"README.md": b"# old"})
    hub.before_commit.append(lambda r: r.add({"README.md": b"# theirs"}))
    with pytest.raises(
        MovedError, match=f"somebody else has pushed meanwhile; look at what is new at {hub.url}/owner/new"
    ):
        push(target("owner/new"), folder_files(folder), message="m")
    assert hub.repositories["owner/new"].at("main").files == {"README.md": b"# theirs"}  # type: ignore[union-attr]
    with pytest.raises(MovedError):
        push(target("owner/new"), folder_files(folder), message="m", parent=old)
    head = hub.repositories["owner/new"].refs["main"]
    assert push(target("owner/new"), folder_files(folder), message="m", parent=head).new


def test_other_bytes_on_the_hub_are_noticed(hub: HubServer, folder: Path) -> None:
    hub.lose_uploads = True
    with pytest.raises(HubError, match=r"model.safetensors: what the Hub has is not what was pushed"):
        push(target("owner/new"), folder_files(folder), message="m")


def test_who_may_not_push(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("other/theirs", {"README.md": b"x"})
    with pytest.raises(UnreachableError, match="other/theirs: your token may not do this"):
        push(target("other/theirs"), folder_files(folder), message="m")
    with pytest.raises(UnreachableError, match=r"other/new: your token may not do this \(You don't have the rights"):
        push(target("other/new"), folder_files(folder), message="m")
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(UnreachableError, match="log in first"):
        push(target("owner/new"), folder_files(folder), message="m")
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(UnreachableError, match="log in"):
        push(target("owner/new"), folder_files(folder), message="m")
    assert "owner/new" not in hub.repositories


def test_offline(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnreachableError, match="HF_HUB_OFFLINE forbids to push"):
        push(target("owner/new"), folder_files(folder), message="m")
    assert hub.asked == []


def test_what_is_not_pushed(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(tmp_path / "secret")
    with pytest.raises(HubError, match=r"README.md: is a link"):
        folder_files(folder)
    (folder / "README.md").unlink()
    (folder / "config.json").unlink()
    with pytest.raises(HubError, match=r"it has no `config.json`"):
        folder_files(folder)
    for name in ("../x", "/x", "a\\b"):
        with pytest.raises(HubError, match="is no name of a file"):
            push(target("owner/new"), {name: b"x"}, message="m")
    for text in ("owner/new@main", "owner/new/x", "new", "hf://datasets/owner/new", "../x/y"):
        with pytest.raises(HubError):
            target(text)
    assert hub.asked == []
