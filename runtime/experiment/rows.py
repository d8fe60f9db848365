"""Rows of a data set: columns are read, bound to the names of the page, and batched by shape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.model.experiment import DataSet
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Column, Known, ValueTerm, everything
from recon.dsl.model.units import NONE, describe
from torch import Tensor

from ..build import Build, Quantified
from ..data.files import Array, DataError, Rows, UnreachableError
from ..data.sets import holds
from ..data.sources import Request
from ..meaning import meaning
from ..values import EvaluationError, evaluate

LARGEST_BATCH = 2**25  # numbers of the unknown that are solved for side by side


@dataclass
class Batch:
    """Rows side by side; `numbers` are the rows' places in the data set.

    values: unknowns, measurements and `ref` by name, each of shape [rows, ...], in the units of the page. known: the
    values known of each row, in base units. Where all rows of the data measure one unknown there is one row here, with
    an axis of the data's rows in front of each measurement and known value.
    """

    numbers: list[int]
    values: dict[str, Tensor]
    known: dict[str, Quantified] = field(default_factory=dict)


@dataclass
class RowReader:
    """Reads a data set for one formulation. `skipped` lists the rows that `on_error = skip` left out, and why."""

    data: DataSet
    checked: Checked
    folder: Path
    build: Build
    skipped: list[str] = field(default_factory=list)
    one_by_one: bool = False
    """Whether operators differ from row to row, so that each row is a batch of its own."""

    def __post_init__(self) -> None:
        self.stacked = self.data.options.rows == "measurements"
        used = [(target, _columns(value)) for target, value in self.data.bindings]
        target = next((target for target, columns in used if columns), used[0][0])
        names = tuple(dict.fromkeys(name for _, columns in used for name in columns))
        seed = self.build.seed_for(getattr(self.data.source, "seed", "auto"), self.data.place)
        request = Request(self.folder, self._space(target), seed, self.data.options, names, self.build)
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
            space = self.checked.measurements[target].space
            return space.with_axes(space.axes[1:]) if self.stacked else space
        return next(iter(self.checked.problem.unknowns.values()))

    @property
    def count(self) -> int:
        limit = self.data.options.limit
        return len(self.rows) if limit is None else min(limit, len(self.rows))

    def batches(self, tick: Callable[[str], None] | None = None) -> Iterator[Batch]:
        """Consecutive rows of one shape, as many at a time as fit in memory comfortably."""
        if self.stacked:
            yield _stacked(self.data.name, list(self._rows()), self._per_measurement)
            return
        pending: list[Batch] = []
        for row in self._rows():
            size = max(v.numel() for v in row.values.values())
            full = self.one_by_one or (len(pending) + 1) * size > LARGEST_BATCH
            if pending and (full or _shapes(pending[0]) != _shapes(row)):
                yield _side_by_side(pending)
                pending = []
            pending.append(row)
        if pending:
            yield _side_by_side(pending)

    def _rows(self) -> Iterator[Batch]:
        """Each row that can be read, as a batch of its own. Raises DataError for others unless they are skipped."""
        for number in self._numbers():
            try:
                yield self._read(number)
            except UnreachableError:
                raise
            except (DataError, EvaluationError) as e:
                message = f"row {number + 1} of `{self.data.name}`: {e}"
                if self.data.options.on_error != "skip":
                    raise DataError(message) from e
                self.skipped.append(message)

    def _per_measurement(self, name: str) -> bool:
        return name in self.checked.measurements

    def _numbers(self) -> Iterator[int]:
        """The rows in turn; their number need not be known before the last file is opened."""
        limit = self.data.options.limit
        for number in itertools.count() if limit is None else range(limit):
            if not holds(self.rows, number):
                return
            yield number

    def _read(self, number: int) -> Batch:
        columns = self.rows.read(number)

        def lookup(term: object) -> Quantified:
            assert isinstance(term, Column)
            return Quantified(self.build.tensor(columns[term.name])[None], self.data.source.dimension(term.name))

        out: dict[str, Tensor] = {}
        known: dict[str, Quantified] = {}
        names = {k.name for k in self.checked.given if isinstance(k, Known)}
        for target, value in self.data.bindings:
            space = self._space(target)
            v = evaluate(value, lookup, space, self.build)
            if target in names:
                known[target] = v
                x = v.data
            else:
                out[target] = x = self._fit(target, v, space)
            if not bool(torch.isfinite(x).all()):
                raise DataError(f"`{target}` {self._not_finite(x, [columns[name] for name in _columns(value)])}")
            self._check_signs(target, x)
        return Batch([number], out, known)

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

    def _check_signs(self, target: str, x: Tensor) -> None:
        measurement = self.checked.measurements.get(target)
        if measurement is None or not measurement.likelihood.law.nonnegative or x.is_complex():
            return
        smallest = float(x.min())
        if smallest < 0:
            what = "counts" if measurement.likelihood.law.counts else "magnitudes"
            raise DataError(
                f"`{target}` holds {what}, which are not negative, but the smallest is {smallest:g}; "
                "entries that are not measured are to be zero"
            )

    def _fit(self, target: str, v: Quantified, space: Space) -> Tensor:
        """A value in the unit, the field and the extents of what it is bound to."""
        x = v.data
        if target in self.checked.measurements and self.checked.measurements[target].likelihood.of is not None:
            return x  # the line speaks of a function of it, which fits once it is computed
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


def _shapes(row: Batch) -> dict[str, tuple[int, ...]]:
    return {k: tuple(v.shape[1:]) for k, v in row.values.items()}


def _side_by_side(rows: list[Batch]) -> Batch:
    if len(rows) == 1:
        return rows[0]
    return Batch(
        [n for r in rows for n in r.numbers],
        {k: torch.cat([r.values[k] for r in rows]) for k in rows[0].values},
        {k: Quantified(torch.cat([r.known[k].data for r in rows]), v.dimension) for k, v in rows[0].known.items()},
    )


def _stacked(name: str, rows: list[Batch], measured: Callable[[str], bool]) -> Batch:
    """One problem whose measurements and known values have an axis of rows. Raises DataError where rows disagree."""
    if not rows:
        raise DataError(f"`{name}` has no row that can be read")
    first = rows[0]
    for row in rows[1:]:
        if _shapes(row) != _shapes(first):
            raise DataError(f"row {row.numbers[0] + 1} of `{name}` has other extents than row {first.numbers[0] + 1}")
        for k, v in row.values.items():
            if not measured(k) and not torch.equal(v, first.values[k]):
                raise DataError(
                    f"all rows of `{name}` measure one unknown, but `{k}` differs between the rows "
                    f"{first.numbers[0] + 1} and {row.numbers[0] + 1}"
                )
    values = {k: torch.cat([r.values[k] for r in rows])[None] if measured(k) else v for k, v in first.values.items()}
    known = {
        k: Quantified(torch.stack([r.known[k].data for r in rows], 1), v.dimension) for k, v in first.known.items()
    }
    return Batch([0], values, known)
