"""Particles of electron microscopy."""

from __future__ import annotations

from typing import ClassVar

from ...model.fields import Field, FilePath
from ...model.units import ANGLE, LENGTH, NONE, VOLTAGE, Dimension
from ...model.word import Source


class Star(Source):
    """The particles of a RELION STAR file, one a row, each read from its stack when needed.

    `image` is [rows, cols]. `rotation` is the 3 x 3 matrix R of the Euler angles, in RELION's ZYZ convention: R takes
    coordinates (x, y, z) of the volume to those of the image, x along columns. `offset` is how far the particle lies
    from the middle, (row, column): minus RELION's origin, which is the shift that centres it. `defocus` is the mean of
    `defocus_u` and `defocus_v`, positive for underfocus, and `astigmatism` the angle of the former. `voltage`, `cs`,
    `amplitude` and `pixel` come from the optics of the file. Stacks lie beside the STAR file, by the paths it gives.
    """

    reference: ClassVar[str] = "Scheres 2012"
    example: ClassVar[str] = 'data p = star("particles.star") { y = image; pose = rotation; shift = offset }'

    file: FilePath = Field(description="a .star file")

    def columns(self) -> tuple[str, ...]:
        return ("image", *_DIMENSIONS)

    def dimension(self, column: str) -> Dimension:
        return _DIMENSIONS.get(column, NONE)


_DIMENSIONS: dict[str, Dimension] = {
    "rotation": NONE,
    "offset": LENGTH,
    "defocus": LENGTH,
    "defocus_u": LENGTH,
    "defocus_v": LENGTH,
    "astigmatism": ANGLE,
    "voltage": VOLTAGE,
    "cs": LENGTH,
    "amplitude": NONE,
    "pixel": LENGTH,
}
