"""Electron microscopy: projections of a volume, tilt series, contrast transfer, shifted particles."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

from annotated_types import Ge, Len, Lt
from pydantic import field_validator, model_validator

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Angle, Annotated, Field, Interval, Length, Shift, SignedLength, Tilts, Voltage
from ...model.place import space_of
from ...model.space import Axis, Space, SpaceError, distinct
from ...model.terms import Known, Unknown, ValueTerm, everything
from ...model.units import LENGTH, Quantity, describe
from ...model.word import Array, Draw, Operator

TiltAxis = Literal["col", "row"]


def _cubic(domain: Space) -> tuple[Axis, Axis, Axis]:
    """The axes z, row, col of a volume that can be turned. Raises SpaceError."""
    if len(domain.axes) < 3 or [a.name for a in domain.axes[-3:]] != ["z", "row", "col"]:
        raise SpaceError(f"turns a volume with axes z, row and col, not {domain}")
    z, row, col = domain.axes[-3:]
    if len({z.voxel, row.voxel, col.voxel}) > 1:
        raise SpaceError("turns volumes with cubic voxels, and these have sides of different lengths")
    return z, row, col


class Project(Operator):
    """Parallel projections of a volume along z after turning it: sums along the rays, lengths in voxels (Joseph).

    Rays interpolate linearly in the planes that they cross. The volume turns about voxel N // 2 of each axis, where
    zero frequency stands in a centred transform. Coordinates are x along col, y along row, z along z.
    """

    formula: ClassVar[str] = r"(A x)_k(u, v) = \int x(R_k^T (u, v, t)^T) \, dt"
    reference: ClassVar[str] = "Heckel 2024, 1.1.5, 15.2; Joseph 1982"
    example: ClassVar[str] = "forward A = project(-60deg..60deg by 3deg)"
    exclusive: ClassVar[tuple[str, str] | None] = ("tilts", "poses")

    tilts: Tilts | tuple[Angle, ...] | ValueTerm | None = Field(
        None, description="angles of a tilt series: a range with its step and both ends, a list, or known for each row"
    )
    poses: Array | ValueTerm | None = Field(
        None, description="rotations: one matrix R, which gives one image, or several, which give one each"
    )
    about: TiltAxis = Field("col", description="the axis of the tilts, which stays where it is")

    @model_validator(mode="after")
    def _turned(self) -> Self:
        if self.tilts is None and self.poses is None:
            raise ValueError("needs `tilts`, as in `project(-60deg..60deg by 3deg)`, or `poses`")
        return self

    def codomain(self, domain: Space) -> Space:
        _, row, col = _cubic(domain)
        views = (Axis("view", tilt_count(self.tilts)),) if self.poses is None else pose_axes(self.poses, domain)
        return Space(domain.field, (*domain.axes[:-3], *views, row, col), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the depth that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(signs=True)


class Rotate(Operator):
    """Copies of a volume, each turned by one angle of a tilt series; linear interpolation, zero outside.

    It turns about voxel N // 2 of each axis.
    """

    formula: ClassVar[str] = r"(A x)_k(r) = x(R_k^T r)"
    reference: ClassVar[str] = "Heckel 2024, eq. (1.1)"
    example: ClassVar[str] = "R = rotate(-60deg..60deg by 3deg, about = col)"

    tilts: Tilts | tuple[Angle, ...] | ValueTerm = Field(
        description="angles of a tilt series: a range with its step and both ends, a list, or known for each row"
    )
    about: TiltAxis = Field("col", description="the axis of the tilts, which stays where it is")

    def codomain(self, domain: Space) -> Space:
        space = _cubic(domain)
        return Space(domain.field, (*domain.axes[:-3], Axis("view", tilt_count(self.tilts)), *space), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        i = codomain.axis("view")
        if i is None:
            raise SpaceError(f"its adjoint needs an axis of views, not {codomain}")
        return codomain.with_axes(codomain.axes[:i] + codomain.axes[i + 1 :])

    def facts(self, domain: Space) -> Facts:
        return Facts(signs=True)


class CentralSlice(Operator):
    """The plane k_z = 0 of a centred three-dimensional spectrum.

    After orthonormal transforms it is the transform of the projection along z over the root of the number of slices.
    """

    formula: ClassVar[str] = r"(A \hat x)(k_x, k_y) = \hat x(k_x, k_y, 0)"
    reference: ClassVar[str] = "Heckel 2024, eq. (1.1); Bracewell 1956; DeRosier, Klug 1968"
    example: ClassVar[str] = "T = fft2().H @ central_slice() @ fft3()"

    def codomain(self, domain: Space) -> Space:
        i = domain.axis("z")
        if i is None or len(domain.axes) < 3:
            raise SpaceError(f"takes the plane k_z = 0 of a spectrum with z, row and col, not of {domain}")
        if domain.field == "real":
            raise SpaceError("takes a plane of a spectrum, and this is real: transform the volume first, by `fft3()`")
        return domain.with_axes(domain.axes[:i] + domain.axes[i + 1 :])

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the depth that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(gram=Diagonal("pixel"), cogram=fact.identity(), norm=Norm(1.0, exact=True), signs=True)


class Ctf(Operator):
    """The contrast transfer function of an electron microscope: a filter of images, or a factor of their spectra.

    The voxel size gives the frequencies k, the voltage the wavelength.
    """

    formula: ClassVar[str] = (
        r"c(k) = -\sin(\gamma(k) + \arcsin a) \, e^{-B |k|^2 / 4}, \quad "
        r"\gamma(k) = \pi \lambda |k|^2 (d - \lambda^2 |k|^2 C_s / 2) + \phi"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.5; Rohou, Grigorieff 2015"
    example: ClassVar[str] = "C = ctf(defocus = 3um, voltage = 300kV, cs = 2.7mm)"

    defocus: SignedLength | tuple[SignedLength, ...] | Draw | ValueTerm = Field(
        description="defocus d, positive below focus: one length, or one for each view, also drawn, known or unknown"
    )
    voltage: Voltage = Field(3e5, description="acceleration voltage")
    cs: SignedLength = Field(2.7e-3, description="spherical aberration Cs")
    amplitude: Annotated[float, Ge(0), Lt(1)] = Field(0.07, description="amplitude contrast a")
    phase: Angle = Field(0.0, description="shift of a phase plate")
    astigmatism: SignedLength = Field(0.0, description="difference between the defocus along `axis` and across it")
    axis: Angle = Field(0.0, description="direction of the astigmatism, from the columns' axis towards the rows'")
    motion: Length | None = Field(
        None, description="root mean square displacement u, whose B-factor is B = 8 pi^2 u^2; left out: B = 0"
    )
    on: Literal["auto", "image", "spectrum"] = Field(
        "auto",
        description="what it acts on; `auto`: real numbers are an image, complex ones a centred spectrum",
    )

    @field_validator("defocus")
    @classmethod
    def _length(cls, defocus: object) -> object:
        if isinstance(defocus, Draw) and defocus.dimension != LENGTH:
            raise ValueError(f"expected lengths such as `uniform(2um, 4um)`, got {describe(defocus.dimension)}")
        return defocus

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < 2 or [a.name for a in domain.axes[-2:]] != ["row", "col"]:
            raise SpaceError(f"acts on images with rows and columns, not on {domain}")
        if domain.axis("z") is not None:
            raise SpaceError("acts on images, and this is a volume: project it first, by `project(...)`")
        if domain.axes[-1].voxel is None or domain.axes[-2].voxel is None:
            raise SpaceError("needs a voxel size to know frequencies; write `{ voxel = 3Å }` behind the volume")
        if self.on == "spectrum" and domain.field == "real":
            raise SpaceError("acts on a spectrum, and this is a real image; leave `on` out")
        count = self.count()
        if count != ():
            view = domain.axes[-3] if len(domain.axes) > 2 and domain.axes[-3].name == "view" else None
            if view is None or (None not in (view.size, count[0]) and view.size != count[0]):
                have = f"{view.size} views" if view is not None else "no views"
                raise SpaceError(f"has a defocus for each of {count[0] or 'several'} views, but its argument {have}")
        return domain

    def count(self) -> tuple[int | None, ...]:
        """The extents of the defocus: none for one number. Those drawn follow the argument and count as one here."""
        if isinstance(self.defocus, tuple):
            return (len(self.defocus),)
        if not isinstance(self.defocus, ValueTerm):
            return ()
        space = space_of(self.defocus)
        if space is None:
            return (None,) if stacked(self.defocus) else ()
        if len(space.axes) > 1:
            raise SpaceError(f"takes one defocus, or one for each view, and this is {space}")
        if isinstance(self.defocus, Unknown) and space.unit.dimension != LENGTH:
            raise SpaceError(f"takes a length as its defocus; write `{{ unit = um }}` behind `{self.defocus.name}`")
        return space.shape

    def filters(self, domain: Space) -> bool:
        """Whether it takes its argument for an image."""
        return self.on == "image" or (self.on == "auto" and domain.field == "real")

    def facts(self, domain: Space) -> Facts:
        basis = Diagonal("fourier", axes=2) if self.filters(domain) else Diagonal("pixel")
        return Facts(gram=basis, cogram=basis, diagonal=basis, norm=Norm(1.0))


class Translate(Operator):
    """Shift images by any part of a pixel, by a phase in Fourier; what leaves on one side comes in on the other.

    The highest frequency of an even number of pixels has no shifts by parts of one: it takes the next whole shift, so
    that the operator stays real and unitary.
    """

    formula: ClassVar[str] = r"\widehat{A x}(k) = e^{-2 \pi i \langle k, s \rangle} \hat x(k)"
    reference: ClassVar[str] = "Heckel 2024, 15.2"
    example: ClassVar[str] = "S = translate([1.5, -2])"

    shift: Annotated[tuple[Shift, ...], Len(2, 2)] | ValueTerm = Field(
        description="along rows' and columns' indices, in pixels or as lengths; a known one also for each view"
    )

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < 2 or [a.name for a in domain.axes[-2:]] != ["row", "col"]:
            raise SpaceError(f"shifts images with rows and columns, not {domain}")
        if not isinstance(self.shift, ValueTerm):
            pixels(self.shift, domain)
        elif (space := space_of(self.shift)) is not None:
            view = domain.axes[-3].size if len(domain.axes) > 2 and domain.axes[-3].name == "view" else None
            if space.shape not in ((2,), (view, 2)):
                raise SpaceError(f"takes a shift of two numbers, or two for each view, and this is {space}")
        return Space(domain.field, domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        return Facts(gram=one, cogram=one, diagonal=Diagonal("fourier", axes=2), norm=Norm(1.0, exact=True))


class RealPart(Operator):
    """The real part. Its adjoint takes real numbers for complex ones."""

    formula: ClassVar[str] = r"A x = \mathrm{Re}\, x"
    reference: ClassVar[str] = "Heckel 2024, eq. (1.1)"
    example: ClassVar[str] = "T = real_part() @ fft2().H @ central_slice() @ fft3()"

    def codomain(self, domain: Space) -> Space:
        return Space("real", domain.axes, domain.unit, domain.support)

    def preimage(self, codomain: Space) -> Space:
        return codomain.with_field("complex")

    def facts(self, domain: Space) -> Facts:
        if domain.field == "real":
            return replace(fact.IDENTITY, apart=distinct(domain))
        return Facts(linear="real", cogram=fact.identity(), norm=Norm(1.0, exact=True))


def tilt_angles(tilts: Interval | tuple[float, ...]) -> tuple[float, ...]:
    """Angles in radians: a range with both ends, or those of a list."""
    return tuple(tilts.values()) if isinstance(tilts, Interval) else tilts


def tilt_count(tilts: Interval | tuple[float, ...] | ValueTerm | None) -> int | None:
    """How many tilts there are, where that is known. Raises SpaceError for a value that is no list of angles."""
    if not isinstance(tilts, ValueTerm):
        return None if tilts is None else len(tilt_angles(tilts))
    space = space_of(tilts)
    if space is not None and len(space.axes) != 1:
        raise SpaceError(f"takes tilts as a list of angles, and this is {space}")
    return None if space is None else space.shape[0]


def pose_axes(poses: Array | ValueTerm, domain: Space) -> tuple[Axis, ...]:
    """The axis of views that poses make: none for a single matrix. Raises SpaceError for other shapes."""
    shape: tuple[int | None, ...] | None
    if isinstance(poses, Array):
        shape = poses.shape(domain)
    else:
        space = space_of(poses)
        if space is None:
            return (Axis("view", None),) if stacked(poses) else ()
        shape = space.shape
    if shape is None or len(shape) not in (2, 3) or shape[-2:] != (3, 3):
        have = " x ".join(str(n) for n in shape or ())
        raise SpaceError(f"takes poses as 3 x 3 rotation matrices, and these are {have or 'none'}")
    return tuple(Axis("view", n) for n in shape[:-2])


def stacked(value: ValueTerm) -> bool:
    """Whether a known value has an entry for each row, because all rows measure one unknown."""
    return any(isinstance(t, Known) and t.stacked for t in everything(value))


def pixels(shift: tuple[float | Quantity, ...], domain: Space) -> tuple[float, ...]:
    """Shifts in pixels. Raises SpaceError where a length meets an image without a voxel size."""
    out = []
    for s, axis in zip(shift, domain.axes[-2:], strict=True):
        if isinstance(s, Quantity) and axis.voxel is None:
            raise SpaceError("has a shift in units of length, but the image no voxel size; give it in pixels")
        out.append(s.value / (axis.voxel or 1.0) if isinstance(s, Quantity) else float(s))
    return tuple(out)
