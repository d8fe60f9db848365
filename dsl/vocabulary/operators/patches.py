"""Images made of overlapping patches."""

from __future__ import annotations

from typing import ClassVar

from ...model.facts import Facts
from ...model.fields import Count, Field
from ...model.space import Axis, Space, SpaceError
from ...model.word import Array, Operator


class Patches(Operator):
    """An image as overlapping patches, each a combination of the atoms of a dictionary, from their coefficients.

    Coefficients are [atoms, places down, places across], with a place every `step` pixels. Patches add up, divided by
    the root of how many cover a pixel, so that atoms of an orthonormal basis would make a tight frame, D D^H = I.
    """

    formula: ClassVar[str] = r"D z = W^{-1/2} \sum_j R_j^T \textstyle\sum_i d_i z_{ij}, \quad W = \sum_j R_j^T R_j"
    reference: ClassVar[str] = "Heckel 2024, 4.1; Elad, Aharon 2006"
    example: ClassVar[str] = 'x = patches(ksvd(pictures = "clean/*.png"), size = [256, 256], step = 4) @ z'

    atoms: Array = Field(description="the atoms, [atoms, patch, patch]: `ksvd(...)`, or a file")
    size: tuple[Count, Count] = Field(description="the extents of the image")
    step: Count = Field(4, description="pixels from one patch to the next, at most the side of a patch")

    def grid(self, space: Space) -> tuple[int, int, int]:
        """How many atoms there are, and places down and across. Raises SpaceError where patches leave pixels bare."""
        if self.atoms.complex_valued:
            raise SpaceError("takes real atoms, and these are complex")
        shape = self.atoms.shape(space)
        if shape is None or len(shape) != 3:
            found = " x ".join(map(str, shape)) if shape else "as large as what it stands on"
            raise SpaceError(f"takes atoms [atoms, patch, patch], and this array is {found}")
        count, *sides = shape
        places = []
        for n, side in zip(self.size, sides, strict=True):
            if self.step > side:
                raise SpaceError(f"leaves gaps between patches of {side} pixels every {self.step}")
            if n < side or (n - side) % self.step:
                low = side + max(n - side, 0) // self.step * self.step
                fitting = f"{low}" if n < side else f"{low} or {low + self.step}"
                raise SpaceError(f"of {side} pixels every {self.step} do not cover {n}; {fitting} would do")
            places.append((n - side) // self.step + 1)
        return count, places[0], places[1]

    def codomain(self, domain: Space) -> Space:
        wanted = self.grid(domain)
        if len(domain.axes) != 3 or any(m not in (None, n) for m, n in zip(domain.shape, wanted, strict=True)):
            listed = ", ".join(map(str, wanted))
            raise SpaceError(
                f"has coefficients [{listed}], and its argument is {domain}; declare "
                f"`unknown z : {domain.field}[{listed}]`"
            )
        rows, columns = self.size
        return Space(domain.field, (Axis("row", rows), Axis("col", columns)), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        count, down, across = self.grid(codomain)
        if len(codomain.axes) != 2 or any(m not in (None, n) for m, n in zip(codomain.shape, self.size, strict=True)):
            raise SpaceError(f"makes images of {self.size[0]} x {self.size[1]}, not {codomain}")
        return codomain.with_axes((Axis("z", count), Axis("row", down), Axis("col", across)))

    def facts(self, domain: Space) -> Facts:
        return Facts()
