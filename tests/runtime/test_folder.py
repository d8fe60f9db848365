"""A run's folder: whole or absent, whatever goes wrong."""

import builtins
import errno
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from recon.runtime.folder import FolderError, RunFolder, plain, run_name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full_disk(monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOSPC) -> None:
    """Files opened for writing accept four bytes and then fail, as on a disk that fills up."""
    real = builtins.open

    class Full(io.FileIO):
        def write(self, content: object) -> int:
            super().write(bytes(content)[:4])  # type: ignore[call-overload]
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(
        builtins, "open", lambda path, mode="r", **o: Full(path, "wb") if "w" in mode else real(path, mode, **o)
    )


def test_files_appear_together_under_the_final_name(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "deep" / "runs", "knee-01234567") as folder:
        folder.write_text("spec.recon", "recon 1\n")
        folder.write_bytes("pictures/x.png", b"\x89PNG")
        assert not (folder.parent / "knee-01234567").exists()
        final = folder.commit()
    assert final == tmp_path / "deep" / "runs" / "knee-01234567"
    assert names(final.parent) == ["knee-01234567"]
    assert names(final) == ["pictures", "spec.recon"]
    assert (final / "pictures" / "x.png").read_bytes() == b"\x89PNG"


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    finals = []
    for _ in range(3):
        with RunFolder(tmp_path, "a") as folder:
            finals.append(folder.commit().name)
    assert finals == ["a", "a-2", "a-3"]


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "a") as one, RunFolder(tmp_path, "a") as two:
        one.write_text("f", "1")
        two.write_text("f", "2")
        finals = [two.commit(), one.commit()]
    assert [path.name for path in finals] == ["a", "a-2"]
    assert [(path / "f").read_text() for path in finals] == ["2", "1"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with RunFolder(tmp_path, "a") as folder:
            folder.write_text("f", "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []


def test_an_interrupted_run_can_be_kept(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RunFolder(tmp_path, "a") as folder:
            folder.write_text("f", "partial")
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt:
                folder.keep_partial("Ctrl-C at iteration 40")
                raise

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert names(tmp_path) == ["a-interrupted", "a-interrupted-2"]
    assert (tmp_path / "a-interrupted" / "INTERRUPTED.txt").read_text() == "Ctrl-C at iteration 40\n"
    assert (tmp_path / "a-interrupted" / "f").read_text() == "partial"


def test_replacing_takes_the_place_of_an_earlier_run(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with RunFolder(tmp_path, "out", replace=True) as folder:
            folder.write_json("manifest.json", {"is": content})
            folder.write_text(content, "")
            folder.commit()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["manifest.json", "new"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_replacing_refuses_what_is_no_run(tmp_path: Path, kind: str) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years")
    if kind == "file":
        (tmp_path / "out").write_text("years")
    elif kind == "link":
        (tmp_path / "out").symlink_to(tmp_path / "precious")
    name = "precious" if kind == "folder" else "out"
    with pytest.raises(FolderError, match="it exists and is not"), RunFolder(tmp_path, name, replace=True):
        pass
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "years"
    assert names(tmp_path) == (["precious"] if kind == "folder" else ["out", "precious"])


def test_the_earlier_run_stays_where_the_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("{}")
    real = os.rename

    def refuse(source: Path, target: Path) -> None:
        if ".partial-" in Path(source).name:
            raise OSError(errno.ENOSPC, "full")
        real(source, target)

    with RunFolder(tmp_path, "out", replace=True) as folder:
        monkeypatch.setattr(os, "rename", refuse)
        with pytest.raises(FolderError, match="no space left on the disk"):
            folder.commit()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["manifest.json"]


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = "".join(c if c.isalnum() or c == "_" else "-" for c in socket.gethostname())
    gone = [f".a.partial-{host}-{dead.pid}", f".b.partial-{host}-{dead.pid}.1"]
    kept = [f".a.partial-{host}-{os.getpid()}", f".a.partial-elsewhere-{dead.pid}", f"a.partial-{host}-{dead.pid}"]
    for name in gone + kept:
        (tmp_path / name).mkdir()
    with RunFolder(tmp_path, "a") as folder:
        folder.commit()
    assert names(tmp_path) == sorted([*kept, "a"])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    reason = {errno.ENOSPC: "no space left on the disk", errno.EDQUOT: "the disk quota is used up"}[code]
    with RunFolder(tmp_path, "a") as folder:
        folder.write_text("before", "whole")
        full_disk(monkeypatch, code)
        for write in (
            lambda: folder.write_text("f", "too long"),
            lambda: folder.write_array("f", np.zeros(100)),
            lambda: folder.write_json("f", {}),
        ):
            with pytest.raises(FolderError, match=reason) as caught:
                write()
            assert str(caught.value) == f"cannot write {folder.path / 'f'}: {reason}"
            assert names(folder.path) == ["before"]
        assert names(folder.keep_partial("disk full")) == ["before"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with (
        pytest.raises(FolderError, match=r"cannot make a folder in .*runs") as caught,
        RunFolder(tmp_path / "runs", "a"),
    ):
        pass
    assert "\n" not in str(caught.value)
    with RunFolder(tmp_path, "b") as folder:
        folder.write_text("f", "")
        with pytest.raises(FolderError, match="cannot write"):
            folder.write_text("f/g", "")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FolderError, match="permission denied"), RunFolder(tmp_path, "a"):
            pass
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["../f", "/f", "a/../../f", "", "C:f", "a\\f", "f\0"])
def test_files_stay_within_the_folder(tmp_path: Path, name: str) -> None:
    with RunFolder(tmp_path, "a") as folder, pytest.raises(ValueError, match="does not name a file"):
        folder.write_text(name, "")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".a", "a\\b"])
def test_a_folder_needs_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a folder"):
        RunFolder(tmp_path, name)


def test_a_closed_folder_takes_no_files(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "a") as folder:
        folder.commit()
        with pytest.raises(ValueError, match="not open"):
            folder.write_text("f", "")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(6, dtype=np.complex64)[::2],
        np.zeros((0, 3)),
        np.array(2.5),
        np.array([True, False]),
        np.arange(3, dtype=">i2"),
    ],
)
def test_arrays_read_back(tmp_path: Path, array: np.ndarray) -> None:
    with RunFolder(tmp_path, "a") as folder:
        read = np.load(folder.write_array("x.npy", array), allow_pickle=False)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert read.shape == array.shape


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "a") as folder, pytest.raises(ValueError, match="Python objects"):
        folder.write_array("x.npy", np.array([None]))


def test_json_is_sorted_and_plain(tmp_path: Path) -> None:
    value = {
        "z": np.float32(0.5),
        "a": torch.tensor(3),
        "nan": float("nan"),
        "inf": np.array([1.0, np.inf]),
        1: (torch.ones(2), True, None),
        "c": 1 + 2j,
        "path": Path("runs"),
        "set": {2, 1},
    }
    with RunFolder(tmp_path, "a") as folder:
        text = folder.write_json("m.json", value).read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "z": 0.5,
        "a": 3,
        "nan": None,
        "inf": [1.0, None],
        "1": [[1.0, 1.0], True, None],
        "c": {"real": 1.0, "imag": 2.0},
        "path": "runs",
        "set": [1, 2],
    }
    assert list(json.loads(text)) == sorted(json.loads(text))
    with pytest.raises(TypeError, match="object has no form in JSON"):
        plain({"a": object()})


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        ("knee-4x-wavelet", "knee-4x-wavelet-01234567"),
        ("../../etc/passwd", "etc-passwd-01234567"),
        ("Röntgen 3 %", "Röntgen-3-01234567"),
        ("///", "run-01234567"),
        (".hidden", "hidden-01234567"),
        ("ä" * 300, "ä" * 50 + "-01234567"),
    ],
)
def test_run_names_are_plain(tmp_path: Path, experiment: str, name: str) -> None:
    assert run_name(experiment, "0123456789abcdef") == name
    with RunFolder(tmp_path, name) as folder:
        assert folder.commit().name == name
