"""Folders of the zoo that a stranger has written: nothing is followed, waited for, allocated or believed."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from recon.dsl.model.folder import LARGEST, FolderError, read, read_contract
from recon.dsl.model.tensors import tensors
from stated_weights import SMALL, config, header, safetensors, stated, zeros

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def refused(folder: Path, said: str, name: str = CONFIG) -> None:
    with pytest.raises(FolderError, match=f"{name} of `w` {said}") as e:
        read_contract(folder) if name == CONFIG else tensors(folder)
    assert len(str(e.value)) < 300


def test_what_is_there_is_read(tmp_path: Path) -> None:
    folder = stated(tmp_path / "w")
    assert read(folder, WEIGHTS) == zeros()
    assert tensors(folder).shapes == SMALL


@pytest.mark.parametrize("target", ["../secret.json", "/etc/passwd", "{root}/secret.json"])
def test_links_that_lead_out_of_a_folder_are_not_followed(tmp_path: Path, target: str) -> None:
    folder = stated(tmp_path / "w")
    (folder / CONFIG).rename(tmp_path / "secret.json")
    (folder / CONFIG).symlink_to(target.format(root=tmp_path))
    refused(folder, "is a link that leads out of the folder; put the file itself there")


def test_links_within_a_folder_and_to_a_folder_are_followed(tmp_path: Path) -> None:
    folder = stated(tmp_path / "w")
    (folder / CONFIG).rename(folder / "kept.json")
    (folder / CONFIG).symlink_to("kept.json")
    (tmp_path / "other").symlink_to("w")
    assert read_contract(folder) == read_contract(tmp_path / "other")


def test_links_of_the_hubs_cache_lead_to_its_blobs_alone(tmp_path: Path) -> None:
    root = tmp_path / "models--owner--name"
    folder = stated(root / "snapshots" / ("0" * 40) / "w")
    (root / "blobs").mkdir()
    (folder / CONFIG).rename(root / "blobs" / "abc")
    (folder / CONFIG).symlink_to("../../../blobs/abc")
    assert read_contract(folder).network.name == "srcnn"
    (root / "blobs").rename(root / "elsewhere")
    (root / "blobs").symlink_to("elsewhere")
    refused(folder, "is a link that leads out")


@pytest.mark.parametrize("target", ["config.json", "missing.json"])
def test_links_to_nothing(tmp_path: Path, target: str) -> None:
    folder = stated(tmp_path / "w")
    (folder / CONFIG).unlink()
    (folder / CONFIG).symlink_to(target)
    refused(folder, "cannot be followed")


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes and devices among files")
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stated(tmp_path / "w")
    (folder / CONFIG).unlink()
    if kind == "folder":
        (folder / CONFIG).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / CONFIG)
    elif kind == "socket":
        monkeypatch.chdir(folder)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(CONFIG)
    else:
        try:
            os.mknod(folder / CONFIG, 0o600 | 0o020000, os.makedev(1, 5))  # endless zeros
        except PermissionError:
            pytest.skip("devices are made by root alone")
    refused(folder, "is no regular file|cannot be read")


@pytest.mark.parametrize("name", [CONFIG, "README.md", "spec.recon", "test.safetensors", WEIGHTS])
def test_files_that_are_too_large_are_not_read(tmp_path: Path, name: str) -> None:
    folder = stated(tmp_path / "w")
    with open(folder / name, "wb") as f:
        f.truncate(LARGEST[name] + 1)  # a hole, which takes no place
    tracemalloc.start()
    with pytest.raises(FolderError, match=f"{LARGEST[name]:,} are the most that is read"):
        read(folder, name)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


CONFIGS = {
    "nothing": b"",
    "a list": b"[]",
    "no JSON": b"\xff\xfe{",
    "deep lists": b"[" * 2**19,
    "deep objects": b'{"a":' * 2**17,
    "a long number": b'{"channels": ' + b"9" * 10**6 + b"}",
    "a large number": json.dumps(config(channels=10**300)).encode(),
    "no number": json.dumps(config(range=[float("nan"), 1.0])).encode(),
    "no width": json.dumps(config(range=[0.0, float("inf")])).encode(),
    "twice": json.dumps(config()).encode()[:-1] + b', "channels": 2}',
    "twice within": b'{"network": {"name": "srcnn", "name": "os"}}',
    "controls": json.dumps(config(network={"name": "\x1b[2J\x07os"})).encode(),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_hostile_contracts_are_refused_in_a_line(tmp_path: Path, name: str) -> None:
    folder = stated(tmp_path / "w")
    (folder / CONFIG).write_bytes(CONFIGS[name])
    refused(folder, "(is no JSON|does not hold): ")


def one(**changes: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}


def two(first: list[int], second: list[int]) -> dict[str, Any]:
    return {
        name: {"dtype": "F32", "shape": [(at[1] - at[0]) // 4], "data_offsets": at}
        for name, at in (("a", first), ("b", second))
    }


HEADERS = {
    "enormous": (safetensors(b"{}", length=2**63), "its header is said to have 9,223,372,036,854,775,808 bytes"),
    "longer than the file": (safetensors(b"{}", length=2**20), "its header is said to have 1,048,576 bytes"),
    "shorter than a length": (b"\x02", "its header is said to have 2 bytes"),
    "nothing": (b"", "its header is said to have 0 bytes"),
    "no JSON": (safetensors(b"not json!"), "its header is damaged"),
    "deep": (safetensors(b"[" * 10**6), "its header is nested"),
    "a list": (safetensors([]), "its header names no tensors"),
    "twice": (safetensors(b'{"a": 1, "a": 2}'), "`a` stands there twice"),
    "twice within": (safetensors(b'{"a": {"dtype": "F32", "dtype": "F64"}}'), "`dtype` stands there twice"),
    "no type": (safetensors({"a": {"shape": [], "data_offsets": [0, 4]}}), "`a` is not described"),
    "another type": (safetensors(one(dtype="OBJ"), bytes(16)), "a type that is not known, `OBJ`"),
    "no type at all": (safetensors(one(dtype=["F32"]), bytes(16)), "a type that is not known"),
    "negative": (safetensors(one(shape=[-1, -4]), bytes(16)), "no shape that an array can have"),
    "huge": (safetensors(one(shape=[2**62, 4]), bytes(16)), "no shape that an array can have"),
    "huge and empty": (safetensors(one(shape=[2**62, 0], data_offsets=[0, 0])), "no shape that an array can have"),
    "many axes": (safetensors(one(shape=[1] * 1000 + [4]), bytes(16)), "no shape that an array can have"),
    "infinite": (safetensors(b'{"a": {"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}}'), "no shape"),
    "truth": (safetensors(one(shape=[True]), bytes(4)), "no shape that an array can have"),
    "another size": (safetensors(one(shape=[5]), bytes(16)), "another size than its shape and type make"),
    "backwards": (safetensors(one(data_offsets=[16, 0]), bytes(16)), "another size"),
    "before the file": (safetensors(one(data_offsets=[-16, 0]), bytes(16)), "another size"),
    "overlap": (safetensors(two([0, 8], [4, 12]), bytes(12)), "`b` overlaps with another"),
    "the same bytes": (safetensors(two([0, 8], [0, 8]), bytes(8)), "`b` overlaps with another"),
    "gap": (safetensors(two([0, 8], [12, 16]), bytes(16)), "`b` comes behind a gap"),
    "short": (safetensors(one(), bytes(15)), "its tensors take 16 bytes, and 15 are there"),
    "long": (safetensors(one(), bytes(17)), "its tensors take 16 bytes, and 17 are there"),
    "a long name": (safetensors({"a" * 10**5: 1}), "`aaaa"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_headers_are_refused_before_anything_is_allocated(tmp_path: Path, name: str) -> None:
    content, said = HEADERS[name]
    tracemalloc.start()
    refused(stated(tmp_path / "w", content), f"is no safetensors file: .*{said}", WEIGHTS)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_a_pickle_is_told_from_a_header_whose_length_begins_alike(tmp_path: Path) -> None:
    """A header of 640 bytes begins as pickles of the second protocol do."""
    text = json.dumps({**header(), "__metadata__": {"of": "x"}}).encode()
    content = safetensors(text + b" " * (640 - len(text)), zeros()[-4 * 193 :])
    assert content[:2] == pickle.dumps([], 2)[:2]
    assert tensors(stated(tmp_path / "w", content)).shapes == SMALL
    for version in range(2, 6):
        refused(stated(tmp_path / "w", pickle.dumps([0], version)), "is a pickle", WEIGHTS)
    refused(stated(tmp_path / "w", struct.pack("<Q", 0x04034B50) + bytes(9)), "is a pickle", WEIGHTS)


def test_names_that_a_terminal_would_obey_are_shown(tmp_path: Path) -> None:
    refused(
        stated(tmp_path / "w", safetensors({"\x1b[2J\u202e": 1})), r".*`\\x1b\[2J\\u202e` is not described", WEIGHTS
    )
    with pytest.raises(FolderError, match=r"`\\x07` has no file README"):
        read(stated(tmp_path / "\x07"), "README.md")
