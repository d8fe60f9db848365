"""Examples that the page itself makes: random patches, measured by its forward model, with noise drawn anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from recon.dsl.check.formulate import Checked, formulate
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.diagnostics import Findings, SpecError
from recon.dsl.model.experiment import DataSet
from recon.dsl.model.space import Space
from recon.dsl.model.word import Draw
from recon.dsl.vocabulary.losses import Supervised
from recon.dsl.vocabulary.solvers.network import NetworkSolver
from torch import Tensor

from ..build import Build, derived_seed
from ..data.files import DataError
from ..experiment.compile import compile_problem, levels
from ..experiment.rows import Batch, RowReader
from ..experiment.simulate import simulate
from ..experiment.solve import solve_word
from ..meaning import meaning
from .pairs import Pairs
from .patches import Patches
from .planes import to_planes


@dataclass(frozen=True)
class Posing:
    """How examples of one method are posed: what makes the data, what reconstructs, and the input of the network.

    told: whether the network is told the noise level.
    """

    maker: Checked
    method: Checked
    unknown: str
    word: NetworkSolver
    told: bool
    build: Build

    def pairs(self, truth: Tensor, data: str, numbers: list[int], draw: int = 0) -> Pairs:
        """Examples with these truths [rows, ...], measured as the rows of these numbers."""
        build = replace(self.build, rows=tuple((data, n) for n in numbers))
        if self.maker.by_row or self.method.by_row:
            made = [self._one(truth[i : i + 1], data, n, draw) for i, n in enumerate(numbers)]
            inputs = torch.cat(made)
        else:
            inputs = self._inputs(truth, data, numbers, draw, build)
        channels = self.method.problem.unknowns[self.unknown].axis("channel") is not None
        sigma = self.sigma(len(numbers), build) if self.told else None
        return Pairs(to_planes(inputs, channels), to_planes(truth, channels), sigma)

    def _one(self, truth: Tensor, data: str, number: int, draw: int) -> Tensor:
        """The input of a row whose operators are its own."""
        build = replace(self.build, row=f"{data}/{number}", rows=((data, number),))
        return self._inputs(truth, data, [number], draw, build)

    def _inputs(self, truth: Tensor, data: str, numbers: list[int], draw: int, build: Build) -> Tensor:
        measured = simulate(self.maker, {self.unknown: truth}, data, numbers, build, [draw] * len(numbers))
        compiled = compile_problem(self.method, measured, build)
        return solve_word(self.word.input, compiled.problem, certify=False).estimate

    def sigma(self, rows: int, build: Build) -> Tensor:
        """The noise level of each row, [rows]. Raises ValueError where the noise line does not say it."""
        return noise_level(self.method, rows, build)


def noise_level(method: Checked, rows: int, build: Build) -> Tensor:
    """The noise level of each row that a conditional network is told, [rows].

    Raises ValueError where the noise line does not say it.
    """
    name, m = next(iter(method.measurements.items()))
    law = m.likelihood.law
    drawn = getattr(law, "sigma", None)
    if isinstance(drawn, Draw):
        return levels(drawn, name, build)
    level = getattr(law, "level", None)
    if not isinstance(level, float):
        raise ValueError(f"the network is told the noise level, and the noise line of `{name}` has none as a number")
    return torch.full((rows,), level, dtype=build.real, device=build.device)


class Simulated:
    """Examples for training: patches of the pictures of a data set, measured by the page's own noise line.

    A row is numbered by its place in all of training, so that the noise of a patch is its own.
    """

    def __init__(self, posing: Posing, patches: Patches, batch: int, data: str) -> None:
        self.posing, self.patches, self.count, self.data = posing, patches, batch, data

    def batch(self, step: int) -> Pairs:
        seed = derived_seed(self.posing.build.seed, "patches", self.data, step)
        truth = self.patches.draw(self.count, torch.Generator().manual_seed(seed))
        first = step * self.count
        truth = truth.to(self.posing.build.device)
        return self.posing.pairs(truth, self.data, list(range(first, first + self.count)))


def pictures(checked: CheckedExperiment, method: str, data: DataSet, folder: Path, build: Build) -> list[Tensor]:
    """The truths of a data set, each [..., rows, cols], on the CPU: patches are cut and changed by many small steps,
    each of which takes a GPU longer, and all of a data set may not fit there. Raises DataError."""
    build = replace(build, device=torch.device("cpu"))
    unknown = next(iter(checked.methods[method].problem.unknowns))
    maker = checked.makers.get(method, checked.methods[method])
    out: list[Tensor] = []
    batch: Batch
    for batch in RowReader(data, maker, folder, build).batches():
        out += list(batch.values[unknown])
    if not out:
        raise DataError(f"`{data.name}` has no row to train on")
    return out


def simulated(
    checked: CheckedExperiment, method: str, loss: Supervised, folder: Path, build: Build, told: bool
) -> Simulated:
    """The examples that a `train` line of a method asks for. Raises DataError, and ValueError where they cannot be."""
    data = checked.experiment.data[loss.data.name]
    truths = pictures(checked, method, data, folder, build)
    changes = [meaning(word)(word) for word in loss.augment]
    try:
        patches = Patches(truths, loss.patches, changes)
    except ValueError as e:
        raise DataError(f"`{data.name}`: {e}") from e
    extents = tuple(truths[0].shape[-2:]) if loss.patches is None else (loss.patches, loss.patches)
    return Simulated(posing(checked, method, extents, build, told), patches, loss.batch, data.name)


def posing(checked: CheckedExperiment, method: str, extents: tuple[int, ...], build: Build, told: bool) -> Posing:
    """A method with its unknown at these extents. Raises SpecError where its operators do not fit them."""
    word = checked.choices[method].solver
    assert isinstance(word, NetworkSolver)
    model, maker = checked.methods[method], checked.makers.get(method, checked.methods[method])
    unknown = next(iter(model.problem.unknowns))
    return Posing(_resized(maker, extents), _resized(model, extents), unknown, word, told, build)


def _resized(checked: Checked, extents: tuple[int, ...]) -> Checked:
    f = checked.formulation

    def small(space: Space) -> Space:
        front = len(space.axes) - len(extents)
        axes = [replace(a, size=n) for a, n in zip(space.axes[front:], extents, strict=True)]
        return space.with_axes((*space.axes[:front], *axes))

    unknowns = {name: replace(u, space=small(u.space)) for name, u in f.unknowns.items()}
    findings = Findings()
    made = formulate(replace(f, unknowns=unknowns), findings)
    if made is None:
        raise SpecError(*findings.sorted())
    return made
