"""Frames and dictionaries: more coefficients than an image has pixels, or few that span what images may be."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from annotated_types import Le

from ...model import facts as fact
from ...model.facts import Facts, Norm
from ...model.fields import Annotated, Auto, Count, Field
from ...model.place import Placed, place
from ...model.space import Axis, Space, SpaceError
from ...model.terms import OperatorTerm
from ...model.word import Operator
from .fourier import spatial_count
from .sparsity import Wavelet

NAMES = {1: ("sample",), 2: ("row", "col"), 3: ("z", "row", "col")}
"""What the axes of an image are called that a dictionary makes."""


class Undecimated(Operator):
    """The wavelet transform without subsampling: as many coefficients in each band as pixels, of every shift alike.

    Bands stand in front: the coarse one, then those of each scale from the coarsest on, 2^d - 1 of them over d spatial
    axes. Periodic at the edges, of any size. Filters are scaled so that the adjoint is a left inverse: A^H A = I, a
    tight frame, while A A^H is a projection and no multiple of the identity.
    """

    formula: ClassVar[str] = r"A x = (a_L * x, d_L * x, \dots, d_1 * x), \quad A^H A = I"
    reference: ClassVar[str] = "Heckel 2024, 4.1; Coifman, Donoho 1995; Nason, Silverman 1995"
    example: ClassVar[str] = 'prior 8 * l1(undecimated(wavelet("db2"), levels = 3) @ x)'

    of: Wavelet = Field(description="the wavelet, as `wavelet` names it")
    levels: Annotated[Count, Le(20)] | Auto = Field(
        "auto", description="number of scales; `auto`: those of the wavelet where it names them, else 3"
    )

    def depth(self) -> int:
        """The number of scales."""
        if self.levels != "auto":
            return self.levels
        return self.of.levels if self.of.levels != "auto" else 3

    def codomain(self, domain: Space) -> Space:
        bands = self.depth() * (2 ** spatial_count(domain) - 1) + 1
        return Space(domain.field, (Axis("band", bands), *domain.axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        if codomain.axis("band") != 0:
            raise SpaceError(f"its adjoint needs an axis of bands, not {codomain}")
        return codomain.with_axes(codomain.axes[1:])

    def facts(self, domain: Space) -> Facts:
        return Facts(gram=fact.identity(), norm=Norm(1.0, exact=True))


class Blocks(Operator):
    """An operator on each block of the spatial axes, with the coefficients of a block in its place.

    Blocks begin at every `step`-th entry. Where they overlap they wrap around at the edges, and are divided by the root
    of the number of blocks that an entry lies in, so that an orthonormal operator makes a tight frame, A^H A = I. The
    mean of a block, its first cosine, is left alone by `l1`.
    """

    formula: ClassVar[str] = r"A x = c^{-1/2} (B R_1 x, B R_2 x, \dots), \quad \textstyle\sum_i R_i^T R_i = c I"
    reference: ClassVar[str] = "Heckel 2024, 4.1; Ahmed, Natarajan, Rao 1974"
    example: ClassVar[str] = "prior 15 * l1(blocks(cosine(), size = 8) @ x)"

    of: OperatorTerm = Field(description="what acts on a block, such as `cosine()`, keeping its number of axes")
    size: Count | tuple[Count, ...] = Field(8, description="extent of a block, or one for each spatial axis")
    step: Count | Auto = Field("auto", description="from one block to the next, dividing `size`; `auto`: no overlap")

    def sizes(self, domain: Space) -> tuple[int, ...]:
        """The extents of a block."""
        n = spatial_count(domain)
        if isinstance(self.size, tuple) and len(self.size) != n:
            raise SpaceError(f"has {len(self.size)} sizes, and {domain} {n} spatial axes")
        return self.size if isinstance(self.size, tuple) else (self.size,) * n

    def steps(self, domain: Space) -> tuple[int, ...]:
        """How far blocks lie apart along each axis. Raises SpaceError where that does not divide their extent."""
        sizes = self.sizes(domain)
        if self.step == "auto":
            return sizes
        for size in sizes:
            if size % self.step:
                raise SpaceError(f"goes from block to block in steps of {self.step}, which must divide {size}")
        return (self.step,) * len(sizes)

    def inner(self, domain: Space) -> Placed:
        """The operator on one block. Raises SpaceError where it does not keep the number of axes."""
        sizes = self.sizes(domain)
        axes = tuple(Axis(a.name, n) for a, n in zip(domain.axes[-len(sizes) :], sizes, strict=True))
        placed = place(self.of, Space(domain.field, axes, domain.unit))
        if len(placed.codomain.axes) != len(axes):
            raise SpaceError(f"needs an operator that keeps the axes of a block, not one to {placed.codomain}")
        return placed

    def codomain(self, domain: Space) -> Space:
        inner = self.inner(domain).codomain
        n, out = len(inner.axes), []
        for a, size, step, coefficients in zip(
            domain.axes[-n:], self.sizes(domain), self.steps(domain), inner.sizes, strict=True
        ):
            if a.size is not None and (a.size % step or a.size < size):
                low = max(a.size // step * step, size)
                fitting = f"{low}" if low > a.size else f"{low} or {low + step}"
                raise SpaceError(f"of {size} every {step} do not tile {a.name} {a.size}; {fitting} would do")
            out.append(Axis(a.name, None if a.size is None else a.size // step * coefficients))
        return Space(inner.field, (*domain.axes[:-n], *out), inner.unit)

    def preimage(self, codomain: Space) -> Space:
        inner = self.inner(codomain).codomain
        n, out = len(inner.axes), []
        for a, step, coefficients in zip(codomain.axes[-n:], self.steps(codomain), inner.sizes, strict=True):
            if a.size is not None and a.size % coefficients:
                raise SpaceError(f"has {coefficients} coefficients in a block, which do not divide {a.name} {a.size}")
            out.append(Axis(a.name, None if a.size is None else a.size // coefficients * step))
        return codomain.with_axes((*codomain.axes[:-n], *out))

    def cover(self, domain: Space) -> int:
        """In how many blocks each entry lies."""
        return prod(s // t for s, t in zip(self.sizes(domain), self.steps(domain), strict=True))

    def facts(self, domain: Space) -> Facts:
        inner = self.inner(domain).facts
        apart = self.cover(domain) == 1
        tight = inner.gram is not None and inner.gram.basis == "identity"
        cotight = inner.cogram is not None and inner.cogram.basis == "identity"
        return Facts(
            linear=inner.linear,
            gram=inner.gram if tight else None,
            cogram=inner.cogram if cotight and apart else None,
            norm=Norm(inner.norm.value, inner.norm.exact and (apart or tight)),
            signs=inner.signs,
        )


class Dictionary(Operator):
    """An overcomplete dictionary, from coefficients to an image: cosines of finer frequencies than a basis has.

    With redundancy r there are r n cosines along an axis of n entries, at steps of 1 / (2 r n) cycles: the first n
    entries of the cosine basis of r n. D D^H = I, so that every image has coefficients, D^H x being the smallest of
    them; atoms have about the norm r^(-1/2) for each axis.
    """

    formula: ClassVar[str] = (
        r"(D z)_i = \sum_{k < r n} a_k z_k \cos\frac{\pi k (2 i + 1)}{2 r n},\ i < n, \quad D D^H = I"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.1; Elad, Aharon 2006"
    example: ClassVar[str] = "x = dictionary(cosine, size = [64, 64], redundancy = 2) @ z"

    kind: Literal["cosine"] = Field(description="the atoms")
    size: Count | tuple[Count, ...] = Field(description="the extents of the image")
    redundancy: Count = Field(2, description="coefficients for each entry of the image, along each axis")

    def extents(self) -> tuple[int, ...]:
        """The extents of the image."""
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def codomain(self, domain: Space) -> Space:
        size, r = self.extents(), self.redundancy
        if len(size) not in NAMES:
            raise SpaceError(f"makes signals, images and volumes, not arrays of {len(size)} axes")
        atoms = tuple(r * n for n in size)
        if len(domain.axes) < len(size) or any(
            m not in (None, k) for m, k in zip(domain.shape[-len(size) :], atoms, strict=True)
        ):
            listed = ", ".join(map(str, atoms))
            message = f"of size {_times(size)} and redundancy {r} has {_times(atoms)} coefficients, and its argument is"
            raise SpaceError(f"{message} {domain}; declare `unknown z : {domain.field}[{listed}]`")
        axes = tuple(Axis(a, n) for a, n in zip(NAMES[len(size)], size, strict=True))
        return Space(domain.field, (*domain.axes[: -len(size)], *axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        size = self.extents()
        if len(codomain.axes) < len(size) or any(
            m not in (None, n) for m, n in zip(codomain.shape[-len(size) :], size, strict=True)
        ):
            raise SpaceError(f"makes images of {_times(size)}, not {codomain}")
        axes = tuple(Axis(a.name, self.redundancy * n) for a, n in zip(codomain.axes[-len(size) :], size, strict=True))
        return codomain.with_axes((*codomain.axes[: -len(size)], *axes))

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        return Facts(gram=one if self.redundancy == 1 else None, cogram=one, norm=Norm(1.0, exact=True))


class LowFrequencies(Operator):
    """The lowest cosines of a signal or an image as the orthonormal columns of a matrix U, applied to coefficients.

    Of an image, those of the lowest frequencies along each axis.
    """

    formula: ClassVar[str] = r"(U c)_i = \sum_{k < d} a_k c_k \cos\frac{\pi k (2 i + 1)}{2 n}, \quad U^H U = I"
    reference: ClassVar[str] = "Heckel 2024, 1.4, 13.1"
    example: ClassVar[str] = "prior x in span(low_frequencies(size = 400, count = 40))"

    size: Count | tuple[Count, ...] = Field(description="the extents of the signal or image")
    count: Count | tuple[Count, ...] = Field(description="how many cosines, along each axis")

    def extents(self) -> tuple[int, ...]:
        """The extents of the signal or image."""
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def counts(self) -> tuple[int, ...]:
        """How many cosines there are along each axis. Raises SpaceError where they are more than entries."""
        size = self.extents()
        counts = self.count if isinstance(self.count, tuple) else (self.count,) * len(size)
        if len(size) not in NAMES:
            raise SpaceError(f"makes signals, images and volumes, not arrays of {len(size)} axes")
        if len(counts) != len(size):
            raise SpaceError(f"has {len(counts)} counts for {len(size)} axes")
        for k, n in zip(counts, size, strict=True):
            if k > n:
                raise SpaceError(f"takes {k} cosines of {n} entries, and there are {n}")
        return counts

    def codomain(self, domain: Space) -> Space:
        size, counts = self.extents(), self.counts()
        if len(domain.axes) < len(size) or any(
            m not in (None, k) for m, k in zip(domain.shape[-len(size) :], counts, strict=True)
        ):
            raise SpaceError(f"takes {_times(counts)} coefficients, and its argument is {domain}")
        axes = tuple(Axis(a, n) for a, n in zip(NAMES[len(size)], size, strict=True))
        return Space(domain.field, (*domain.axes[: -len(size)], *axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        size, counts = self.extents(), self.counts()
        if len(codomain.axes) < len(size) or any(
            m not in (None, n) for m, n in zip(codomain.shape[-len(size) :], size, strict=True)
        ):
            raise SpaceError(f"makes arrays of {_times(size)}, not {codomain}")
        axes = tuple(Axis(a.name, k) for a, k in zip(codomain.axes[-len(size) :], counts, strict=True))
        return codomain.with_axes((*codomain.axes[: -len(size)], *axes))

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        whole = self.counts() == self.extents()
        return Facts(gram=one, cogram=one if whole else None, norm=Norm(1.0, exact=True))


def _times(extents: tuple[int, ...]) -> str:
    return " x ".join(map(str, extents))
