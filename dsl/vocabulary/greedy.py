"""Sparse supports: the set of sparse vectors, greedy solvers that look for the support, and the measure of that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from ..model.fields import Count, Field, Fraction, NonNegative, Positive
from ..model.problem import FunctionFacts, Problem, TermFacts
from ..model.solver import Iterative, Misfit, Solver
from ..model.space import Space
from ..model.terms import ValueTerm
from ..model.word import Metric, Set
from .metrics import OF
from .solvers.needs import measured_numbers


class Sparse(Set):
    """At most so many entries are not zero. It is not convex; the nearest point keeps the largest moduli."""

    formula: ClassVar[str] = r"\|v\|_0 \le k"
    reference: ClassVar[str] = "Heckel 2024, 4.1, 4.3; Blumensath, Davies 2008"
    example: ClassVar[str] = "prior x in sparse(30)"
    real_only: ClassVar[bool] = False

    nonzeros: Count = Field(description="how many entries may differ from zero, k")

    def function(self, space: Space) -> FunctionFacts:
        """Raises ValueError where all entries of the space may differ from zero anyway."""
        count = space.count
        if count is not None and self.nonzeros > count:
            raise ValueError(f"`sparse({self.nonzeros})` allows {self.nonzeros} nonzero entries, and there are {count}")
        return FunctionFacts(convex=False, constraint=True, shape="all", sparse=self.nonzeros)


class Support(Metric):
    """The part of the true support that was found.

    Of the K entries that are not zero in the truth, the fraction that is among the K largest moduli of the estimate
    and not zero there. So what an estimate puts elsewhere costs it places, and small entries beside large ones do not.
    """

    formula: ClassVar[str] = r"|S \cap \hat S_K| / K, \quad S = \{i : x_i \ne 0\}, \ K = |S|"
    reference: ClassVar[str] = "Heckel 2024, 4.3.2; Tropp, Gilbert 2007"
    example: ClassVar[str] = "metrics [nmse, support]"
    undefined: ClassVar[str] = "the truth is zero"

    of: ValueTerm | None = OF
    threshold: Fraction = Field(
        0.0, description="entries of the truth up to this part of its largest modulus count as zero"
    )


class Omp(Solver):
    """Orthogonal matching pursuit: one column more in each step, the one that explains most of the residual.

    Then least squares over the columns chosen so far. It takes as many columns as the set allows nonzeros; a row takes
    no further one once none correlates with its residual. Up to 4096 columns are compared by their directions, more of
    them as if all had one norm.
    """

    formula: ClassVar[str] = (
        r"i = \arg\max_j \frac{|\langle a_j, r \rangle|}{\|a_j\|_2}, \quad S \leftarrow S \cup \{i\}, \quad "
        r"x_S = \arg\min \|y - A_S x_S\|_2, \quad r = y - A_S x_S"
    )
    reference: ClassVar[str] = (
        "Heckel 2024, 4.3.2; Pati, Rezaiifar, Krishnaprasad 1993; Tropp, Gilbert 2007; "
        "Rubinstein, Zibulevsky, Elad 2008"
    )
    example: ClassVar[str] = "solver omp"

    tolerance: NonNegative = Field(
        1e-6,
        description="a row takes no further column once none correlates with its residual by more than this part of "
        "the first column's correlation",
    )

    cheap: ClassVar[int] = 4096  # coefficients for which A^H A is formed once, and a column of it is then looked up
    held: ClassVar[int] = 2**28  # numbers of the columns chosen, for each row, that memory holds comfortably

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = _sparse_least_squares(problem, self.word)
        if bad is not None:
            return bad
        stored = allowed(problem) * coefficients(problem)
        if stored > self.held:
            reason = f"`omp` keeps {allowed(problem)} columns of {coefficients(problem)} numbers, more than memory does"
            return Misfit(_first(_sets(problem)), reason, "`iht` and `cosamp` keep none")
        return None

    @classmethod
    def cheap_columns(cls, problem: Problem) -> bool:
        """Whether a column of A^H A is looked up instead of computed: all of them are known and few enough to store."""
        return 0 < coefficients(problem) <= cls.cheap


class Cosamp(Iterative):
    """Compressive sampling matching pursuit: 2k columns join the support, least squares, and the k largest stay."""

    formula: ClassVar[str] = (
        r"T = \operatorname{supp}_{2k}(A^H (y - A x)) \cup \operatorname{supp}(x), \quad "
        r"b_T = \arg\min \|y - A_T b_T\|_2, \quad x \leftarrow H_k(b)"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.3.2; Needell, Tropp 2009"
    example: ClassVar[str] = "solver cosamp(iterations = 20)"

    iterations: Count = Field(50, description="most iterations")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _sparse_least_squares(problem, self.word)

    def caution(self, problem: Problem) -> Misfit | None:
        total, measured = 3 * allowed(problem), measured_coefficients(problem)
        if total <= measured:
            return None
        reason = (
            f"`cosamp` solves least squares over up to {total} columns, and {measured:.0f} are determined by the data"
        )
        return Misfit(_first(_sets(problem)), reason, "`omp` and `iht` go further; or allow fewer nonzeros")


class Iht(Iterative):
    """Iterative hard thresholding: a gradient step, after which the k largest entries stay.

    `step = auto` is the normalised method: the step that is best on the present support, shortened until the objective
    must fall wherever the support changes.
    """

    formula: ClassVar[str] = (
        r"x \leftarrow H_k(x + t g), \quad g = A^H (y - A x), \quad t = \frac{\|g_S\|_2^2}{\|A g_S\|_2^2}"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.3.2; Blumensath, Davies 2008; Blumensath, Davies 2010"
    example: ClassVar[str] = "solver iht(iterations = 200)"

    step: Positive | Literal["auto"] = Field(
        "auto", description="step size in front of the gradient of the objective; convergence is known below 1 / L"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        return _sparse_least_squares(problem, self.word)


def coefficients(problem: Problem) -> int:
    """How many coefficients the unknowns have; zero where extents are not known before data are read."""
    counts = [s.count for s in problem.unknowns.values()]
    return 0 if any(n is None for n in counts) else sum(n or 0 for n in counts)


def allowed(problem: Problem) -> int:
    """How many of them may differ from zero."""
    return sum(t.function.sparse for t in _sets(problem))


def measured_coefficients(problem: Problem) -> float:
    """How many coefficients as many numbers determine as are measured; infinite where their count is not known."""
    field = next(iter(problem.unknowns.values())).field
    return sum(measured_numbers(t) for t in problem.data) / (2 if field == "complex" else 1)


def _sets(problem: Problem) -> list[TermFacts]:
    return [t for t in problem.terms if t.function.sparse]


def _first(terms: Iterable[TermFacts]) -> TermFacts | None:
    return next(iter(terms), None)


def _sparse_least_squares(problem: Problem, name: str) -> Misfit | None:
    """Each unknown is sparse, as it is or in an orthonormal basis, and all else is a square or exact data."""
    if not problem.data:
        return Misfit(None, f"`{name}` needs a noise line", "add `noise y ~ gaussian(A @ x, sigma = ...)`")
    sets = _sets(problem)
    bent = _first(t for t in problem.terms if t not in sets and not (t.function.quadratic or _exact(t)))
    if bent:
        reason = f"`{name}` finds sparse vectors by least squares, and `{bent.label}` is no square of a linear map"
        return Misfit(bent, reason)
    for t in sets:
        if len(t.blocks) != 1 or not (t.plain or t.operator.unitary):
            reason = f"`{name}` needs sparsity of an unknown or in an orthonormal basis, and `{t.label}` is neither"
            return Misfit(t, reason, "write the unknown as a synthesis, `x = D @ z`, with `prior z in sparse(...)`")
    for u, space in problem.unknowns.items():
        own = [t for t in sets if u in t.blocks]
        if not own:
            hint = f"add `prior {u} in sparse(...)`"
            return Misfit(_first(sets), f"`{name}` needs to know how sparse `{u}` is", hint)
        if len(own) > 1:
            return Misfit(own[1], f"`{name}` takes one sparse set, and `{own[1].label}` is a second on `{u}`")
        half = _first(t for t in problem.terms if u in t.blocks and t.blocks[u].facts.linear != "complex")
        if half and space.field == "complex":
            return Misfit(half, f"`{name}` needs columns, and `{half.label}` is linear over real numbers only")
    return None


def _exact(term: TermFacts) -> bool:
    """Whether the term says A x = y, not only that A x lies in a ball around y."""
    return term.function.exact and term.function.shape == "entry"
