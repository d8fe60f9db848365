"""What is seen of an array: slices, magnitudes, logarithms, block means, and scales that are shared."""

import numpy as np
import pytest
from recon.runtime.report.content import Picture
from recon.runtime.report.display import share_limits, shown

rng = np.random.default_rng(3)


def test_a_volume_shows_its_central_slice_and_says_so() -> None:
    volume = rng.normal(size=(2, 9, 6, 5))
    seen = shown(Picture("v", volume, axes=("coil", "z", "row", "col")))
    np.testing.assert_array_equal(seen.values, volume[1, 4])
    assert seen.notes == ("slice 1 of 0 to 1 along coil", "slice 4 of 0 to 8 along z")


@pytest.mark.parametrize("field", ["real", "complex"])
def test_a_film_shows_frames_and_a_line_over_time(field: str) -> None:
    frames = rng.normal(size=(10, 6, 5)) + (1j * rng.normal(size=(10, 6, 5)) if field == "complex" else 0)
    seen = shown(Picture("f", frames, axes=("frame", "row", "col")))
    film = np.abs(frames) if field == "complex" else frames
    tiles = seen.values.reshape(2, 6, 3, 5).swapaxes(1, 2)
    np.testing.assert_array_equal(tiles.reshape(6, 6, 5)[:5], film[::2])
    np.testing.assert_array_equal(tiles[1, 2], film[[0, 1, 3, 5, 6, 8], 3])
    assert seen.notes == ("frames 0, 2, 4, 6 and 8 of 0 to 9; then row 3, time running down",)
    assert not seen.stretched


def test_films_of_other_shapes() -> None:
    """Of volumes the central slice, of two frames both; one frame is an image, and so is a measurement's middle one."""
    names = ("frame", "z", "row", "col")
    volume = rng.normal(size=(2, 9, 6, 5))
    seen = shown(Picture("v", volume, axes=names))
    assert seen.values.shape == (12, 10)
    np.testing.assert_array_equal(seen.values[:6], np.hstack([*volume[:, 4]]))
    np.testing.assert_array_equal(seen.values[6:, :5], volume[[0, 0, 0, 1, 1, 1], 4, 3])
    assert seen.notes == ("slice 4 of 0 to 8 along z", "frames 0 and 1 of 0 to 1; then row 3, time running down")
    assert shown(Picture("v", volume[:1], axes=names)).values.shape == (6, 5)
    assert shown(Picture("y", volume, "measurement", axes=names)).values.shape == (6, 5)
    assert shown(Picture("empty", volume[:, :, :0], axes=names)).values.shape == (1, 1)


def test_three_planes_are_colours_unless_the_axes_say_otherwise() -> None:
    array = rng.random((3, 4, 5))
    seen = shown(Picture("rgb", array))
    assert seen.map == "colour"
    np.testing.assert_array_equal(seen.values, array.transpose(1, 2, 0))
    volume = shown(Picture("v", array, axes=("z", "row", "col")))
    assert volume.map == "grey"
    np.testing.assert_array_equal(volume.values, array[1])


def test_complex_images_show_magnitude_or_phase() -> None:
    image = rng.normal(size=(4, 5)) + 1j * rng.normal(size=(4, 5))
    magnitude, phase = shown(Picture("x", image)), shown(Picture("x", image, show="phase"))
    np.testing.assert_allclose(magnitude.values, np.abs(image))
    assert magnitude.limits[0] == 0
    np.testing.assert_allclose(phase.values, np.angle(image))
    assert phase.limits == (-np.pi, np.pi)
    assert phase.map == "phase"


def test_kspace_shows_log_magnitude_with_unmeasured_entries_black() -> None:
    kspace = np.fft.fft2(np.outer(np.hanning(64), np.hanning(64)) + 1)
    kspace[:, 10] = 0
    seen = shown(Picture("y", kspace, "measurement"))
    assert seen.quantity == "log₁₀ magnitude"
    assert any("logarithm of the magnitude" in note for note in seen.notes)
    top = np.log10(np.abs(kspace).max())
    assert seen.limits == pytest.approx((top - 5, top))
    assert (seen.values[:, 10] == seen.limits[0]).all()
    measured = np.abs(kspace) > 10 ** (top - 5)
    np.testing.assert_allclose(seen.values[measured], np.log10(np.abs(kspace[measured])))


def test_a_measurement_of_low_dynamic_range_stays_linear() -> None:
    image = 1 + rng.random((8, 8))
    np.testing.assert_array_equal(shown(Picture("y", image, "measurement")).values, image)
    assert shown(Picture("x", 1000 ** rng.random((8, 8)), "truth")).quantity == ""


def test_large_images_are_means_over_blocks_and_say_so() -> None:
    image = rng.normal(size=(1024, 600))
    image[0, 0] = np.nan
    seen = shown(Picture("x", image), largest=512)
    expected = np.nanmean(image.reshape(512, 2, 300, 2), axis=(1, 3))
    np.testing.assert_allclose(seen.values, expected)
    assert "1024 × 600 pixels shown as 512 × 300, means of 2 × 2" in seen.notes
    assert "1 value is not finite" in seen.notes


def test_blocks_at_the_edge_are_means_of_what_is_there() -> None:
    image = rng.normal(size=(5, 7))
    seen = shown(Picture("x", image), largest=4)
    assert seen.values.shape == (3, 4)
    assert seen.values[2, 3] == pytest.approx(image[4, 6])
    assert seen.values[2, 0] == pytest.approx(image[4, :2].mean())


def test_a_sinogram_is_stretched_and_labelled() -> None:
    seen = shown(Picture("y", rng.random((1200, 30)), "measurement", axes=("view", "detector")), largest=512)
    assert seen.stretched
    assert seen.labels == ("view", "detector")
    assert seen.values.shape == (400, 30)
    assert not shown(Picture("y", rng.random((20, 30)), "measurement", axes=("row", "col"))).stretched


@pytest.mark.parametrize("array", [np.full((4, 4), np.nan), np.zeros((0, 5)), np.full((4, 4), 7.0), np.full(3, np.inf)])
def test_degenerate_arrays_still_have_a_scale(array: np.ndarray) -> None:
    seen = shown(Picture("x", array, "estimate"))
    assert seen.limits[0] < seen.limits[1]


def test_estimate_and_adjoint_take_the_scale_of_the_truth_before_them() -> None:
    one, two = rng.random((8, 8)), 5 + rng.random((8, 8))
    pictures = [
        Picture("adjoint", one * 0.9, "adjoint"),
        Picture("truth 1", one, "truth"),
        Picture("estimate 1", one * 1.2, "estimate"),
        Picture("truth 2", two, "truth"),
        Picture("estimate 2", two - 0.1, "estimate"),
        Picture("of another unit", two, "estimate", unit="1/mm"),
        Picture("set", two, "estimate", limits=(0.0, 9.0)),
    ]
    first, second = (one.min(), one.max()), (two.min(), two.max())
    limits = [p.limits for p in share_limits(pictures)]
    assert limits == [first, first, first, second, second, second, (0.0, 9.0)]


def test_without_a_truth_the_first_estimate_sets_the_scale() -> None:
    one = rng.random((8, 8))
    limits = [p.limits for p in share_limits([Picture("a", one, "estimate"), Picture("b", 3 * one, "estimate")])]
    assert limits == [(one.min(), one.max())] * 2


def test_an_adjoint_far_off_the_scale_of_the_truth_keeps_its_own() -> None:
    one = rng.random((8, 8))
    adjoint = share_limits([Picture("x", one, "truth"), Picture("A^H y", 100 + one, "adjoint")])[1]
    assert adjoint.limits == (100 + one.min(), 100 + one.max())
    assert adjoint.note == "On a grey scale of its own."


def test_errors_share_a_scale_that_a_divergence_does_not_stretch() -> None:
    truth = np.linspace(-1, 1, 64).reshape(8, 8)
    small, diverged = Picture("a", -0.1 * truth, "error"), Picture("b", 1e6 * truth, "error")
    alone = share_limits([Picture("x", truth, "truth"), small])[1]
    assert alone.limits == pytest.approx((0, np.quantile(np.abs(0.1 * truth), 0.999)))
    both = share_limits([Picture("x", truth, "truth"), small, diverged])
    assert both[1].limits == both[2].limits == (0.0, 2.0)
    np.testing.assert_array_equal(shown(small).values, np.abs(0.1 * truth))


def test_pixels_outside_the_scale_are_counted() -> None:
    image = np.zeros((10, 10))
    image[:2] = 5
    assert shown(Picture("x", image, limits=(0, 1))).notes == ("20% of the pixels lie outside the scale 0 to 1",)


def test_nothing_is_written_into_the_array() -> None:
    image = rng.normal(size=(600, 600))
    image[0] = np.nan
    before = image.copy()
    shown(Picture("x", image, "error"), largest=512)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("array", "axes", "limits", "message"),
    [
        (np.array(1.0), (), None, "at least one axis"),
        (np.array([None]), (), None, "array of numbers"),
        (np.zeros((2, 2)), ("row",), None, "1 names of axes"),
        (np.zeros((2, 2)), (), (1.0, 0.0), "in order"),
        (np.zeros((2, 2)), (), (0.0, np.nan), "finite"),
    ],
)
def test_what_cannot_be_shown_is_refused(array, axes, limits, message) -> None:
    with pytest.raises(ValueError, match=message):
        Picture("x", array, axes=axes, limits=limits)
