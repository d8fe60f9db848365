"""Analyses of singular values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ...model.fields import Count, Field
from ...model.place import Placed, matrix_sizes
from ...model.space import Space
from ...model.terms import OperatorTerm, ValueTerm, unknowns_in
from ...model.word import Analysis, Network


class NormOf(Analysis):
    """The operator norm, the largest singular value."""

    word: ClassVar[str] = "norm"
    formula: ClassVar[str] = r"\|A\| = \max_{\|x\| = 1} \|A x\|"
    reference: ClassVar[str] = "Heckel 2024, 3.3"
    example: ClassVar[str] = "analyze [norm(A)]"
    yields: ClassVar[tuple[str, ...]] = ("norm",)

    of: OperatorTerm = Field(description="an operator")


class SingularValues(Analysis):
    """The singular values of an operator, with its condition number and rank.

    All of them, exactly, where A is diagonal in a basis or its matrix is small; else the largest ones without a matrix,
    by a block Lanczos iteration that states how far each can be off. `condition` is the largest over the smallest,
    infinite where some are zero; `rank` counts those that are not; `effective_rank` is the exponential of the entropy
    of their shares, which is small where a few dominate.
    """

    formula: ClassVar[str] = r"A = U \operatorname{diag}(\sigma_1 \ge \sigma_2 \ge \dots) V^H"
    reference: ClassVar[str] = "Heckel 2024, 2.3; Golub, Luk, Overton 1981; Roy, Vetterli 2007"
    example: ClassVar[str] = "analyze [singular_values(A)]"
    yields: ClassVar[tuple[str, ...]] = ("condition", "rank", "effective_rank")

    of: OperatorTerm = Field(description="an operator")
    count: Count | None = Field(
        None, description="how many of the largest; left out: all where they are exact, else 50"
    )

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        rows, columns = matrix_sizes(operators[0])
        if self.count is None or rows is None or columns is None or self.count <= min(rows, columns):
            return None
        return f"this operator has {min(rows, columns)} singular values, not {self.count}", "leave `count` out for all"


class JacobianSpectrum(Analysis):
    """The largest singular values of a Jacobian, without a matrix.

    Of a network it is the derivative of its output in its weights at their random start, whose spectrum says what
    gradient descent fits first: `alignment` is the part of the leading left singular vectors, as many as `count` says,
    that lies in the span of equally many trigonometric functions of the lowest frequencies. Of a value such as
    `exp(-A @ x)` it is the derivative in its unknown at the estimate of the first row, and complex numbers stand as
    their real and imaginary parts.
    """

    formula: ClassVar[str] = r"J_{ij} = \partial G_i / \partial \theta_j, \quad J = U \operatorname{diag}(\sigma) V^T"
    reference: ClassVar[str] = "Heckel 2024, 11.3.1, Theorem 10, Fig. 11.4; Golub, Luk, Overton 1981"
    example: ClassVar[str] = "analyze [jacobian_spectrum(conv_generator(kernel = triangle(radius = 12)), count = 41)]"
    yields: ClassVar[tuple[str, ...]] = ("alignment",)

    of: Network | ValueTerm = Field(description="a network, or a value that depends on one unknown")
    count: Count = Field(50, description="how many singular values and vectors")

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        if isinstance(self.of, Network) and self.of.fitted:
            return "this Jacobian is taken at random weights, and this network has its own", "name an architecture"
        if isinstance(self.of, Network):
            return self.of.misfit(unknown)
        names = unknowns_in(self.of)
        if len(names) == 1:
            return None
        found = " and ".join(f"`{n}`" for n in names) or "no unknown"
        return f"a Jacobian is the derivative in one unknown, and this value depends on {found}", "name one: `A @ x`"

    @property
    def once(self) -> Literal["page", "method", "row"]:
        return "page" if isinstance(self.of, Network) else "method"
