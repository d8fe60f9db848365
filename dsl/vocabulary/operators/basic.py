"""Identity, masks, diagonals, matrices, stacks and changes of shape."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from annotated_types import Gt

from ...model import facts as fact
from ...model.facts import IDENTITY, Diagonal, Facts, Norm
from ...model.fields import Annotated, Field, FilePath, Fraction, Seed, Vary
from ...model.place import place, preimage_of
from ...model.space import Axis, Space, SpaceError, distinct, fits, merge
from ...model.space import Field as SpaceField
from ...model.terms import OperatorTerm
from ...model.word import Array, Operator


class Identity(Operator):
    """The identity: denoising."""

    formula: ClassVar[str] = r"A x = x"
    reference: ClassVar[str] = "Heckel 2024, 1.1.1"
    example: ClassVar[str] = "forward A = identity()"

    def codomain(self, domain: Space) -> Space:
        return domain

    def facts(self, domain: Space) -> Facts:
        return replace(IDENTITY, apart=distinct(domain))


def varied(vary: Vary, domain: Space) -> str:
    """What a measured part is a part of, in words. Raises SpaceError where it varies with frames and there are none."""
    if vary == "frame" and domain.axis("frame") is None:
        raise SpaceError(f"varies with the frame, and {domain} has none; write `{{ frames = 25 }}`")
    return {"page": "", "row": " of each row", "frame": " of each frame"}[vary]


class Mask(Operator):
    """Keep some of the pixels, a random part or those of a file: inpainting. The others are zero and not measured.

    A random mask, and one with spatial axes only, is the same in every channel.
    """

    formula: ClassVar[str] = r"(A x)_i = m_i x_i, \quad m_i \in \{0, 1\}"
    reference: ClassVar[str] = "Heckel 2024, 1.1.1"
    example: ClassVar[str] = "forward A = mask(keep = 30%)"
    random: ClassVar[bool] = True

    exclusive: ClassVar[tuple[str, str] | None] = ("keep", "file")

    keep: Annotated[Fraction, Gt(0)] | None = Field(
        None, description="part of the pixels that is measured, drawn at random; at least one is"
    )
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    file: FilePath | None = Field(
        None, description="a .npy file over the last axes instead; what is not zero in it is measured"
    )
    vary: Vary = Field("page", description="`row`, `frame`: other pixels for each row of the data, or for each frame")

    def codomain(self, domain: Space) -> Space:
        if self.file is not None:
            if self.vary != "page":
                raise SpaceError(f"takes its pixels from {self.file.text} and draws none; leave `vary` out")
            shape = self.file.header().shape
            if not shape or len(shape) > len(domain.axes) or not _follow(shape, domain):
                raise SpaceError(f"has {_times(shape)} entries in {self.file.text}, which do not fit {domain}")
            return Space(domain.field, domain.axes, domain.unit, support=f"the pixels of {self.file.text}")
        if self.keep is None:
            raise SpaceError("needs `keep` or `file`; write `mask(keep = 30%)`")
        support = f"{self.keep:.0%} of the pixels{varied(self.vary, domain)}"
        return Space(domain.field, domain.axes, domain.unit, support=support)

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        norm = Norm(1.0, exact=self.file is None)  # a mask of a file may be empty
        return Facts(
            gram=pixel, cogram=pixel, diagonal=pixel, norm=norm, signs=True, apart=distinct(domain), light=True
        )


class DiagonalOperator(Operator):
    """Multiply entry by entry with a fixed array."""

    word: ClassVar[str] = "diagonal"
    formula: ClassVar[str] = r"(A x)_i = d_i x_i"
    reference: ClassVar[str] = "Heckel 2024, 1.2"
    example: ClassVar[str] = "forward A = diagonal(vignette(falloff = 0.5))"

    values: Array = Field(description="the diagonal: an array over the last axes of the domain")

    def codomain(self, domain: Space) -> Space:
        shape = self.values.shape(domain)
        if shape is not None and domain.known and shape != domain.sizes[-len(shape) :]:
            raise SpaceError(f"has {_times(shape)} values, which do not fit {domain}")
        return domain if not self.values.complex_valued else domain.with_field("complex")

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        signs = self.values.nonnegative
        facts = Facts(gram=pixel, cogram=pixel, diagonal=pixel, signs=signs, apart=distinct(domain), light=True)
        return fact.embed(facts) if domain.field == "real" and self.values.complex_valued else facts


class Matrix(Operator):
    """A matrix of your own from a `.npy` file, acting on a signal."""

    formula: ClassVar[str] = r"(A x)_i = \sum_j \Phi_{ij} x_j"
    reference: ClassVar[str] = "Heckel 2024, 4.2"
    example: ClassVar[str] = 'forward A = matrix("phi.npy") @ flatten()'

    file: FilePath = Field(description="a .npy file with a two-dimensional array")

    def codomain(self, domain: Space) -> Space:
        rows, columns, complex_valued = self._header()
        if len(domain.axes) != 1:
            raise SpaceError(f"acts on a signal, not on {domain}; put `@ flatten()` behind it")
        if domain.shape[0] not in (None, columns):
            raise SpaceError(f"has {columns} columns, but its argument {domain.shape[0]} entries")
        field = "complex" if complex_valued else domain.field
        return Space(field, (Axis("measurement", rows),), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        return Space(codomain.field, (Axis("sample", self._header()[1]),), codomain.unit)

    def facts(self, domain: Space) -> Facts:
        facts = Facts(blocks=("measurement",))
        return fact.embed(facts) if domain.field == "real" and self._header()[2] else facts

    def _header(self) -> tuple[int, int, bool]:
        header = self.file.header()
        if len(header.shape) != 2:
            raise SpaceError(f"needs a matrix, but {self.file.text} has {len(header.shape)} axes")
        return header.shape[0], header.shape[1], header.complex_valued


class Stack(Operator):
    """Several operators side by side on the same argument."""

    formula: ClassVar[str] = r"A x = (A_1 x, A_2 x, \dots)"
    reference: ClassVar[str] = "Heckel 2024, 1.2"
    example: ClassVar[str] = "D = stack(diff(axis = row), diff(axis = col))"
    variadic: ClassVar[str | None] = "parts"

    parts: tuple[OperatorTerm, ...] = Field(description="the operators", min_length=1)

    def codomain(self, domain: Space) -> Space:
        spaces = [place(p, domain).codomain for p in self.parts]
        first = spaces[0]
        if all(fits(first, s) and len(s.axes) == len(first.axes) for s in spaces):
            for s in spaces[1:]:
                first = merge(first, s)
            return first.with_axes((Axis("part", len(spaces)), *first.axes))
        counts = [s.count for s in spaces]
        total = sum(c for c in counts if c is not None) if None not in counts else None
        field: SpaceField = "complex" if any(s.field == "complex" for s in spaces) else "real"
        return Space(field, (Axis("measurement", total),), first.unit)

    def preimage(self, codomain: Space) -> Space:
        if len(codomain.axes) < 2 or codomain.shape[0] not in (None, len(self.parts)):
            raise SpaceError("cannot tell the shape that its adjoint maps to; apply it to an argument first")
        return preimage_of(self.parts[0], codomain.with_axes(codomain.axes[1:]))

    def facts(self, domain: Space) -> Facts:
        return fact.stack([place(p, domain).facts for p in self.parts])

    def stored(self, domain: Space) -> int:
        return sum(place(p, domain).stored for p in self.parts)


class Flatten(Operator):
    """All axes as one, in row-major order."""

    formula: ClassVar[str] = r"A x = \mathrm{vec}(x)"
    reference: ClassVar[str] = "Heckel 2024, 4.2"
    example: ClassVar[str] = "forward A = gaussian(rows = 1024) @ flatten()"

    def codomain(self, domain: Space) -> Space:
        return Space(domain.field, (Axis("sample", domain.count),), domain.unit, domain.support)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the shape that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        one = fact.identity()
        return Facts(gram=one, cogram=one, norm=Norm(1.0, exact=True), signs=True, light=True)


def _follow(shape: tuple[int, ...], domain: Space) -> bool:
    """Whether the extents are those of the last axes, as far as they are known."""
    return all(m is None or m == n for m, n in zip(domain.shape[-len(shape) :], shape, strict=True))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
