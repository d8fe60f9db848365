"""Pictures against scikit-image's own loaders, colour conversion and resampling."""

import socket
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from recon.dsl.check.page import load
from recon.runtime.build import Build
from recon.runtime.data.pictures import fit_picture, picture_names, sample_faces, sample_picture
from recon.runtime.experiment.rows import RowReader
from skimage.color import rgb2gray
from skimage.transform import resize

ALL = picture_names("test") + picture_names("train")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_splits() -> None:
    test, train = picture_names("test"), picture_names("train")
    assert test == ["camera", "chelsea", "retina", "coins"]
    assert not set(test) & set(train)
    assert len(train) == len(set(train)) == 14
    assert not {"horse", "lfw_subset", "shepp_logan_phantom"} & set(train)
    with pytest.raises(ValueError, match="train"):
        picture_names("val")


@pytest.mark.parametrize("name", ALL)
def test_every_picture_is_the_one_scikit_image_gives(name: str) -> None:
    stored = getattr(skimage.data, name)()
    stored = stored[0] if isinstance(stored, tuple) else stored
    expected = stored[None] if stored.ndim == 2 else stored.transpose(2, 0, 1)
    ours = sample_picture(name)
    assert ours.dtype == np.float32
    assert ours.flags.c_contiguous
    assert np.array_equal(np.rint(ours * 255), expected)
    assert ours.min() >= 0
    assert ours.max() <= 1


@pytest.mark.parametrize("name", ["brain", "lena", "", "horse", "../camera", "camera.png"])
def test_unknown_pictures_list_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=r"astronaut.*camera.*text"):
        sample_picture(name)


def test_faces() -> None:
    stored = skimage.data.lfw_subset()[:100, None]
    both = np.concatenate([sample_faces("train"), sample_faces("test")])
    assert both.dtype == np.float32
    assert np.array_equal(both, stored.astype(np.float32))
    assert sample_faces("test").shape == (20, 1, 25, 25)


def test_a_picture_that_fits_is_left_alone() -> None:
    picture = sample_picture("chelsea")
    for channels, extents in [(None, None), (3, None), (None, (300, 451)), (3, (300, 451))]:
        assert np.array_equal(fit_picture(picture, channels, extents), picture)


def test_gray_and_colour() -> None:
    cat, camera = sample_picture("chelsea"), sample_picture("camera")
    gray = fit_picture(cat, 1, None)
    assert gray.shape == (1, 300, 451)
    assert np.allclose(gray[0], rgb2gray(cat.transpose(1, 2, 0).astype(np.float64)), atol=1e-6)
    assert np.array_equal(fit_picture(camera, 3, None), np.repeat(camera, 3, axis=0))


@pytest.mark.parametrize(
    ("extents", "window"),
    [
        ((128, 128), (slice(0, 300), slice(75, 375))),  # square from 300 x 451
        ((100, 200), (slice(37, 263), slice(0, 451))),  # 451 / 2 = 225.5 rows, 226 in whole pixels
        ((600, 902), (slice(0, 300), slice(0, 451))),  # enlarged
    ],
)
def test_centred_window_then_antialiased_resampling(extents: tuple[int, int], window: tuple[slice, slice]) -> None:
    cat = sample_picture("chelsea")
    expected = resize(cat.transpose(1, 2, 0)[window].astype(np.float64), extents, order=1, anti_aliasing=True)
    ours = fit_picture(cat, None, extents)
    assert ours.shape == (3, *extents)
    assert ours.dtype == np.float32
    assert np.allclose(ours, expected.transpose(2, 0, 1), atol=1e-6)


def test_a_window_of_the_right_size_is_not_resampled() -> None:
    tall = np.arange(30, dtype=np.float32).reshape(1, 3, 10) / 30
    assert np.array_equal(fit_picture(tall, None, (3, 3)), tall[:, :, 3:6])


def test_what_cannot_be_fitted() -> None:
    camera = sample_picture("camera")
    for channels, extents in [(2, None), (None, (0, 4))]:
        with pytest.raises(ValueError):
            fit_picture(camera, channels, extents)
    with pytest.raises(ValueError, match="axes"):
        fit_picture(camera[0], None, None)


@pytest.mark.parametrize(("options", "count"), [("", 100), (' { split = "test" }', 20), (' { split = "train" }', 80)])
def test_faces_on_a_page(tmp_path: Path, options: str, count: int) -> None:
    page = f"""recon 1
data faces = sample("lfw_subset"){options}
image x : real[25, 25]
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
prior tv(x)
"""
    checked = load(page, "page.recon", tmp_path, [])
    (source,) = checked.experiment.data.values()
    rows = RowReader(source, next(iter(checked.makers.values())), tmp_path, Build())
    assert rows.count == count
    faces = skimage.data.lfw_subset()[:100][80 if count == 20 else 0 :]
    assert np.allclose(rows.rows.read(count - 1)["image"], faces[count - 1], atol=1e-7)
