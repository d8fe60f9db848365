"""Computed tomography: line integrals of an image or a volume along parallel, fan-shaped or cone-shaped rays."""

from __future__ import annotations

from math import asin, ceil, hypot, pi, tan
from typing import Any, ClassVar, Literal

from pydantic import BeforeValidator, model_validator

from ...model.facts import Facts
from ...model.fields import Angle, Annotated, Arc, Auto, Count, Field, Interval, Shift, Spacing
from ...model.space import Axis, Space, SpaceError, distinct
from ...model.units import ANGLE, LENGTH, Quantity, Unit, times
from ...model.word import Operator

Lengths = tuple[float, ...]


class _Scan(Operator):
    """What parallel, fan and cone beams have in common: the angles, and lengths in the image's own kind of unit."""

    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Joseph 1982; Kak, Slaney 1988"
    dimensions: ClassVar[int] = 2

    angles: Arc | tuple[Angle, ...] = Field(
        Interval(0.0, pi, None, ANGLE),
        description="an arc, whose end does not count; a range with a step such as `-60deg..60deg by 3deg`, "
        "whose end counts; or a list",
    )
    views: Count | Auto = Field("auto", description="number of equally spaced angles on an arc; `auto` is 180")

    @model_validator(mode="after")
    def _one_count(self) -> _Scan:
        if self.views != "auto" and not self._open_arc:
            raise ValueError("the angles are given one by one, so `views` says it twice; leave it out")
        if self.count == 0:
            raise ValueError("the range of angles holds none")
        return self

    @property
    def _open_arc(self) -> bool:
        return isinstance(self.angles, Interval) and self.angles.step is None

    @property
    def count(self) -> int:
        """How many views there are; no list of them is made."""
        if not isinstance(self.angles, Interval):
            return len(self.angles)
        if self.angles.step is not None:
            return len(self.angles.values())
        return 180 if self.views == "auto" else self.views

    def directions(self) -> tuple[float, ...]:
        """The angle of each view in radians."""
        if not isinstance(self.angles, Interval):
            return tuple(self.angles)
        if self.angles.step is not None:
            return tuple(self.angles.values())
        arc = self.angles.stop - self.angles.start
        return tuple(self.angles.start + i * arc / self.count for i in range(self.count))

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the image that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(signs=True, blocks=("view",), apart=distinct(domain, self.dimensions))

    def _measured(self, domain: Space, axes: tuple[Axis, ...], kept: int) -> Space:
        """Line integrals: of values in 1/mm over lengths in mm, plain numbers."""
        unit = domain.unit
        if domain.axes[-1].voxel is not None:
            unit = Unit(1.0, times(unit.dimension, LENGTH))
        return Space(domain.field, (*domain.axes[:kept], Axis("view", self.count), *axes), unit)


def require(domain: Space, names: tuple[str, ...]) -> None:
    """Raises SpaceError unless the last axes have these names."""
    if tuple(a.name for a in domain.axes[-len(names) :]) != names:
        wanted = "an image with rows and columns" if len(names) == 2 else "a volume with z, rows and columns"
        raise SpaceError(f"needs {wanted}, not {domain}")


def spacings(domain: Space, count: int) -> Lengths:
    """Of the last `count` axes: in metres where the image has a voxel size, else in pixels."""
    voxels = [a.voxel for a in domain.axes[-count:]]
    return tuple(1.0 if v is None else v for v in voxels) if None not in voxels else (1.0,) * count


def length(value: float | Quantity, name: str, domain: Space) -> float:
    """A length of the scan in metres or pixels. Raises SpaceError where it is of the other kind than the image's."""
    if None in (domain.axes[-1].voxel, domain.axes[-2].voxel):
        if isinstance(value, Quantity):
            raise SpaceError(f"has a {name} in units of length, but the image no voxel size; write `{{ voxel = 1mm }}`")
        return value
    if isinstance(value, Quantity):
        return value.value
    if value == 0:
        return 0.0
    raise SpaceError(f"has a {name} without a unit, but the image has a voxel size; write `{name} = {value:g}mm`")


def _shown(metres: float, domain: Space) -> str:
    return f"{metres:.4g} pixels" if domain.axes[-1].voxel is None else f"{1000 * metres:.4g} mm"


def half_diagonal(domain: Space) -> float | None:
    """Half the diagonal of a slice; None while an extent is unknown."""
    rows, columns = domain.axes[-2:]
    if rows.size is None or columns.size is None:
        return None
    height, width = spacings(domain, 2)
    return 0.5 * hypot(rows.size * height, columns.size * width)


class _Row(_Scan):
    """A scan by one row of detectors: of images, and of the slices of volumes side by side."""

    detectors: Count | Auto = Field("auto", description="detector elements; `auto` covers the image's diagonal")
    pitch: Spacing | Auto = Field(
        "auto",
        description="spacing of the detector elements, a length where the image has a voxel size; `auto`: one column, "
        "as the detector sees it",
    )
    offset: Shift = Field(0.0, description="shift of the detector along itself, off the centre of rotation")
    rays: Count = Field(1, description="rays per detector element, evenly over its width; the mean of them is measured")

    def codomain(self, domain: Space) -> Space:
        require(domain, ("row", "col"))
        self.lengths(domain)
        count = self.detectors if self.detectors != "auto" else self._covering(domain)
        return self._measured(domain, (Axis("detector", count),), len(domain.axes) - 2)

    def lengths(self, domain: Space) -> Lengths:
        """Pitch and offset, and what more a scan has, in metres or pixels. Raises SpaceError where they do not fit."""
        raise NotImplementedError

    def _covering(self, domain: Space) -> int | None:
        """As many elements as cover the image's circle; None while an extent is unknown."""
        raise NotImplementedError


class Radon(_Row):
    """Line integrals along parallel rays, by linear interpolation between pixels (Joseph).

    A volume is scanned slice by slice: its measurement has the axes z, view, detector.
    """

    formula: ClassVar[str] = r"(A x)(\theta, s) = \int x(s n_\theta + t n_\theta^\perp) \, dt"
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Joseph 1982"
    example: ClassVar[str] = "forward A = radon(angles = 0deg..180deg, views = 90)"

    def lengths(self, domain: Space) -> Lengths:
        """Pitch and offset."""
        pitch = spacings(domain, 2)[1] if self.pitch == "auto" else length(self.pitch, "pitch", domain)
        return pitch, length(self.offset, "offset", domain)

    def _covering(self, domain: Space) -> int | None:
        radius = half_diagonal(domain)
        return None if radius is None else _elements(2 * radius, self.lengths(domain)[0])


def _elements(width: float, pitch: float) -> int:
    return max(1, ceil(width / pitch * (1 - 1e-12)))


SOURCE: Any = Field(
    "auto",
    description="distance of the source from the centre of rotation; `auto`: twice the image's diagonal",
)
DETECTOR: Any = Field(
    "auto",
    description="distance of the detector from the centre of rotation; `auto`: half the image's diagonal",
)


def throw(word: Fanbeam | Conebeam, domain: Space) -> tuple[float, float]:
    """Source and detector distance in metres or pixels; infinite where they follow from an extent that is unknown.

    Raises SpaceError where the source lies inside the image's circle.
    """
    radius = half_diagonal(domain)
    known = float("inf") if radius is None else radius
    source = 4 * known if word.source == "auto" else length(word.source, "source", domain)
    detector = known if word.detector == "auto" else length(word.detector, "detector", domain)
    if radius is not None and source <= radius:
        raise SpaceError(
            f"has its source {_shown(source, domain)} from the centre, inside the image, whose half diagonal is "
            f"{_shown(radius, domain)}"
        )
    return source, detector


def magnification(source: float, detector: float) -> float:
    """How many times larger the detector sees what lies at the centre of rotation."""
    return 1 + detector / source if source < float("inf") else 1.25


class Fanbeam(_Row):
    """Line integrals along the rays of a fan from a point source, by linear interpolation between pixels (Joseph).

    The source turns about the image with the detector opposite to it; far away it is `radon` for the same angles. A
    volume is scanned slice by slice.
    """

    formula: ClassVar[str] = (
        r"(A x)(\theta, \gamma) = \int x\bigl(t\, n_{\theta+\gamma}^\perp - R\, n_\theta^\perp\bigr) \, dt"
    )
    example: ClassVar[str] = "forward A = fanbeam(angles = 0deg..360deg, views = 180)"

    angles: Arc | tuple[Angle, ...] = Field(
        Interval(0.0, 2 * pi, None, ANGLE), description=_Scan.model_fields["angles"].description
    )
    source: Spacing | Auto = SOURCE
    detector: Spacing | Auto = DETECTOR
    kind: Literal["flat", "curved"] = Field("flat", description="a straight detector, or an arc around the source")

    def lengths(self, domain: Space) -> Lengths:
        """Pitch, offset, source and detector distance."""
        source, detector = throw(self, domain)
        column = spacings(domain, 2)[1] * magnification(source, detector)
        pitch = column if self.pitch == "auto" else length(self.pitch, "pitch", domain)
        if self.kind == "curved" and self.detectors != "auto":
            offset = abs(length(self.offset, "offset", domain))
            if 0.5 * (self.detectors - 1) * pitch + offset >= 0.5 * pi * (source + detector):
                raise SpaceError("has a curved detector that goes half around the source; it must span less")
        return pitch, length(self.offset, "offset", domain), source, detector

    def _covering(self, domain: Space) -> int | None:
        radius = half_diagonal(domain)
        if radius is None:
            return None
        pitch, _, source, detector = self.lengths(domain)
        half = asin(radius / source)
        return _elements(2 * (source + detector) * (half if self.kind == "curved" else tan(half)), pitch)


def _pair(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and len(value) != 2:
        raise ValueError(f"takes two entries, [along z, along the rows], not {len(value)}")
    return value


def _panel(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"a panel has rows and columns; write `[{value:g}, {value:g}]`")
    return _pair(value)


class Conebeam(_Scan):
    """Line integrals of a volume along the rays of a cone from a point source to a flat panel (Joseph).

    The source turns about the volume's z axis with the panel opposite to it, in the plane of the middle slice. Made
    for rays that rise by less than 45 degrees.
    """

    formula: ClassVar[str] = r"(A x)(\theta, p) = \int x\bigl(a_\theta + t\, (p - a_\theta)/|p - a_\theta|\bigr) \, dt"
    example: ClassVar[str] = "forward A = conebeam(views = 90)"
    dimensions: ClassVar[int] = 3

    angles: Arc | tuple[Angle, ...] = Field(
        Interval(0.0, 2 * pi, None, ANGLE), description=_Scan.model_fields["angles"].description
    )
    detectors: Annotated[tuple[Count, ...] | Auto, BeforeValidator(_panel)] = Field(
        "auto", description="[rows, columns] of the panel; `auto` covers the volume"
    )
    pitch: Annotated[Spacing | tuple[Spacing, ...] | Auto, BeforeValidator(_pair)] = Field(
        "auto",
        description="spacing of the panel's elements, or [of rows, of columns]; `auto`: one voxel, as it sees it",
    )
    offset: Annotated[Shift | tuple[Shift, ...], BeforeValidator(_pair)] = Field(
        0.0, description="shift of the panel's columns off the centre of rotation, or [along z, along the rows]"
    )
    source: Spacing | Auto = SOURCE
    detector: Spacing | Auto = DETECTOR
    rays: Count = Field(1, description="rays x rays of them per element, evenly; the mean of them is measured")

    def codomain(self, domain: Space) -> Space:
        require(domain, ("z", "row", "col"))
        (down, along), _, source, detector = self.lengths(domain)
        counts: tuple[int | None, ...] = (None, None)
        radius, depth = half_diagonal(domain), domain.axes[-3].size
        if self.detectors != "auto":
            counts = self.detectors
        elif radius is not None and depth is not None:
            tall = depth * spacings(domain, 3)[0] * (source + detector) / (source - radius)
            counts = _elements(tall, down), _elements(2 * (source + detector) * tan(asin(radius / source)), along)
        axes = (Axis("detector_row", counts[0]), Axis("detector_col", counts[1]))
        return self._measured(domain, axes, len(domain.axes) - 3)

    def lengths(self, domain: Space) -> tuple[Lengths, Lengths, float, float]:
        """Pitch and offset along z and along the rows, source and detector distance, in metres or pixels."""
        source, detector = throw(self, domain)
        tall, _, wide = spacings(domain, 3)
        pitch: Lengths = tuple(s * magnification(source, detector) for s in (tall, wide))
        if self.pitch != "auto":
            both = self.pitch if isinstance(self.pitch, tuple) else (self.pitch, self.pitch)
            pitch = tuple(length(p, "pitch", domain) for p in both)
        shifts = self.offset if isinstance(self.offset, tuple) else (0.0, self.offset)
        return pitch, tuple(length(s, "offset", domain) for s in shifts), source, detector
