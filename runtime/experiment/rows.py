"""Rows of a data set: columns are read, bound to the names of the page, and batched by shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.model.experiment import DataSet
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Column
from recon.dsl.model.units import NONE, describe
from torch import Tensor

from ..build import Build
from ..data.files import DataError, Rows
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
        target = self.data.bindings[0][0]
        seed = self.build.seed_for(getattr(self.data.source, "seed", "auto"), self.data.place)
        request = Request(self.folder, self._space(target), seed, self.data.options)
        self.rows = cast(Rows, meaning(self.data.source)(self.data.source, request))
        have = set(self.rows.columns)
        from recon.dsl.model.terms import everything

        for _, value in self.data.bindings:
            for term in everything(value):
                if isinstance(term, Column) and term.name not in have:
                    raise DataError(f"`{self.data.name}` has no column `{term.name}`; it has {', '.join(sorted(have))}")

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
            v = evaluate(value, lookup, space, self.build)
            out[target] = self._fit(target, v, space)
        return out

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


def _shapes(values: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {k: tuple(v.shape[1:]) for k, v in values.items()}


def _batch(pending: list[tuple[int, dict[str, Tensor]]]) -> Batch:
    names = pending[0][1]
    return Batch([n for n, _ in pending], {k: torch.cat([v[k] for _, v in pending]) for k in names})
