"""Analyses of the columns of an operator: how alike two are, and how far a few are from orthonormal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...model.fields import Count, Field
from ...model.place import Placed, matrix_sizes
from ...model.space import Space
from ...model.terms import OperatorTerm
from ...model.word import Analysis

MOST_COLUMNS = 2**14
"""Columns whose inner products are all computed: 128 x 128 pixels, half a minute for a fast transform."""


def shift_invariant(placed: Placed) -> bool:
    """Whether all columns are shifts of one, so that the inner products with one of them are those of all."""
    gram = placed.facts.gram
    return gram is not None and (gram.basis == "fourier" and gram.axes == len(placed.domain.axes))


def orthogonal(placed: Placed) -> bool:
    """Whether the columns are known to be orthogonal."""
    return placed.facts.gram is not None and placed.facts.gram.basis in ("identity", "pixel")


def _too_many(word: str, placed: Placed) -> tuple[str, str] | None:
    columns = matrix_sizes(placed)[1]
    if columns is None or columns <= MOST_COLUMNS or shift_invariant(placed) or orthogonal(placed):
        return None
    pairs = columns * (columns - 1) // 2
    message = f"`{word}` compares {columns} columns, {pairs:.2g} pairs; it does so for at most {MOST_COLUMNS} columns"
    return message, "analyse the operator on a smaller unknown"


class Coherence(Analysis):
    """The largest inner product of two different columns, after all columns are scaled to unit norm.

    Of a sensing matrix `A`, of a dictionary such as `stack(identity(), cosine()).H`, of `A @ W.H` for what is sparse
    in W. It is exact; columns come in blocks and are never stored together. On real unknowns complex data count as
    their real and imaginary parts. OMP and basis pursuit find every x with fewer than 1 / (2 mu) nonzeros.
    """

    formula: ClassVar[str] = r"\mu = \max_{i \ne j} |\langle a_i, a_j \rangle| / (\|a_i\| \|a_j\|)"
    reference: ClassVar[str] = "Heckel 2024, 4.4, eq. (4.7); Tropp 2004"
    example: ClassVar[str] = "analyze [coherence(A)]"
    yields: ClassVar[tuple[str, ...]] = ("coherence",)

    of: OperatorTerm = Field(description="an operator")

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        columns = matrix_sizes(operators[0])[1]
        if columns == 1:
            return "`coherence` compares two columns, and this operator has one", "give the unknown more entries"
        return _too_many(self.word, operators[0])


class WelchBound(Analysis):
    """The least coherence that any matrix of these extents can have; rows that a mask sets to zero do not count."""

    formula: ClassVar[str] = r"\mu \ge \sqrt{(n - m) / (m (n - 1))} \quad \text{for } m \times n, \; n > m"
    reference: ClassVar[str] = "Heckel 2024, 4.4; Welch 1974"
    example: ClassVar[str] = "analyze [coherence(A), welch_bound(A)]"
    yields: ClassVar[tuple[str, ...]] = ("welch_bound",)

    of: OperatorTerm = Field(description="an operator")


class Rip(Analysis):
    """The restricted isometry constant: how far the squared length of a sparse vector can change.

    Exact where all sets of `order` columns can be tried. Else two bounds: the worst set that was found, from random
    ones improved by the truncated power iteration, is a lower bound; discs of Gershgorin around the Gram matrix of any
    such set, or the norm of A, are an upper bound. Columns are taken as they are, not scaled to unit norm.
    """

    formula: ClassVar[str] = (
        r"\delta_k = \max_{|S| = k} \| A_S^H A_S - I \| \le"
        r" \max_i |\|a_i\|^2 - 1| + \max_{|T| = k - 1} \sum_{j \in T} |\langle a_i, a_j \rangle|"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.6, Def. 5, Thm. 4; Yuan, Zhang 2013"
    example: ClassVar[str] = "analyze [rip(A, order = 4)]"
    yields: ClassVar[tuple[str, ...]] = ("rip_lower", "rip_upper")

    of: OperatorTerm = Field(description="an operator")
    order: Count = Field(description="how many columns a set has: twice the nonzeros of the signals")
    draws: Count = Field(1000, description="random sets that are tried where there are too many for all")

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        columns = matrix_sizes(operators[0])[1]
        if columns is not None and self.order > columns:
            return f"this operator has {columns} columns, and sets of {self.order} are asked for", "give a lower order"
        return _too_many(self.word, operators[0])
