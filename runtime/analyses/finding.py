"""What analyses find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..report.content import Curve, Heatmap, Picture

LONGEST = 1000
"""Entries of lists that stand in `metrics.json`; longer ones have their own table only."""


@dataclass(frozen=True)
class Finding:
    """What one analysis found, as plain data.

    text: how it was found and how exact it is. title: the analysis as the page writes it. rows: numbers for each row of
    the batch. numbers: those that hold for all rows, by their names. columns: lists of numbers of one length, for a
    table of their own. curves, heatmaps, pictures: what the report draws.
    """

    text: str = ""
    title: str = ""
    rows: dict[str, list[float]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    columns: Mapping[str, Sequence[float]] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    heatmaps: Sequence[Heatmap] = ()
    pictures: Sequence[Picture] = ()

    def plain(self) -> dict[str, Any]:
        """The numbers, and the lists that are not long, for `metrics.json`."""
        short = {k: list(v) for k, v in self.columns.items() if len(v) <= LONGEST}
        return {"text": self.text, **self.numbers, **short}
