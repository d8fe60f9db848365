"""The meaning of computed tomography."""

from __future__ import annotations

from dataclasses import replace

import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.place import Placed
from recon.dsl.model.space import Space
from recon.dsl.vocabulary.operators import tomography as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..tomography import ConeBeam, FanBeam, ParallelBeam, backproject, project
from .base import Operator, part_of
from .extents import shortened


@meaning_of(words.Radon)
def radon(word: words.Radon, placed: Placed, build: Build) -> Operator:
    """Parallel-beam line integrals of each image on the last two axes."""
    unit = length_unit(placed.domain)
    pitch, offset = (unit * number for number in word.lengths(placed.domain))
    rows, columns = placed.domain.sizes[-2:]
    beam = ParallelBeam(
        (rows, columns), word.directions(), placed.codomain.sizes[-1], pitch, _plane(placed.domain), offset
    )
    return RayOperator(beam, word.rays, placed)


@meaning_of(words.Fanbeam)
def fanbeam(word: words.Fanbeam, placed: Placed, build: Build) -> Operator:
    """Fan-beam line integrals of each image on the last two axes."""
    unit = length_unit(placed.domain)
    pitch, offset, source, detector = (unit * number for number in word.lengths(placed.domain))
    rows, columns = placed.domain.sizes[-2:]
    beam = FanBeam(
        (rows, columns),
        word.directions(),
        placed.codomain.sizes[-1],
        source,
        detector,
        pitch,
        _plane(placed.domain),
        offset,
        word.kind == "curved",
    )
    return RayOperator(beam, word.rays, placed)


@meaning_of(words.Conebeam)
def conebeam(word: words.Conebeam, placed: Placed, build: Build) -> Operator:
    """Cone-beam line integrals of each volume on the last three axes."""
    unit = length_unit(placed.domain)
    pitch, offset, source, detector = word.lengths(placed.domain)
    (depth, height, width), (rows, columns) = placed.domain.sizes[-3:], placed.codomain.sizes[-2:]
    z, y, x = words.spacings(placed.domain, 3)
    beam = ConeBeam(
        (depth, height, width),
        word.directions(),
        (rows, columns),
        unit * source,
        unit * detector,
        (unit * pitch[0], unit * pitch[1]),
        (unit * z, unit * y, unit * x),
        (unit * offset[0], unit * offset[1]),
    )
    return RayOperator(beam, word.rays, placed)


def length_unit(domain: Space) -> float:
    """What lengths in metres are multiplied by so that the integrals are right.

    Image values in 1/mm take lengths in mm, and the line integrals are plain numbers; values in base units (or without
    a unit) take metres, and images without a voxel size take pixels.
    """
    return domain.unit.factor if domain.axes[-1].voxel is not None else 1.0


def _plane(domain: Space) -> tuple[float, float]:
    height, width = words.spacings(domain, 2)
    return length_unit(domain) * height, length_unit(domain) * width


class RayOperator(Operator):
    """Line integrals along the rays of `beam`, each the mean over `rays` thinner ones in every detector direction."""

    def __init__(self, beam: ParallelBeam | FanBeam | ConeBeam, rays: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.beam, self.rays = beam, rays
        self.fine = beam.finer(rays) if rays > 1 else beam

    def _apply_(self, x: Tensor) -> Tensor:
        y = project(x, self.fine)
        for axis, size in self._elements():
            y = torch.unflatten(y, axis, (size, self.rays)).mean(axis)
        return y

    def _adjoint_(self, y: Tensor) -> Tensor:
        for axis, _ in self._elements():
            y = y.repeat_interleave(self.rays, axis) / self.rays
        return backproject(y, self.fine)

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """Some of the views; or all of them, of some of the images that are stacked."""
        if axis != "view":
            return RayOperator(self.beam, self.rays, Placed(None, *part_of(self, axis, keep))), True
        beam = replace(self.beam, angles=tuple(self.beam.angles)[keep])
        codomain = shortened(self.codomain, axis, keep)
        return RayOperator(beam, self.rays, Placed(None, self.domain, codomain, fact.cut(self.facts))), False

    def _elements(self) -> list[tuple[int, int]]:
        """The detector axes, last first, and their sizes; none where each element is one ray."""
        sizes = self.beam.measured[1:]
        return [(-k, sizes[-k]) for k in range(1, len(sizes) + 1)] if self.rays > 1 else []
