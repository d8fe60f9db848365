"""The meaning of electron microscopy."""

from __future__ import annotations

import numpy as np
import torch
from recon.dsl.model.place import Placed
from recon.dsl.model.word import Draw
from recon.dsl.vocabulary.operators import electrons as words
from scipy import sparse
from torch import Tensor, nn

from ..build import Build
from ..electrons.contrast import contrast
from ..electrons.shift import phases, shifted
from ..electrons.tilts import TiltSeries, turning
from ..meaning import meaning, meaning_of
from .base import IdentityOperator, Operator
from .diagonal import GridDiagonal
from .spectral import SpectralFilter


@meaning_of(words.Project)
def project(word: words.Project, placed: Placed, build: Build) -> Operator:
    """Joseph's projections of a tilt series."""
    return TiltProjection(_series(word, placed), placed)


@meaning_of(words.Rotate)
def rotate(word: words.Rotate, placed: Placed, build: Build) -> Operator:
    """Turned copies of the volume."""
    return Turn(_series(word, placed), build, placed)


def _series(word: words.Project | words.Rotate, placed: Placed) -> TiltSeries:
    depth, rows, columns = placed.domain.sizes[-3:]
    return TiltSeries((depth, rows, columns), word.angles(), word.about)


class TiltProjection(Operator):
    """Sums along z of the turned volume: [..., Z, R, C] to [..., V, R, C]."""

    def __init__(self, series: TiltSeries, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.series = series

    def _apply_(self, x: Tensor) -> Tensor:
        return self.series.project(x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.series.backproject(y)


class Turn(Operator):
    """Copies of a volume, turned about the tilt axis: [..., Z, R, C] to [..., V, Z, R, C].

    Each plane across the axis is turned alike, by a sparse matrix with four numbers a pixel.
    """

    def __init__(self, series: TiltSeries, build: Build, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        depth, rows, columns = series.sizes
        self.along = -1 if series.about == "col" else -2
        self.plane = (depth, rows if series.about == "col" else columns)
        sign = 1 if series.about == "col" else -1
        self.views = len(series.angles)
        turned = turning(self.plane, tuple(sign * a for a in series.angles))
        self.forth, self.back = SparseRows(turned, build), SparseRows(turned.T.tocsr(), build)

    def _apply_(self, x: Tensor) -> Tensor:
        planes = x.movedim(self.along, -1).flatten(-3, -2)  # [..., P Q, axis]
        turned: Tensor = self.forth(planes).unflatten(-2, (self.views, *self.plane))
        return turned.movedim(-1, self.along).contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        planes = y.movedim(self.along, -1).flatten(-4, -2)  # [..., V P Q, axis]
        out: Tensor = self.back(planes).unflatten(-2, self.plane)
        return out.movedim(-1, self.along).contiguous()


class SparseRows(nn.Module):
    """A sparse real matrix [m, n] times [..., n, k], as sums of weighted rows: [..., m, k], real or complex."""

    starts: Tensor
    sources: Tensor
    weights: Tensor

    def __init__(self, matrix: sparse.csr_array, build: Build) -> None:
        super().__init__()
        for name, array in (("starts", matrix.indptr), ("sources", matrix.indices)):
            self.register_buffer(name, torch.from_numpy(array.astype(np.int64)).to(build.device), persistent=False)
        self.register_buffer("weights", build.tensor(matrix.data), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_complex():
            both = self(torch.view_as_real(x.resolve_conj()).flatten(-2))
            return torch.view_as_complex(both.unflatten(-1, (-1, 2)).contiguous())
        images = [
            torch.nn.functional.embedding_bag(
                self.sources,
                image.contiguous(),
                self.starts,
                mode="sum",
                per_sample_weights=self.weights,
                include_last_offset=True,
            )
            for image in x.reshape(-1, *x.shape[-2:])
        ]
        return torch.stack(images).reshape(*x.shape[:-2], -1, x.shape[-1])


@meaning_of(words.CentralSlice)
def central_slice(word: words.CentralSlice, placed: Placed, build: Build) -> Operator:
    """The plane k_z = 0."""
    return CentralPlane(placed.domain.axis("z") or 0, placed)


class CentralPlane(Operator):
    """The plane of index Z // 2 along z; the adjoint puts zeros on all others."""

    def __init__(self, z: int, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.depth = placed.domain.sizes[z]
        self.dim = z - len(placed.domain.axes)

    def _apply_(self, x: Tensor) -> Tensor:
        return x.select(self.dim, self.depth // 2)

    def _adjoint_(self, y: Tensor) -> Tensor:
        out = y.new_zeros(*y.shape[: y.ndim + self.dim + 1], self.depth, *y.shape[y.ndim + self.dim + 1 :])
        out.select(self.dim, self.depth // 2).copy_(y)
        return out


@meaning_of(words.Ctf)
def ctf(word: words.Ctf, placed: Placed, build: Build) -> Operator:
    """The microscope's contrast transfer, on images or on their spectra."""
    rows, columns = placed.domain.axes[-2:]
    assert rows.voxel is not None
    assert columns.voxel is not None
    values = contrast(
        _defocus(word, placed, build),
        (placed.domain.sizes[-2], placed.domain.sizes[-1]),
        (rows.voxel, columns.voxel),
        voltage=word.voltage,
        cs=word.cs,
        amplitude=word.amplitude,
        phase=word.phase,
        astigmatism=word.astigmatism,
        axis=word.axis,
        motion=word.motion or 0.0,
    ).to(build.real)
    if not word.filters(placed.domain):
        centred = torch.fft.fftshift(values, dim=(-2, -1))
        return GridDiagonal(centred, placed.domain, placed.codomain, placed.facts)
    filtered = SpectralFilter(values, 2, placed.domain)
    filtered.facts = placed.facts
    return filtered


def _defocus(word: words.Ctf, placed: Placed, build: Build) -> Tensor:
    """The defocus in metres, in double precision: one number, or one for each view."""
    if isinstance(word.defocus, Draw):
        i = placed.domain.axis("view")
        count = () if i is None else (placed.domain.sizes[i],)
        generator = build.generator(getattr(word.defocus, "seed", "auto"), getattr(placed.term, "place", ""))
        drawn: Tensor = meaning(word.defocus)(word.defocus, count, generator)
        return drawn.to(build.device)
    return torch.tensor(word.defocus, dtype=torch.float64, device=build.device)


@meaning_of(words.Translate)
def translate(word: words.Translate, placed: Placed, build: Build) -> Operator:
    """Images shifted by a phase in Fourier."""
    shift = torch.tensor(word.pixels(placed.domain), dtype=torch.float64, device=build.device)
    return Translation(shift, build, placed)


class Translation(Operator):
    """Images [..., R, C] moved by `shift` pixels along their last two axes, cyclically."""

    factors: Tensor
    conjugate: Tensor

    def __init__(self, shift: Tensor, build: Build, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        sizes = (placed.domain.sizes[-2], placed.domain.sizes[-1])
        factors = phases(shift, sizes, half=placed.domain.field == "real").to(build.complex)
        self.constant("factors", factors)
        self.constant("conjugate", factors.conj().resolve_conj())

    def _apply_(self, x: Tensor) -> Tensor:
        return shifted(x, self.factors)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return shifted(y, self.conjugate)


@meaning_of(words.RealPart)
def real_part(word: words.RealPart, placed: Placed, build: Build) -> Operator:
    """Re x."""
    if placed.domain.field == "real":
        return IdentityOperator(placed.domain, placed.codomain, placed.facts)
    return RealPartOperator(placed.domain, placed.codomain, placed.facts)


class RealPartOperator(Operator):
    """Complex numbers to their real parts; the adjoint embeds the real into the complex numbers."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x.real.contiguous()

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y.to(torch.promote_types(y.dtype, torch.complex64))

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return given
