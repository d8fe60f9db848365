"""Sensing: random matrices, transforms that mix all entries, and random rows of them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from ...model import facts as fact
from ...model.facts import IDENTITY, Diagonal, Facts, Norm
from ...model.fields import Count, Field, Positive, Seed, VaryRow
from ...model.space import Axis, Space, SpaceError
from ...model.word import Operator
from .fourier import spatial_count


class _RandomMatrix(Operator):
    """A dense random matrix on a signal, scaled so that columns have unit norm on average."""

    reference: ClassVar[str] = "Heckel 2024, 4.4, 4.5"
    random: ClassVar[bool] = True

    rows: Count = Field(description="number of measurements")
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    vary: VaryRow = Field("page", description="`row`: another matrix for each row of the data")

    def codomain(self, domain: Space) -> Space:
        if len(domain.axes) != 1:
            raise SpaceError(f"acts on a signal, not on {domain}; put `@ flatten()` behind it")
        return Space(domain.field, (Axis("measurement", self.rows),), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the length of signal its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(blocks=("measurement",))

    def stored(self, domain: Space) -> int:
        return self.rows * (domain.count or 0)


class GaussianMatrix(_RandomMatrix):
    """A matrix with independent entries from a Gaussian of variance 1 / rows."""

    word: ClassVar[str] = "gaussian"
    formula: ClassVar[str] = r"A_{ij} \sim \mathcal{N}(0, 1/m)"
    example: ClassVar[str] = "forward A = gaussian(rows = 256)"

    entries: Literal["real", "complex"] = Field(
        "real", description="`complex` entries are circular: real and imaginary part of variance 1 / (2 rows) each"
    )

    def codomain(self, domain: Space) -> Space:
        space = super().codomain(domain)
        return space.with_field("complex") if self.entries == "complex" else space

    def facts(self, domain: Space) -> Facts:
        facts = super().facts(domain)
        return fact.embed(facts) if self.entries == "complex" and domain.field == "real" else facts

    def stored(self, domain: Space) -> int:
        return super().stored(domain) * (2 if self.entries == "complex" else 1)


class Rademacher(_RandomMatrix):
    """A matrix with independent signs, divided by the root of the number of rows."""

    formula: ClassVar[str] = r"A_{ij} = \pm m^{-1/2}"
    example: ClassVar[str] = "forward A = rademacher(rows = 256)"


class Hadamard(Operator):
    """The orthonormal Walsh-Hadamard transform over the spatial axes, whose extents are powers of two."""

    formula: ClassVar[str] = r"(A x)_i = n^{-1/2} \sum_j (-1)^{\langle i, j \rangle} x_j"
    reference: ClassVar[str] = "Heckel 2024, 4.5; Fino, Algazi 1976"
    example: ClassVar[str] = "forward A = rows(keep = 25%) @ hadamard()"

    order: Literal["natural", "sequency"] = Field(
        "natural", description="of the rows: Sylvester's, or by their number of changes of sign (Walsh)"
    )

    def codomain(self, domain: Space) -> Space:
        for axis in domain.axes[-spatial_count(domain) :]:
            n = axis.size
            if n is not None and n & (n - 1):
                nearest = 2 ** max(n.bit_length() - 1, 0)
                raise SpaceError(
                    f"needs powers of two, and `{axis.name}` has {n} entries; take {nearest} or {2 * nearest}, or "
                    "`cosine()`, which takes any number"
                )
        return Space(domain.field, domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        return Facts(gram=fact.identity(), cogram=fact.identity(), norm=Norm(1.0, exact=True))


class Signs(Operator):
    """Turn the sign of each entry or not, at random.

    In front of a Fourier or Hadamard transform it spreads images that these transforms concentrate.
    """

    formula: ClassVar[str] = r"(A x)_i = \epsilon_i x_i, \quad \epsilon_i = \pm 1"
    reference: ClassVar[str] = "Heckel 2024, 4.5; Krahmer, Ward 2011"
    example: ClassVar[str] = "forward A = rows(keep = 25%) @ hadamard() @ signs()"
    random: ClassVar[bool] = True

    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    vary: VaryRow = Field("page", description="`row`: other signs for each row of the data")

    def codomain(self, domain: Space) -> Space:
        return domain

    def facts(self, domain: Space) -> Facts:
        pixel = Diagonal("pixel")
        return Facts(
            gram=IDENTITY.gram, cogram=IDENTITY.cogram, diagonal=pixel, turns=pixel, norm=Norm(1.0, exact=True)
        )


class RandomRows(Operator):
    """A random part of the entries, as one list: `rows(keep = 25%) @ hadamard()` is a quarter of that matrix's rows."""

    word: ClassVar[str] = "rows"
    formula: ClassVar[str] = r"A x = (x_i)_{i \in \Omega}"
    reference: ClassVar[str] = "Heckel 2024, 4.5; Krahmer, Ward 2014 on densities"
    example: ClassVar[str] = "forward A = rows(keep = 25%) @ hadamard() @ flatten()"
    random: ClassVar[bool] = True

    keep: Positive = Field(description="part of the entries that is measured, at least one; above 1, how many")
    density: Literal["uniform", "corner", "middle"] = Field(
        "uniform",
        description="how likely an entry is: all alike, or falling with the square of the distance from the first "
        "entry (low frequencies of `cosine` and `hadamard`) or from the middle (those of `fft2`)",
    )
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")
    vary: VaryRow = Field("page", description="`row`: other entries for each row of the data")

    @field_validator("keep")
    @classmethod
    def _whole(cls, keep: float) -> float:
        if keep > 1 and keep != round(keep):
            raise ValueError(f"a part is at most 100%, and a number of entries is whole, not {keep:g}")
        return keep

    def kept(self, count: int) -> int:
        """How many of `count` entries are measured."""
        return int(self.keep) if self.keep > 1 else max(round(self.keep * count), 1)

    def codomain(self, domain: Space) -> Space:
        count = domain.count
        kept = int(self.keep) if self.keep > 1 else None
        if count is not None:
            kept = self.kept(count)
            if kept > count:
                raise SpaceError(f"keeps {kept} entries, and {domain} has {count}")
        return Space(domain.field, (Axis("measurement", kept),), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the shape that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(gram=Diagonal("pixel"), cogram=fact.identity(), norm=Norm(1.0, exact=True), signs=True)
