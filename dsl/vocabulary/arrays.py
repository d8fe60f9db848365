"""Words for fixed arrays."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Field, FilePath, Fraction
from ..model.space import Space
from ..model.word import Array


class ArrayFile(Array):
    """An array of your own from a `.npy` file."""

    word: ClassVar[str] = "array"
    formula: ClassVar[str] = r"d = \text{the file's array}"
    example: ClassVar[str] = 'diagonal(array("gain.npy"))'

    file: FilePath = Field(description="a .npy file")

    @property
    def complex_valued(self) -> bool:
        return self.file.header().complex_valued

    @property
    def nonnegative(self) -> bool:
        return self.file.header().dtype[1:2] in ("u", "b")

    def shape(self, domain: Space) -> tuple[int, ...] | None:
        return self.file.header().shape


class Vignette(Array):
    """The gain of a lens that darkens towards the corners."""

    formula: ClassVar[str] = r"d(r) = 1 - f |r|^2, \quad |r| = 1 \text{ in the corners}"
    reference: ClassVar[str] = "second-order model of natural vignetting"
    example: ClassVar[str] = "diagonal(vignette(falloff = 0.5))"

    falloff: Fraction = Field(0.5, description="how much darker the corners are")

    @property
    def nonnegative(self) -> bool:
        return True
