"""Fourier and cosine transforms."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Auto, Field
from ...model.space import Space, SpaceError, distinct
from ...model.word import Operator

AxisName = Literal["frame", "z", "row", "col", "sample"]


class _Fourier(Operator):
    """The discrete Fourier transform over the last axes, with zero frequency and the image's origin in the middle."""

    reference: ClassVar[str] = "Heckel 2024, 1.1.2"
    needs: ClassVar[str] = "complex"
    dimensions: ClassVar[int] = 0

    norm: Literal["ortho", "none"] = Field("ortho", description="`ortho` makes the transform unitary")

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < self.dimensions:
            raise SpaceError(f"transforms {self.dimensions} axes, but {domain} has {len(domain.axes)}")
        return Space("complex", domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        apart = distinct(domain, self.dimensions)
        if self.norm == "ortho":
            one = fact.identity()
            turns = Diagonal("fourier", axes=self.dimensions)
            return Facts(gram=one, cogram=one, turns=turns, norm=Norm(1.0, exact=True), apart=apart)
        extents = domain.shape[-self.dimensions :]
        scale: float | None = 1.0
        for n in extents:
            scale = None if n is None or scale is None else scale * n
        multiple = fact.identity(scale)
        root = None if scale is None else scale**0.5
        return Facts(gram=multiple, cogram=multiple, norm=Norm(root, exact=root is not None), apart=apart)


class Fft(_Fourier):
    """The Fourier transform of a signal, centred."""

    formula: ClassVar[str] = r"(A x)_k = N^{-1/2} \sum_n x_n e^{-2 \pi i k n / N}"
    example: ClassVar[str] = 'F = fft(norm = "ortho")'
    dimensions: ClassVar[int] = 1


class Fft2(_Fourier):
    """The two-dimensional Fourier transform over rows and columns, centred: image to k-space."""

    formula: ClassVar[str] = r"(A x)_k = N^{-1/2} \sum_n x_n e^{-2 \pi i \langle k, n / N \rangle}"
    example: ClassVar[str] = 'F = fft2(norm = "ortho")'
    dimensions: ClassVar[int] = 2


class Fft3(_Fourier):
    """The three-dimensional Fourier transform over z, rows and columns, centred."""

    formula: ClassVar[str] = r"(A x)_k = N^{-1/2} \sum_n x_n e^{-2 \pi i \langle k, n / N \rangle}"
    example: ClassVar[str] = 'F = fft3(norm = "ortho")'
    dimensions: ClassVar[int] = 3


class Cosine(Operator):
    """The orthonormal discrete cosine transform (type II) over the spatial axes."""

    formula: ClassVar[str] = r"(A x)_k = c_k \sum_n x_n \cos\frac{\pi k (2n + 1)}{2N}"
    reference: ClassVar[str] = "Heckel 2024, 4.1; Ahmed, Natarajan, Rao 1974"
    example: ClassVar[str] = "prior 20 * l1(cosine() @ x)"

    def codomain(self, domain: Space) -> Space:
        return Space(domain.field, domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        turns = Diagonal("cosine", axes=spatial_count(domain))
        return Facts(gram=one, cogram=one, turns=turns, norm=Norm(1.0, exact=True))


def spatial_count(space: Space) -> int:
    """How many of the last axes are spatial (z, row, col, or the samples of a signal); at least one."""
    count = 0
    for axis in reversed(space.axes):
        if axis.name not in ("z", "row", "col", "sample"):
            break
        count += 1
    return max(count, 1)


def axis_indices(axes: tuple[AxisName, ...] | Auto, space: Space) -> tuple[int, ...]:
    """Where the axes of these names stand in the space, as they are named; `auto`: all spatial ones.

    Raises SpaceError for an axis that the space does not have, and for one that is named twice.
    """
    if axes == "auto":
        n = spatial_count(space)
        return tuple(range(len(space.axes) - n, len(space.axes)))
    out = []
    for name in axes:
        i = space.axis(name)
        if i is None:
            raise SpaceError(f"along {name}: {space} has no such axis")
        out.append(i)
    if len(set(out)) < len(out):
        raise SpaceError("names an axis twice")
    return tuple(out)
