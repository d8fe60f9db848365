"""What a run has finished, on disk: for going on after an interruption, and from processes to their parent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..analyses import finding
from ..folder import UNFINISHED, RunFiles
from ..report import content
from . import outcome as outcomes
from .outcome import Outcome

HEADER = f"{UNFINISHED}/run.json"
_CLASSES: dict[str, Callable[..., Any]] = {
    name: cls
    for room in (outcomes, finding, content)
    for name, cls in vars(room).items()
    if isinstance(cls, type) and is_dataclass(cls)
}
"""The records that outcomes are made of."""


class Ledger:
    """Finished outcomes by the number of their job, in the `UNFINISHED` part of a run's folder.

    header: all that outcomes depend on. Outcomes written under another header are not taken. Files are JSON and `.npy`;
    nothing in them is executed.
    """

    def __init__(self, files: RunFiles, header: dict[str, Any]) -> None:
        self.files, self.header = files, json.loads(json.dumps(header))

    def open(self) -> dict[int, Outcome]:
        """The outcomes that were finished before, and the header written for those to come."""
        found = self._read_all() if continues(self.files.path, self.header) else {}
        self.files.write_json(HEADER, self.header)
        return found

    def write(self, number: int, outcome: Outcome) -> None:
        """Enter the outcome of a job. Raises FolderError."""
        arrays: list[np.ndarray[Any, Any]] = []
        text = json.dumps(_encoded(outcome, arrays))
        for i, array in enumerate(arrays):
            self.files.write_array(f"{UNFINISHED}/{number}-{i}.npy", array)
        self.files.write_text(f"{UNFINISHED}/{number}.json", text)

    def drop(self, number: int) -> None:
        """Strike the outcome of a job out, so that it is done again."""
        for path in (self.files.path / UNFINISHED).glob(f"{number}[.-]*"):
            path.unlink(missing_ok=True)

    def read(self, number: int) -> Outcome:
        """The outcome of a job. Raises OSError and ValueError where it is missing or damaged."""
        path = self.files.path / UNFINISHED

        def array(i: int) -> np.ndarray[Any, Any]:
            found: np.ndarray[Any, Any] = np.load(path / f"{number}-{i}.npy", allow_pickle=False)
            return found

        outcome = _decoded(json.loads((path / f"{number}.json").read_text("utf-8")), array)
        if not isinstance(outcome, Outcome):
            raise ValueError(f"{number}.json holds no outcome")
        return outcome

    def _read_all(self) -> dict[int, Outcome]:
        found = {}
        for path in (self.files.path / UNFINISHED).glob("*.json"):
            if path.stem.isdigit():
                try:
                    found[int(path.stem)] = self.read(int(path.stem))
                except (OSError, ValueError, TypeError, KeyError):
                    continue  # damaged: it is done again
        return found


def continues(folder: Path, header: dict[str, Any]) -> bool:
    """Whether a folder holds finished outcomes of the run that this header tells."""
    try:
        found = json.loads((folder / HEADER).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found == json.loads(json.dumps(header)))


def _encoded(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """A value as JSON: records, tuples and arrays under a tag, arrays by their place in `arrays`."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: {f.name: _encoded(getattr(value, f.name), arrays) for f in fields(value)}}
    if isinstance(value, tuple):
        return {"tuple": [_encoded(v, arrays) for v in value]}
    if isinstance(value, list):
        return [_encoded(v, arrays) for v in value]
    if isinstance(value, dict):
        return {"dict": {k: _encoded(v, arrays) for k, v in value.items()}}
    raise TypeError(f"{type(value).__name__} has no place in a ledger")


def _decoded(value: Any, array: Callable[[int], np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, list):
        return [_decoded(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    ((tag, held),) = value.items()
    if tag == "array":
        return array(int(held))
    if tag == "tuple":
        return tuple(_decoded(v, array) for v in held)
    parts = {k: _decoded(v, array) for k, v in held.items()}
    return parts if tag == "dict" else _CLASSES[tag](**parts)
