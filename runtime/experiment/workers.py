"""Processes that do jobs beside each other, and a parent that survives the death of any of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from ..folder import FolderError, RunFiles
from ..shared import Shared
from .device import make_ready
from .job import Job, Place, Progress, run_job
from .ledger import Ledger
from .save import saver
from .work import Work

OFTEN = 0.1
"""Seconds between two words of a process about its progress."""
PATIENCE = 10.0
"""Seconds that an interrupted process has to finish its step and save its estimate."""


class Unstartable(Exception):  # noqa: N818 - it says what is wrong
    """A process died before it could do anything."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    ready: bool = False


def work_beside(
    work: Work, todo: Sequence[Job], files: RunFiles, ledger: Ledger, progress: Progress
) -> Iterator[tuple[Job, str]]:
    """Do the jobs in `work.processes` processes: yields each that has ended, with why it failed where its process died.

    Outcomes are in the ledger then. After Ctrl-C the processes finish their steps and save what they have, and
    KeyboardInterrupt is raised once those jobs were yielded. Raises FolderError where a process could not write, and
    Unstartable.
    """
    waiting = list(reversed(todo))
    workers = [_start(work, files.path, ledger.header) for _ in range(min(work.processes, len(todo)))]
    interrupted: float | None = None
    try:
        while True:
            for w in workers:
                if w.job is None and waiting and interrupted is None:
                    w.job = waiting.pop()
                    with suppress(OSError):  # it has died: its end is seen below
                        w.pipe.send(w.job)
            busy = [w for w in workers if w.job is not None]
            if not busy:
                break
            try:
                ready = wait([c for w in busy for c in (w.pipe, w.process.sentinel)], timeout=0.5)
                for w in busy:
                    if w.pipe in ready or w.process.sentinel in ready:
                        yield from _hear(w, progress)
                        if w.job is None and not w.process.is_alive():
                            workers[workers.index(w)] = _start(work, files.path, ledger.header)
            except KeyboardInterrupt:
                if interrupted is not None:
                    break
                interrupted = time.monotonic()
                for w in busy:
                    with suppress(ProcessLookupError):
                        os.kill(w.process.pid or 0, signal.SIGINT)
            if interrupted is not None and time.monotonic() - interrupted > PATIENCE:
                break
    finally:
        for w in workers:
            w.process.kill()
            w.pipe.close()
    if interrupted is not None:
        raise KeyboardInterrupt


def _hear(w: _Worker, progress: Progress) -> Iterator[tuple[Job, str]]:
    """Take what a process has said; its job where that has ended."""
    assert w.job is not None
    try:
        while w.pipe.poll():
            said = w.pipe.recv()
            w.ready = True
            if said[0] == "ready":
                continue
            if said[0] == "progress":
                progress(*said[1:])
                continue
            job, w.job = w.job, None
            if said[0] == "disk":
                raise FolderError(said[1])
            if said[0] == "done":
                yield job, ""
            return
    except (EOFError, OSError):
        pass
    if not w.process.is_alive() and w.job is not None:
        if not w.ready:
            raise Unstartable(_death(w.process.exitcode))
        job, w.job = w.job, None
        yield job, _death(w.process.exitcode)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
        hint = "; the system does that where memory runs out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with code {code}"


def _start(work: Work, files: Path, header: dict[str, Any]) -> _Worker:
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe()
    arguments = (theirs, files, header, work.folder, str(work.device), work.threads)
    process = context.Process(target=_serve, args=arguments, daemon=True)  # type: ignore[attr-defined]
    with _nameless_main():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _nameless_main() -> Iterator[None]:
    """Meanwhile nobody can tell which script is running, so that a process does not run it once more to begin with."""
    main: dict[str, Any] = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)


def _serve(pipe: Connection, path: Path, header: dict[str, Any], folder: Path, device: str, threads: int) -> None:
    """The life of a process: a job after the other, until the parent goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent passes Ctrl-C on, and the loop of a solver hears it
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # so that a terminal does not say it as well
    threading.Thread(target=_follow_parent, daemon=True).start()
    torch.set_num_threads(threads)
    files = RunFiles(path)
    ledger = Ledger(files, header)
    here = torch.device(device)
    make_ready(here)
    place = Place(folder, here, Shared(), saver(files), _teller(pipe))
    pipe.send(("ready",))
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            outcome = run_job(job, place)
            ledger.write(job.number, outcome)
            pipe.send(("done",))
        except FolderError as e:
            pipe.send(("disk", str(e)))
        except KeyboardInterrupt:
            pipe.send(("undone",))


def _teller(pipe: Connection) -> Callable[[str, int, int, float], None]:
    last = 0.0

    def tell(what: str, iteration: int, total: int, move: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= OFTEN:
            last = now
            pipe.send(("progress", what, iteration, total, move))

    return tell


def _follow_parent() -> None:
    """End with the parent, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
