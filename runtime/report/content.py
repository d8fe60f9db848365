"""What a report shows, as plain data: pictures, curves, tables, and the sections that hold them.

The driver of a run fills these records; `page.write_report` turns them into HTML. They know nothing of HTML,
matplotlib or torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Role = Literal["truth", "measurement", "adjoint", "estimate", "error", "other"]
Show = Literal["auto", "linear", "log", "phase"]


@dataclass(frozen=True)
class Estimate:
    """A number with what is known of its uncertainty, written as `34.12 ± 0.21`.

    half: half the width of its interval; None where none is known. best: whether it is the best of those it stands
    beside, and so is set in bold.
    """

    value: float
    half: float | None = None
    best: bool = False


Cell = str | float | Estimate | None


@dataclass(frozen=True, eq=False)
class Picture:
    """One array to look at.

    title: one line of text.
    array: real or complex, of any of these shapes
        [n]           a line plot (of the magnitude, if complex)
        [H, W]        an image
        [3, H, W]     a colour image (real; when `axes` are given, the first must be "channel")
        [..., H, W]   the central image along each leading axis, stated below the picture; along an axis of `axes` that
                      is "frame", some frames and a line over time, but of measurements
    role: decides the scale. "truth", "adjoint" and "estimate" share one grey scale; "error" is shown as |error| in
        colours of its own; see `display.share_limits`.
    unit: of the values, e.g. "1/mm".
    limits: lowest and highest value of the scale, in displayed values; None lets `display.share_limits` choose.
    note: shown below the picture.
    axes: names of the axes, one for each axis of `array`, as a Space names them; empty if unknown. Where the last two
        are not both positions in an image or frequencies, e.g. ("view", "detector"), the picture is stretched to a
        square and its axes are labelled.
    show: "linear" (the magnitude, if complex), "log" (log10 of the magnitude), "phase" (radians, complex only), or
        "auto": "log" for measurements of high dynamic range such as k-space, else "linear".

    Raises ValueError for a scalar, for an array that does not hold numbers, for `axes` of the wrong length and for
    limits that are not two finite numbers in order.
    """

    title: str
    array: npt.NDArray[Any]
    role: Role = "other"
    unit: str = ""
    limits: tuple[float, float] | None = None
    note: str = ""
    axes: tuple[str, ...] = ()
    show: Show = "auto"

    def __post_init__(self) -> None:
        if self.array.ndim == 0 or self.array.dtype.kind not in "biufc":
            raise ValueError(
                f"picture {self.title!r}: needs an array of numbers with at least one axis, "
                f"not {self.array.dtype} of shape {self.array.shape}"
            )
        if self.axes and len(self.axes) != self.array.ndim:
            raise ValueError(
                f"picture {self.title!r}: {len(self.axes)} names of axes for an array of shape {self.array.shape}"
            )
        if self.role not in get_args(Role) or self.show not in get_args(Show):
            raise ValueError(f"picture {self.title!r}: no role {self.role!r} or no way to show {self.show!r}")
        if self.limits is not None and not (np.isfinite(self.limits).all() and self.limits[0] <= self.limits[1]):
            raise ValueError(f"picture {self.title!r}: limits {self.limits} are not two finite numbers in order")


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a plate.

    below: a short text under it, such as its metrics. error: its error map, drawn in the line beneath. truth: of a
    signal, the line it is drawn over.
    """

    picture: Picture
    below: str = ""
    error: Picture | None = None
    truth: npt.NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class PlateLine:
    """One line of a plate: a text beside it, its panels (None where there is nothing to show), and what is enlarged.

    beneath: what the error maps are, written in front of them where there is room.
    zoom: first row, end of rows, first column, end of columns; it is drawn as an inset of each picture of that size.
    """

    label: str
    panels: Sequence[Panel | None]
    beneath: str = ""
    zoom: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Plate:
    """Pictures in lines and columns as a paper prints them, with headings above the columns.

    note: says what the errors, insets and texts are. Raises ValueError where a line has another number of panels than
    there are headings, and for a plate without a picture.
    """

    title: str
    heads: Sequence[str]
    lines: Sequence[PlateLine]
    note: str = ""

    def __post_init__(self) -> None:
        if not any(p is not None for line in self.lines for p in line.panels):
            raise ValueError(f"plate {self.title!r}: there is no picture in it")
        for line in self.lines:
            if len(line.panels) != len(self.heads):
                raise ValueError(f"plate {self.title!r}: {len(line.panels)} panels under {len(self.heads)} headings")


@dataclass(frozen=True, eq=False)
class Curve:
    """Lines over one axis, such as the objective over the iterations.

    along: name of the horizontal axis.
    series: name of each line -> (x values, y values), two sequences of real numbers of one length.
    log_x: logarithmic horizontal axis.
    log_y: logarithmic vertical axis; None decides: logarithmic if all finite values are positive and span more than
        two decades.
    unit: label of the vertical axis.
    halves: name of a line -> half the width of the interval of each of its values, drawn as a band; NaN where none is.
    best: name of a line -> the place of its best point, which is marked.
    labels: what stands along the horizontal axis where its values are no numbers; x values are then places in it.
    note: shown below.

    Raises ValueError where x, y and halves of a line differ in length.
    """

    title: str
    along: str
    series: Mapping[str, tuple[Sequence[float] | npt.NDArray[Any], Sequence[float] | npt.NDArray[Any]]]
    log_x: bool = False
    log_y: bool | None = None
    unit: str = ""
    halves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best: Mapping[str, int] = field(default_factory=dict)
    labels: Sequence[str] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for name, (x, y) in self.series.items():
            if len(x) != len(y):
                raise ValueError(f"curve {self.title!r}: series {name!r} has {len(x)} x values and {len(y)} y values")
            if name in self.halves and len(self.halves[name]) != len(y):
                raise ValueError(f"curve {self.title!r}: series {name!r} has intervals of other points")


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Numbers over two axes as colours, with lines drawn on top.

    across, down: names of the horizontal and of the vertical axis. columns, rows: where the cells lie along them, in
    ascending order; the cells reach to the middle between neighbours. values: one list for each row, None or NaN where
    there is nothing. limits: lowest and highest value of the scale; None takes those of the values. lines: name of each
    line -> (x values, y values) in the units of the axes. column_labels, row_labels: what stands at the cells in the
    place of numbers along the axes; the cells are then of one size. printed: whether each cell holds its value.

    Raises ValueError where the values are not one for each row and column, or an axis does not ascend.
    """

    title: str
    across: str
    columns: Sequence[float]
    down: str
    rows: Sequence[float]
    values: Sequence[Sequence[float | None]]
    limits: tuple[float, float] | None = None
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    unit: str = ""
    column_labels: Sequence[str] = ()
    row_labels: Sequence[str] = ()
    printed: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.rows) or any(len(line) != len(self.columns) for line in self.values):
            raise ValueError(f"heatmap {self.title!r}: the values are not one for each row and column")
        for name, axis in ((self.across, self.columns), (self.down, self.rows)):
            if not axis or any(a >= b for a, b in pairwise(axis)):
                raise ValueError(f"heatmap {self.title!r}: {name} does not ascend")


@dataclass(frozen=True)
class Table:
    """Rows of cells. The first column names the row.

    A float is written with four significant digits (`tables.number`), an int with all of them, an Estimate with as
    many as its interval leaves certain, None as a missing entry. heads: lines of headings above the columns, outermost
    first, each a list of texts with the number of columns they span, all columns together. rules: places of rows before
    which a rule is drawn. Raises ValueError where a row has another number of cells than there are columns, or a line
    of headings spans another number.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    heads: Sequence[Sequence[tuple[str, int]]] = ()
    rules: Sequence[int] = ()

    def __post_init__(self) -> None:
        for line in self.heads:
            if sum(span for _, span in line) != len(self.columns):
                raise ValueError(f"table {self.title!r}: headings that do not span its {len(self.columns)} columns")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a row of {len(row)} cells under {len(self.columns)} columns")


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a report with a heading of its own: the data, one method, one cell of a sweep.

    name: of the files that its tables and plates are written to as well, such as "table-1"; empty where there are none.
    folded: whether it stands closed among the single runs, with smaller pictures; for those of a sweep, which are many.
    """

    title: str
    pictures: Sequence[Picture] = ()
    curves: Sequence[Curve] = ()
    tables: Sequence[Table] = ()
    text: str = ""
    name: str = ""
    plates: Sequence[Plate] = ()
    heatmaps: Sequence[Heatmap] = ()
    folded: bool = False


@dataclass(frozen=True, eq=False)
class Report:
    """All that `report.html` shows.

    description: the page's own `##` comments, plain text; blank lines part paragraphs.
    spec_text: the spec, shown character for character.
    manifest: digests, seeds, versions, device, timings; nested mappings are shown with dotted names.
    metrics: the headline table, shown before the sections; where `summary` is set it stands closed behind them.
    summary: whether sections sum up what the table holds line by line.
    warnings: one line or one rendered diagnostic each, shown at the top.
    citations: one BibTeX entry or one line each.
    """

    title: str
    description: str = ""
    sections: Sequence[Section] = ()
    spec_text: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    metrics: Table | None = None
    warnings: Sequence[str] = ()
    citations: Sequence[str] = ()
    summary: bool = False
