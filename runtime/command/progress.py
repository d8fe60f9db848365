"""Progress on a terminal: one line on stderr that follows the iterations. Silent where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

SILENT = 2.0
"""Seconds after which a job that says nothing is taken to have ended."""


class ProgressLine:
    """Shows what runs, how far it is and how much the estimate still moves; a context manager."""

    def __init__(self, quiet: bool = False) -> None:
        self.on = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._seen: dict[str, float] = {}

    def __enter__(self) -> ProgressLine:
        if self.on:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("move {task.fields[move]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def step(self, what: str, iteration: int, total: int, move: float) -> None:
        """One look of the loop; several jobs may be on their way at a time, each with a line of its own."""
        if self._bar is None:
            return
        now = time.monotonic()
        if now - self._seen.get(what, 0.0) < 0.05 and iteration < total:
            return
        if what not in self._tasks:
            self._forget(now)
            self._tasks[what] = self._bar.add_task(what or "solving", total=total, move="")
        self._seen[what] = now
        self._bar.update(self._tasks[what], completed=iteration, total=total, move=f"{move:.1e}")

    def _forget(self, now: float) -> None:
        """Drop the lines of jobs that have said nothing for a while, or of the only one that there was."""
        for what in [w for w in self._tasks if len(self._tasks) == 1 or now - self._seen[w] > SILENT]:
            self._bar.remove_task(self._tasks.pop(what))

    def say(self, line: str) -> None:
        """A line about what goes on, on a terminal only."""
        if self._bar is not None:
            self._bar.console.print(line, style="dim", highlight=False, markup=False)
