"""Plates: pictures in lines and columns with insets, error maps and numbers, at the size and resolution of print."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .colours import lookup, pixels
from .content import Panel, Picture, Plate, PlateLine
from .display import Shown, shown
from .drawing import house_style, tick, ticks
from .text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# inches; a page's text is about seven wide
WIDEST, PANEL, SMALLEST = 7.1, 1.9, 0.75
GAP, HEAD, BELOW, SIDE, BAR, MARGIN = 0.045, 0.2, 0.165, 0.2, 0.5, 0.03
INSET = 0.46  # of a picture's side
FRAME = "#ffb000"  # seen on black, on white and on the colours of errors
DARK = "#222222"


def plate_file(plate: Plate, kind: Literal["png", "pdf"], dpi: int = 300) -> bytes:
    """The plate as a PNG file of that many dots an inch, or as a PDF whose texts stay texts; on white.

    The same plate gives the same bytes.
    """
    with house_style():
        figure = draw_plate(plate)
        out = io.BytesIO()
        nothing: dict[str, Any] = {"Software": None} if kind == "png" else {"CreationDate": None, "Producer": None}
        figure.savefig(out, format=kind, dpi=dpi, facecolor="white", metadata=nothing)
    return out.getvalue()


@dataclass(frozen=True)
class _Strip:
    """One line of drawings: where it stands, and what is in it. `top` is measured from the top of the figure."""

    top: float
    height: float
    pictures: Sequence[Picture | None]
    line: PlateLine
    errors: bool

    def said(self, i: int) -> str:
        """The text of the i-th column: under a picture its own; in front of the errors what they are."""
        panel = self.line.panels[i]
        if not self.errors:
            return panel.below if panel is not None else ""
        return self.line.beneath if i + 1 < len(self.pictures) and not self.pictures[i] and self.pictures[i + 1] else ""


def draw_plate(plate: Plate) -> Figure:
    """The plate as a matplotlib figure, at most `WIDEST` inches wide unless its panels would be too small to see."""
    from matplotlib.figure import Figure

    count = len(plate.heads)
    left = SIDE if any(line.label for line in plate.lines) else MARGIN
    room = (WIDEST - left - BAR - (count - 1) * GAP) / count
    width = min(max(room, SMALLEST), PANEL)
    strips, bottom = _strips(plate, width)
    size = (left + count * width + (count - 1) * GAP + BAR, bottom + MARGIN)
    figure = Figure(figsize=size)

    def axes(x: float, top: float, w: float, h: float) -> Axes:
        return figure.add_axes((x / size[0], 1 - (top + h) / size[1], w / size[0], h / size[1]))

    def write(x: float, y: float, text: str, points: float, **how: Any) -> None:
        figure.text(x / size[0], 1 - y / size[1], clean(text), fontsize=points, color=DARK, **how)

    for i, head in enumerate(plate.heads):
        points = min(8.0, 8.0 * width / (0.062 * max(len(head), 1)))
        write(left + i * (width + GAP) + width / 2, HEAD - 0.05, head, points, ha="center", va="baseline")
    for strip in strips:
        if strip.line.label and not strip.errors:
            middle = strip.top + strip.height / 2
            write(SIDE * 0.62, middle, strip.line.label, 7.5, ha="center", va="center", rotation=90)
        last: Shown | None = None
        for i, picture in enumerate(strip.pictures):
            said = strip.said(i)
            if said and not strip.errors:
                y = strip.top + strip.height + 0.115
                write(left + i * (width + GAP) + width / 2, y, said, 6.5, ha="center", va="baseline")
            elif said:
                y = strip.top + strip.height / 2
                write(left + (i + 1) * (width + GAP) - 3 * GAP, y, said, 7.5, ha="right", va="center")
            if picture is None:
                continue
            x = left + i * (width + GAP)
            seen = shown(picture)
            panel = strip.line.panels[i]
            assert panel is not None
            if seen.map == "line":
                _draw_line(axes(x + 0.18, strip.top, width - 0.2, strip.height - 0.16), seen, panel)
            else:
                at = axes(x, strip.top, width, strip.height)
                _draw_image(at, seen)
                if strip.line.zoom is not None and not strip.errors:
                    _draw_inset(at, seen, strip.line.zoom, picture)
                if picture.role != "measurement" and seen.map != "colour":
                    last = seen
        if last is not None:
            x = left + count * (width + GAP)
            high = min(strip.height, 1.6)
            _draw_bar(axes(x, strip.top + (strip.height - high) / 2, 0.07, high), last)
    return figure


def _strips(plate: Plate, width: float) -> tuple[list[_Strip], float]:
    """The lines of drawings from the top, and where the last one ends."""
    out, top = [], HEAD
    for line in plate.lines:
        height = max((_height(p.picture, width) for p in line.panels if p is not None), default=0.0) or width
        out.append(_Strip(top, height, [p.picture if p is not None else None for p in line.panels], line, False))
        top += height + (BELOW if any(p is not None and p.below for p in line.panels) else GAP)
        errors = [p.error if p is not None else None for p in line.panels]
        if any(e is not None for e in errors):
            top += 0.4 * GAP
            out.append(_Strip(top, height, errors, line, True))
            top += height
        top += 2 * GAP
    return out, top - 2 * GAP


def _height(picture: Picture, width: float) -> float:
    """How high a picture asks to be drawn: by its pixels, at most twice its width; a signal less than its width.

    Measurements whose axes have no common scale take what the others leave them.
    """
    seen = shown(picture)
    if seen.map == "line":
        return 0.72 * width + 0.16
    if seen.stretched:
        return 0.0 if picture.role == "measurement" else width
    high, wide = seen.values.shape[:2]
    return float(width * min(high / wide, 2.0))


def _draw_image(axes: Axes, seen: Shown) -> None:
    axes.imshow(pixels(seen), aspect="auto" if seen.stretched else "equal", interpolation="antialiased")
    axes.set_axis_off()


def _draw_inset(axes: Axes, seen: Shown, zoom: tuple[int, int, int, int], picture: Picture) -> None:
    """The region framed, and enlarged in the corner that is farthest from it."""
    from matplotlib.patches import Rectangle

    top, bottom, left, right = zoom
    height, width = seen.values.shape[:2]
    if seen.stretched or bottom > height or right > width or picture.role == "measurement":
        return
    frame = (left - 0.5, top - 0.5)
    axes.add_patch(Rectangle(frame, right - left, bottom - top, fill=False, edgecolor=FRAME, linewidth=0.7))
    scale = INSET / max((bottom - top) / height, (right - left) / width)
    high, wide = scale * (bottom - top) / height, scale * (right - left) / width
    x = 0.0 if (left + right) / 2 > width / 2 else 1.0 - wide
    y = 0.0 if (top + bottom) / 2 < height / 2 else 1.0 - high
    inset = axes.inset_axes((x, y, wide, high))
    inset.imshow(pixels(seen)[top:bottom, left:right], aspect="auto", interpolation="nearest")
    inset.set_xticks([])
    inset.set_yticks([])
    inset.spines[:].set(visible=True, color=FRAME, linewidth=0.9)


def _draw_line(axes: Axes, seen: Shown, panel: Panel) -> None:
    """A signal over its index, over its truth where there is one."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    x = np.arange(seen.values.size)
    if panel.truth is not None and panel.picture.role != "error":
        axes.plot(x, panel.truth, color="#b8bec4", linewidth=1.8, solid_joinstyle="round")
    axes.plot(x, seen.values, color="#1f5f99", linewidth=0.7)
    axes.margins(x=0)
    axes.tick_params(labelsize=5, length=1.5, width=0.5, pad=1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4))
        axis.set_major_formatter(FuncFormatter(tick))


def _draw_bar(axes: Axes, seen: Shown) -> None:
    """The colours from lowest to highest, with round numbers beside them."""
    low, high = seen.limits
    axes.imshow(lookup(seen.map)[::-1, np.newaxis], aspect="auto", extent=(0, 1, low, high))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    marks = ticks(low, high, 4)
    axes.set_yticks(marks, [tick(m) for m in marks])
    axes.tick_params(labelsize=5.5, length=1.5, width=0.5, pad=1.5, colors=DARK)
    axes.spines[:].set_visible(False)
