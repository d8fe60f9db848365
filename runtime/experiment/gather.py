"""What a method is given: the rows of a data set in batches, with their measurements, read or simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.digest import digest_of, maker_digest
from recon.dsl.model.experiment import DataSet, Experiment
from recon.dsl.model.options import DataOptions
from recon.dsl.model.terms import Column
from recon.dsl.vocabulary.sources.drawn import Phantom
from torch import Tensor

from ..build import Build, Quantified
from ..shared import Shared
from .compile import sized
from .rows import Batch, RowReader
from .simulate import averaged, simulate

MOST_HELD = 2**28  # bytes of a data set that are kept for the other jobs that read it


def build_for(experiment: Experiment, device: torch.device, shared: Shared | None = None) -> Build:
    """What the programs of a cell are built for."""
    real = torch.float64 if experiment.run.precision == "float64" else torch.float32
    return Build(real, device, experiment.run.seed, half=experiment.run.precision == "bf16", shared=shared)


def data_sets(experiment: Experiment) -> list[DataSet]:
    """The page's data; a page without any is simulated from a phantom."""
    if experiment.data:
        return list(experiment.tests)
    name = next(iter(experiment.formulation.unknowns))
    span = experiment.formulation.unknowns[name].span
    return [DataSet("phantom", Phantom(), ((name, Column("image")),), DataOptions(), "data.phantom/phantom", span)]  # type: ignore[call-arg]


def row_build(build: Build, data: DataSet, batch: Batch) -> Build:
    """What operators that differ from row to row are built for, in a batch of one row."""
    return replace(build, values=batch.known, row=f"{data.name}/{batch.numbers[0]}")


def batches(
    checked: CheckedExperiment, data: DataSet, folder: Path, build: Build, skipped: list[str]
) -> Iterator[Batch]:
    """The rows of a data set, kept for the next job that reads them where they are not too many.

    All methods of a page read the same batches, whichever of them needs its rows one at a time. The rows that are left
    out are added to `skipped`.
    """
    maker, by_row = next(iter(checked.makers.values())), _by_row(checked)
    spaces = list(maker.problem.unknowns.values()), [m.space for m in maker.measurements.values()]
    key = digest_of(["rows", data, build.seed, str(build.real), by_row, spaces])
    held = build.shared.find(key) if build.shared is not None else None
    if held is not None:
        skipped += held[1]
        yield from held[0]
        return
    reader = RowReader(data, maker, folder, build, skipped, one_by_one=by_row)
    kept: list[Batch] = []
    size = 0
    for batch in reader.batches():
        size += _bytes(batch.values)
        kept.append(batch)
        if size > MOST_HELD:
            kept.clear()
        yield batch
    if size <= MOST_HELD and build.shared is not None:
        build.shared.keep(key, (kept, list(skipped)), size)


def _by_row(checked: CheckedExperiment) -> bool:
    """Whether operators of any method differ from row to row."""
    return any(c.by_row for c in (*checked.methods.values(), *checked.makers.values()))


def _bytes(values: dict[str, Tensor]) -> int:
    return sum(v.numel() * v.element_size() for v in values.values())


@dataclass(frozen=True)
class Posed:
    """A batch as the problem of one method, everything in the extents of the data.

    measured: by name, [rows, ...]. truths: what is true of unknowns, on the grid of the method, and `ref`.
    """

    method: Checked
    maker: Checked
    measured: dict[str, Tensor]
    truths: dict[str, Tensor]
    build: Build


def pose(checked: CheckedExperiment, name: str, data: DataSet, batch: Batch, build: Build) -> Posed:
    """The problem of a method for a batch; what the data do not hold is simulated, once for all methods that see it.

    Raises EvaluationError where that cannot be, and SpecError where extents do not fit.
    """
    if _by_row(checked):
        build = row_build(build, data, batch)
    maker = sized(checked.makers[name], batch.values, batch.known)
    lines = checked.methods[name].measurements
    measured = {k: v for k, v in batch.values.items() if k in lines}
    truths = {k: v for k, v in batch.values.items() if k not in measured}
    if not all(n in measured for n in lines):
        measured = {**_simulated(checked.experiment, name, maker, data, batch, truths, build), **measured}
    method = sized(checked.methods[name], {**truths, **measured}, batch.known)
    if method.given:
        build = replace(build, values={**build.values, **{k: Quantified(v) for k, v in measured.items()}})
    build = replace(build, rows=tuple((data.name, number) for number in batch.numbers))
    return Posed(method, maker, measured, {k: _to_grid(v, method, k) for k, v in truths.items()}, build)


def _simulated(
    experiment: Experiment,
    name: str,
    maker: Checked,
    data: DataSet,
    batch: Batch,
    truths: dict[str, Tensor],
    build: Build,
) -> dict[str, Tensor]:
    def make() -> dict[str, Tensor]:
        return simulate(maker, truths, data.name, batch.numbers, build)

    if build.shared is None:
        return make()
    key = digest_of(["measured", maker_digest(experiment, name), data.name, batch.numbers, str(build.real)])
    return build.shared.take(key, make, _bytes)


def _to_grid(x: Tensor, method: Checked, name: str) -> Tensor:
    space = method.problem.unknowns.get(name)
    return x if space is None or not space.known else averaged(x, space.sizes)
