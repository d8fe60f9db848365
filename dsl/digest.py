"""Digests: what a page says, whatever way it is written.

Taken of the elaborated page, so defaults are filled in, params put in, bindings inlined and units in base units;
files count by their content. Comments, layout, the order of statements, and `run`, `log`, `publish`, `report` are left out,
but for the seed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from .model.experiment import Experiment, Formulation
from .model.fields import FilePath
from .model.terms import Leaf
from .model.word import Word


def problem_digest(experiment: Experiment, method: str) -> str:
    """Of one method's unknowns, data, forward, noise, priors left out: what the measurements are. Hexadecimal SHA-256."""
    return _hash([experiment.run.seed, experiment.data, experiment.simulate, _stated(experiment.methods[method])])


def spec_digest(experiment: Experiment) -> str:
    """Of everything that can change a result. Hexadecimal SHA-256."""
    e = experiment
    return _hash(
        [
            e.run.seed,
            e.data,
            e.simulate,
            e.methods,
            e.metrics,
            e.metrics_options,
            e.analyses,
            sorted(c.text for c in e.claims),
            {a.path: a.values for a in e.sweeps},
        ]
    )


def _stated(f: Formulation) -> list[Any]:
    return [f.unknowns, f.likelihoods]


def _hash(value: Any) -> str:
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """A JSON value that is equal for equal meanings: words by kind, name and parameters; no spans, no layout."""
    if isinstance(value, Leaf):
        drawn = value.word.random and getattr(value.word, "seed", None) == "auto"
        return {"word": canonical(value.word), **({"place": value.place} if drawn else {})}
    if isinstance(value, Word):
        return {
            "kind": value.expression_kind,
            "name": value.word,
            **{f"-{n}": canonical(getattr(value, n)) for n in type(value).model_fields},
        }
    if isinstance(value, FilePath):
        with open(value.path, "rb") as f:
            return {"sha256": hashlib.file_digest(f, "sha256").hexdigest()}
    if hasattr(type(value), "model_fields"):
        return {n: canonical(getattr(value, n)) for n in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        skipped = ("solver_span", "own_data")
        return {
            type(value).__name__: {
                f.name: canonical(getattr(value, f.name)) for f in fields(value) if f.compare and f.name not in skipped
            }
        }
    if isinstance(value, dict):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    if isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        return int(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}")
