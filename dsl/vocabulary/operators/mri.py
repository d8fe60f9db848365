"""Magnetic resonance imaging: sampling of k-space and coil sensitivities."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from annotated_types import Ge

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Annotated, Auto, Count, Field, Fraction, Positive, Seed, Vary
from ...model.place import space_of
from ...model.space import Axis, Space, SpaceError, distinct
from ...model.terms import ValueTerm
from ...model.word import Array, Maps, Operator
from .basic import varied

Direction = Literal["z", "row", "col"]


class Cartesian(Operator):
    """Keep some k-space lines (columns), with a fully sampled centre. The grid stays; other lines are zero."""

    formula: ClassVar[str] = r"y = M x, \quad M = \mathrm{diag}(m),\ m \in \{0, 1\}^n"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2; Zbontar et al. 2018 (fastMRI)"
    example: ClassVar[str] = 'forward A = cartesian(accel = 4, center = 8%) @ fft2(norm = "ortho")'
    random: ClassVar[bool] = True
    needs: ClassVar[str] = "complex"

    accel: Annotated[Positive, Ge(1)] = Field(4.0, description="acceleration: all lines over kept lines")
    center: Fraction = Field(0.08, description="part of the lines, around zero frequency, that is always kept")
    lines: Literal["random", "equispaced", "variable"] = Field(
        "random", description="how the other lines are chosen; `variable` is denser towards the centre"
    )
    power: Positive = Field(2.0, description="decay of the density of `variable`: (1 - distance)^power")
    axis: Direction | Auto = Field(
        "auto", description="the phase-encoding direction, along which lines are left out; `auto` is the last axis"
    )
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    vary: Vary = Field("page", description="`row`, `frame`: other lines for each row of the data, or for each frame")

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < 2:
            raise SpaceError(f"samples lines of a k-space with rows and columns, not {domain}")
        lines = domain.shape[self.index(domain)]
        if lines is not None:
            kept, central = self.counts(lines)
            if central > kept:
                raise SpaceError(
                    f"keeps {kept} of {lines} lines, but its centre of {self.center:.0%} alone has {central}; "
                    f"lower `center` or `accel`"
                )
        support = f"every {self.accel:g}th line" if self.lines == "equispaced" else f"1/{self.accel:g} of the lines"
        return Space("complex", domain.axes, domain.unit, support=support + varied(self.vary, domain))

    def index(self, domain: Space) -> int:
        """The axis along which lines are left out, counted from the last one: -1, -2, ..."""
        if self.axis == "auto":
            return -1
        found = domain.axis(self.axis)
        if found is None:
            raise SpaceError(f"leaves out lines along {self.axis}, which {domain} does not have")
        return found - len(domain.axes)

    def counts(self, lines: int) -> tuple[int, int]:
        """How many of so many lines are kept, and how many of these form the centre."""
        return max(round(lines / self.accel), 1), round(lines * self.center)

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        one = Norm(1.0, exact=True)
        return Facts(gram=pixel, cogram=pixel, diagonal=pixel, norm=one, signs=True, apart=distinct(domain), light=True)


class Coils(Operator):
    """Weight the image with the sensitivity of each receive coil."""

    formula: ClassVar[str] = r"A x = (S_1 x, \dots, S_C x)"
    reference: ClassVar[str] = "Heckel 2024, eq. (15.1); Pruessmann et al. 1999"
    example: ClassVar[str] = 'forward A = cartesian(accel = 4) @ fft2(norm = "ortho") @ coils(maps = birdcage(8))'
    needs: ClassVar[str] = "complex"
    linear_in: ClassVar[tuple[str, ...]] = ("maps",)

    maps: Maps | Array | ValueTerm = Field(
        description="the sensitivity maps: simulated, estimated, from a file, known for each row, or an unknown"
    )

    def count(self, domain: Space) -> int | None:
        """The number of coils, where it is known. Raises SpaceError where maps that are given do not fit the image."""
        if isinstance(self.maps, Maps):
            return self.maps.count()
        shape: tuple[int | None, ...] | None
        if isinstance(self.maps, Array):
            shape = self.maps.shape(domain)
            if shape is None:
                raise SpaceError(f"needs maps with an axis of coils, and `{self.maps.word}` has none")
        else:
            space = space_of(self.maps)
            shape = space.shape if space is not None else None
        if shape is None:
            return None
        spatial = domain.shape[-self.dimensions(domain) :]
        fits = len(shape) == len(spatial) + 1 and all(
            m is None or n is None or m == n for m, n in zip(shape[1:], spatial, strict=True)
        )
        if not fits:
            wanted = " x ".join(["coils", *("auto" if n is None else str(n) for n in spatial)])
            have = " x ".join("auto" if n is None else str(n) for n in shape)
            raise SpaceError(f"needs maps of {wanted}, and these are {have}")
        return shape[0]

    @staticmethod
    def dimensions(domain: Space) -> int:
        """How many spatial axes the image has."""
        return 3 if domain.axis("z") is not None else 2

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < 2:
            raise SpaceError(f"needs an image or a volume, not {domain}")
        spatial = self.dimensions(domain)
        head, tail = domain.axes[:-spatial], domain.axes[-spatial:]
        return Space("complex", (*head, Axis("coil", self.count(domain)), *tail), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        i = codomain.axis("coil")
        if i is None:
            raise SpaceError(f"its adjoint needs an axis of coils, not {codomain}")
        return codomain.with_axes(codomain.axes[:i] + codomain.axes[i + 1 :])

    def facts(self, domain: Space) -> Facts:
        facts = Facts(gram=Diagonal("pixel"), light=True)
        if domain.axis("coil") is None:
            facts = replace(facts, blocks=("coil",), apart=distinct(domain))
        if isinstance(self.maps, Maps) and self.maps.normalised:  # sum_c |S_c|^2 = 1
            return replace(facts, gram=fact.identity(), norm=Norm(1.0, exact=True))
        if isinstance(self.maps, Maps) and self.maps.cropped:
            return replace(facts, norm=Norm(1.0))
        return facts


class Birdcage(Maps):
    """Simulated sensitivities of coils on a ring around the object, with unit root sum of squares at each pixel."""

    formula: ClassVar[str] = r"S_c(r) \propto \frac{e^{i \phi_c(r)}}{|r - r_c|}, \quad \sum_c |S_c(r)|^2 = 1"
    reference: ClassVar[str] = "Roemer et al. 1990; the ring model common in simulation"
    example: ClassVar[str] = "S = coils(maps = birdcage(8))"

    coils: Count = Field(8, description="number of coils on the ring")
    radius: Annotated[Positive, Ge(1)] = Field(1.5, description="radius of the ring; the image reaches to 1")

    normalised: ClassVar[bool] = True

    def count(self) -> int:
        return self.coils


class Espirit(Maps):
    """Maps estimated from the fully sampled centre of measured k-space, with unit root sum of squares on the object.

    Off the object, where no combination of coils explains the centre, they are zero. The first coil is real: the phase
    of the image is that which this coil sees.
    """

    formula: ClassVar[str] = (
        r"G(r) S(r) = S(r), \quad G \text{ the projection on signals like the centre's, at each pixel}"
    )
    reference: ClassVar[str] = "Uecker et al. 2014; Heckel 2024, 15.1"
    example: ClassVar[str] = "S = coils(maps = espirit(y, calib = 24))"
    cropped: ClassVar[bool] = True

    of: ValueTerm = Field(description="measured k-space, centred, with an axis of coils")
    calib: Count = Field(
        24, description="largest extent of the calibration block, along each axis; less where less was measured"
    )
    kernel: Count = Field(6, description="extent of the pieces of the centre that are compared")
    threshold: Fraction = Field(
        0.02, description="singular values above this part of the largest belong to signals, the others to noise"
    )
    crop: Fraction = Field(0.95, description="maps are zero where the eigenvalue is at most this")
    over: Literal["volume", "slice"] = Field(
        "volume",
        description="of a volume: `slice` calibrates each z by itself, for transforms of rows and columns only",
    )

    def count(self) -> int | None:
        space = space_of(self.of)
        if space is None:
            return None
        coil = space.axis("coil")
        if coil is None or space.field != "complex":
            raise SpaceError(f"needs maps, and `espirit` takes them from complex numbers of several coils, not {space}")
        return space.axes[coil].size
