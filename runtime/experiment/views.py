"""Tables and curves that a page asks for, laid out from outcomes."""

from __future__ import annotations

import itertools

from recon.dsl.model.experiment import Experiment
from recon.dsl.model.terms import Along, Statistic
from recon.dsl.model.units import parts
from recon.dsl.vocabulary.views import Curves
from recon.dsl.vocabulary.views import Table as TableWord

from ..report.content import Curve, Table
from .outcome import Outcome, measure


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
    for o in outcomes:
        where: list[str | float | None] = [o.cell.get(a, "") for a in axes]
        where += [o.data] if several_data else []
        where += [o.method] if several_methods else []
        values: list[str | float | None] = [measure(Statistic("mean", n), [o]) for n in names]
        lines.append([*where, o.solver, *values, f"failed: {o.failure}" if o.failure else str(len(o.rows))])
        if o.baseline:
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


def _select(outcomes: list[Outcome], where: dict[str, str]) -> list[Outcome]:
    return [o for o in outcomes if all(_at(o, a) == v for a, v in where.items())]


def table(word: TableWord, outcomes: list[Outcome]) -> Table:
    """The table of a `report table` line."""
    rows = [a.name for a in word.rows if isinstance(a, Along)]
    columns = [a.name for a in word.columns if isinstance(a, Along)]
    cells = [c for c in word.cells if isinstance(c, Statistic)]
    across = list(itertools.product(*(_axis_values(a, outcomes) for a in columns)))
    head = [*rows]
    for combination in across:
        for c in cells:
            label = ", ".join(f"{a} = {v}" for a, v in zip(columns, combination, strict=True))
            head.append(f"{c} at {label}" if label else str(c))
    lines: list[list[str | float | None]] = []
    for combination in itertools.product(*(_axis_values(a, outcomes) for a in rows)):
        here = dict(zip(rows, combination, strict=True))
        selected = _select(outcomes, here)
        if not selected:
            continue
        values: list[str | float | None] = []
        for at in across:
            there = _select(selected, dict(zip(columns, at, strict=True)))
            values += [measure(c, there) for c in cells]
        lines.append([*combination, *values])
    return Table("Table", head, lines)


def curves(word: Curves, experiment: Experiment, outcomes: list[Outcome]) -> list[Curve]:
    """The curves of a `report curves` line: along the iterations from the traces, else along a swept axis."""
    assert isinstance(word.along, Along)
    along = word.along.name
    shown = [s for s in word.show if isinstance(s, Statistic)]
    by = word.series.name if isinstance(word.series, Along) else None
    log = word.scale == "log"
    if along == "iteration":
        along_iterations = []
        for s in shown:
            lines = {}
            for o in outcomes:
                if s.metric in o.trace and len(o.iterations) > 1:
                    name = " ".join(p for p in (*o.cell.values(), o.data, o.method) if p) or o.solver
                    lines[name] = (o.iterations, o.trace[s.metric])
            if lines:
                along_iterations.append(Curve(s.metric, "iteration", lines, log_x=log, log_y=log or None))
        return along_iterations
    labels = _axis_values(along, outcomes)
    x = _numbers(along, labels, experiment)
    methods = [by] if by else (["method"] if any(o.method for o in outcomes) and along != "method" else [])
    across = {}
    for s in shown:
        for group in itertools.product(*(_axis_values(a, outcomes) for a in methods)):
            chosen = _select(outcomes, dict(zip(methods, group, strict=True)))
            points = [(xi, measure(s, _select(chosen, {along: label}))) for xi, label in zip(x, labels, strict=True)]
            known = [(a, b) for a, b in points if b is not None]
            if known:
                name = " ".join([str(s), *group])
                across[name] = ([a for a, _ in known], [b for _, b in known])
    title = ", ".join(str(s) for s in shown)
    return [Curve(title, along, across, log_x=log, log_y=log or None)] if across else []


def _numbers(path: str, labels: list[str], experiment: Experiment) -> list[float]:
    """The swept values as numbers, or their places where they are none."""
    from recon.dsl.diagnostics import SpecError
    from recon.dsl.elaborate import constants
    from recon.dsl.model.fields import Interval

    def refuse(node: object) -> constants.Value:
        raise SpecError()

    out = []
    for axis in experiment.sweeps:
        if axis.path == path:
            for i, node in enumerate(axis.values):
                try:
                    value = constants.evaluate(node, refuse)
                except SpecError:
                    out.append(float(i))
                    continue
                out.append(parts(value)[0] if not isinstance(value, (str, list, bool, Interval)) else float(i))
    return out if len(out) == len(labels) else [float(i) for i in range(len(labels))]
