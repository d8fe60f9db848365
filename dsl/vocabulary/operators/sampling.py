"""Point masks: which samples of a Cartesian grid of frequencies are measured where two directions are phase-encoded."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from annotated_types import Ge

from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Annotated, Auto, Field, Fraction, NonNegative, Positive, Seed, Vary
from ...model.space import Space, SpaceError, distinct
from ...model.word import Density, Operator
from .basic import varied
from .mri import Direction


class Uniform(Density):
    """Every point has the same chance."""

    formula: ClassVar[str] = r"p(k) \propto 1"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2"
    example: ClassVar[str] = "points(accel = 4, density = uniform())"


class Variable(Density):
    """The chance falls with the distance from zero frequency by a power."""

    formula: ClassVar[str] = r"p(k) \propto (1 - |k|)^p, \quad |k| = 1 \text{ just beyond the corners}"
    reference: ClassVar[str] = "Lustig, Donoho, Pauly 2007"
    example: ClassVar[str] = "points(accel = 4, density = variable(power = 2))"

    power: NonNegative = Field(2.0, description="the power p")


class Gaussian(Density):
    """The chance falls with the distance from zero frequency like a Gaussian."""

    formula: ClassVar[str] = r"p(k) \propto e^{-|k|^2 / (2 w^2)}, \quad |k| = 1 \text{ just beyond the corners}"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2"
    example: ClassVar[str] = "points(accel = 4, density = gaussian(width = 0.3))"

    width: Positive = Field(0.3, description="the standard deviation w; the corners of the plane are at 1")


class PoissonDisc(Density):
    """Points keep a distance from one another that grows away from zero frequency, and fill the plane.

    The distance is chosen so that the asked number of points is kept exactly.
    """

    formula: ClassVar[str] = r"|k - l| \ge d\, (1 + g |k|)\, (1 \pm 0.2) \text{ for each } l \text{ drawn after } k"
    reference: ClassVar[str] = "Cook 1986; Vasanawala et al. 2010"
    example: ClassVar[str] = "points(accel = 6, density = poisson_disc(growth = 2))"

    growth: NonNegative = Field(
        2.0, description="the growth g: points at the corners are 1 + g times as far apart as at the centre; 0: uniform"
    )


class Points(Operator):
    """Keep some points of a plane of k-space, with a fully sampled centre. The grid stays; other points are zero.

    What is read out along a third direction is kept whole.
    """

    formula: ClassVar[str] = r"y = M x, \quad M = \mathrm{diag}(m),\ m \in \{0, 1\}^n"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2; Lustig, Donoho, Pauly 2007"
    example: ClassVar[str] = 'forward A = points(accel = 6, density = poisson_disc()) @ fft2(norm = "ortho")'
    random: ClassVar[bool] = True
    needs: ClassVar[str] = "complex"

    accel: Annotated[Positive, Ge(1)] = Field(4.0, description="acceleration: all points over kept points")
    density: Density = Field(Uniform(), description="where the other points lie")
    center: Fraction = Field(0.08, description="part of each direction, around zero frequency, that is always kept")
    plane: tuple[Direction, ...] | Auto = Field(
        "auto",
        description="the two directions that are sampled; `auto`: row and col of an image, z and col of a volume",
    )
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    vary: Vary = Field("page", description="`row`, `frame`: other points for each row of the data, or for each frame")

    def codomain(self, domain: Space) -> Space:
        sizes = [domain.axes[i].size for i in self.directions(domain)]
        known = [n for n in sizes if n is not None]
        if len(known) == 2:
            kept, central = self.counts((known[0], known[1]))
            if central > kept:
                raise SpaceError(
                    f"keeps {kept} of {prod(known)} points, but its centre, {self.center:.0%} of each direction, alone "
                    f"has {central}; lower `center` or `accel`"
                )
        support = f"1/{self.accel:g} of the points{varied(self.vary, domain)}"
        return Space("complex", domain.axes, domain.unit, support=support)

    def directions(self, domain: Space) -> tuple[int, int]:
        """The indices of the two sampled axes, the earlier one first. Raises SpaceError where they are not there."""
        names = self.plane
        if names == "auto":
            names = ("z", "col") if domain.axis("z") is not None else ("row", "col")
        found = [domain.axis(name) for name in names]
        if len(set(names)) != 2:
            raise SpaceError(f"samples two directions, not {len(set(names))}; write `plane = [z, col]`")
        first, second = found
        if first is None or second is None:
            raise SpaceError(f"samples {names[0]} and {names[1]}, which {domain} does not have both")
        return min(first, second), max(first, second)

    def counts(self, extents: tuple[int, int]) -> tuple[int, int]:
        """How many points of a plane are kept, and how many of these form the centre."""
        return max(round(prod(extents) / self.accel), 1), prod(round(n * self.center) for n in extents)

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        one = Norm(1.0, exact=True)
        return Facts(gram=pixel, cogram=pixel, diagonal=pixel, norm=one, signs=True, apart=distinct(domain), light=True)
