"""What all trackers have in common: what they are told, and that nothing of theirs can cost a run.

    trackers = opened(experiment, Place(may_send=True))
    watched = trackers.start(Start("training dncnn", "dncnn-25-1a2b3c4d", "training", {"lr": 1e-3}), files.path)
    watched.log(100, {"loss": 0.02})
    watched.finish()
    told = trackers.close(folder)

What goes wrong in a tracker ends that tracker with one warning, and the others go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from recon.dsl.model.experiment import Experiment

from ..meaning import meaning
from ..report.content import Estimate, Table

LONGEST = 200
"""Characters of a reason that a user is told."""


@dataclass(frozen=True)
class Start:
    """What begins: its name in a few words, the group of all that belong together, and what it is done with.

    config: numbers, texts, and lists and mappings of them.
    """

    name: str
    group: str
    kind: Literal["reconstruction", "training", "summary"]
    config: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True)
class Image:
    """A picture as a PNG file, with a line of text."""

    caption: str
    png: bytes


@dataclass(frozen=True)
class Told:
    """What the user is told in the end."""

    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Tracker(Protocol):
    """One thing that is watched. Steps ascend; numbers that are not finite are left out."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Points of curves, by the names of the curves."""

    def images(self, step: int, pictures: Mapping[str, Sequence[Image]]) -> None:
        """Pictures by what they show, for each the first rows; a tracker takes as many of these as its word says."""

    def table(self, name: str, table: Table) -> None:
        """A table as a report shows it."""

    def summary(self, values: Mapping[str, float | str]) -> None:
        """What came out."""

    def files(self, name: str, files: Mapping[str, Path]) -> None:
        """Files that belong to it, by the names that they have there; they stay where they are."""

    def finish(self, failure: str = "") -> None:
        """The end of it; `failure` says why it came too soon."""


class Opener(Protocol):
    """A tracker of a page, for all that is watched in a run. `images`: of how many rows it takes pictures."""

    images: int

    def start(self, start: Start, folder: Path) -> Tracker:
        """Watch something, whose files lie in the folder of the run, which may be renamed once all is finished."""

    def close(self, folder: Path) -> Told:
        """All is finished, and the folder has its name."""


@dataclass(frozen=True)
class Place:
    """What trackers know of where they are. may_send: whether the page may send something away from this machine."""

    may_send: bool
    said: Callable[[str], None] = lambda line: None


class Trackers:
    """The trackers of a run as one; without any, what is told to it goes nowhere."""

    def __init__(self, openers: Mapping[str, Opener] | None = None) -> None:
        self._openers = dict(openers or {})
        self._failed: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._openers)

    @property
    def images(self) -> int:
        """Of how many rows pictures are wanted."""
        return max((o.images for o in self._openers.values()), default=0)

    def start(self, start: Start, folder: Path) -> Tracker:
        """Watch something with all of them."""
        begun: dict[str, Tracker] = {}
        for name, opener in self._openers.items():
            with self.guarded(name) as works:
                if works:
                    begun[name] = opener.start(start, folder)
        return _Several(self, begun)

    def close(self, folder: Path) -> Told:
        """The end of all, with what the user is told; called once, after everything has been finished."""
        lines: list[str] = []
        warnings: list[str] = []
        for name, opener in self._openers.items():
            with self.guarded(name) as works:
                if works:
                    told = opener.close(folder)
                    lines += told.lines
                    warnings += told.warnings
        failed = (f"`log {n}`: {why}; the folder of the run has everything" for n, why in self._failed.items())
        return Told(tuple(lines), (*warnings, *failed))

    @contextmanager
    def guarded(self, name: str) -> Iterator[bool]:
        """What is done with one tracker, if that has not failed before: its failure is noted and goes no further."""
        try:
            yield name not in self._failed
        except Exception as e:  # a tracker is other people's code, and no error of it is worth a reconstruction
            text = " ".join(str(e).split()) or type(e).__name__
            self._failed[name] = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


class _Several:
    """One thing that several trackers watch."""

    def __init__(self, trackers: Trackers, begun: Mapping[str, Tracker]) -> None:
        self._trackers, self._begun = trackers, begun

    def _each(self, told: Callable[[Tracker], None]) -> None:
        for name, tracker in self._begun.items():
            with self._trackers.guarded(name) as works:
                if works:
                    told(tracker)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        known = finite(numbers)
        if known:
            self._each(lambda t: t.log(step, known))

    def images(self, step: int, pictures: Mapping[str, Sequence[Image]]) -> None:
        if pictures:
            self._each(lambda t: t.images(step, pictures))

    def table(self, name: str, table: Table) -> None:
        self._each(lambda t: t.table(name, table))

    def summary(self, values: Mapping[str, float | str]) -> None:
        texts = {k: v for k, v in values.items() if isinstance(v, str)}
        self._each(lambda t: t.summary({**finite({k: v for k, v in values.items() if k not in texts}), **texts}))

    def files(self, name: str, files: Mapping[str, Path]) -> None:
        self._each(lambda t: t.files(name, files))

    def finish(self, failure: str = "") -> None:
        self._each(lambda t: t.finish(failure))


def opened(experiment: Experiment, place: Place) -> Trackers:
    """The trackers that a page names. Raises Unavailable where one of them is not installed."""
    words = [line.tracker for line in experiment.trackers]
    return Trackers({w.word: opener for w in words if (opener := meaning(w)(w, place)) is not None})


def finite(numbers: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that are."""
    return {k: float(v) for k, v in numbers.items() if math.isfinite(v)}


def columns_of(table: Table) -> tuple[list[str], list[list[Any]]]:
    """A table as names and rows of plain values; a column of numbers with intervals becomes two."""
    names: list[str] = []
    columns: list[list[Any]] = []
    above = [[text for text, span in line for _ in range(span)] for line in table.heads]
    for i, name in enumerate(table.columns):
        cells = [row[i] for row in table.rows]
        full = ", ".join(t for t in (*(line[i] for line in above), name) if t) or f"column {i + 1}"
        names.append(full)
        columns.append([c.value if isinstance(c, Estimate) else c for c in cells])
        if any(isinstance(c, Estimate) and c.half is not None for c in cells):
            names.append(f"{full} ±")
            columns.append([c.half if isinstance(c, Estimate) else None for c in cells])
    rows = [[_plain(v) for v in row] for row in zip(*columns, strict=True)]
    return names, rows


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
