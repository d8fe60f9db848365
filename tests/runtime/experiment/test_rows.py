"""Rows read for a page: what is wrong with data is said by data set, row and name, before anything is solved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from recon.dsl.check.page import load
from recon.runtime.build import Build
from recon.runtime.data.files import DataError
from recon.runtime.experiment.rows import RowReader
from torch import Tensor

PAGE = """recon 1
data d = {data}
image x : real[4, 4]
forward A = identity()
noise y ~ {law}
prior tv(x)
prior x in nonnegative
"""
GAUSSIAN = "gaussian(A @ x, sigma = 0.1)"


def opener(
    folder: Path, data: str, law: str = GAUSSIAN, page: str = PAGE, real: torch.dtype = torch.float32
) -> Callable[[], RowReader]:
    """The page is checked here, and its data are opened by the call: files may change in between."""
    checked = load(page.format(data=data, law=law), "page.recon", folder, [])
    maker = next(iter(checked.makers.values()))
    (source,) = checked.experiment.data.values()
    return lambda: RowReader(source, maker, folder, Build(real))


def reader(
    folder: Path, data: str, law: str = GAUSSIAN, page: str = PAGE, real: torch.dtype = torch.float32
) -> RowReader:
    return opener(folder, data, law, page, real)()


def rows(r: RowReader) -> list[dict[str, Tensor]]:
    return [batch.values for batch in r.batches()]


def fails(folder: Path, data: str, *words: str, law: str = GAUSSIAN) -> None:
    with pytest.raises(DataError) as caught:
        rows(reader(folder, data, law))
    for word in words:
        assert word in str(caught.value)
    assert str(folder) not in str(caught.value)


def test_values_beyond_single_precision(tmp_path: Path) -> None:
    stored = np.ones((2, 4, 4))
    stored[1, 0, 0] = -1e300
    np.save(tmp_path / "big.npy", stored)
    fails(
        tmp_path,
        'npy("big.npy")',
        "row 2 of `d`",
        "`x` has 1 of 16 values",
        "not finite after conversion to float32",
        "largest of the data is 1e+300",
        "precision = float64",
    )
    (batch,) = rows(reader(tmp_path, 'npy("big.npy")', real=torch.float64))
    assert float(batch["x"].min()) == -1e300


@pytest.mark.parametrize("value", ["log(array - 5)", "exp(100 * array)", "sqrt(-1 * array)"])
@pytest.mark.parametrize("target", ["x", "y", "ref"])
def test_values_that_the_binding_makes_not_finite(tmp_path: Path, value: str, target: str) -> None:
    np.save(tmp_path / "a.npy", np.ones((4, 4)))
    data = (
        f'npy("a.npy") {{ {target} = {value} }}' if target != "ref" else f'npy("a.npy") {{ y = array; ref = {value} }}'
    )
    fails(tmp_path, data, "row 1 of `d`", f"`{target}` has 16 of 16 values", "the binding")


def test_negative_counts_are_named_and_fractions_accepted(tmp_path: Path) -> None:
    stored = np.full((3, 4, 4), 2.5)
    np.save(tmp_path / "fractions.npy", stored)
    stored[1, 2, 3] = -3
    np.save(tmp_path / "negative.npy", stored)
    law = "poisson(10 * x)"
    fails(tmp_path, 'npy("negative.npy") { y = array }', "row 2 of `d`", "`y` holds counts", "is -3", law=law)
    (batch,) = rows(reader(tmp_path, 'npy("fractions.npy") { y = array }', law))
    assert batch["y"].shape == (3, 4, 4)
    (batch,) = rows(reader(tmp_path, 'npy("negative.npy") { y = array }'))  # no counts: any sign
    assert float(batch["y"].min()) == -3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", ("numpy.save",)),
        (b"", ("is empty",)),
        ("cut", ("damaged", "takes 128 bytes")),
        (np.array(["text"] * 4), ("text, not numbers",)),
        (np.array([None] * 4), ("Python objects", "plain numbers")),
    ],
)
def test_a_npy_file_that_is_none(tmp_path: Path, content: object, words: tuple[str, ...]) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 4)))
    opened = opener(tmp_path, 'npy("a.npy")')
    if isinstance(content, np.ndarray):
        np.save(path, np.tile(content, (4, 1)), allow_pickle=True)
    else:
        path.write_bytes(content if isinstance(content, bytes) else path.read_bytes()[:-8])
    with pytest.raises(DataError) as caught:
        opened()
    for word in ("a.npy", *words):
        assert word in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_only_the_columns_in_use_are_looked_at(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as store:
        store["image"] = np.ones((2, 4, 4))
        store["group/inner"] = np.ones((2, 4, 4))
        store["names"] = np.array([b"a", b"b", b"c"])
        store["out"] = h5py.ExternalLink("other.h5", "/x")
    (batch,) = rows(reader(tmp_path, 'hdf5("a.h5") { x = image }'))
    assert batch["x"].shape == (2, 4, 4)
    fails(tmp_path, 'hdf5("a.h5") { x = out }', "a.h5: column out", "link to another file")
    fails(tmp_path, 'hdf5("a.h5") { x = group }', "group is a group", "group/inner")
    fails(tmp_path, 'hdf5("a.h5") { x = missing }', "no column missing", "image")
    np.savez(tmp_path / "a.npz", image=np.ones((2, 4, 4)), other=np.ones(5), names=np.array(["a"]))
    (batch,) = rows(reader(tmp_path, 'npz("a.npz") { x = image }'))
    assert batch["x"].shape == (2, 4, 4)


def test_an_archive_of_one_row_with_arrays_of_several_shapes(tmp_path: Path) -> None:
    page = PAGE.replace("identity()", "coils(maps = birdcage(2))").replace("real[4, 4]", "complex[4, 4]")
    page = page.replace("prior x in nonnegative\n", "")
    np.savez(tmp_path / "a.npz", x=np.ones((4, 4)), y=np.ones((2, 4, 4)))
    (batch,) = rows(reader(tmp_path, 'npz("a.npz") { x = x; y = y }', page=page))
    assert batch["x"].shape == (1, 4, 4)
    assert batch["y"].shape == (1, 2, 4, 4)


def test_a_million_rows_are_drawn_one_at_a_time(tmp_path: Path) -> None:
    page = PAGE.replace("image x : real[4, 4]", "signal x : real[100000]").replace("prior tv(x)\n", "")
    for source in ("sparse(nonzeros = 3, count = 1000000)", "smooth(width = 2, count = 1000000)"):
        r = reader(tmp_path, source, page=page)
        assert r.count == 10**6
        assert r.rows.read(999_999)["signal"].shape == (100_000,)
        assert not np.array_equal(r.rows.read(0)["signal"], r.rows.read(1)["signal"])
