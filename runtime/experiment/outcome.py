"""What came out: one outcome for each cell of the sweep, data set and method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from recon.dsl.model.terms import Statistic

from ..analyses.finding import Finding

Array = np.ndarray[Any, Any]


@dataclass
class Shown:
    """One row of an outcome as arrays, for pictures; by the names of unknowns and measurements.

    row: its place in the data set. adjoint: A^H y, of the first row only, where the law has a linear reading of y.
    """

    row: int
    truths: dict[str, Array]
    measured: dict[str, Array]
    adjoint: Array | None
    estimates: dict[str, Array]


@dataclass
class Outcome:
    """The result of one method on one data set in one cell of the sweep: numbers, texts and arrays, and nothing else.

    What a report shows is made from these records alone, after all of them are there: tables from `metrics` and
    `rows`, curves along the iterations from `iterations` and `trace`, and figures from `shown`, which holds the first
    rows of the data, as many as the page's figures show, at least one.

    cell: path -> label of each swept axis. metrics: name -> a number for each row, `rows` their places in the data set.
    trace: name -> numbers along `iterations`, of the first batch. failure: why it failed, where it did.
    """

    cell: dict[str, str]
    data: str
    method: str
    solver: str
    rows: list[int] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)
    """The metrics of the adjoint image of the first row, for comparison."""
    analyses: dict[str, Finding] = field(default_factory=dict)
    """What each analysis of the page found, by its title; those of single rows stand in the metrics alone."""
    iterations: list[int] = field(default_factory=list)
    trace: dict[str, list[float]] = field(default_factory=dict)
    choices: list[tuple[str, float, str]] = field(default_factory=list)
    stopped: str = ""
    seconds: float = 0.0
    failure: str = ""
    notes: list[str] = field(default_factory=list)
    """Metrics that could not be computed, and why."""
    shown: list[Shown] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The subfolder its arrays go to; empty for the only outcome of a page."""
        parts = [f"{k}={v}" for k, v in self.cell.items()] + [self.data, self.method]
        return "/".join(safe(p) for p in parts if p)

    def add(self, metrics: dict[str, list[float]], rows: list[int]) -> None:
        """Append the numbers of another batch."""
        self.rows += rows
        for name, values in metrics.items():
            self.metrics.setdefault(name, []).extend(values)


def safe(text: str) -> str:
    """A text as the name of a file: letters, digits and a few marks, at most 60 of them."""
    return "".join(c if c.isalnum() or c in "=.-+" else "_" for c in text)[:60].lstrip(".") or "_"


_STATISTICS: dict[str, Callable[[Array], float]] = {
    "mean": lambda v: float(np.mean(v)),
    "max": lambda v: float(np.max(v)),
    "min": lambda v: float(np.min(v)),
    "median": lambda v: float(np.median(v)),
    "std": lambda v: float(np.std(v, ddof=1)) if v.size > 1 else 0.0,
    "": lambda v: float(np.mean(v)),
}


def interval(values: Array) -> float:
    """Half the width of the 95% confidence interval of the mean, by Student's t; NaN for a single number."""
    if values.size < 2:
        return float("nan")
    from scipy.stats import t

    return float(t.ppf(0.975, values.size - 1) * np.std(values, ddof=1) / values.size**0.5)


def measure(statistic: Statistic, outcomes: list[Outcome]) -> float | None:
    """A statistic over the rows of all given outcomes that are of its method; None where nothing was measured."""
    values: list[float] = []
    for o in outcomes:
        if statistic.method is not None and o.method != statistic.method:
            continue
        if statistic.metric == "seconds":
            values += [o.seconds / max(len(o.rows), 1)] * len(o.rows)
        elif statistic.metric == "iterations" and o.iterations:
            values.append(float(o.iterations[-1]))
        elif statistic.metric in o.metrics:
            values += o.metrics[statistic.metric]
        elif o.trace.get(statistic.metric):
            values.append(o.trace[statistic.metric][-1])
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]  # undefined for a row, such as the error relative to a truth that is zero
    if array.size == 0:
        return None
    return interval(array) if statistic.statistic == "interval" else _STATISTICS[statistic.statistic](array)
