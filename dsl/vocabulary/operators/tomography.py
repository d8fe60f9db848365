"""Computed tomography."""

from __future__ import annotations

from math import ceil, hypot, pi
from typing import ClassVar

from ...model.facts import Facts
from ...model.fields import Arc, Auto, Count, Field, Interval, Spacing
from ...model.space import Axis, Space, SpaceError
from ...model.units import ANGLE, LENGTH, Quantity, Unit, times
from ...model.word import Operator


class Radon(Operator):
    """Line integrals along parallel rays, by linear interpolation between pixels (Joseph)."""

    formula: ClassVar[str] = r"(A x)(\theta, s) = \int x(s n_\theta + t n_\theta^\perp) \, dt"
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Joseph 1982"
    example: ClassVar[str] = "forward A = radon(angles = 0deg..180deg, views = 90)"

    angles: Arc = Field(Interval(0.0, pi, None, ANGLE), description="the arc of view angles; its end does not count")
    views: Count = Field(180, description="number of equally spaced angles")
    detectors: Count | Auto = Field("auto", description="detector elements; `auto` covers the image's diagonal")
    pitch: Spacing | Auto = Field(
        "auto",
        description="spacing of the detector elements, a length where the image has a voxel size; `auto`: one column",
    )

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) < 2 or domain.axes[-1].name != "col" or domain.axes[-2].name != "row":
            raise SpaceError(f"needs an image with rows and columns, not {domain}")
        row, col = domain.axes[-2:]
        height, width, pitch = self.spacing(domain)
        size = self.detectors
        count: int | None = size if size != "auto" else None
        if size == "auto" and row.size is not None and col.size is not None:
            count = ceil(hypot(row.size * height, col.size * width) / pitch * (1 - 1e-12))
        unit = domain.unit
        if row.voxel is not None:
            unit = Unit(1.0, times(unit.dimension, LENGTH))
        axes = (*domain.axes[:-2], Axis("view", self.views), Axis("detector", count))
        return Space(domain.field, axes, unit)

    def spacing(self, domain: Space) -> tuple[float, float, float]:
        """The spacing of rows, of columns and of detector elements: in metres where the image has a voxel size, else
        in pixels. Raises SpaceError where the pitch is of the other kind."""
        row, col = domain.axes[-2:]
        if row.voxel is None or col.voxel is None:
            if isinstance(self.pitch, Quantity):
                raise SpaceError("has a pitch in units of length, but the image no voxel size; write `{ voxel = 1mm }`")
            return 1.0, 1.0, 1.0 if self.pitch == "auto" else self.pitch
        if self.pitch == "auto":
            return row.voxel, col.voxel, col.voxel
        if not isinstance(self.pitch, Quantity):
            raise SpaceError("has a pitch without a unit, but the image has a voxel size; write `pitch = 1mm`")
        return row.voxel, col.voxel, self.pitch.value

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the image that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(signs=True)
