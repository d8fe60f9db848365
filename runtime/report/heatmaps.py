"""Heatmaps as SVG that takes its text colour from the page around it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .content import Heatmap
from .curves import inlined, line_style
from .drawing import STEPS, house_style, tick
from .text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "gray"  # lines of any colour stay visible on it


def heatmap_svg(heatmap: Heatmap, name: str, size: tuple[float, float] = (4.8, 3.6)) -> str:
    """The heatmap as an `<svg>` element with its scale, without title and legend: those are the page's.

    `name` goes before every id inside, so that several can stand in one page. `size` is in inches. The same heatmap
    gives the same text.
    """
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        draw_heatmap(figure.add_subplot(), heatmap)
        out = io.StringIO()
        figure.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return inlined(out.getvalue(), name)


def draw_heatmap(axes: Axes, heatmap: Heatmap) -> None:
    """Draws the cells, the lines on top, each on a light edge, the axes' names and the scale beside them."""
    from matplotlib import patheffects
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    values = numbers(heatmap)
    finite = values[np.isfinite(values)]
    low, high = heatmap.limits or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))
    x, y = edges(heatmap.columns), edges(heatmap.rows)
    mesh = axes.pcolormesh(x, y, np.ma.masked_invalid(values), cmap=COLOURS, vmin=low, vmax=high, rasterized=True)
    for index, (xs, ys) in enumerate(heatmap.lines.values()):
        colour, dash = line_style(index)
        edge = [patheffects.withStroke(linewidth=3.2, foreground="white"), patheffects.Normal()]
        axes.plot(xs, ys, color=colour, linestyle=dash, path_effects=edge)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=7, steps=STEPS))
        axis.set_major_formatter(FuncFormatter(tick))
    if heatmap.printed:  # few cells: each has its own tick
        axes.set_xticks(list(heatmap.columns))
        axes.set_yticks(list(heatmap.rows))
    if heatmap.column_labels:
        axes.set_xticks(list(heatmap.columns), [clean(label) for label in heatmap.column_labels])
    if heatmap.row_labels:
        axes.set_yticks(list(heatmap.rows), [clean(label) for label in heatmap.row_labels])
    if heatmap.printed:
        _print_values(axes, heatmap, values, (low, high))
    axes.set_xlabel(clean(heatmap.across))
    axes.set_ylabel(clean(heatmap.down))
    if axes.figure is not None:
        axes.figure.colorbar(mesh, ax=axes, label=clean(heatmap.unit), format=FuncFormatter(tick))


def _print_values(axes: Axes, heatmap: Heatmap, values: npt.NDArray[np.float64], limits: tuple[float, float]) -> None:
    """Each value in its cell, dark on light and light on dark."""
    low, high = limits
    for i, j in np.argwhere(np.isfinite(values)):
        light = (values[i, j] - low) / (high - low) > 0.55 if high > low else False
        text = f"{values[i, j]:.3g}"
        x, y = heatmap.columns[j], heatmap.rows[i]
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5, color="#111111" if light else "#f4f4f4")


def heatmap_file(heatmap: Heatmap, kind: Literal["png", "pdf"], size: tuple[float, float] = (3.5, 2.7)) -> bytes:
    """The heatmap as a PNG file of 300 dots an inch or a PDF, in the size of a paper's column."""
    with house_style(ink="#222222"):
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        draw_heatmap(axes, heatmap)
        if heatmap.lines:
            axes.legend(handles=axes.lines, labels=[clean(name) for name in heatmap.lines], fontsize=6.5)
        out = io.BytesIO()
        nothing: dict[str, Any] = {"Software": None} if kind == "png" else {"CreationDate": None, "Producer": None}
        figure.savefig(out, format=kind, dpi=300, facecolor="white", metadata=nothing)
    return out.getvalue()


def heatmap_csv(heatmap: Heatmap) -> str:
    """One line for each cell: its column, its row, its value."""
    columns = heatmap.column_labels or [repr(float(x)) for x in heatmap.columns]
    rows = heatmap.row_labels or [repr(float(y)) for y in heatmap.rows]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([heatmap.across, heatmap.down, heatmap.title])
    for row, line in zip(rows, heatmap.values, strict=True):
        writer.writerows([c, row, "" if v is None else repr(float(v))] for c, v in zip(columns, line, strict=True))
    return out.getvalue()


def edges(centres: Sequence[float]) -> npt.NDArray[np.float64]:
    """The edges of cells around ascending centres: midway between neighbours, and as far beyond the ends."""
    c = np.asarray(centres, dtype=np.float64)
    if len(c) == 1:
        return np.array([c[0] - 0.5, c[0] + 0.5])
    middle = (c[1:] + c[:-1]) / 2
    return np.concatenate([[2 * c[0] - middle[0]], middle, [2 * c[-1] - middle[-1]]])


def numbers(heatmap: Heatmap) -> npt.NDArray[np.float64]:
    """The values as an array [rows, columns], NaN where there is nothing."""
    out: npt.NDArray[Any] = np.array(
        [[np.nan if v is None else v for v in line] for line in heatmap.values], dtype=np.float64
    )
    return out


def heatmap_summary(heatmap: Heatmap) -> str:
    """The heatmap in words, for those who cannot see it."""
    values = numbers(heatmap)
    finite = values[np.isfinite(values)]
    span = f"from {tick(float(finite.min()))} to {tick(float(finite.max()))}" if finite.size else "without a value"
    size = f"{len(heatmap.columns)} by {len(heatmap.rows)} cells"
    drawn = f"; lines: {', '.join(heatmap.lines)}" if heatmap.lines else ""
    return f"{heatmap.title} over {heatmap.across} and {heatmap.down}, {size} {span}{drawn}"
