"""Convolution, with the four things that may stand beyond the edge."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from ...model.facts import Diagonal, Facts, Norm, embed
from ...model.fields import Auto, Field
from ...model.place import space_of
from ...model.space import Space, SpaceError
from ...model.terms import ValueTerm
from ...model.word import Kernel, Operator
from .fourier import AxisName, axis_indices


class _GivenKernel(Kernel):
    """A kernel known for each row, or an unknown of the page."""

    of: ValueTerm

    @property
    def complex_valued(self) -> bool:
        space = space_of(self.of)
        return space is not None and space.field == "complex"

    def extents(self, dimensions: int) -> tuple[int, ...]:
        space = space_of(self.of)
        if space is None:
            return (1,) * dimensions  # not read yet
        if len(space.axes) not in (dimensions, dimensions + 1) or not space.known:
            raise SpaceError(f"needs a kernel with {dimensions} axes, and this is {space}")
        return space.sizes[-dimensions:]

    def stack(self, dimensions: int) -> int | None:
        space = space_of(self.of)
        return space.sizes[0] if space is not None and len(space.axes) > dimensions else None


class Conv(Operator):
    """Convolve with a kernel over the spatial axes, every channel alike, or with one kernel for each entry of an axis.

    Beyond the edge the image goes on periodically (`circular`), is zero (`zero`), or mirrored with the edge pixel
    repeated (`reflect`: c b a | a b c); `valid` keeps only what no edge reaches, so the size falls by the kernel's less
    one. A stack of kernels has one more axis than it convolves: kernel j acts on entry j of the axis in front, a depth
    or a channel.
    """

    formula: ClassVar[str] = r"(A x)_i = \sum_j k_j x_{i - j}"
    reference: ClassVar[str] = "Heckel 2024, 1.3, Fig. 1.7; Hansen, Nagy, O'Leary 2006"
    example: ClassVar[str] = 'forward A = conv(gaussian(width = 2), boundary = "reflect")'

    linear_in: ClassVar[tuple[str, ...]] = ("kernel",)

    kernel: Kernel | ValueTerm = Field(
        description="the kernel, its centre at index `size // 2` of its array; a stack of kernels, with one axis more, "
        "has one for each entry of the axis in front"
    )
    axes: tuple[AxisName, ...] | Auto = Field(
        "auto", description="the axes, in the image's order; `auto` takes all spatial ones"
    )
    boundary: Literal["circular", "zero", "reflect", "valid"] = Field(
        "circular",
        description="beyond the edge: the image again, zeros, or its mirror image (c b a | a b c); `valid` keeps only "
        "what no edge reaches, and the size falls by the kernel's less one",
    )

    @property
    def shape(self) -> Kernel:
        """What is known of the kernel before it has numbers."""
        return self.kernel if isinstance(self.kernel, Kernel) else _GivenKernel(of=self.kernel)

    def indices(self, domain: Space) -> tuple[int, ...]:
        """Which axes of the domain are convolved, in its order. Raises SpaceError."""
        return tuple(sorted(axis_indices(self.axes, domain)))

    def codomain(self, domain: Space) -> Space:
        where = self.indices(domain)
        extents = self.shape.extents(len(where))
        axes = list(domain.axes)
        for have, i in zip(extents, where, strict=True):
            size = axes[i].size
            if size is not None and have > size:
                raise SpaceError(f"has a kernel of {have} entries along {axes[i].name}, longer than {domain}")
            if self.boundary == "valid" and size is not None:
                axes[i] = replace(axes[i], size=size - have + 1)
        self._require_stack(domain, where)
        field = "complex" if self.shape.complex_valued else domain.field
        return Space(field, tuple(axes), domain.unit)

    def _require_stack(self, domain: Space, where: tuple[int, ...]) -> None:
        """A stack of kernels needs an axis of as many entries in front of the axes that it convolves."""
        count = self.shape.stack(len(where))
        if count is None:
            return
        names = ", ".join(domain.axes[i].name for i in where)
        if where != tuple(range(len(domain.axes) - len(where), len(domain.axes))) or len(where) == len(domain.axes):
            raise SpaceError(f"has {count} kernels, and {domain} no axis for them in front of {names}")
        front = domain.axes[where[0] - 1]
        if front.size not in (None, count):
            raise SpaceError(f"has {count} kernels, but {domain} has {front.size} entries along {front.name}")

    def preimage(self, codomain: Space) -> Space:
        if self.boundary != "valid":
            return codomain
        where = self.indices(codomain)
        axes = list(codomain.axes)
        for have, i in zip(self.shape.extents(len(where)), where, strict=True):
            size = axes[i].size
            axes[i] = replace(axes[i], size=None if size is None else size + have - 1)
        return codomain.with_axes(tuple(axes))

    def facts(self, domain: Space) -> Facts:
        covered = len(domain.axes) - self.indices(domain)[0]  # not convolved ones among them are left alone
        mirrors = self.boundary == "reflect" and self.shape.symmetric
        basis = None
        if self.boundary == "circular" or mirrors:
            basis = Diagonal("fourier" if self.boundary == "circular" else "cosine", axes=covered)
        facts = Facts(gram=basis, cogram=basis, diagonal=basis, norm=self._norm(mirrors), signs=self.shape.averages)
        return embed(facts) if domain.field == "real" and self.shape.complex_valued else facts

    def _norm(self, mirrors: bool) -> Norm:
        """|k|_1 bounds the norm, unless entries near the edge count twice; for k >= 0 a constant image attains it."""
        if not self.shape.averages or (self.boundary == "reflect" and not mirrors):
            return Norm()
        return Norm(1.0, exact=self.boundary == "circular" or mirrors)
