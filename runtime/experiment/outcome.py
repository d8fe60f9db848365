"""What came out: one outcome for each cell of the sweep, data set and method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
    trace: name -> numbers along `iterations`, of the first batch. found: arrays that the solver found beside the
    unknowns, for the first row. failure: why it failed, where it did.
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
    found: dict[str, Array] = field(default_factory=dict)
    stopped: str = ""
    seconds: float = 0.0
    failure: str = ""
    warnings: list[str] = field(default_factory=list)
    """What the user should know of the numbers that were found, and of how the iterations ended."""
    notes: list[str] = field(default_factory=list)
    """Metrics that could not be computed, and why."""
    skipped: list[str] = field(default_factory=list)
    """Rows that could not be read and were left out, and why."""
    unreadable: bool = False
    """Whether it failed for data that cannot be read."""
    interrupted: bool = False
    """Whether the user stopped it, so that it holds the last estimate of its last batch."""
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
