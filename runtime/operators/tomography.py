"""The meaning of computed tomography."""

from __future__ import annotations

from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import tomography as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of
from ..tomography.parallel import ParallelBeam, backproject, project
from .base import Operator


@meaning_of(words.Radon)
def radon(word: words.Radon, placed: Placed, build: Build) -> Operator:
    """Parallel-beam line integrals of each image on the last two axes."""
    return RadonOperator(parallel_beam(word, placed), placed)


def parallel_beam(word: words.Radon, placed: Placed) -> ParallelBeam:
    """The scan of a placed word: view i of V at start + i (stop - start) / V, so the arc's end is not a view.

    Lengths count in the unit that makes the integral right: image values in 1/mm take lengths in mm, and the line
    integrals are plain numbers; values in base units (or without a unit) take metres, and images without a voxel size
    take pixels.
    """
    height, width, pitch = word.spacing(placed.domain)
    unit = placed.domain.unit.factor if placed.domain.axes[-1].voxel is not None else 1.0
    step = (word.angles.stop - word.angles.start) / word.views
    rows, columns = placed.domain.sizes[-2:]
    return ParallelBeam(
        shape=(rows, columns),
        angles=tuple(word.angles.start + i * step for i in range(word.views)),
        detectors=placed.codomain.sizes[-1],
        pitch=pitch * unit,
        voxel=(height * unit, width * unit),
    )


class RadonOperator(Operator):
    """Line integrals along the rays of `geometry`, image [rows, columns] to sinogram [views, detectors]."""

    def __init__(self, geometry: ParallelBeam, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.geometry = geometry

    def _apply_(self, x: Tensor) -> Tensor:
        return project(x, self.geometry)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return backproject(y, self.geometry)
