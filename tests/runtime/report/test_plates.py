"""Plates: their size on paper, the order of what they draw, and that they are drawn the same each time."""

import io

import numpy as np
import pytest
from PIL import Image
from recon.runtime.report.content import Panel, Picture, Plate, PlateLine
from recon.runtime.report.plates import PANEL, WIDEST, draw_plate, plate_file


def picture(value: float, shape: tuple[int, ...] = (40, 40), role: str = "estimate") -> Picture:
    return Picture("", np.full(shape, value), role, limits=(0.0, 1.0))  # type: ignore[arg-type]


def plate(columns: int, *lines: PlateLine) -> Plate:
    return Plate("", [f"m{i}" for i in range(columns)], lines)


def drawn(p: Plate, dpi: int = 100) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(plate_file(p, "png", dpi))).convert("RGB"))


def test_pictures_stand_in_the_order_of_their_columns() -> None:
    seen = drawn(plate(3, PlateLine("", [Panel(picture(0.2)), None, Panel(picture(0.8))])))
    middle = seen[seen.shape[0] // 2, :, 0]
    dark, light = np.flatnonzero(abs(middle.astype(int) - 51) < 2), np.flatnonzero(abs(middle.astype(int) - 204) < 2)
    assert dark.max() + PANEL * 90 < light.min()
    assert light.size > 0.9 * PANEL * 100


@pytest.mark.parametrize("columns", [2, 4, 6])
def test_a_plate_fits_the_width_of_a_page(columns: int) -> None:
    width, _ = draw_plate(plate(columns, PlateLine("", [Panel(picture(0.5))] * columns))).get_size_inches()
    assert width <= WIDEST + 1e-9


def test_the_inset_shows_the_framed_part_enlarged() -> None:
    array = np.zeros((40, 40))
    array[4:12, 4:12] = 1.0
    line = PlateLine("", [Panel(Picture("", array, "estimate", limits=(0.0, 1.0)))], zoom=(4, 12, 4, 12))
    seen = drawn(plate(1, line), 200)
    white = (seen > 250).all(-1)[45:-20, 10 : int(PANEL * 200) - 10]
    side = PANEL * 200
    lower_right = white[int(0.6 * side) :, int(0.6 * side) :]
    assert lower_right[5:-5, 5:-5].mean() > 0.95  # farthest from the frame, and all of it white


def test_error_maps_stand_beneath_with_a_text_in_front() -> None:
    error = Picture("", np.full((40, 40), 0.1), "error", limits=(0.0, 0.2))
    line = PlateLine("", [Panel(picture(0.5)), Panel(picture(0.5), "30 dB", error)], beneath="error × 5")
    figure = draw_plate(plate(2, line))
    texts = [t.get_text() for t in figure.texts]
    assert "error × 5" in texts
    assert "30 dB" in texts
    assert figure.get_size_inches()[1] > 2 * PANEL


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_the_same_plate_gives_the_same_bytes(kind: str) -> None:
    p = plate(2, PlateLine("accel = 4", [Panel(picture(0.5), "31 dB"), Panel(picture(0.5, (30,)))]))
    assert plate_file(p, kind) == plate_file(p, kind)  # type: ignore[arg-type]


def test_a_plate_needs_a_picture_and_lines_that_fit() -> None:
    with pytest.raises(ValueError, match="no picture"):
        plate(1, PlateLine("", [None]))
    with pytest.raises(ValueError, match="under 2 headings"):
        plate(2, PlateLine("", [Panel(picture(0.5))]))
