"""Other grids: crops and margins, sums along an axis, and coarser pixels."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import ClassVar, Literal

from ...model.facts import Diagonal, Facts, Norm, identity
from ...model.fields import Count, Field
from ...model.space import Space, SpaceError
from ...model.word import Operator
from .fourier import spatial_count

Size = tuple[Count, ...]


def _extents(size: Size, space: Space) -> tuple[int, ...]:
    """The extents of the last axes that a size means; a single number is that of every spatial axis."""
    n = spatial_count(space)
    full = size * n if len(size) == 1 else size
    if len(full) > n:
        raise SpaceError(f"names {len(full)} extents, but {space} has {n} spatial axes")
    return full


class Crop(Operator):
    """Keep the middle of an image: what a smaller sensor sees. Index `size // 2` stays index `size // 2`."""

    formula: ClassVar[str] = r"(A x)_i = x_{i + \lfloor n/2 \rfloor - \lfloor m/2 \rfloor}"
    reference: ClassVar[str] = "Heckel 2024, 1.1.4"
    example: ClassVar[str] = "forward A = crop([48, 48])"

    size: Size = Field(description="extents of the last axes; a single one holds for all spatial axes", min_length=1)

    def codomain(self, domain: Space) -> Space:
        extents = _extents(self.size, domain)
        for m, axis in zip(extents, domain.axes[-len(extents) :], strict=True):
            if axis.size is not None and m > axis.size:
                raise SpaceError(f"to {m} entries along {axis.name} is more than {domain} has")
        return domain.resized(extents)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the size that its adjoint maps to; `pad` is its adjoint with a size")

    def facts(self, domain: Space) -> Facts:
        return Facts(gram=Diagonal("pixel"), cogram=identity(), norm=Norm(1.0, exact=True), signs=True)


class Pad(Operator):
    """Put a margin around an image, the same on both sides up to one pixel: index `size // 2` stays `size // 2`."""

    formula: ClassVar[str] = r"(A x)_{i + \lfloor m/2 \rfloor - \lfloor n/2 \rfloor} = x_i"
    reference: ClassVar[str] = "Hansen, Nagy, O'Leary 2006, 3.5"
    example: ClassVar[str] = "forward A = fft2() @ pad(factor = 2)"
    exclusive: ClassVar[tuple[str, ...] | None] = ("size", "factor")

    size: Size | None = Field(None, description="extents of the last axes; a single one holds for all spatial axes")
    factor: Count | None = Field(None, description="how many times larger, along each spatial axis")
    kind: Literal["zero", "reflect", "circular"] = Field(
        "zero", description="what stands in the margin: zeros, the image mirrored, or the image again"
    )

    def extents(self, domain: Space) -> tuple[int | None, ...]:
        """The extents of the last axes after padding. Raises SpaceError."""
        if self.size:
            return _extents(self.size, domain)
        if self.factor is None:
            raise SpaceError("needs `size` or `factor`; write `pad(factor = 2)`")
        last = domain.axes[-spatial_count(domain) :]
        return tuple(None if a.size is None else a.size * self.factor for a in last)

    def margins(self, domain: Space) -> list[tuple[int, int]]:
        """What is added in front and behind along the last axes, whose extents are known. Raises SpaceError."""
        out = []
        extents = self.extents(domain)
        for m, axis in zip(extents, domain.axes[-len(extents) :], strict=True):
            if m is None or axis.size is None:
                raise SpaceError(f"needs the extents of {domain}, which are not known yet")
            before = m // 2 - axis.size // 2
            out.append((before, m - axis.size - before))
        return out

    def codomain(self, domain: Space) -> Space:
        extents = self.extents(domain)
        for m, axis in zip(extents, domain.axes[-len(extents) :], strict=True):
            if m is None or axis.size is None:
                continue
            if m < axis.size:
                raise SpaceError(f"to {m} entries along {axis.name} is less than {domain} has")
            if self.kind != "zero" and m - axis.size > 2 * (axis.size - 1):
                raise SpaceError(f"to {m} entries along {axis.name} would need {domain} more than once on a side")
        return domain.resized(extents)

    def preimage(self, codomain: Space) -> Space:
        if self.size or self.factor is None:
            raise SpaceError("cannot tell the size that its adjoint maps to; `crop` is its adjoint with a size")
        last, n = codomain.axes[-spatial_count(codomain) :], self.factor
        for axis in last:
            if axis.size is not None and axis.size % n:
                raise SpaceError(f"by {n} does not divide {axis.name} {axis.size}")
        return codomain.resized(tuple(None if a.size is None else a.size // n for a in last))

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        if self.kind == "zero":
            return Facts(gram=identity(), cogram=pixel, norm=Norm(1.0, exact=True), signs=True)
        norm = Norm()
        if domain.known:  # A^H A counts how often each pixel appears
            sizes = domain.sizes[-len(self.extents(domain)) :]
            most = [1 + (a + b > 0) + (a + b > n) for n, (a, b) in zip(sizes, self.margins(domain), strict=True)]
            norm = Norm(prod(most) ** 0.5, exact=True)
        return Facts(gram=pixel, norm=norm, signs=True)


class Sum(Operator):
    """Add up all entries along one axis: a camera that cannot tell depths or colours apart."""

    formula: ClassVar[str] = r"(A x)_{r} = \sum_z x_{z, r}"
    reference: ClassVar[str] = "Heckel 2024, 1.1.4"
    example: ClassVar[str] = "forward A = sum(axis = row)"

    axis: Literal["channel", "frame", "z", "row", "col", "sample"] = Field(
        description="the axis, which is gone afterwards"
    )

    def index(self, domain: Space) -> int:
        """Where the axis stands in the domain. Raises SpaceError."""
        i = domain.axis(self.axis)
        if i is None:
            raise SpaceError(f"along {self.axis}: {domain} has no such axis")
        if len(domain.axes) == 1:
            raise SpaceError(f"along {self.axis} would leave no axis of {domain}")
        return i

    def codomain(self, domain: Space) -> Space:
        i = self.index(domain)
        return Space(domain.field, domain.axes[:i] + domain.axes[i + 1 :], domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError(f"cannot tell how many entries along {self.axis} its adjoint maps to")

    def facts(self, domain: Space) -> Facts:
        n = domain.axes[self.index(domain)].size
        norm = Norm(None if n is None else float(n) ** 0.5, exact=n is not None)
        return Facts(cogram=identity(None if n is None else float(n)), norm=norm, signs=True)


Filter = Literal["bilinear", "bicubic", "lanczos"]


class Downsample(Operator):
    """Fewer pixels along each spatial axis: every n-th one, the mean of each n x n block, or filtered without aliasing.

    `stride` keeps the first pixel of each block. The others stand at the middle of the blocks. `bilinear`, `bicubic`
    and `lanczos` stretch the interpolation kernel h by n, so that nothing folds over (antialiasing), and mirror the
    image at its edges: what super-resolution calls bicubic downsampling, with Keys' h for a = -1/2. Lanczos has three
    lobes.
    """

    formula: ClassVar[str] = (
        r"(A x)_i = x_{n i}, \quad n^{-d} \textstyle\sum_{j \in B_i} x_j \quad\text{or}\quad "
        r"c \sum_j h\bigl(\tfrac{j - n i - (n - 1)/2}{n}\bigr) x_j"
    )
    reference: ClassVar[str] = "Heckel 2024, 6.5.2; Keys 1981"
    example: ClassVar[str] = "forward A = downsample(4, kind = bicubic)"

    factor: Count = Field(description="how many pixels of the fine grid along one of the coarse grid")
    kind: Literal["stride", "average", "bilinear", "bicubic", "lanczos"] = Field(
        "stride",
        description="the first pixel of each block, its mean, or a filter about its middle without aliasing: "
        "the interpolation kernel stretched by n, edges mirrored (`bicubic`: imresize's, a = -1/2)",
    )

    def codomain(self, domain: Space) -> Space:
        n = spatial_count(domain)
        for axis in domain.axes[-n:]:
            if axis.size is not None and axis.size % self.factor:
                raise SpaceError(f"by {self.factor} does not divide {axis.name} {axis.size}")
        extents = tuple(None if a.size is None else a.size // self.factor for a in domain.axes[-n:])
        coarse = domain.resized(extents)
        axes = [replace(a, voxel=None if a.voxel is None else a.voxel * self.factor) for a in coarse.axes[-n:]]
        return coarse.with_axes((*coarse.axes[:-n], *axes))

    def preimage(self, codomain: Space) -> Space:
        n = spatial_count(codomain)
        axes = [
            replace(
                a,
                size=None if a.size is None else a.size * self.factor,
                voxel=None if a.voxel is None else a.voxel / self.factor,
            )
            for a in codomain.axes[-n:]
        ]
        return codomain.with_axes((*codomain.axes[:-n], *axes))

    @property
    def offset(self) -> float:
        """Where the first coarse pixel stands on the fine grid, counted from the middle of the first fine pixel."""
        return 0.0 if self.kind == "stride" else (self.factor - 1) / 2

    def facts(self, domain: Space) -> Facts:
        n = spatial_count(domain)
        c = 1.0 if self.kind == "stride" else float(self.factor) ** -n
        fourier, cosine = Diagonal("fourier", axes=n), Diagonal("cosine", axes=n)
        if self.kind in ("stride", "average"):
            gram = Diagonal("pixel") if self.kind == "stride" else None
            folds = (fourier,) if self.kind == "stride" else (fourier, cosine)
            return Facts(gram=gram, cogram=identity(c), folds=folds, norm=Norm(c**0.5, exact=True), signs=True)
        # A cosine of the fine grid becomes one of the coarse grid, scaled, since both mirror at the same edges: A A^H
        # keeps cosines apart. The triangles of `bilinear` add up to one at each fine pixel: rows sum to one, columns to
        # n^-d.
        smooth = self.kind == "bilinear"
        norm = Norm(c**0.5, exact=True) if smooth else Norm()
        return Facts(cogram=cosine, folds=(cosine,), norm=norm, signs=smooth)
