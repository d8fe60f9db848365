"""Sets of a given size or dimension: balls and subspaces."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..model.fields import Field, NonNegative, Real
from ..model.place import Placed, place
from ..model.problem import FunctionFacts
from ..model.space import Space, SpaceError
from ..model.terms import Adjoint, OperatorTerm
from ..model.word import Array, Set

LARGEST = 2**26
"""Most numbers of a dense matrix whose columns are made orthonormal."""


class Ball(Set):
    """All that lies no further than a radius from a centre, in the Euclidean norm or in that of moduli."""

    formula: ClassVar[str] = r"\|v - c\|_p \le r"
    reference: ClassVar[str] = "Heckel 2024, 1.4, 4.3; Duchi et al. 2008"
    example: ClassVar[str] = "prior x in ball(radius = 20, norm = l1)"
    real_only: ClassVar[bool] = False

    radius: NonNegative = Field(description="the largest distance, r, in the unit of the unknown")
    norm: Literal["l2", "l1"] = Field("l2", description="`l2`: root of the sum of squares; `l1`: sum of moduli")
    center: Array | Real = Field(0.0, description="the centre, c: an array over the last axes, or a number everywhere")

    def function(self, space: Space) -> FunctionFacts:
        """Raises SpaceError for a centre that does not fit the space."""
        if isinstance(self.center, Array):
            shape = self.center.shape(space)
            if shape is not None and space.known and shape != space.sizes[len(space.sizes) - len(shape) :]:
                raise SpaceError(f"`ball` has a centre of {' x '.join(map(str, shape))}, which does not fit {space}")
            if self.center.complex_valued and space.field == "real":
                raise SpaceError(f"`ball` has a complex centre, and {space} is real")
        centred = self.center == 0
        radial = centred and self.norm == "l2"
        return FunctionFacts(constraint=True, shape="all", even=centred, radial=radial)


class Span(Set):
    """The subspace of all U c: what the columns of an operator span.

    Columns that are not orthonormal are made so; those that depend on others are left out, and the rank is told.
    Solvers for smooth problems find the coefficients c, so that they stay in the subspace without projecting.
    """

    formula: ClassVar[str] = r"v \in \{U c : c \in \mathbb{K}^d\}"
    reference: ClassVar[str] = "Heckel 2024, 1.4, 9.3, 13.1"
    example: ClassVar[str] = "prior x in span(low_frequencies(size = 400, count = 40))"
    real_only: ClassVar[bool] = False

    of: OperatorTerm = Field(description="U, an operator from coefficients to what the unknown is")

    def adjoint(self, space: Space) -> Placed:
        """U^H on the space of the unknown. Raises SpaceError where U does not map to it."""
        return place(Adjoint(self.of, span=self.of.span), space)

    def orthonormal(self, space: Space) -> bool:
        """Whether the columns of U are known to be orthonormal, up to a factor."""
        cogram = self.adjoint(space).facts.cogram
        return cogram is not None and cogram.basis == "identity"

    def function(self, space: Space) -> FunctionFacts:
        """Raises SpaceError where U does not map to the space, or where its columns are too many to be orthonormal."""
        coefficients = self.adjoint(space).codomain
        if coefficients.field != space.field:
            raise SpaceError(f"`span` has coefficients that are {coefficients.field}, and the unknown is {space}")
        d, n = coefficients.count, space.count
        if d is not None and n is not None and d * n > LARGEST and not self.orthonormal(space):
            raise SpaceError(
                f"`span` makes {d} columns of {n} entries orthonormal, and a matrix of at most {LARGEST} numbers fits"
            )
        return FunctionFacts(constraint=True, shape="all", homogeneous=True, subspace=d if d is not None else 1)
