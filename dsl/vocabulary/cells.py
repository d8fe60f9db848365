"""Laws of noise that tell a cell in which the mean lies, and nothing more: the data term is the cell's indicator."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from ..model.fields import Annotated, Count, Field, Fraction, Interval, Le, Positive, Range
from ..model.problem import Affine, FunctionFacts
from ..model.space import Space
from ..model.terms import ValueTerm
from ..model.word import Law

MEAN = Field(description="what would be measured without noise")
RANGE = Field(Interval(0.0, 1.0, None), description="the least and the largest value that can be recorded")


class _CellLaw(Law):
    """A law on real numbers whose data term is the indicator of a cell around the measurement."""

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        self.require_real(space)
        return FunctionFacts(constraint=True)

    @property
    def samples(self) -> bool:
        return True


class Uniform(_CellLaw):
    """An error that is anything up to a bound, entry by entry."""

    formula: ClassVar[str] = r"|(A x - y)_i| \le r"
    reference: ClassVar[str] = "Heckel 2024, 2.1"
    example: ClassVar[str] = "noise y ~ uniform(A @ x, radius = 0.02)"

    mean: ValueTerm = MEAN
    radius: Positive = Field(description="the largest error of an entry")


class Quantised(_CellLaw):
    """Values rounded to a grid of levels: the mean lies within half a step of what was recorded.

    With `bits` there are 2^bits levels over `range`, and what lies beyond the range is recorded as its end: such
    entries bound the mean from one side only. With `step` the levels are all multiples of it.
    """

    formula: ClassVar[str] = r"|(A x - y)_i| \le \Delta / 2, \quad y = \Delta \lfloor A x / \Delta \rceil"
    reference: ClassVar[str] = "Heckel 2024, 2.1"
    example: ClassVar[str] = "noise y ~ quantised(A @ x, bits = 3)"
    exclusive: ClassVar[tuple[str, ...] | None] = ("bits", "step")

    mean: ValueTerm = MEAN
    bits: Annotated[Count, Le(16)] | None = Field(None, description="the number of bits of the converter")
    step: Positive | None = Field(None, description="the distance of two levels, instead of `bits`")
    range: Range = RANGE

    @model_validator(mode="after")
    def _one(self) -> Quantised:
        if self.bits is None and self.step is None:
            raise ValueError("give the levels, by `bits` or by `step`")
        return self

    @property
    def distance(self) -> float:
        """The distance of two levels."""
        if self.step is not None:
            return self.step
        assert self.bits is not None
        levels: int = 2**self.bits
        return (self.range.stop - self.range.start) / (levels - 1)


class SaltPepper(_CellLaw):
    """Impulses: a fraction of the entries is replaced by the least or the largest value, at even odds.

    An entry strictly between the two was not replaced, so it is exact; one at an end says nothing of the mean. That is
    the likelihood: where the truth itself may equal an end exactly the odds of that are neglected. For
    measurements that are noisy besides, `laplace` is the robust choice.
    """

    formula: ClassVar[str] = r"(A x)_i = y_i \quad \text{wherever } a < y_i < b"
    reference: ClassVar[str] = "Chan, Ho, Nikolova 2005"
    example: ClassVar[str] = "noise y ~ salt_pepper(A @ x, fraction = 10%)"

    mean: ValueTerm = MEAN
    fraction: Fraction = Field(description="how many of the entries are replaced")
    range: Range = RANGE


class Jpeg(_CellLaw):
    """JPEG compression: each cosine coefficient of each block of 8 x 8 pixels lies in a cell around what was kept.

    The luminance table of the standard, scaled by the usual rule of its quality; colour channels are coded one by one,
    without subsampling. Both extents must be multiples of 8.
    """

    formula: ClassVar[str] = r"|(C (A x - y))_{uv}| \le \tfrac{1}{2} Q_{uv}, \quad C \text{ the cosines of } 8 \times 8"
    reference: ClassVar[str] = "Wallace 1992; Bredies, Holler 2012"
    example: ClassVar[str] = "noise y ~ jpeg(A @ x, quality = 20)"

    mean: ValueTerm = MEAN
    quality: Annotated[Count, Le(100)] = Field(75, description="1 (coarse) to 100 (a step of one grey level)")
    range: Range = Field(Interval(0.0, 1.0, None), description="what black and white, 0 and 255 of a file, stand for")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        self.require_real(space)
        names = tuple(a.name for a in space.axes[-2:])
        if names != ("row", "col"):
            raise ValueError(f"`jpeg` codes pictures, and this mean is {space}")
        odd = next((a for a in space.axes[-2:] if a.size is not None and a.size % 8), None)
        if odd is not None:
            raise ValueError(f"`jpeg` codes blocks of 8 x 8 pixels, and {odd.size} {odd.name}s are no multiple of 8")
        return FunctionFacts(constraint=True, shape="all")
