"""`recon.lock`: what a page stood for when it was frozen, so that a run can tell whether it still does.

One file beside the pages of a folder holds an entry for each that was frozen: the page in canonical layout, its
digests, those of its files, the commits of what is on the Hub, the SHA-256 of weights, and the version of recon. Values
given by `--set` are no drift: they are said anew with each run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .check.page import load
from .check.pins import files_in
from .diagnostics import SpecError
from .digest import file_digests, problem_digest, spec_digest
from .model.experiment import Experiment
from .model.fields import FilePath
from .model.files import shortened
from .model.hub import PREFIX
from .show.diff import differences
from .syntax.format import format_page
from .syntax.tree import Statement, Text
from .vocabulary.pretrained import Folder, Hub, Zoo

NAME = "recon.lock"
LARGEST = 2**24
"""Bytes of a lock that is still read."""
WEIGHTS = "model.safetensors"


class LockError(Exception):
    """A lock that cannot be used; the message is one line."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Strict):
    """What one page stood for.

    page: its text in canonical layout. spec, problems: digests, of all and by method. files: digests of the content of
    the files that it names. data: addresses on the Hub by data set. weights: where weights come from and the SHA-256 of
    their file, by name.
    """

    recon: str
    page: str
    spec: str
    problems: dict[str, str]
    files: dict[str, dict[str, str | int]]
    data: dict[str, str]
    weights: dict[str, dict[str, str]]


class Lock(_Strict):
    """All frozen pages of a folder, by the names of their files."""

    format: int = 1
    pages: dict[str, Entry] = {}


def read_lock(folder: Path) -> Lock | None:
    """The lock of a folder, None where there is none. Raises LockError for one that is damaged or of another format."""
    path = folder / NAME
    try:
        with open(path, "rb") as f:
            raw = f.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise LockError(f"cannot read {path}: {(e.strerror or str(e)).lower()}") from e
    if len(raw) > LARGEST:
        raise LockError(f"cannot read {path}: it is larger than {LARGEST >> 20} MiB")
    try:
        lock = Lock.model_validate_json(raw)
    except (ValidationError, UnicodeDecodeError) as e:
        raise LockError(f"{path} is damaged; remove it, and `recon freeze` writes it anew") from e
    if lock.format != 1:
        raise LockError(f"{path} was written by a later version of recon (format {lock.format})")
    return lock


def lock_text(lock: Lock) -> str:
    """The lock as it is written: the same for the same pages."""
    return json.dumps(lock.model_dump(), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def entry(e: Experiment, folder: Path, sha256: Callable[[str], str]) -> Entry:
    """What a page stands for now.

    folder: that of the page. sha256: the SHA-256 of the weights at an address on the Hub, without fetching them; what
    it raises passes through.
    Raises OSError where a file of the page cannot be read.
    """
    named = _files(e, folder)
    contents = file_digests(tuple(named.values()))
    return Entry(
        recon=version("recon-dsl"),
        page=format_page(e.page),
        spec=spec_digest(e),
        problems={name or "page": problem_digest(e, name) for name in e.methods},
        files=dict(zip(named, contents, strict=True)),
        data={name: address for name, d in e.data.items() if (address := _address(d.source)) is not None},
        weights=dict(_weights(e, sha256)),
    )


def _files(e: Experiment, folder: Path) -> dict[str, FilePath]:
    """The files that a page names, by their names: those that words read, and pages in use."""
    found = [f for d in e.data.values() for f in d.files]
    found += files_in([e.data, e.methods, e.simulate, list(e.analyses)])
    uses = [s.value for s in e.page.items if isinstance(s, Statement) and s.kind == "use"]
    found += [FilePath(text.value, str(folder / text.value)) for text in uses if isinstance(text, Text)]
    return {f.text: f for f in sorted(found, key=lambda f: f.text)}


def _address(word: BaseModel) -> str | None:
    """The address on the Hub that a source reads."""
    values = (getattr(word, name) for name in type(word).model_fields)
    return next((v for v in values if isinstance(v, str) and v.startswith(PREFIX)), None)


def _weights(e: Experiment, sha256: Callable[[str], str]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, network in e.weights.items():
        source = network.source
        if isinstance(source, Hub):
            yield name, {"from": source.address, "sha256": sha256(source.address)}
        elif isinstance(source, (Zoo, Folder)):
            digests = zip(network.files, file_digests(network.files), strict=True)
            whole = {f.text.rsplit("/", 1)[-1]: d for f, d in digests}[WEIGHTS]
            where = f'zoo("{source.name}")' if isinstance(source, Zoo) else f'folder("{source.path}")'
            yield name, {"from": where, "sha256": str(whole["sha256"])}


def drift(locked: Entry, now: Entry, name: str, folder: Path) -> list[str]:
    """What is no longer as it was frozen, one line for each difference; empty where nothing is."""
    out = list(_changed("", "", locked.files, now.files, lambda a, b: "has another content"))
    out += _changed("data ", "", locked.data, now.data, lambda a, b: f"is {b}, and was {a}")
    out += _changed("weights ", "", locked.weights, now.weights, _other_weights)
    if locked.spec != now.spec:
        out += _said(locked, now, name, folder) or ([] if out else [_digests(locked, now)])
    if locked.recon != now.recon:
        out.append(f"recon is {now.recon}, and was {shortened(locked.recon)}")
    return [re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", line) for line in out]


def _changed(
    what: str, end: str, before: Mapping[str, Any], after: Mapping[str, Any], told: Callable[[Any, Any], str]
) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{what}`{name}` is gone{end}"
        elif name not in before:
            yield f"{what}`{name}` is new{end}"
        elif before[name] != after[name]:
            yield f"{what}`{name}` {told(before[name], after[name])}{end}"


def _other_weights(before: dict[str, str], after: dict[str, str]) -> str:
    if before.get("from") != after.get("from"):
        return f"come from {after.get('from')}, and came from {before.get('from')}"
    return "have another content"


def _said(locked: Entry, now: Entry, name: str, folder: Path) -> list[str]:
    """What the pages say differently, file contents aside."""
    try:
        pages = [load(text, name, folder).experiment for text in (locked.page, now.page)]
        return [str(d) for d in differences(*pages)]
    except (SpecError, OSError):
        return []


def _digests(locked: Entry, now: Entry) -> str:
    return f"the page means something else: its digest is {now.spec[:8]}, and was {locked.spec[:8]}"
