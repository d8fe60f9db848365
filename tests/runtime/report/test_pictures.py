"""PNG files, read back by skimage: pixel values, colours, grids."""

import io

import numpy as np
import pytest
from matplotlib import colormaps
from recon.runtime.report.colours import NOT_FINITE
from recon.runtime.report.content import Picture
from recon.runtime.report.pictures import figure_png, picture_png
from skimage.io import imread

rng = np.random.default_rng(5)


def read(png: bytes) -> np.ndarray:
    return imread(io.BytesIO(png))


def test_a_grey_picture_has_one_pixel_for_each_pixel_and_256_levels() -> None:
    image = rng.normal(size=(37, 613))
    saved = read(picture_png(Picture("x", image, limits=(-1.0, 2.0))))
    np.testing.assert_array_equal(saved, np.rint(255 * np.clip((image + 1) / 3, 0, 1)))


def test_what_is_not_finite_is_black_in_grey_and_blue_in_colour() -> None:
    image = np.array([[0.0, np.nan], [np.inf, 1.0]])
    np.testing.assert_array_equal(read(picture_png(Picture("x", image + 1))), [[0, 0], [0, 255]])
    error = read(picture_png(Picture("x", image, "error")))
    inferno = np.rint(255 * colormaps["inferno"]([0.0, 1.0])[:, :3])
    np.testing.assert_allclose(error[[0, 1], [0, 1]], inferno, atol=1)
    np.testing.assert_array_equal(error[[0, 1], [1, 0]], [NOT_FINITE, NOT_FINITE])


def test_a_colour_picture_keeps_its_channels() -> None:
    image = rng.integers(0, 256, size=(3, 6, 5), dtype=np.uint8)
    image[0, 0, 0], image[0, 0, 1] = 0, 255
    np.testing.assert_array_equal(read(picture_png(Picture("x", image))), image.transpose(1, 2, 0))


def test_limits_as_far_apart_as_floats_go() -> None:
    image = np.array([[-1.7e308, 0.0, 1.7e308]])
    np.testing.assert_array_equal(read(picture_png(Picture("x", image))), [[0, 128, 255]])


def test_files_carry_no_metadata_and_are_the_same_each_time() -> None:
    pictures = [Picture("a", rng.random((8, 8)), "truth"), Picture("signal", rng.random(30))]
    for make in (lambda: picture_png(pictures[0]), lambda: figure_png(pictures, 2)):
        png = make()
        assert make() == png
        assert b"tEXt" not in png
        assert b"tIME" not in png


def test_a_figure_is_a_grid() -> None:
    pictures = [Picture(f"${i} \\alpha", rng.random((8, 8)), unit="1/mm") for i in range(3)]
    one, three = read(figure_png(pictures, 1)), read(figure_png(pictures, 3))
    assert one.shape[0] > 2 * three.shape[0]
    assert three.shape[1] > 2 * one.shape[1]
    assert read(figure_png(pictures[:1], 4)).shape[1] == one.shape[1]


def test_a_figure_needs_pictures_and_columns() -> None:
    with pytest.raises(ValueError, match="needs pictures and columns"):
        figure_png([], 2)


def test_the_users_matplotlib_settings_neither_matter_nor_change() -> None:
    import matplotlib

    picture = Picture("x", rng.random((8, 8)))
    plain = figure_png([picture], 1)
    with matplotlib.rc_context({"image.origin": "lower", "font.size": 30, "image.cmap": "jet"}):
        assert figure_png([picture], 1) == plain
        assert matplotlib.rcParams["font.size"] == 30
