"""Pictures of single particles in the electron microscope."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.fields import Field, Interval, Lengths, NonNegative, Rows, Seed
from ...model.units import LENGTH
from ...model.word import Source


class Particles(Source):
    """Particles at random poses, each with what a reconstruction has to know of its picture; one a row.

    Columns: volume; rotation, a matrix uniform among rotations; offset, two normal numbers of pixels; defocus, in um.
    """

    reference: ClassVar[str] = "Heckel 2024, 15.2; Zhong et al. 2021 for `hinge`"
    example: ClassVar[str] = "data p = particles(blobs, count = 500) { x = volume; pose = rotation }"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    kind: Literal["blobs", "hinge"] = Field(
        "blobs", description="`blobs`: one volume; `hinge`: an arm that is bent by an angle of its own in each row"
    )
    count: Rows = Field(1, description="number of rows")
    shift: NonNegative = Field(2.0, description="standard deviation of the offsets in pixels")
    defocus: Lengths = Field(Interval(1e-6, 3e-6, None, LENGTH), description="range of the defocus, drawn uniformly")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("volume", "rotation", "offset", "defocus")
