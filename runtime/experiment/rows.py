"""Rows of a data set: columns are read, bound to the names of the page, and batched by shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.model.experiment import DataSet
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Column, ValueTerm, everything
from recon.dsl.model.units import NONE, describe
from torch import Tensor

from ..build import Build
from ..data.files import Array, DataError, Rows
from ..data.sources import Request
from ..meaning import meaning
from .values import EvaluationError, Quantified, evaluate

LARGEST_BATCH = 2**25  # numbers of the unknown that are solved for side by side


@dataclass
class Batch:
    """Rows side by side: values of names, each of shape [rows, ...]; `numbers` are the rows' places in the data set."""

    numbers: list[int]
    values: dict[str, Tensor]


@dataclass
class RowReader:
    """Reads a data set for one formulation. `skipped` lists the rows that `on_error = skip` left out, and why."""

    data: DataSet
    checked: Checked
    folder: Path
    build: Build
    skipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        used = [(target, _columns(value)) for target, value in self.data.bindings]
        target = next((target for target, columns in used if columns), used[0][0])
        names = tuple(dict.fromkeys(name for _, columns in used for name in columns))
        seed = self.build.seed_for(getattr(self.data.source, "seed", "auto"), self.data.place)
        request = Request(self.folder, self._space(target), seed, self.data.options, names)
        self.rows = cast(Rows, meaning(self.data.source)(self.data.source, request))
        missing = [name for name in names if name not in self.rows.columns]
        if missing:
            have = ", ".join(sorted(self.rows.columns))
            raise DataError(f"`{self.data.name}` has no column `{missing[0]}`; it has {have}")

    def _space(self, target: str) -> Space:
        """The space a binding should fit; a derived quantity or `ref` is taken to be like the first unknown."""
        if target in self.checked.problem.unknowns:
            return self.checked.problem.unknowns[target]
        if target in self.checked.measurements:
            return self.checked.measurements[target].space
        return next(iter(self.checked.problem.unknowns.values()))

    @property
    def count(self) -> int:
        limit = self.data.options.limit
        return len(self.rows) if limit is None else min(limit, len(self.rows))

    def batches(self, tick: Callable[[str], None] | None = None) -> Iterator[Batch]:
        """Consecutive rows of one shape, as many at a time as fit in memory comfortably."""
        pending: list[tuple[int, dict[str, Tensor]]] = []
        for number in range(self.count):
            try:
                values = self._read(number)
            except (DataError, EvaluationError) as e:
                message = f"row {number + 1} of `{self.data.name}`: {e}"
                if self.data.options.on_error == "skip":
                    self.skipped.append(message)
                    continue
                raise DataError(message) from e
            size = max(v.numel() for v in values.values())
            if pending and (_shapes(pending[0][1]) != _shapes(values) or (len(pending) + 1) * size > LARGEST_BATCH):
                yield _batch(pending)
                pending = []
            pending.append((number, values))
        if pending:
            yield _batch(pending)

    def _read(self, number: int) -> dict[str, Tensor]:
        columns = self.rows.read(number)

        def lookup(term: object) -> Quantified:
            assert isinstance(term, Column)
            return Quantified(self.build.tensor(columns[term.name])[None])

        out = {}
        for target, value in self.data.bindings:
            space = self._space(target)
            x = self._fit(target, evaluate(value, lookup, space, self.build), space)
            if not bool(torch.isfinite(x).all()):
                raise DataError(f"`{target}` {self._not_finite(x, [columns[name] for name in _columns(value)])}")
            self._check_counts(target, x)
            out[target] = x
        return out

    def _not_finite(self, x: Tensor, columns: list[Array]) -> str:
        """What is wrong with a value, and which of the two causes it has: the columns read, or what is made of them."""
        precision = str(self.build.real).removeprefix("torch.")
        bad = int(x.numel() - torch.isfinite(x).sum())
        text = f"has {bad} of {x.numel()} values that are not finite after conversion to {precision}"
        largest = max((float(np.abs(c).max()) for c in columns), default=0.0)
        if largest <= torch.finfo(self.build.real).max:
            return f"{text}; the data themselves are, up to {largest:g}: see what the binding makes of them"
        widen = "" if self.build.real == torch.float64 else ", or write `run { precision = float64 }`"
        return f"{text}; the largest of the data is {largest:g}: scale them{widen}"

    def _check_counts(self, target: str, x: Tensor) -> None:
        measurement = self.checked.measurements.get(target)
        if measurement is None or not measurement.likelihood.law.counts or x.is_complex():
            return
        smallest = float(x.min())
        if smallest < 0:
            raise DataError(
                f"`{target}` holds counts, which are not negative, but the smallest is {smallest:g}; "
                "entries that are not measured are to be zero"
            )

    def _fit(self, target: str, v: Quantified, space: Space) -> Tensor:
        """A value in the unit, the field and the extents of what it is bound to."""
        x = v.data
        if v.dimension != NONE or space.unit.dimension != NONE:
            if v.dimension != space.unit.dimension:
                raise DataError(
                    f"`{target}` is {describe(space.unit.dimension)}, but data bind {describe(v.dimension)} to it"
                )
            x = x / space.unit.factor
        if target == "ref":
            return x
        if space.field == "complex" and not x.is_complex():
            x = x.to(self.build.complex)
        if space.field == "real" and x.is_complex():
            raise DataError(f"`{target}` is real, but data bind complex numbers to it")
        shape = tuple(x.shape[1:])
        fits = len(shape) == len(space.shape) and all(
            n is None or n == m for n, m in zip(space.shape, shape, strict=True)
        )
        if not fits:
            have = " x ".join(str(n) for n in shape)
            raise DataError(f"`{target}` is {space}, but data bind an array of {have} to it")
        return x


def _columns(value: ValueTerm) -> list[str]:
    """The columns that a value is made of."""
    return [term.name for term in everything(value) if isinstance(term, Column)]


def _shapes(values: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {k: tuple(v.shape[1:]) for k, v in values.items()}


def _batch(pending: list[tuple[int, dict[str, Tensor]]]) -> Batch:
    names = pending[0][1]
    return Batch([n for n, _ in pending], {k: torch.cat([v[k] for _, v in pending]) for k in names})
