"""Progress on a terminal: one line on stderr that follows the iterations. Silent where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Any


class ProgressLine:
    """Shows what runs, how far it is and how much the estimate still moves; a context manager."""

    def __init__(self, quiet: bool = False) -> None:
        self.on = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._what = ""
        self._last = 0.0

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
        """One look of the loop."""
        if self._bar is None:
            return
        now = time.monotonic()
        if what == self._what and now - self._last < 0.05 and iteration < total:
            return
        self._last = now
        if self._task is None or what != self._what:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what or "solving", total=total, move="")
            self._what = what
        self._bar.update(self._task, completed=iteration, total=total, move=f"{move:.1e}")

    def say(self, line: str) -> None:
        """A line about what goes on, on a terminal only."""
        if self._bar is not None:
            self._bar.console.print(line, style="dim")
