"""Transforms in which images are sparse: differences and wavelets."""

from __future__ import annotations

import re
from math import cos, pi, sin
from typing import ClassVar, Literal

from pydantic import field_validator

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Auto, Count, Field, Positive
from ...model.space import Axis, Space, SpaceError
from ...model.word import Operator
from .fourier import AxisName, axis_indices, spatial_count

Boundary = Literal["reflect", "circular"]


class Diff(Operator):
    """Forward differences along one axis; the last one is zero (`reflect`) or wraps around (`circular`)."""

    formula: ClassVar[str] = r"(A x)_i = x_{i+1} - x_i"
    reference: ClassVar[str] = "Heckel 2024, 2.2"
    example: ClassVar[str] = "D = stack(diff(axis = row), diff(axis = col))"

    axis: AxisName | Auto = Field("auto", description="the axis; `auto` is the only one a signal has")
    boundary: Boundary = Field("reflect", description="what follows the last entry")

    def codomain(self, domain: Space) -> Space:
        self.index(domain)
        return Space(domain.field, domain.axes, domain.unit)

    def index(self, domain: Space) -> int:
        """Which axis of the domain is differenced."""
        if self.axis == "auto":
            if len(domain.axes) > 1:
                raise SpaceError(f"needs `axis`, since {domain} has several; write `diff(axis = row)`")
            return 0
        i = domain.axis(self.axis)
        if i is None:
            raise SpaceError(f"along {self.axis}: {domain} has no such axis")
        return i

    def facts(self, domain: Space) -> Facts:
        return _differences(domain, (self.index(domain),), self.boundary)


class Gradient(Operator):
    """Forward differences along several axes, side by side, each with a weight h.

    Left to themselves the weights make differences comparable where voxels are not cubes: along each axis the finest
    extent among the axes over its own. Along the finest axis a difference is that of neighbours, along an axis of
    voxels three times as long a third of it; what the numbers mean does not depend on the unit of length. Axes without
    an extent (frames, grids without a voxel size) have the weight one.
    """

    formula: ClassVar[str] = r"A x = (h_1 \partial_1 x, \dots, h_d \partial_d x)"
    reference: ClassVar[str] = "Heckel 2024, 2.2; Chambolle 2004"
    example: ClassVar[str] = "prior 10 * l1(gradient() @ x)"

    axes: tuple[AxisName, ...] | Auto = Field("auto", description="the axes; `auto` takes all spatial ones")
    boundary: Boundary = Field("reflect", description="what follows the last entry")
    weights: tuple[Positive, ...] | Auto = Field(
        "auto", description="a factor for each axis; `auto`: the finest voxel extent over that of the axis"
    )

    def indices(self, domain: Space) -> tuple[int, ...]:
        """Which axes of the domain are differenced."""
        return axis_indices(self.axes, domain)

    def factors(self, domain: Space) -> tuple[float, ...]:
        """The weight of each of these axes. Raises SpaceError where there are more or fewer weights than axes."""
        return axis_weights(self.weights, domain, self.indices(domain))

    def codomain(self, domain: Space) -> Space:
        self.factors(domain)
        return Space(domain.field, (Axis("direction", len(self.indices(domain))), *domain.axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        if codomain.axis("direction") != 0:
            raise SpaceError(f"its adjoint needs an axis of directions, not {codomain}")
        return codomain.with_axes(codomain.axes[1:])

    def facts(self, domain: Space) -> Facts:
        return _differences(domain, self.indices(domain), self.boundary, self.factors(domain))


class SymmetricGradient(Operator):
    """The symmetrised derivative of a field of vectors, such as a gradient: of that of an image, its second derivative.

    Along its own axis a component has backward differences, along the others forward ones, so that a gradient's own are
    the second differences of the image at the same places: zero for an image that rises evenly. Components with both
    of two axes are written once, with a factor that keeps lengths. Differences that would need an entry behind the last
    are left out. Weights are those of `gradient`.
    """

    formula: ClassVar[str] = (
        r"(A w)_{kk} = h_k \partial_k w_k, \quad "
        r"(A w)_{kl} = \tfrac{1}{\sqrt 2} (h_l \partial_l w_k + h_k \partial_k w_l), \ k < l"
    )
    reference: ClassVar[str] = "Bredies, Kunisch, Pock 2010"
    example: ClassVar[str] = "prior 20 * l1(symmetric_gradient() @ gradient() @ x)"

    axes: tuple[AxisName, ...] | Auto = Field("auto", description="the axes; `auto` takes all spatial ones")
    weights: tuple[Positive, ...] | Auto = Field(
        "auto", description="a factor for each axis; `auto`: the finest voxel extent over that of the axis"
    )

    def grid(self, domain: Space) -> Space:
        """The space of one component. Raises SpaceError where the domain is no field of vectors along the axes."""
        if domain.axis("direction") != 0:
            raise SpaceError(f"acts on a field of vectors, as `gradient()` makes them, not on {domain}")
        return domain.with_axes(domain.axes[1:])

    def indices(self, domain: Space) -> tuple[int, ...]:
        """Which axes of the grid are differenced, one for each component."""
        found = axis_indices(self.axes, self.grid(domain))
        if domain.shape[0] not in (None, len(found)):
            raise SpaceError(f"differences {len(found)} axes, and the vectors have {domain.shape[0]} components")
        return found

    def factors(self, domain: Space) -> tuple[float, ...]:
        """The weight of each axis."""
        return axis_weights(self.weights, self.grid(domain), self.indices(domain))

    def codomain(self, domain: Space) -> Space:
        d = len(self.factors(domain))
        return domain.with_axes((Axis("direction", d * (d + 1) // 2), *domain.axes[1:]))

    def preimage(self, codomain: Space) -> Space:
        d = len(axis_indices(self.axes, self.grid(codomain)))
        return codomain.with_axes((Axis("direction", d), *codomain.axes[1:]))

    def facts(self, domain: Space) -> Facts:
        # (a + b)^2 / 2 <= a^2 + b^2, and a difference has at most twice the norm: |A w|^2 <= 4 sum_l h_l^2 |w|^2.
        return Facts(norm=Norm(2 * sum(h * h for h in self.factors(domain)) ** 0.5))


class SobolevWeight(Operator):
    """Weigh the frequencies over the spatial axes, higher ones more: the root of a Sobolev norm."""

    word: ClassVar[str] = "sobolev"
    formula: ClassVar[str] = r"A x = F^H (1 + s |\kappa|^2)^{l/2} F x"
    reference: ClassVar[str] = "Uecker et al. 2008"
    example: ClassVar[str] = "prior 10 * sq(sobolev(order = 4) @ c)"

    order: Positive = Field(4.0, description="how fast the weight grows with the frequency, l")
    scale: Positive = Field(220.0, description="from which frequencies on, s, of frequencies in cycles per pixel")

    def codomain(self, domain: Space) -> Space:
        spatial_count(domain)
        return Space(domain.field, domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        n = spatial_count(domain)
        basis = Diagonal("fourier", axes=n)
        sizes = [a.size for a in domain.axes[-n:]]
        top = [(s // 2 / s) ** 2 for s in sizes if s is not None]
        norm = Norm((1 + self.scale * sum(top)) ** (self.order / 2), exact=True) if len(top) == n else Norm()
        return Facts(gram=basis, cogram=basis, diagonal=basis, norm=norm)


def axis_weights(weights: tuple[float, ...] | Auto, space: Space, axes: tuple[int, ...]) -> tuple[float, ...]:
    """What differences along each of these axes are multiplied by: as given, else the finest extent over its own.

    Raises SpaceError where there are more or fewer weights than axes.
    """
    if weights == "auto":
        extents = [space.axes[i].voxel for i in axes]
        finest = min((v for v in extents if v is not None), default=1.0)
        return tuple(1.0 if v is None else finest / v for v in extents)
    if len(weights) != len(axes):
        names = ", ".join(space.axes[i].name for i in axes)
        raise SpaceError(f"has {len(weights)} weights for {len(axes)} axes ({names})")
    return weights


def _differences(
    domain: Space, axes: tuple[int, ...], boundary: Boundary, weights: tuple[float, ...] | None = None
) -> Facts:
    """The Gram matrix is a sum of one-dimensional Laplacians, diagonal in cosines or in Fourier.

    Its top eigenvalue is the sum of theirs.
    """
    n = spatial_count(domain)
    spatial = all(i >= len(domain.axes) - n for i in axes)
    gram = Diagonal("fourier" if boundary == "circular" else "cosine", axes=n) if spatial else None
    weights = weights or (1.0,) * len(axes)
    total = 0.0
    for i, h in zip(axes, weights, strict=True):
        size = domain.shape[i]
        if size is None:
            return Facts(gram=gram, norm=Norm(2 * sum(w * w for w in weights) ** 0.5))
        if size == 1:
            top = 0.0
        elif boundary == "circular":
            top = 2.0 if size % 2 == 0 else 2 * cos(pi / (2 * size))
        else:
            top = 2 * sin(pi * (size - 1) / (2 * size))
        total += (h * top) ** 2
    return Facts(gram=gram, norm=Norm(total**0.5, exact=True))


def _halvings(domain: Space) -> int:
    """How often every spatial extent can be halved; extents that are not known yet count as powers of two."""
    known = [a.size for a in domain.axes[-spatial_count(domain) :] if a.size is not None]
    return min(((n & -n).bit_length() - 1 for n in known), default=64)


_FAMILIES = {"haar": (1, 1), "db": (1, 20), "sym": (2, 20), "coif": (1, 5)}


class Wavelet(Operator):
    """The orthonormal wavelet transform over the spatial axes, periodic at the edges."""

    formula: ClassVar[str] = r"A x = W x, \quad W^H W = W W^H = I"
    reference: ClassVar[str] = "Heckel 2024, 4.1; Daubechies 1988; Mallat 1989"
    example: ClassVar[str] = 'prior 20 * l1(wavelet("db4", levels = 4) @ x)'

    name: str = Field("db4", description="haar, db1 to db20, sym2 to sym20 or coif1 to coif5")
    levels: Count | Auto = Field(
        "auto", description="number of scales; `auto` takes 4, or fewer where the size is not divisible by 16"
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        family = re.fullmatch(r"(haar|db|sym|coif)(\d*)", name)
        low, high = _FAMILIES[family[1]] if family else (1, 0)
        order = int(family[2] or (1 if name == "haar" else 0)) if family else 0
        if not low <= order <= high or (name.startswith("haar") and name != "haar"):
            raise ValueError(
                f"there is no orthonormal wavelet {name!r}; use haar, db1..db20, sym2..sym20 or coif1..coif5"
            )
        return name

    def depth(self, domain: Space) -> int:
        """The number of scales on this domain."""
        return self.levels if self.levels != "auto" else max(min(_halvings(domain), 4), 1)

    def codomain(self, domain: Space) -> Space:
        depth, most = self.depth(domain), _halvings(domain)
        if depth > most:
            n = 2**depth
            axis = next(a for a in domain.axes[-spatial_count(domain) :] if a.size is not None and a.size % n)
            size = axis.size or 0
            sizes = f"{size // n * n} or {size // n * n + n}" if size > n else str(n)
            other = f"`levels = {most}` fits" if most else "`gradient()` and `cosine()` take any size"
            levels = "1 level" if depth == 1 else f"{depth} levels"
            raise SpaceError(
                f"with {levels} needs sizes divisible by {n}, but {axis.name} has {size}; "
                f"a size of {sizes} fits, and {other}"
            )
        return Space(domain.field, domain.axes, domain.unit)

    def coarse(self, domain: Space) -> tuple[int, ...]:
        """The extents of the coarsest band, which stands in the low corner and which `l1` leaves alone."""
        depth = self.depth(domain)
        return tuple(n // 2**depth for n in domain.sizes[-spatial_count(domain) :])

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        return Facts(gram=one, cogram=one, norm=Norm(1.0, exact=True))
