"""Digests: what a page says, whatever way it is written.

Taken of the elaborated page, so defaults are filled in, params put in, bindings inlined and units in base units; files
count by their content. Comments, layout, the order of statements, and `run`, `log`, `publish`, `report` are left out,
but for the seed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from .diagnostics import SpecError, error
from .elaborate import constants
from .model.experiment import Experiment, Formulation
from .model.fields import FilePath
from .model.terms import Leaf
from .model.word import Word
from .syntax.tree import Dot, Expr, Name

LARGE = 2**30  # bytes; of more, samples are digested
BLOCK = 2**16


def problem_digest(experiment: Experiment, method: str) -> str:
    """The digest of what one method's measurements are: unknowns, data, noise, `simulate` and the seed, without priors.

    Hexadecimal SHA-256. Raises OSError where a file of the page cannot be read.
    """
    f = experiment.methods[method]
    stated = [f.unknowns, _unordered(f.likelihoods)]
    return digest_of([experiment.run.seed, experiment.data, experiment.simulate, stated])


def maker_digest(experiment: Experiment, method: str) -> str:
    """The digest of what one method's measurements are made of: equal for methods that see the same data.

    Hexadecimal SHA-256. Raises OSError where a file of the page cannot be read.
    """
    made = experiment.simulate or experiment.methods[method]
    return digest_of([experiment.run.seed, experiment.data, made.unknowns, made.derived, _unordered(made.likelihoods)])


def spec_digest(experiment: Experiment) -> str:
    """The digest of everything that can change a result.

    Hexadecimal SHA-256. Raises OSError where a file of the page cannot be read.
    """
    e = experiment
    return digest_of(
        [
            e.run.seed,
            e.data,
            e.simulate,
            e.methods,
            e.metrics,
            e.metrics_options,
            _unordered(e.analyses),
            sorted(c.text for c in e.claims),
            {a.path: [_swept(v) for v in a.values] for a in e.sweeps},
        ]
    )


def _swept(value: Expr) -> Any:
    """A swept value: its number where it is a constant of its own, else the expression."""

    def refuse(name: Name | Dot) -> constants.Value:
        raise SpecError(error("RT001", "not a constant", name.span))

    try:
        return constants.evaluate(value, refuse)
    except SpecError:
        return value


def digest_of(value: Any) -> str:
    """The digest of a canonical form.

    Hexadecimal SHA-256. Raises OSError where a file that the value names cannot be read.
    """
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _unordered(values: tuple[Any, ...]) -> list[Any]:
    """The canonical forms in an order of their own, for statements whose order means nothing."""
    return sorted((canonical(v) for v in values), key=lambda v: json.dumps(v, sort_keys=True))


def canonical(value: Any) -> Any:
    """A JSON value that is equal for equal meanings: words by kind, name and parameters; no spans, no layout.

    Numbers count to twelve digits, so that 7mm is 0.7cm. Raises OSError where a file cannot be read.
    """
    if isinstance(value, Leaf):
        drawn = value.word.random and getattr(value.word, "seed", None) == "auto"
        return {"word": canonical(value.word), **({"place": value.place} if drawn else {})}
    if isinstance(value, Word):
        return {"kind": value.expression_kind, "name": value.word, **_parameters(value)}
    if isinstance(value, FilePath):
        return file_digests((value,))[0]
    if isinstance(value, BaseModel):
        return _parameters(value)
    if isinstance(value, Formulation):
        apart = {"likelihoods": _unordered(value.likelihoods), "priors": _unordered(value.priors)}
        return {**_fields(value, ("likelihoods", "priors", "solver_span", "own_data")), **apart}
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: _fields(value, ())}
    if isinstance(value, dict):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, tuple) and value and all(isinstance(v, FilePath) for v in value):
        return file_digests(value)
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}")


def file_digests(files: tuple[FilePath, ...]) -> list[dict[str, Any]]:
    """A digest of each file: of its whole content, or of samples where all together exceed `LARGE` bytes.

    Samples are the size and blocks of 64 KiB at even distances, the first and the last among them: 4096 over all files,
    three of each at least. So a data set of any size has its digest within seconds, and other files, or files cut off,
    have another; a change that touches no sample goes unnoticed. Raises OSError where a file cannot be read.
    """
    sampled = 0 if total_bytes(files) <= LARGE else max(3, 4096 // len(files))
    return [_file_digest(f.path, sampled) for f in files]


def total_bytes(files: tuple[FilePath, ...]) -> int:
    """How much the files hold. Raises OSError where there is none."""
    return sum(os.stat(f.path).st_size for f in files)


def _file_digest(path: str, samples: int) -> dict[str, Any]:
    stat = os.stat(path)
    return dict(_unchanged_file_digest(path, samples, stat.st_size, stat.st_mtime_ns, stat.st_ino))


@lru_cache(maxsize=100_000)
def _unchanged_file_digest(path: str, samples: int, size: int, *_: int) -> tuple[tuple[str, Any], ...]:
    """Of a file as it was at that time; a run takes its digest several times."""
    with open(path, "rb") as f:
        if samples == 0 or size <= samples * BLOCK:
            return (("sha256", hashlib.file_digest(f, "sha256").hexdigest()),)
        digest = hashlib.sha256()
        for k in range(samples):
            f.seek(k * (size - BLOCK) // (samples - 1))
            digest.update(f.read(BLOCK))
    return (("bytes", size), ("samples", samples), ("sha256", digest.hexdigest()))


def _parameters(value: BaseModel) -> dict[str, Any]:
    return {f"-{n}": canonical(getattr(value, n)) for n in type(value).model_fields}


def _fields(value: Any, skipped: tuple[str, ...]) -> dict[str, Any]:
    return {f.name: canonical(getattr(value, f.name)) for f in fields(value) if f.compare and f.name not in skipped}
