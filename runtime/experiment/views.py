"""Tables and curves that a page asks for, laid out from outcomes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from recon.dsl.model.experiment import TRACE_AXES, Experiment
from recon.dsl.model.terms import Along, AxisTerm, Statistic
from recon.dsl.model.units import NONE, parts
from recon.dsl.vocabulary.views import Curves
from recon.dsl.vocabulary.views import Heatmap as HeatmapWord
from recon.dsl.vocabulary.views import Table as TableWord

from ..report.content import Cell, Curve, Estimate, Heatmap, Table
from ..report.tables import number
from .headings import at, direction, heading, kind
from .outcome import Outcome
from .statistics import Measured, half_interval, is_seed, measure, measured


def metrics_table(experiment: Experiment, outcomes: list[Outcome]) -> Table:
    """One line for each outcome, the mean of every metric over its rows, with the number of rows."""
    names = list(dict.fromkeys(n for o in outcomes for n in o.metrics))
    axes = list(dict.fromkeys(k for o in outcomes for k in o.cell))
    several_data = any(o.data for o in outcomes)
    several_methods = any(o.method for o in outcomes)
    head = [
        *axes,
        *(["data"] if several_data else []),
        *(["method"] if several_methods else []),
        "solver",
        *names,
        "rows",
    ]
    lines: list[list[str | float | None]] = []
    listed: list[object] = []
    for o in outcomes:
        where: list[str | float | None] = [o.cell.get(a, "") for a in axes]
        where += [o.data] if several_data else []
        where += [o.method] if several_methods else []
        values: list[str | float | None] = [measure(Statistic("mean", n), [o]) for n in names]
        lines.append([*where, o.solver, *values, f"failed: {o.failure}" if o.failure else str(len(o.rows))])
        told = (where[: len(axes) + several_data], o.baseline)
        if o.baseline and told not in listed:  # methods on the same data share it
            listed.append(told)
            before: list[str | float | None] = [o.baseline.get(n) for n in names]
            lines.append([*where, "adjoint image", *before, "row 1"])
    return Table("Metrics, means over rows", head, lines)


def _axis_values(axis: str, outcomes: list[Outcome]) -> list[str]:
    return list(dict.fromkeys(_at(o, axis) for o in outcomes))


def _at(o: Outcome, axis: str) -> str:
    if axis == "method":
        return o.method
    if axis == "data":
        return o.data
    return o.cell.get(axis, "")


def table(word: TableWord, experiment: Experiment, outcomes: list[Outcome]) -> Table:
    """The table of a `report table` line, see `statistics.measured` for its numbers."""
    rows, columns = names(word.rows), names(word.columns)
    stats = [c for c in word.cells if isinstance(c, Statistic)]
    down = [c for c in combinations(rows, outcomes) if select(outcomes, rows, c)]
    across = combinations(columns, outcomes)
    found = {
        (d, a, s): measured(s, select(outcomes, [*rows, *columns], (*d, *a)))
        for d in down
        for a in across
        for s in stats
    }
    best = _best([*rows, *columns], found)
    lines: list[list[Cell]] = []
    for d in down:
        numbers = [_cell(found[d, a, s], s, (d, a, s) in best) for a in across for s in stats]
        lines.append([*d, *numbers])
    alone = len(stats) == 1 and bool(columns)
    heads = _heads(columns[:-1] if alone else columns, across, 1 if alone else len(stats), len(rows))
    if alone:
        below = [at(columns[-1], a[-1]) for a in across]
    else:
        below = [heading(s) for _ in across for s in stats]
    title = heading(stats[0]) if alone else ""
    rules = [i for i in range(1, len(down)) if len(rows) > 1 and down[i][0] != down[i - 1][0]]
    note = _note(word.over, list(found.values()), [*rows, *columns], bool(best), outcomes)
    return Table(title, [*rows, *below], lines, note, heads, rules)


def names(axes: tuple[AxisTerm, ...]) -> list[str]:
    """The names of axes."""
    return [a.name for a in axes if isinstance(a, Along)]


def combinations(axes: list[str], outcomes: list[Outcome]) -> list[tuple[str, ...]]:
    """All combinations of the axes' values, in the order of the page, the last axis fastest."""
    return list(itertools.product(*(_axis_values(a, outcomes) for a in axes)))


def select(outcomes: list[Outcome], axes: list[str], values: tuple[str, ...]) -> list[Outcome]:
    """The outcomes at these values of these axes."""
    return [o for o in outcomes if all(_at(o, a) == v for a, v in zip(axes, values, strict=True))]


def _cell(found: Measured | None, statistic: Statistic, best: bool) -> Cell:
    if found is None:
        return None
    if statistic.statistic in ("mean", ""):
        return Estimate(found.value, found.half, best)
    return Estimate(found.value, None, best) if best else found.value


Place = tuple[tuple[str, ...], tuple[str, ...], Statistic]


def _best(axes: list[str], found: dict[Place, Measured | None]) -> set[Place]:
    """The best numbers: among methods where all else is equal, or without methods among the rows of each column.

    Numbers that agree to four digits are best together; where there is one alone, or data sets are compared, none is.
    """
    groups: dict[tuple[tuple[str, ...], Statistic], list[Place]] = {}
    for place, value in found.items():
        if value is None or not direction(place[2]):
            continue
        where = dict(zip(axes, (*place[0], *place[1]), strict=True))
        if "method" in axes:
            key = tuple(v for a, v in where.items() if a != "method")
        elif "data" in axes:
            continue
        else:
            key = place[1]
        groups.setdefault((key, place[2]), []).append(place)
    out = set()
    for (_, statistic), places in groups.items():
        values = {p: direction(statistic) * m.value for p in places if (m := found[p]) is not None}
        if len(places) < 2 or len(set(values.values())) < 2:
            continue
        top = max(values, key=lambda p: values[p])
        out |= {p for p in places if number(values[p]) == number(values[top])}
    return out


def _heads(axes: list[str], across: list[tuple[str, ...]], width: int, before: int) -> list[list[tuple[str, int]]]:
    """The lines of headings above the columns: one for each axis, equal neighbours joined."""
    lines = []
    for i, axis in enumerate(axes):
        line: list[tuple[str, int]] = [("", before)] if before else []
        for _, group in itertools.groupby(across, key=lambda a: a[: i + 1]):
            members = list(group)
            line.append((at(axis, members[0][i]), width * len(members)))
        lines.append(line)
    return lines


def _note(
    over: tuple[AxisTerm, ...],
    found: list[Measured | None],
    laid_out: list[str],
    bold: bool,
    outcomes: list[Outcome],
) -> str:
    """What the numbers are: of how many images and repetitions, how the intervals come about, and what failed."""
    known = [m for m in found if m is not None]
    said = []
    images, times = _range([m.images for m in known if m.images]), _range([m.repetitions for m in known])
    counted = [f"{images} images" if images not in ("0", "1") else "", f"{times} seeds" if times != "1" else ""]
    of = " and ".join(c for c in counted if c) or "one image"
    if any(m.half is not None for m in known):
        said.append(f"mean ± half of its 95% confidence interval over {of}")
    elif known:
        said.append(f"over {of}")
    fixed = [a for a in names(over) if not is_seed(a) and a != "data"]
    fixed = [f"averaged over {a} = {', '.join(_axis_values(a, outcomes))}" for a in fixed if a not in laid_out]
    said += fixed
    if bold:
        said.append("the best in bold")
    failed = [o for o in outcomes if o.failure]
    for o in failed[:3]:
        where = ", ".join([*(at(k, v) for k, v in o.cell.items()), *(p for p in (o.data, o.method) if p)])
        said.append(f"{where or o.solver} failed: {o.failure.rstrip('.')}")
    if len(failed) > 3:
        said.append(f"{len(failed) - 3} more failed")
    if any(m is None for m in found) and not failed:
        said.append("– was not measured")
    return ("; ".join(said)[:1].upper() + "; ".join(said)[1:] + ".") if said else ""


def _range(numbers: list[int]) -> str:
    low, high = min(numbers, default=0), max(numbers, default=0)
    return str(low) if low == high else f"{low} to {high}"


def curves(word: Curves, experiment: Experiment, outcomes: list[Outcome]) -> list[Curve]:
    """The curves of a `report curves` line: along the iterations from the traces, else along a swept axis.

    Measures of one kind share a plot: errors, similarities, and what is in dB.
    """
    assert isinstance(word.along, Along)
    shown = [s for s in word.show if isinstance(s, Statistic)]
    log = word.scale == "log"
    if word.along.name in TRACE_AXES:
        return [c for s in shown if (c := _along_trace(s, word, outcomes, log)) is not None]
    groups: dict[object, list[Statistic]] = {}
    for s in shown:
        groups.setdefault(kind(s), []).append(s)
    found = [_across(group, word, word.along.name, experiment, outcomes, log) for group in groups.values()]
    return [c for c in found if c is not None]


def _series(word: Curves, outcomes: list[Outcome]) -> list[str]:
    """The axes with a curve for each value: the one that is named, and the method where there are several."""
    named = names((word.series,)) if word.series is not None else []
    along = word.along.name if isinstance(word.along, Along) else ""
    several = any(o.method for o in outcomes) and along != "method" and "method" not in named
    averaged = names(word.over)
    return [*named, *(["method"] if several and "method" not in averaged else [])]


def _across(
    stats: list[Statistic], word: Curves, along: str, experiment: Experiment, outcomes: list[Outcome], log: bool
) -> Curve | None:
    """Measures over a swept axis, with the intervals of means and the best point of each curve."""
    labels = _axis_values(along, outcomes)
    x, numeric = _numbers(along, labels, experiment)
    axes = _series(word, outcomes)
    lines: dict[str, tuple[list[float], list[float]]] = {}
    halves: dict[str, list[float]] = {}
    best: dict[str, int] = {}
    known: list[Measured | None] = []
    for s, group in itertools.product(stats, combinations(axes, outcomes)):
        chosen = select(outcomes, axes, group)
        found = [measured(s, select(chosen, [along], (label,))) for label in labels]
        points = sorted(((xi, m) for xi, m in zip(x, found, strict=True) if m is not None), key=lambda p: p[0])
        if not points:
            continue
        where = [at(a, v) for a, v in zip(axes, group, strict=True)]
        name = ", ".join([*([heading(s, arrow=False)] if len(stats) > 1 or not where else []), *where])
        lines[name] = ([a for a, _ in points], [m.value for _, m in points])
        known += [m for _, m in points]
        if any(m.half is not None for _, m in points):
            halves[name] = [m.half if m.half is not None else math.nan for _, m in points]
        if direction(s) and len(points) > 2 and len({m.value for _, m in points}) > 1:
            values = [direction(s) * m.value for _, m in points]
            best[name] = values.index(max(values))
    if not lines:
        return None
    alike = {(s.metric, s.method) for s in stats}
    unit = heading(stats[0] if len(stats) == 1 else replace(stats[0], statistic="")) if len(alike) == 1 else ""
    title = ", ".join(heading(s, arrow=False) for s in stats)
    note = _note(word.over, known, [along, *axes], False, outcomes)
    note = note.replace("Mean ± half of its", "Bands:").replace("interval over", "interval of the mean over")
    log_x, log_y = log and numeric, log and kind(stats[0]) == (NONE, 0)  # levels are logarithms already
    places = () if numeric else labels
    return Curve(f"{title} over {along}", along, lines, log_x, log_y or None, unit, halves, best, places, note)


def _along_trace(s: Statistic, word: Curves, outcomes: list[Outcome], log: bool) -> Curve | None:
    """One curve for each method and each value of what is swept; seeds, and what `over` names, are averaged over."""
    assert isinstance(word.along, Along)
    averaged = set(names(word.over))
    groups: dict[str, list[tuple[list[float], list[float]]]] = {}
    for o in outcomes:
        places: list[float] = [float(k) for k in o.iterations]
        if word.along.name == "epoch":
            places = o.trace.get("epochs", [])
        values = o.trace.get(s.metric, [])
        if len(places) < 2 or len(values) != len(places) or (s.method is not None and s.method != o.method):
            continue
        where = [at(k, v) for k, v in o.cell.items() if k not in averaged and not is_seed(k)]
        where += [p for p in (o.data if "data" not in averaged else "", o.method) if p]
        groups.setdefault(", ".join(where) or o.solver, []).append((places, values))
    lines: dict[str, tuple[list[float], list[float]]] = {}
    halves: dict[str, list[float]] = {}
    for name, runs in groups.items():
        places = [x for x in runs[0][0] if all(x in other for other, _ in runs)]
        table = np.array([[v[p.index(x)] for p, v in runs] for x in places])
        lines[name] = (places, table.mean(1).tolist())
        if len(runs) > 1:
            halves[name] = [half_interval(row[None]) for row in table]
    if not lines:
        return None
    unit = {"objective": "nats", "move": "relative"}.get(s.metric, "")
    return Curve(s.metric, word.along.name, lines, log_x=log, log_y=log or None, unit=unit, halves=halves)


MOST_PRINTED = 150
"""Cells of a heatmap up to which each holds its value."""


def heatmap(word: HeatmapWord, experiment: Experiment, outcomes: list[Outcome]) -> Heatmap | None:
    """The heatmap of a `report heatmap` line, axes in the order of their numbers; None where nothing was measured."""
    axes = names((word.columns, word.rows))
    assert isinstance(word.cells, Statistic)
    places = [_sorted_axis(a, experiment, outcomes) for a in axes]
    (columns, column_labels, across), (rows, row_labels, down) = places
    found = [[measured(word.cells, select(outcomes, axes, (c, r))) for c in column_labels] for r in row_labels]
    known = [m for line in found for m in line if m is not None]
    if not known:
        return None
    values = [[m.value if m is not None else None for m in line] for line in found]
    share = word.cells.statistic == "fraction"
    note = _note(word.over, [m for line in found for m in line], axes, False, outcomes).replace(
        "Mean ± half of its 95% confidence interval over", "Mean over"
    )
    return Heatmap(
        f"{heading(word.cells, arrow=False)} over {axes[0]} and {axes[1]}",
        axes[0],
        columns,
        axes[1],
        rows,
        values,
        limits=(0.0, 1.0) if share else None,
        unit=f"share with {heading(word.cells, arrow=False)}" if share else heading(word.cells),
        column_labels=() if across else column_labels,
        row_labels=() if down else row_labels,
        printed=len(columns) * len(rows) <= MOST_PRINTED,
        note=note,
    )


def _sorted_axis(axis: str, experiment: Experiment, outcomes: list[Outcome]) -> tuple[list[float], list[str], bool]:
    """The places of an axis in ascending order, their labels, and whether they are numbers."""
    labels = _axis_values(axis, outcomes)
    x, numeric = _numbers(axis, labels, experiment)
    order = sorted(range(len(x)), key=lambda i: x[i])
    return [x[i] for i in order], [labels[i] for i in order], numeric


def _numbers(path: str, labels: list[str], experiment: Experiment) -> tuple[list[float], bool]:
    """The swept values as numbers, or their places, and whether they are numbers."""
    from recon.dsl.diagnostics import SpecError
    from recon.dsl.elaborate import constants
    from recon.dsl.model.fields import Interval

    def refuse(node: object) -> constants.Value:
        raise SpecError()

    by_label: dict[str, float] = {}
    for axis in experiment.sweeps:
        for label, node in zip(axis.labels, axis.values, strict=True) if axis.path == path else ():
            try:
                value = constants.evaluate(node, refuse)
            except SpecError:
                continue
            if not isinstance(value, (str, list, bool, Interval)):
                by_label[label] = parts(value)[0]
    if all(label in by_label for label in labels):
        return [by_label[label] for label in labels], True
    return [float(i) for i in range(len(labels))], False
