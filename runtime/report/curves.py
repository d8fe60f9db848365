"""Curves as SVG that takes its text colour from the page around it."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .content import Curve
from .drawing import DASHES, INK, LINES, STEPS, house_style, tick
from .text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

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
    return _inlined(out.getvalue(), name)


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
    axes.grid(color=INK, alpha=0.22, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(clean(curve.along))
    axes.set_ylabel(clean(curve.unit))


def curve_summary(curve: Curve) -> str:
    """The curve in words, for those who cannot see it: where each line starts and ends."""
    parts = [_line_summary(label, ys) for label, (_, ys) in curve.series.items()]
    scale = ", logarithmic scale" if is_log_y(curve) else ""
    return f"{curve.title}, over {curve.along}{scale}. " + ". ".join(parts)


def _line_summary(label: str, ys: Sequence[float] | npt.NDArray[Any]) -> str:
    finite = [float(y) for y in ys if math.isfinite(y)]
    if not finite:
        return f"{label}: no finite values"
    return f"{label}: from {tick(finite[0])} to {tick(finite[-1])} over {len(ys)} points"


def _inlined(svg: str, name: str) -> str:
    """matplotlib's SVG file as an element of a page: no prologue, ids of its own, the page's ink."""
    svg = svg[svg.index("<svg") :]
    # this rule would apply to the whole page; the page's own style sheet has it
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?<= id=\")|(?<=url\(#)|(?<=xlink:href=\"#)", f"{name}-", svg)
    return svg.replace(INK, "currentColor").replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()
