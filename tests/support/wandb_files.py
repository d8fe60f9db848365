"""What an offline run of wandb wrote, read by its published layout: protocol buffers in LevelDB's log format.

Seven bytes stand in front of the first record: `:W&B`, a magic number of 16 bits and a version. Then come blocks of
32768 bytes, of chunks: checksum (4 bytes), length (2), kind (1: whole, 2: first, 3: middle, 4: last), content. What is
left of a block that has no room for a header is zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2 as pb

BLOCK = 32768
HEADER = 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> list[Any]:
    """All records of a `.wandb` file."""
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    at, out, parts = HEADER, [], b""
    while at + HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts = (b"" if kind in (WHOLE, FIRST) else parts) + data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (WHOLE, LAST):
            out.append(pb.Record.FromString(parts))
    return out


@dataclass
class OfflineRun:
    """An offline run as its records tell it. history: each line with its `_step`."""

    folder: Path
    id: str = ""
    name: str = ""
    project: str = ""
    entity: str = ""
    group: str = ""
    kind: str = ""
    host: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Path]] = field(default_factory=dict)
    exit: int | None = None

    def series(self, name: str) -> dict[int, float]:
        """The values of a curve by their steps."""
        return {line["_step"]: line[name] for line in self.history if name in line}

    def images(self, name: str) -> list[Path]:
        """The files of the pictures of that name."""
        found = [line[name] for line in self.history if name in line]
        return [self.folder / "files" / p for f in found for p in f["filenames"]]

    def table(self, name: str) -> dict[str, Any]:
        """The columns and rows of a table."""
        found = next(line[name] for line in self.history if name in line)
        read: dict[str, Any] = json.loads((self.folder / "files" / found["path"]).read_text())
        return read


def offline_run(folder: Path) -> OfflineRun:
    """The run in a folder `offline-run-...`."""
    (file,) = folder.glob("*.wandb")
    run = OfflineRun(folder)
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            r = record.run
            run.id, run.name, run.project, run.entity = r.run_id, r.display_name, r.project, r.entity
            run.group, run.kind, run.host, run.tags = r.run_group, r.job_type, r.host, list(r.tags)
            run.config = _values(r.config.update)
        elif kind == "history":
            run.history.append({**_values(record.history.item), "_step": record.history.step.num})
        elif kind == "summary":
            run.summary |= _values(record.summary.update)
        elif kind == "artifact":
            contents = record.artifact.manifest.contents
            run.artifacts[record.artifact.name] = {c.path: Path(c.local_path) for c in contents}
        elif kind == "exit":
            run.exit = record.exit.exit_code
    return run


def offline_runs(folder: Path) -> dict[str, OfflineRun]:
    """All offline runs of a folder, by name."""
    found = [offline_run(f) for f in sorted((folder / "wandb").glob("offline-run-*"))]
    assert len({r.name for r in found}) == len(found), "two runs have one name"
    return {r.name: r for r in found}


def _values(items: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for item in items:
        *above, last = list(item.nested_key) or [item.key]
        inner = out
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = json.loads(item.value_json)
    return out
