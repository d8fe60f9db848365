"""Pictures as PNG files: one array pixel by pixel, or a grid of them with titles and colour bars."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .colours import encode_png, grey, lookup, pixels
from .content import Curve, Picture
from .curves import draw_curve
from .display import LARGEST, Shown, share_limits, shown
from .drawing import house_style, tick, ticks
from .text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def picture_png(picture: Picture) -> bytes:
    """A PNG file with one pixel for each pixel of the image, 8 bit, black at `limits[0]` and white at `limits[1]`.

    Grey levels for scalar images; colours for colour images, error maps and phases. What is not finite is black in
    grey and blue in colour. Volumes give their central slice, signals a line plot. For pictures that are to be
    compared, take `display.share_limits` first: without limits a picture spans its own values.
    """
    seen = shown(picture)
    if seen.map == "line":
        return figure_png([picture], columns=1)
    return encode_png(grey(seen) if seen.map == "grey" else pixels(seen))


def figure_png(pictures: Sequence[Picture], columns: int) -> bytes:
    """A PNG file with the pictures in a grid, `columns` in a row, with titles and colour bars, on white.

    Scales are shared as in a report (`display.share_limits`); images are averaged down to at most 512 pixels along an
    axis. The same pictures give the same bytes. Raises ValueError without pictures or columns.
    """
    if not pictures or columns < 1:
        raise ValueError(f"a figure needs pictures and columns, not {len(pictures)} and {columns}")
    rows, columns = math.ceil(len(pictures) / columns), min(columns, len(pictures))
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.1 * columns, 2.75 * rows), dpi=200, layout="constrained")
        for index, picture in enumerate(share_limits(pictures)):
            axes = figure.add_subplot(rows, columns, index + 1)
            title = clean(picture.title) + (f" ({clean(picture.unit)})" if picture.unit else "")
            axes.set_title(title, fontsize=9, wrap=True)
            seen = shown(picture, LARGEST)
            if seen.map == "line":
                draw_curve(axes, line_of(picture, seen))
            else:
                _draw_image(figure, axes, seen)
        out = io.BytesIO()
        figure.savefig(out, format="png", facecolor="white", metadata={"Software": None})
    return out.getvalue()


def line_of(picture: Picture, seen: Shown) -> Curve:
    """A one-dimensional picture as a curve over its index."""
    along = picture.axes[-1] if picture.axes and picture.axes[-1] else "index"
    values = (np.arange(seen.values.size, dtype=np.float64), seen.values)
    return Curve(picture.title, along, {picture.title: values}, log_y=False, unit=seen.quantity)


def _draw_image(figure: Figure, axes: Axes, seen: Shown) -> None:
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.ticker import FixedLocator, FuncFormatter

    axes.imshow(pixels(seen), aspect="auto" if seen.stretched else "equal", interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(clean(seen.labels[0]))
    axes.set_xlabel(clean(seen.labels[1]))
    if seen.map == "colour":
        return
    from matplotlib.cm import ScalarMappable

    scale = ScalarMappable(Normalize(*seen.limits), ListedColormap(lookup(seen.map) / 255.0))
    bar = figure.colorbar(scale, ax=axes, fraction=0.05, pad=0.03, label=clean(seen.quantity))
    bar.locator = FixedLocator(ticks(*seen.limits))
    bar.formatter = FuncFormatter(tick)
    bar.update_ticks()
    bar.outline.set_visible(False)
