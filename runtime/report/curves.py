"""Curves as SVG that takes its text colour from the page around it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .content import Curve
from .drawing import DASHES, INK, LINES, STEPS, house_style, tick
from .text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | npt.NDArray[Any]

MOST_POINTS = 2000  # of a line; more are thinned to the extremes of equal stretches
FEW_POINTS = 20  # up to which each point is marked


def line_style(index: int) -> tuple[str, str]:
    """Colour and dash of the index-th line; they repeat after 32 lines."""
    return LINES[index % len(LINES)], DASHES[index // len(LINES) % len(DASHES)]


def is_log_y(curve: Curve) -> bool:
    """Whether the vertical axis is logarithmic: as the curve says, or else by the span of its finite values.

    Automatically so where all of them are positive and the largest is more than 100 times the smallest.
    """
    if curve.log_y is not None:
        return curve.log_y
    columns = [np.asarray(y, dtype=np.float64) for _, y in curve.series.values()]
    values = np.concatenate([y[np.isfinite(y)] for y in columns]) if columns else np.empty(0)
    return values.size > 0 and float(values.min()) > 0 and float(values.max()) / float(values.min()) > 100


def thinned(x: Floats, y: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """At most `most` points of a line with its visible extent: the lowest and highest of equal stretches, in order.

    The first and last point are kept. Shapes [n] -> [m], m <= most (most >= 4).
    """
    if len(x) <= most:
        return x, y
    edges = np.linspace(0, len(x), (most - 2) // 2 + 1).astype(int)
    keep = {0, len(x) - 1}
    for start, stop in pairwise(edges.tolist()):
        part = y[start:stop]
        if np.isfinite(part).any():
            keep |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
    index = np.array(sorted(keep))
    return x[index], y[index]


def curve_svg(curve: Curve, name: str, size: tuple[float, float] = (4.8, 2.7)) -> str:
    """The curve as an `<svg>` element, without title and legend: those are the page's.

    Lines take `line_style(0), line_style(1), ...` in the order of `curve.series`. `name` goes before every id inside,
    so that several can stand in one page. `size` is in inches. The same curve gives the same text.
    """
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        draw_curve(axes, curve)
        out = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return inlined(out.getvalue(), name)


def draw_curve(axes: Axes, curve: Curve) -> None:
    """Draws the lines, scales, grid and axis names on matplotlib axes. What is not finite leaves a gap."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    log_y = is_log_y(curve)
    points: list[Floats] = []
    for index, (label, (xs, ys)) in enumerate(curve.series.items()):
        x, y = (np.array(v, dtype=np.float64) for v in (xs, ys))
        visible = np.isfinite(x) & np.isfinite(y)
        if log_y:
            visible &= y > 0
        if curve.log_x:
            visible &= x > 0
        y[~visible] = np.nan
        points.append(x[visible])
        colour, dash = line_style(index)
        x, y = thinned(x, y)
        if label in curve.halves:
            _draw_band(axes, xs, ys, curve.halves[label], colour, log_y)
        if label in curve.best:
            at = curve.best[label]
            axes.plot(xs[at], ys[at], "o", markersize=8, markerfacecolor="none", markeredgecolor=colour)
        # a lone point between gaps has no line, so it needs a mark
        marker = "o" if visible.sum() <= FEW_POINTS else ""
        axes.plot(x, y, color=colour, linestyle=dash, marker=marker, markersize=3.5, label=clean(label) or " ")
    seen = np.concatenate(points) if points else np.empty(0)
    if seen.size == 0:
        axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center", color=INK)
    for axis, logarithmic in ((axes.xaxis, curve.log_x), (axes.yaxis, log_y)):
        if logarithmic and seen.size:
            axes.set_xscale("log") if axis is axes.xaxis else axes.set_yscale("log")
            axis.set_major_locator(LogLocator(numticks=7))
            axis.set_minor_formatter(NullFormatter())
            low, high = axis.get_view_interval()
            if high / low < 50:  # a decade or two: powers of ten alone would leave one label or none
                axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=7))
        else:
            whole = axis is axes.xaxis and seen.size > 0 and bool((seen == np.rint(seen)).all())
            axis.set_major_locator(MaxNLocator(nbins=7, steps=STEPS, integer=whole))
        axis.set_major_formatter(FuncFormatter(tick))
    if curve.labels:
        axes.set_xticks(range(len(curve.labels)), [clean(label) for label in curve.labels])
    axes.grid(color=INK, alpha=0.22, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(clean(curve.along))
    axes.set_ylabel(clean(curve.unit))


def _draw_band(axes: Axes, xs: Numbers, ys: Numbers, halves: Numbers, colour: str, log_y: bool) -> None:
    """The intervals of a line's values; on a logarithmic axis those that reach zero end a decade below the value."""
    x, y, half = (np.array(v, dtype=np.float64) for v in (xs, ys, halves))
    low, high = y - half, y + half
    if log_y:
        low = np.where(low > 0, low, y / 10)
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)


def curve_file(curve: Curve, kind: Literal["png", "pdf"], size: tuple[float, float] = (3.5, 2.4)) -> bytes:
    """The curve as a PNG file of 300 dots an inch or a PDF, with its legend, in the size of a paper's column.

    The same curve gives the same bytes.
    """
    with house_style(ink="#222222"):
        from matplotlib.figure import Figure

        many = len(curve.series) > 5  # then the legend stands beside the lines
        figure = Figure(figsize=(size[0] + 1.6 * many, size[1] + 0.4 * many), layout="constrained")
        axes = figure.add_subplot()
        draw_curve(axes, curve)
        if many:
            figure.legend(frameon=False, fontsize=6.5, loc="outside right upper")
        elif list(curve.series) != [curve.unit]:
            axes.legend(frameon=False, fontsize=7)
        out = io.BytesIO()
        nothing: dict[str, Any] = {"Software": None} if kind == "png" else {"CreationDate": None, "Producer": None}
        figure.savefig(out, format=kind, dpi=300, facecolor="white", metadata=nothing)
    return out.getvalue()


def curve_csv(curve: Curve) -> str:
    """One line for each point: its line's name, x, y, and half of its interval where it has one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["series", curve.along, curve.title, "±"])
    for name, (xs, ys) in curve.series.items():
        halves = curve.halves.get(name, [math.nan] * len(xs))
        for x, y, half in zip(xs, ys, halves, strict=True):
            where = curve.labels[int(x)] if curve.labels else repr(float(x))
            writer.writerow([clean(name), where, repr(float(y)), "" if math.isnan(half) else repr(float(half))])
    return out.getvalue()


def curve_summary(curve: Curve) -> str:
    """The curve in words, for those who cannot see it: where each line starts and ends."""
    parts = [_line_summary(label, ys) for label, (_, ys) in curve.series.items()]
    scale = ", logarithmic scale" if is_log_y(curve) else ""
    bands = ", with 95% intervals" if curve.halves else ""
    return f"{curve.title}, over {curve.along}{scale}{bands}. " + ". ".join(parts)


def _line_summary(label: str, ys: Sequence[float] | npt.NDArray[Any]) -> str:
    finite = [float(y) for y in ys if math.isfinite(y)]
    if not finite:
        return f"{label}: no finite values"
    return f"{label}: from {tick(finite[0])} to {tick(finite[-1])} over {len(ys)} points"


def inlined(svg: str, name: str) -> str:
    """matplotlib's SVG file as an element of a page: no prologue, ids of its own, the page's ink."""
    svg = svg[svg.index("<svg") :]
    # this rule would apply to the whole page; the page's own style sheet has it
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?<= id=\")|(?<=url\(#)|(?<=xlink:href=\"#)", f"{name}-", svg)
    return svg.replace(INK, "currentColor").replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()
