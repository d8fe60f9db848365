"""Data sets of the Hub, from a real server on this machine that answers as the Hub does. It is not the Hub itself."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hub_server import HubServer, environment, serving
from PIL import Image
from recon.dsl.check.page import load
from recon.dsl.digest import problem_digest
from recon.runtime.build import Build
from recon.runtime.data.files import DataError
from recon.runtime.experiment.rows import RowReader
from recon.runtime.experiment.run import run_page
from recon.zoo.hub import client

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"hf://datasets/owner/knee@{COMMIT}"
RNG = np.random.default_rng(0)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving() as server:
        for name, value in environment(server, tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        yield server


def put(hub: HubServer, files: dict[str, bytes]) -> None:
    hub.put("datasets/owner/knee", files, oid=COMMIT)


def kspace(slices: int, seed: int, reconstruction: bool = True) -> tuple[bytes, np.ndarray]:
    """A fastMRI file, and its k-space."""
    rng = np.random.default_rng(seed)
    k = (rng.standard_normal((slices, 2, 12, 10)) + 1j * rng.standard_normal((slices, 2, 12, 10))).astype(np.complex64)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as f:
        f["kspace"] = k
        if reconstruction:
            f["ismrmrd_header"] = "<x/>"
    return buffer.getvalue(), k


def reader(folder: Path, source: str, body: str, unknown: str = "complex[auto, auto] { channels = 2 }") -> RowReader:
    text = (
        f"recon 1\ndata d = {source} {{ {body} }}\nimage x : {unknown}\nforward A = identity()\n"
        "noise y ~ gaussian(A @ x, sigma = 0.1)\nprior sq(x)\n"
    )
    checked = load(text, "page.recon", folder, [])
    (data,) = checked.experiment.data.values()
    return RowReader(data, next(iter(checked.makers.values())), folder, Build())


def values(r: RowReader, name: str) -> list[np.ndarray]:
    return [x.numpy() for b in r.batches() for x in b.values[name]]


def knees(hub: HubServer) -> list[np.ndarray]:
    stored = {
        f"multicoil_{s}/file{n}.h5": kspace(2, n) for s, n in (("train", 1), ("val", 2), ("val", 10), ("val", 11))
    }
    put(hub, {name: content for name, (content, _) in stored.items()} | {"README.md": b"# knees"})
    return [k for _, k in stored.values()]


def test_files_come_one_by_one_and_once(hub: HubServer, tmp_path: Path) -> None:
    ks = knees(hub)
    body = 'split = "val"; y = kspace; limit = 3'
    found = values(reader(tmp_path, f'"{ADDRESS}"', body), "y")
    assert np.array_equal(found, [*ks[1], ks[2][0]])
    assert hub.downloads() == ["file2.h5", "file10.h5"]  # of four, and not the readme
    before = len(hub.asked)
    again = values(reader(tmp_path, f'"{ADDRESS}"', body), "y")
    assert np.array_equal(again, found)
    assert len(hub.asked) == before  # all is cached: not one request
    values(reader(tmp_path, f'"{ADDRESS}"', 'split = "val"; y = kspace'), "y")
    assert hub.downloads() == ["file2.h5", "file10.h5", "file11.h5"]


def test_a_page_runs(hub: HubServer, tmp_path: Path) -> None:
    ks = knees(hub)
    text = f"""recon 1
data knee = "{ADDRESS}" {{ split = "train"; y = kspace; ref = rss }}
image x : complex[auto, auto] {{ channels = 2 }}
forward A = fft2()
noise y ~ gaussian(A @ x, sigma = 0.1)
prior 0.001 * sq(x)
"""
    experiment = load(text, "page.recon", tmp_path, []).experiment
    digest = problem_digest(experiment, "")
    assert hub.asked == []  # neither checking nor digests need the network: the commit says which files are meant
    result = run_page(experiment.page, tmp_path, [], out=tmp_path / "out", device="cpu")
    assert result.code == 0
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest["digests"]["problem"]["page"] == digest
    axes = (-2, -1)
    x = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(ks[0], axes), norm="ortho", axes=axes), axes)
    assert np.allclose(np.load(result.folder / "reconstruction-0001.npy"), x[1], rtol=1e-3, atol=1e-3)
    rss = np.sqrt((np.abs(x[1]) ** 2).sum(0))
    assert np.allclose(np.load(result.folder / "truth-ref-0001.npy"), rss, atol=1e-5)


def test_a_word_for_the_layout_takes_an_address(hub: HubServer, tmp_path: Path) -> None:
    ks = knees(hub)
    found = values(reader(tmp_path, f'fastmri("{ADDRESS}/multicoil_val/file1*.h5", slices = 1..1)', "y = kspace"), "y")
    assert np.array_equal(found, [ks[2][1], ks[3][1]])
    assert hub.downloads() == ["file10.h5", "file11.h5"]


def test_other_layouts(hub: HubServer, tmp_path: Path) -> None:
    arrays = [RNG.standard_normal((3, 4, 5)).astype(np.float32) for _ in range(2)]
    pictures = [RNG.integers(0, 256, (4, 5), dtype=np.uint8) for _ in range(3)]
    files: dict[str, bytes] = {"README.md": b"text"}
    for n, a in enumerate(arrays):
        buffer = io.BytesIO()
        np.save(buffer, a)
        files[f"arrays/{n}.npy"] = buffer.getvalue()
        buffer = io.BytesIO()
        np.savez(buffer, image=a)
        files[f"archives/{n}.npz"] = buffer.getvalue()
    for n, p in enumerate(pictures):
        buffer = io.BytesIO()
        Image.fromarray(p).save(buffer, "png")
        files[f"pictures/{'train' if n else 'test'}/{n}.png"] = buffer.getvalue()
    content, k = kspace(2, 5, reconstruction=False)
    files["plain/scan.h5"] = content
    put(hub, files)
    real = "real[auto, auto]"
    assert np.array_equal(
        values(reader(tmp_path, f'"{ADDRESS}/arrays"', "y = array", real), "y"), np.concatenate(arrays)
    )
    assert np.array_equal(values(reader(tmp_path, f'"{ADDRESS}/archives/1.npz"', "y = image", real), "y"), arrays[1])
    train = values(reader(tmp_path, f'"{ADDRESS}/pictures"', 'split = "train"; y = image', real), "y")
    assert np.allclose(train, np.array(pictures[1:]) / 255)
    assert np.array_equal(values(reader(tmp_path, f'"{ADDRESS}/plain"', "y = kspace"), "y"), k)
    with pytest.raises(DataError, match=r"files of several kinds, .*; name those that are meant by a pattern"):
        reader(tmp_path, f'"{ADDRESS}"', "y = image", real)
    with pytest.raises(DataError, match="has no `nothing`"):
        reader(tmp_path, f'"{ADDRESS}/nothing"', "y = image", real)
    with pytest.raises(DataError, match="no split val; its splits are test, train"):
        reader(tmp_path, f'"{ADDRESS}/pictures"', 'split = "val"; y = image', real)


@pytest.mark.parametrize("name", ["a.h5", "a.txt.nii"])
def test_other_bytes_of_the_right_length_are_refused(hub: HubServer, tmp_path: Path, name: str) -> None:
    """The client compares lengths alone; of a small file the listing has git's hash."""
    content, _ = kspace(1, 0)
    put(hub, {name: content})
    hub.faults[name] = "wrong"
    word = "fastmri" if name.endswith("h5") else "nifti"
    with pytest.raises(DataError, match=f"{name}: its content is not what the commit says"):
        values(reader(tmp_path, f'{word}("{ADDRESS}")', "y = " + ("kspace" if word == "fastmri" else "slice")), "y")
    if word == "fastmri":  # the wrong file is forgotten, and the right one is asked for
        hub.faults.clear()
        assert len(values(reader(tmp_path, f'fastmri("{ADDRESS}")', "y = kspace"), "y")) == 1


def test_a_file_that_changes_in_the_cache_is_noticed(hub: HubServer, tmp_path: Path) -> None:
    knees(hub)
    source = f'"{ADDRESS}/multicoil_train"'
    values(reader(tmp_path, source, "y = kspace"), "y")
    (cached,) = (tmp_path / "cache" / "huggingface" / "hub").rglob("file1.h5")
    real = cached.resolve()
    real.write_bytes(real.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError, match="its content is not what the commit says"):
        values(reader(tmp_path, source, "y = kspace"), "y")


def test_refusals_of_the_hub(hub: HubServer, tmp_path: Path) -> None:
    knees(hub)
    other = ADDRESS.replace("knee", "brain")
    with pytest.raises(DataError, match="owner/brain@01234567: the Hub has no such data set"):
        reader(tmp_path, f'"{other}"', "y = kspace")
    elsewhere = ADDRESS.replace(COMMIT, COMMIT[::-1])
    with pytest.raises(DataError, match=f"the data set has no commit {COMMIT[::-1]}"):
        reader(tmp_path, f'"{elsewhere}"', "y = kspace")
    hub.repositories["datasets/owner/knee"].gated = True
    with pytest.raises(DataError, match="is gated; accept its terms"):
        reader(tmp_path, f'"{ADDRESS}"', "y = kspace")


def test_without_a_network_there_is_one_line_within_five_seconds(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.TIMEOUT <= 5
    monkeypatch.setattr("recon.zoo.hub.listing.TIMEOUT", 1.0)
    knees(hub)
    source = f'"{ADDRESS}"'
    values(reader(tmp_path, source, 'y = kspace; split = "train"'), "y")
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    for endpoint in ("http://127.0.0.1:9", f"http://127.0.0.1:{silent.getsockname()[1]}"):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        assert len(values(reader(tmp_path, source, 'y = kspace; split = "train"'), "y")) == 2  # cached
        for address, split in ((source, "val"), (source.replace("knee", "brain"), "train")):
            begin = time.perf_counter()
            with pytest.raises(DataError, match="the Hub cannot be reached, and not all files are cached") as caught:
                values(reader(tmp_path, address, f'y = kspace; on_error = skip; split = "{split}"'), "y")
            assert time.perf_counter() - begin < 5, "a second, and what a busy machine adds"
            assert "\n" not in str(caught.value)
    silent.close()
