"""The meaning of electron microscopy."""

from __future__ import annotations

import numpy as np
import torch
from recon.dsl.model.place import Placed
from recon.dsl.model.terms import ValueTerm
from recon.dsl.model.units import ANGLE, LENGTH, NONE, describe
from recon.dsl.model.word import Draw
from recon.dsl.vocabulary.operators import electrons as words
from scipy import sparse
from torch import Tensor, nn

from ..build import Build
from ..electrons.contrast import contrast
from ..electrons.poses import Poses
from ..electrons.shift import phases, shifted
from ..electrons.tilts import TiltSeries, turning
from ..meaning import meaning, meaning_of
from ..values import EvaluationError
from .base import IdentityOperator, Operator
from .diagonal import GridDiagonal
from .spectral import SpectralFilter


@meaning_of(words.Project)
def project(word: words.Project, placed: Placed, build: Build) -> Operator:
    """Joseph's projections, of a tilt series or at poses."""
    if word.poses is None:
        return TiltProjection(_series(word, placed, build), placed)
    if isinstance(word.poses, ValueTerm):
        given = build.given(word.poses)
    else:
        given = meaning(word.poses)(word.poses, placed.domain, build)
    depth, rows, columns = placed.domain.sizes[-3:]
    try:
        poses = Poses((depth, rows, columns), given.reshape(-1, 3, 3))
    except ValueError as e:
        raise EvaluationError(f"`project`: {e}") from e
    return PoseProjection(poses, given.ndim == 2, placed)


@meaning_of(words.Rotate)
def rotate(word: words.Rotate, placed: Placed, build: Build) -> Operator:
    """Turned copies of the volume."""
    return Turn(_series(word, placed, build), build, placed)


def _series(word: words.Project | words.Rotate, placed: Placed, build: Build) -> TiltSeries:
    depth, rows, columns = placed.domain.sizes[-3:]
    assert word.tilts is not None
    if isinstance(word.tilts, ValueTerm):
        angles = tuple(build.given(word.tilts, ANGLE).tolist())
    else:
        angles = words.tilt_angles(word.tilts)
    return TiltSeries((depth, rows, columns), angles, word.about)


class PoseProjection(Operator):
    """Sums along z of the volume at each pose: [..., Z, R, C] to [..., V, R, C], or to [..., R, C] if `single`."""

    def __init__(self, poses: Poses, single: bool, placed: Placed) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.poses, self.single = poses, single

    def _apply_(self, x: Tensor) -> Tensor:
        images = self.poses.project(x)
        return images.squeeze(-3) if self.single else images

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.poses.backproject(y.unsqueeze(-3) if self.single else y)


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
    if isinstance(word.defocus, ValueTerm):
        return build.given(word.defocus, LENGTH).double()
    return torch.tensor(word.defocus, dtype=torch.float64, device=build.device)


@meaning_of(words.Translate)
def translate(word: words.Translate, placed: Placed, build: Build) -> Operator:
    """Images shifted by a phase in Fourier."""
    return Translation(_pixels(word, placed, build), build, placed)


def _pixels(word: words.Translate, placed: Placed, build: Build) -> Tensor:
    """The shift in pixels, in double precision: [2] or [views, 2]."""
    if not isinstance(word.shift, ValueTerm):
        return torch.tensor(words.pixels(word.shift, placed.domain), dtype=torch.float64, device=build.device)
    given = build.quantity(word.shift)
    if given.dimension == NONE:
        return given.data.double()
    voxel = [axis.voxel for axis in placed.domain.axes[-2:]]
    if given.dimension != LENGTH or None in voxel:
        wanted = "pixels" if None in voxel else "pixels or a length"
        raise EvaluationError(f"`translate` takes {wanted}, and this is {describe(given.dimension)}")
    return given.data.double() / torch.tensor(voxel, dtype=torch.float64, device=build.device)


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
