"""TensorBoard: event files in the folder of the run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recon.dsl.vocabulary.trackers.tensorboard import Tensorboard

from ..experiment.device import Unavailable
from ..folder import plain
from ..meaning import meaning_of
from ..report.content import Table
from ..report.tables import to_markdown
from .base import Image, Opener, Place, Start, Told

FOLDER = "tensorboard"


@meaning_of(Tensorboard)
def tensorboard_opener(word: Tensorboard, place: Place) -> Opener:
    """Raises Unavailable where TensorBoard is not installed, before anything is computed."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        message = (
            'TensorBoard is not installed; `pip install "recon-dsl[tensorboard]"` does it, `--no-log` goes without'
        )
        raise Unavailable(message) from None
    return EventFiles(word)


class EventFiles:
    """A folder of event files for each thing that is watched."""

    def __init__(self, word: Tensorboard) -> None:
        self.images = word.images
        self._names: list[str] = []

    def start(self, start: Start, folder: Path) -> Events:
        from torch.utils.tensorboard import SummaryWriter

        name = "".join(c if c.isalnum() or c in "=.-+ " else "_" for c in start.name).strip(". ") or start.kind
        count = self._names.count(name)
        self._names.append(name)
        place = folder / FOLDER / (name if not count else f"{name}-{count + 1}")
        return Events(self, SummaryWriter(str(place), flush_secs=10), start)

    def close(self, folder: Path) -> Told:
        if not self._names:
            return Told()
        here, place = Path.cwd(), (folder / FOLDER).absolute()
        short = place.relative_to(here) if place.is_relative_to(here) else place
        return Told((f"logged: tensorboard --logdir {short}",))


class Events:
    """The event files of one thing."""

    def __init__(self, files: EventFiles, writer: Any, start: Start) -> None:
        self._files, self._writer = files, writer
        config = json.dumps(plain(start.config), indent=2, ensure_ascii=False, sort_keys=True)
        writer.add_text("config", _block(config), 0)
        if start.notes:
            writer.add_text("notes", start.notes, 0)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def images(self, step: int, pictures: Mapping[str, Sequence[Image]]) -> None:
        from PIL import Image as Pixels

        for name, these in pictures.items():
            for i, picture in enumerate(these[: self._files.images]):
                pixels = np.asarray(Pixels.open(io.BytesIO(picture.png)).convert("RGB"))
                self._writer.add_image(f"{name}/{i + 1}", pixels, step, dataformats="HWC")

    def table(self, name: str, table: Table) -> None:
        self._writer.add_text(name, to_markdown(table), 0)

    def summary(self, values: Mapping[str, float | str]) -> None:
        for name, value in values.items():
            if isinstance(value, str):
                self._writer.add_text(name, value, 0)
            else:
                self._writer.add_scalar(f"summary/{name}", value, 0)

    def files(self, name: str, files: Mapping[str, Path]) -> None:
        for inside, path in files.items():
            if path.suffix in (".recon", ".json"):
                self._writer.add_text(inside, _block(path.read_text(encoding="utf-8")), 0)

    def finish(self, failure: str = "") -> None:
        if failure:
            self._writer.add_text("failure", failure, 0)
        self._writer.close()


def _block(text: str) -> str:
    """Text as it is, in Markdown."""
    return "\n".join("    " + line for line in text.splitlines())
