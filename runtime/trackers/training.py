"""Training, as trackers are told of it while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from recon.dsl.model.experiment import Experiment
from recon.dsl.model.word import Loss, Word

from ..training.loop import Tick
from .base import Start, Tracker, Trackers
from .outcomes import config_of, group_of

POINTS = 500
"""Of a curve of the loss, about; the looks at validation data come on top."""
Watch = Callable[[str, Experiment, Loss], AbstractContextManager[Callable[[Tick], None]]]
"""What is trained, for which cell of the page, and how -> what is told of each step."""


def watching(trackers: Trackers | None, page: Experiment, spec: str, folder: Path) -> Watch:
    """Each training as a run of the page's group."""

    @contextmanager
    def watch(what: str, experiment: Experiment, loss: Loss) -> Iterator[Callable[[Tick], None]]:
        if not trackers:
            yield lambda told: None
            return
        config = {**config_of(page, experiment, spec), "train": settings(loss)}
        start = Start(what, group_of(page), "training", config, page.doc)
        watched = trackers.start(start, folder)
        try:
            yield lambda told: tell(watched, told)
        except BaseException as e:
            watched.finish(str(e) or "interrupted")
            raise
        watched.finish()

    return watch


def tell(watched: Tracker, told: Tick) -> None:
    """Points of the curves, where they are due."""
    if told.score is not None:
        watched.log(told.step, {"loss": told.loss, "validation": told.score})
    elif told.step == told.steps or told.step % max(1, told.steps // POINTS) == 0:
        watched.log(told.step, {"loss": told.loss})


def settings(word: Word) -> dict[str, Any]:
    """The parameters of a word that are numbers, texts or words again."""
    values = {name: getattr(word, name) for name in type(word).model_fields}
    plain = {name: v for name, v in values.items() if isinstance(v, bool | int | float | str)}
    inside = {name: settings(v) for name, v in values.items() if isinstance(v, Word)}
    return {"word": word.word, **plain, **inside}
