"""Readers: what was written by other libraries comes back, row by row, and whatever is wrong is a DataError."""

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from recon.runtime.data.arrays import npy, npy_shape, npz, npz_shapes
from recon.runtime.data.files import DataError, Rows
from recon.runtime.data.hdf5 import hdf5
from recon.runtime.data.images import folder

RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    inner = tmp_path / "root"
    inner.mkdir()
    return inner


def bits8(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def only(rows: Rows) -> np.ndarray:
    assert len(rows) == 1
    (name,) = rows.columns
    return rows.read(0)[name]


def fails(action: Callable[[], object], *words: str) -> None:
    with pytest.raises(DataError) as caught:
        action()
    for word in words:
        assert word in str(caught.value)


def png(bits: int, colour: int, extents: tuple[int, int], rows: list[bytes]) -> bytes:
    """A PNG written by hand (PNG specification, section 11), for the kinds that no library here writes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", extents[1], extents[0], bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# ---- folder ----


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "PNG", "tiff"])
@pytest.mark.parametrize("colour", [False, True])
def test_lossless_pictures(root: Path, suffix: str, colour: bool) -> None:
    stored = bits8(5, 7, 3) if colour else bits8(5, 7)
    Image.fromarray(stored).save(root / f"a.{suffix}")
    image = only(folder("*", root))
    expected = stored.transpose(2, 0, 1) if colour else stored[None]
    assert image.dtype == np.float32
    assert np.array_equal(image, expected.astype(np.float32) / 255)


def test_jpeg(root: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8)
    Image.fromarray(smooth).save(root / "a.jpg", quality=95)
    assert np.abs(only(folder("*.jpg", root))[0] * 255 - smooth).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_gray(root: Path, suffix: str) -> None:
    stored = RNG.integers(0, 65536, (4, 6), dtype=np.uint16)
    Image.fromarray(stored).save(root / f"a.{suffix}")
    assert np.allclose(only(folder("a.*", root))[0] * 65535, stored, atol=0.01)


def test_float_tiff_and_one_bit_and_palette(root: Path) -> None:
    values = RNG.normal(size=(3, 4)).astype(np.float32)
    Image.fromarray(values).save(root / "float.tif")
    assert np.array_equal(only(folder("float.tif", root))[0], values)
    Image.fromarray(values > 0).save(root / "bits.png")
    assert np.array_equal(only(folder("bits.png", root))[0], values > 0)
    stored = np.repeat(bits8(2, 2, 3), 8, axis=0)
    Image.fromarray(stored).quantize(colors=16).save(root / "palette.png")
    seen = only(folder("palette.png", root))
    expected = np.asarray(Image.open(root / "palette.png").convert("RGB"))
    assert np.array_equal(np.rint(seen * 255), expected.transpose(2, 0, 1))


def test_alpha(root: Path) -> None:
    stored = bits8(4, 5, 4)
    stored[..., 3] = 255
    Image.fromarray(stored).save(root / "opaque.png")
    assert np.allclose(only(folder("opaque.png", root)) * 255, stored[..., :3].transpose(2, 0, 1))
    stored[0, 0, 3] = 254
    Image.fromarray(stored).save(root / "glass.png")
    fails(lambda: folder("glass.png", root).read(0), "glass.png", "transparent")
    Image.fromarray(stored[..., 0]).save(root / "key.png", transparency=int(stored[1, 1, 0]))
    fails(lambda: folder("key.png", root).read(0), "key.png", "transparent")


def test_natural_order_depth_and_hidden_files(root: Path) -> None:
    for k in (10, 2, 1, 30):
        Image.new("L", (1, 1), k).save(root / f"slice{k}.png")
    Image.new("L", (1, 1), 99).save(root / ".slice0.png")
    (root / "deep").mkdir()
    Image.new("L", (1, 1), 3).save(root / "deep" / "x.png")
    rows = folder("*.png", root)
    assert rows.columns == ["image"]
    assert [round(float(rows.read(r)["image"][0, 0, 0]) * 255) for r in range(len(rows))] == [1, 2, 10, 30]
    assert len(folder("**/*.png", root)) == 5
    for row in (-1, 4):
        with pytest.raises(IndexError):
            rows.read(row)


def test_pictures_are_read_lazily(root: Path) -> None:
    Image.new("L", (2, 2), 5).save(root / "1.png")
    (root / "2.png").write_bytes(b"not a picture")
    rows = folder("*.png", root)
    assert rows.read(0)["image"].shape == (1, 2, 2)
    fails(lambda: rows.read(1), "2.png")
    (root / "1.png").unlink()
    fails(lambda: rows.read(0), "1.png", "no such file")


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")  # the decoder's own remarks
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_truncated_pictures(root: Path, suffix: str) -> None:
    Image.fromarray(bits8(40, 40, 3)).save(root / f"whole.{suffix}")
    whole = (root / f"whole.{suffix}").read_bytes()
    for kept in (1, 10, 30, len(whole) // 2, len(whole) - 200):
        (root / f"cut.{suffix}").write_bytes(whole[:kept])
        rows = folder(f"cut.{suffix}", root)
        fails(partial(rows.read, 0), f"cut.{suffix}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")  # the decoder's own remarks
def test_damaged_pictures_raise_nothing_else(root: Path) -> None:
    for suffix in ("png", "jpg", "tif", "bmp"):
        buffer = io.BytesIO()
        Image.fromarray(bits8(16, 16, 3)).save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
        whole = bytearray(buffer.getvalue())
        for _ in range(60):
            damaged = bytearray(whole)
            for place in RNG.integers(0, len(whole), 4):
                damaged[place] = RNG.integers(0, 256)
            (root / f"a.{suffix}").write_bytes(damaged)
            try:
                image = folder(f"a.{suffix}", root, max_bytes=10**7).read(0)["image"]
            except DataError as e:
                assert f"a.{suffix}" in str(e)  # noqa: PT017 - damage may also go unnoticed, as in raw pixels
            else:
                assert np.isfinite(image).all()


def test_pictures_that_would_lose_precision_or_meaning(root: Path) -> None:
    deep = RNG.integers(0, 65536, (3, 4, 3)).astype(">u2")
    (root / "deep.png").write_bytes(png(16, 2, (3, 4), [row.tobytes() for row in deep]))
    Image.new("CMYK", (2, 2)).save(root / "cmyk.jpg")
    Image.fromarray(np.full((2, 2), 7, np.int32)).save(root / "int32.tif")
    Image.new("L", (2, 2)).save(root / "stack.tif", save_all=True, append_images=[Image.new("L", (2, 2))])
    Image.fromarray(np.array([[1, np.nan]], np.float32)).save(root / "nan.tif")
    for name, word in {
        "deep.png": "16-bit colour",
        "cmyk.jpg": "CMYK",
        "int32.tif": "mode I",
        "stack.tif": "several",
        "nan.tif": "1 of 2 values are not finite",
    }.items():
        fails(partial(folder(name, root).read, 0), name, word)


def test_large_pictures_are_refused_before_they_are_decoded(root: Path) -> None:
    (root / "bomb.png").write_bytes(png(8, 0, (60_000, 60_000), [b"\0"]))
    fails(lambda: folder("bomb.png", root).read(0), "bomb.png", "bomb")
    Image.new("RGB", (10, 10)).save(root / "a.png")
    fails(lambda: folder("a.png", root, max_bytes=1199).read(0), "1200 bytes", "1199")
    assert folder("a.png", root, max_bytes=1200).read(0)["image"].shape == (3, 10, 10)


def test_a_folder_without_a_pattern(root: Path) -> None:
    (root / "mixed").mkdir()
    fails(lambda: folder("mixed", root), "mixed: is a folder", "`mixed/*.png`")
    for name in ("a.tif", "b.tif", "c.png", "notes.txt"):
        Image.new("L", (2, 2)).save(root / "mixed" / name, "tiff")
    fails(lambda: folder("mixed", root), "`mixed/*.tif`")
    assert len(folder("mixed/*.tif", root)) == 2


def test_messages_name_files_as_the_page_does(root: Path) -> None:
    (root / "text.npy").write_text("hello")
    (root / "cut.npz").write_bytes(b"PK")
    (root / "cut.png").write_bytes(b"PNG")
    (root / "cut.h5").write_bytes(b"x" * 100)
    (root / "dir").mkdir()
    np.save(root / "nan.npy", np.full(3, np.nan))
    actions: list[Callable[[], object]] = [
        lambda: npy("text.npy", root, rows=True),
        lambda: npy("gone.npy", root, rows=True),
        lambda: npy("nan.npy", root, rows=False).read(0),
        lambda: npz("cut.npz", root, rows=True),
        lambda: hdf5("cut.h5", root),
        lambda: folder("*.png", root).read(0),
        lambda: folder("dir", root),
        lambda: folder("*.jpg", root),
    ]
    for action in actions:
        with pytest.raises(DataError) as caught:
            action()
        assert str(root) not in str(caught.value)
    fails(actions[0], "text.npy: cannot be read", "numpy.save")


def test_shapes_without_values(root: Path) -> None:
    np.save(root / "a.npy", np.zeros((2, 3)))
    np.savez(root / "a.npz", x=np.zeros((4, 5)), label=np.array(["text"]))
    assert npy_shape("a.npy", root) == (2, 3)
    assert npz_shapes("a.npz", root, ["x"]) == {"x": (4, 5)}
    assert npz_shapes("a.npz", root) == {"x": (4, 5), "label": (1,)}
    fails(lambda: npz_shapes("a.npz", root, ["y"]), "no column y", "label, x")


def test_folders_that_cannot_be_opened(root: Path) -> None:
    fails(lambda: folder("*.png", root), "*.png", "no file")
    fails(lambda: folder("*.png", root / "missing"), "*.png")
    for pattern in ("../*.png", "/etc/*", "a/../../*.png"):
        fails(partial(folder, pattern, root), "leaves")
    fails(lambda: folder("", root))
    (root / "notes.txt").write_text("text")
    fails(lambda: folder("*", root), "notes.txt", "not a picture")
    (root / "a.png").mkdir()
    fails(lambda: folder("*.png", root), "a.png", "is a folder")
    (root / "empty.tif").touch()
    fails(lambda: folder("*.tif", root), "empty.tif", "empty")


def test_links_out_of_the_root(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    Image.new("L", (2, 2)).save(outside / "secret.png")
    np.save(outside / "secret.npy", np.zeros(3))
    (root / "link.png").symlink_to(outside / "secret.png")
    (root / "dir").symlink_to(outside)
    (root / "link.npy").symlink_to(outside / "secret.npy")
    (root / "loop.npy").symlink_to(root / "loop.npy")
    fails(lambda: folder("*.png", root), "link.png", "outside")
    fails(lambda: folder("dir/*.png", root), "outside")
    for path in ("link.npy", "dir/secret.npy", "../outside/secret.npy", str(outside / "secret.npy")):
        fails(partial(npy, path, root, rows=False), "outside")
    fails(lambda: npy("loop.npy", root, rows=False), "loop.npy")
    # A link that stays inside is fine, and so is an absolute path.
    np.save(root / "real.npy", np.arange(3.0))
    (root / "alias.npy").symlink_to("real.npy")
    for path in ("alias.npy", str(root / "real.npy")):
        assert only(npy(path, root, rows=False)).tolist() == [0, 1, 2]


def test_a_file_swapped_for_a_link_after_opening(root: Path) -> None:
    Image.new("L", (2, 2)).save(root / "a.png")
    Image.new("L", (2, 2)).save(root.parent / "secret.png")
    rows = folder("*.png", root)
    (root / "a.png").unlink()
    (root / "a.png").symlink_to(root.parent / "secret.png")
    fails(lambda: rows.read(0), "outside")


OPENERS: list[Callable[[str, Path], Rows]] = [
    lambda path, root: npy(path, root, rows=True),
    lambda path, root: npz(path, root, rows=True),
    lambda path, root: hdf5(path, root),
]


@pytest.mark.parametrize("opener", OPENERS)
def test_paths_that_are_not_files(root: Path, opener: Callable[[str, Path], Rows]) -> None:
    (root / "folder").mkdir()
    (root / "empty").touch()
    (root / "noise").write_bytes(RNG.bytes(500))
    os.mkfifo(root / "pipe")
    for path, word in {
        "missing": "no such file",
        "folder": "is a folder",
        "empty": "is empty",
        "noise": "cannot be read",
        "pipe": "not a regular file",
        "nul\0l": "cannot be read",
    }.items():
        fails(partial(opener, path, root), path, word)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
@pytest.mark.parametrize("opener", OPENERS)
def test_forbidden_files(root: Path, opener: Callable[[str, Path], Rows]) -> None:
    (root / "a").write_bytes(b"x")
    (root / "a").chmod(0)
    fails(lambda: opener("a", root), "a")


# ---- .npy and .npz ----

ARRAYS: list[Any] = [
    RNG.normal(size=(4, 3, 5)),
    RNG.normal(size=(4, 3)) + 1j,
    np.asfortranarray(RNG.normal(size=(4, 3, 5)).astype(">f4")),
    RNG.integers(0, 9, (4, 2), dtype=np.int16),
    RNG.normal(size=(4, 3)) > 0,
    RNG.normal(size=(4, 2)).astype(np.longdouble),
    RNG.normal(size=4).astype(np.float16),
]


@pytest.mark.parametrize("stored", ARRAYS, ids=lambda a: a.dtype.str)
@pytest.mark.parametrize("by_row", [True, False])
def test_npy(root: Path, stored: np.ndarray, by_row: bool) -> None:
    np.save(root / "a.npy", stored)
    rows = npy("a.npy", root, rows=by_row)
    assert rows.columns == ["array"]
    expected = list(stored) if by_row else [stored]
    assert len(rows) == len(expected)
    for k, row in enumerate(expected):
        got = rows.read(k)["array"]
        assert np.array_equal(got, np.asarray(row).astype(got.dtype))
        assert got.dtype.isnative
        assert got.dtype.itemsize <= 16
        assert got.flags.writeable
        got[...] = 0  # the caller's own copy: the file does not change
    assert np.array_equal(np.load(root / "a.npy"), stored)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("by_row", [True, False])
def test_npz(root: Path, save: Callable[..., None], by_row: bool) -> None:
    stored = {"y": RNG.normal(size=(5, 3)) + 1j, "x": RNG.normal(size=(5, 2, 2)), "label": np.arange(5)}
    save(root / "a.npz", **stored)
    rows = npz("a.npz", root, rows=by_row)
    assert rows.columns == ["label", "x", "y"]
    assert len(rows) == (5 if by_row else 1)
    for k in range(len(rows)):
        row = rows.read(k)
        for name, array in stored.items():
            assert np.array_equal(row[name], array[k] if by_row else array)
    assert npz("a.npz", root, rows=True, columns=["y"]).read(2).keys() == {"y"}
    fails(lambda: npz("a.npz", root, rows=True, columns=["z"]), "no column z", "label, x, y")


def test_sources_may_be_sent_to_another_process(root: Path) -> None:
    np.save(root / "a.npy", np.arange(6.0).reshape(3, 2))
    np.savez_compressed(root / "a.npz", a=np.arange(6.0).reshape(3, 2))
    with h5py.File(root / "a.h5", "w") as store:
        store["a"] = np.arange(6.0).reshape(3, 2)
    for rows in [opener(f"a.{s}", root) for opener, s in zip(OPENERS, ("npy", "npz", "h5"), strict=True)]:
        (values,) = pickle.loads(pickle.dumps(rows)).read(2).values()
        assert values.tolist() == [4, 5]


def test_a_row_is_read_without_the_rest(root: Path) -> None:
    # 40 GB promised by a sparse file: reading it whole could not work.
    count, n = 50_000, 100_000
    with (root / "a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (count, n)})
        stream.truncate(stream.tell() + 8 * count * n)
    rows = npy("a.npy", root, rows=True)
    assert len(rows) == count
    assert rows.read(count - 1)["array"].shape == (n,)
    fails(lambda: npy("a.npy", root, rows=False), "40000000000 bytes")


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


class Trap:
    """Unpickling this leaves a mark."""

    sprung = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return (spring, ())


def spring() -> None:
    Trap.sprung = True


def test_pickles_are_never_loaded(root: Path) -> None:
    objects = np.array([Trap()], dtype=object)
    (root / "a.npy").write_bytes(npy_bytes(objects))
    np.savez(root / "a.npz", a=objects)
    np.savez_compressed(root / "b.npz", a=objects)
    (root / "raw.npy").write_bytes(pickle.dumps(Trap()))
    fails(lambda: npy("a.npy", root, rows=False), "a.npy", "objects")
    fails(lambda: npz("a.npz", root, rows=False), "a.npz", "objects")
    fails(lambda: npz("b.npz", root, rows=False), "b.npz", "objects")
    fails(lambda: npy("raw.npy", root, rows=False), "raw.npy")
    assert not Trap.sprung


def test_damaged_npy(root: Path) -> None:
    whole = npy_bytes(np.arange(100.0))
    for kept in (3, 8, 40, 128, len(whole) - 1):
        (root / "a.npy").write_bytes(whole[:kept])
        fails(lambda: npy("a.npy", root, rows=True), "a.npy")
    (root / "a.npy").write_bytes(whole + b"more")
    fails(lambda: npy("a.npy", root, rows=True), "damaged")
    (root / "a.npy").write_bytes(whole)
    rows = npy("a.npy", root, rows=True)
    (root / "a.npy").write_bytes(whole[:500])  # cut after it was opened
    fails(lambda: rows.read(99), "a.npy")


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        (np.array(3.0), "no rows"),
        (np.zeros((0, 3)), "empty"),
        (np.zeros((3, 0)), "empty"),
        (np.array(["text"]), "text, not numbers"),
        (np.zeros(2, dtype=[("a", "f4")]), "not numbers"),
        (np.zeros(2, dtype="M8[s]"), "not numbers"),
    ],
)
def test_arrays_that_are_no_rows_of_numbers(root: Path, stored: np.ndarray, word: str) -> None:
    np.save(root / "a.npy", stored)
    fails(lambda: npy("a.npy", root, rows=True), "a.npy", word)


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, -np.inf)])
def test_values_that_are_not_finite(root: Path, bad: complex) -> None:
    stored = np.zeros((3, 4), dtype=type(bad))
    stored[1, 2] = bad
    np.save(root / "a.npy", stored)
    np.savez(root / "a.npz", a=stored)
    with h5py.File(root / "a.h5", "w") as store:
        store["a"] = stored
    for opener, suffix in zip(OPENERS, ("npy", "npz", "h5"), strict=True):
        rows = opener(f"a.{suffix}", root)
        assert rows.read(0)
        fails(partial(rows.read, 1), f"a.{suffix}", "row 2", "1 of 4 values")


def test_damaged_npz(root: Path) -> None:
    np.savez(root / "a.npz", a=np.arange(50.0))
    np.savez_compressed(root / "c.npz", a=RNG.normal(size=50))
    for name in ("a.npz", "c.npz"):
        whole = (root / name).read_bytes()
        for kept in (10, 100, len(whole) - 5):
            (root / "cut.npz").write_bytes(whole[:kept])
            fails(lambda: npz("cut.npz", root, rows=True), "cut.npz")
        for _ in range(60):
            damaged = bytearray(whole)
            for place in RNG.integers(0, len(whole), 3):
                damaged[place] = RNG.integers(0, 256)
            (root / "bad.npz").write_bytes(damaged)
            try:
                npz("bad.npz", root, rows=True, max_bytes=10**7).read(0)
            except DataError as e:
                assert "bad.npz" in str(e)  # noqa: PT017 - damage may also go unnoticed, as in raw numbers
    np.savez(root / "empty.npz")
    fails(lambda: npz("empty.npz", root, rows=True), "no arrays")
    with zipfile.ZipFile(root / "text.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    fails(lambda: npz("text.npz", root, rows=True), "text.npz")
    np.savez(root / "uneven.npz", a=np.zeros(3), b=np.zeros(4))
    fails(lambda: npz("uneven.npz", root, rows=True), "a: 3, b: 4")
    assert len(npz("uneven.npz", root, rows=False)) == 1
    np.savez_compressed(root / "fortran.npz", a=np.asfortranarray(RNG.normal(size=(3, 4))))
    fails(lambda: npz("fortran.npz", root, rows=True), "np.savez")


def test_compressed_bombs(root: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1, 10**8)})
    with zipfile.ZipFile(root / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(10**8))
    fails(lambda: npz("a.npz", root, rows=True, max_bytes=10**7), "100000000 bytes", "10000000")


# ---- HDF5 ----


def test_hdf5(root: Path) -> None:
    kspace = (RNG.normal(size=(3, 2, 4)) + 1j * RNG.normal(size=(3, 2, 4))).astype(np.complex64)
    with h5py.File(root / "a.h5", "w") as store:
        store["kspace"] = kspace
        store.create_dataset("maps/sens", data=kspace.real, compression="gzip", chunks=(1, 2, 4))
        store["counts"] = np.arange(3, dtype=">i4")
        store["loop/up"] = store["maps"]
        store["maps"]["down"] = store["loop"]
        store["alias"] = h5py.SoftLink("/maps/sens")
        store["dangling"] = h5py.SoftLink("/nowhere")
    rows = hdf5("a.h5", root, columns=["kspace", "maps/sens", "alias", "counts"])
    assert len(rows) == 3
    for k in range(3):
        row = rows.read(k)
        assert np.array_equal(row["kspace"], kspace[k])
        assert row["kspace"].dtype == np.complex64
        assert np.array_equal(row["maps/sens"], kspace[k].real)
        assert np.array_equal(row["alias"], kspace[k].real)
        assert row["counts"] == k
        assert row["counts"].dtype.isnative
    assert set(hdf5("a.h5", root).columns) >= {"kspace", "alias", "counts"}
    assert "dangling" not in hdf5("a.h5", root).columns
    fails(lambda: hdf5("a.h5", root, columns=["dangling"]), "no column dangling")


def test_hdf5_never_leaves_the_file(root: Path) -> None:
    with h5py.File(root.parent / "other.h5", "w") as other:
        other["secret"] = np.zeros(3)
    (root.parent / "raw.bin").write_bytes(bytes(24))

    def make(name: str, fill: Callable[[h5py.File], object]) -> str:
        with h5py.File(root / name, "w") as store:
            store["fine"] = np.zeros(3)
            fill(store)
        return name

    outer = str(root.parent / "other.h5")
    layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
    layout[:] = h5py.VirtualSource(outer, "secret", shape=(3,))

    def through(store: h5py.File) -> None:
        store.create_group("g")["out"] = h5py.ExternalLink(outer, "/")
        store["soft"] = h5py.SoftLink("/g/out/secret")

    for name, column, word, fill in [
        ("external.h5", "x", "link to another", lambda s: s.__setitem__("x", h5py.ExternalLink(outer, "/secret"))),
        ("through.h5", "soft", "link to another", through),
        ("through.h5", "g/out/secret", "link to another", through),
        ("virtual.h5", "x", "other files", lambda s: s.create_virtual_dataset("x", layout)),
        (
            "raw.h5",
            "x",
            "other files",
            lambda s: s.create_dataset("x", (3,), "f8", external=[(str(root.parent / "raw.bin"), 0, 24)]),
        ),
    ]:
        made = make(name, fill)
        fails(partial(hdf5, made, root, columns=[column]), name, column, word)
        assert hdf5(made, root, columns=["fine"]).read(2)["fine"] == 0
    assert hdf5("through.h5", root).columns == ["fine"]


def test_an_hdf5_link_swapped_in_after_opening(root: Path) -> None:
    for name, value in (("a.h5", 1.0), ("other.h5", 2.0)):
        with h5py.File(root / name, "w") as store:
            store["x"] = np.full(3, value)
    rows = hdf5("a.h5", root)
    assert rows.read(0)["x"] == 1
    with h5py.File(root / "a.h5", "r+") as store:
        del store["x"]
        store["x"] = h5py.ExternalLink("other.h5", "/x")
    fails(lambda: rows.read(0), "a.h5", "link to another file")


def test_hdf5_paths_that_lead_to_no_array(root: Path) -> None:
    with h5py.File(root / "a.h5", "w") as store:
        store["scan/kspace"] = np.zeros(3)
        store["scan/here"] = h5py.SoftLink("kspace")
        store["round"] = h5py.SoftLink("/round")
    assert len(hdf5("a.h5", root, columns=["/scan//here"])) == 3
    fails(lambda: hdf5("a.h5", root, columns=["scan"]), "a.h5", "scan is a group", "it holds scan/here, scan/kspace")
    fails(lambda: hdf5("a.h5", root, columns=["scan/kspace/x"]), "no column scan/kspace/x", "scan/kspace")
    fails(lambda: hdf5("a.h5", root, columns=["round"]), "more than 16 links")


def test_hdf5_that_is_no_rows_of_numbers(root: Path) -> None:
    with h5py.File(root / "a.h5", "w") as store:
        store["text"] = "hello"
        store["words"] = np.array([b"a", b"b"])
        store["scalar"] = 3.0
        store["null"] = h5py.Empty("f8")
        store["none"] = np.zeros((0, 2))
        store["pairs"] = np.zeros(2, dtype=[("u", "f4"), ("v", "f4")])
        store["two"] = np.zeros(2)
        store["three"] = np.zeros(3)
        store.create_dataset("huge", (1, 10**12), "f8", chunks=(1, 1000))
        store.create_dataset("block", (10**7, 1), "f8", chunks=(10**7, 1))
    for name, word in {
        "text": "objects",
        "words": "text, not numbers",
        "scalar": "no rows",
        "null": "empty",
        "none": "empty",
        "pairs": "not numbers",
        "huge": "8000000000000 bytes",
    }.items():
        fails(partial(hdf5, "a.h5", root, columns=[name]), "a.h5", name, word)
    fails(lambda: hdf5("a.h5", root, columns=["two", "three"]), "two: 2, three: 3")
    fails(lambda: hdf5("a.h5", root, columns=["block"], max_bytes=10**7), "blocks of 80000000 bytes")
    with h5py.File(root / "empty.h5", "w") as store:
        store.create_group("nothing")
    fails(lambda: hdf5("empty.h5", root), "no arrays")


def test_damaged_hdf5(root: Path) -> None:
    with h5py.File(root / "a.h5", "w") as store:
        store.create_dataset("x", data=RNG.normal(size=(4, 50)), compression="gzip", fletcher32=True, chunks=(1, 50))
    whole = (root / "a.h5").read_bytes()
    for kept in (4, 100, len(whole) // 2, len(whole) - 1):
        (root / "cut.h5").write_bytes(whole[:kept])
        fails(lambda: hdf5("cut.h5", root).read(3), "cut.h5")
    with h5py.File(root / "a.h5", "r") as store:
        chunk = store["x"].id.get_chunk_info(2)
    damaged = bytearray(whole)
    damaged[chunk.byte_offset + 20] ^= 255
    (root / "bad.h5").write_bytes(damaged)
    rows = hdf5("bad.h5", root)
    assert np.isfinite(rows.read(1)["x"]).all()
    fails(lambda: rows.read(2), "bad.h5", "row 3")
