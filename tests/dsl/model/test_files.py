"""Files are looked for inside the spec's folder alone, and headers are read without trusting them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recon.dsl.model.files import FileError, inside, npy_header


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "u1", "i2", ">f4", "?"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5)])
def test_the_header_is_that_of_numpy(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, dtype)
    np.save(tmp_path / "a.npy", array)
    header = npy_header(tmp_path / "a.npy")
    assert header.shape == shape
    assert np.dtype(header.dtype) == array.dtype
    assert header.complex_valued == np.iscomplexobj(array)


@pytest.mark.parametrize(
    "array", [np.array([{}]), np.array(["text"]), np.zeros(2, [("a", "f4")]), np.array(["2020"], "M8[D]")]
)
def test_what_holds_no_plain_numbers_is_refused(tmp_path: Path, array: np.ndarray) -> None:  # type: ignore[type-arg]
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(FileError):
        npy_header(tmp_path / "a.npy")


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((8, 8)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileError, match="shorter"):
        npy_header(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_header_is_an_error_and_no_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.npy"
    np.save(path, np.zeros((2, 2)))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(6, 127))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        header = npy_header(path)
    except FileError:
        return
    assert all(n >= 0 for n in header.shape)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "", "a\0b", "link/secret"])
def test_nothing_outside_the_folder_is_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "spec"
    folder.mkdir()
    (tmp_path / "secret").write_text("")
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(FileError):
        inside(folder, name)


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert inside(tmp_path, "./b") == (tmp_path / "a").resolve()


def test_links_that_go_round_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    def found() -> bool:
        try:
            return inside(tmp_path, "a").is_file()
        except FileError:
            return False

    assert not found()
