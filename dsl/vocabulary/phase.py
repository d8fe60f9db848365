"""Solvers of phase retrieval: unknowns from magnitudes |A x|, of which every sign or phase is lost."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..model.facts import Diagonal, identity
from ..model.fields import Auto, Count, Field, NonNegative, Positive, Whole
from ..model.place import Placed
from ..model.problem import Problem, TermFacts
from ..model.solver import Iterative, Misfit, Solver
from .solvers import ClosedForm
from .solvers.needs import one_map

Restarts = Field(1, description="runs from different random starts, of which the one that fits the data best is kept")


def magnitudes(problem: Problem, name: str) -> Misfit | None:
    """There is one noise line, and it measures magnitudes."""
    if not problem.data:
        return Misfit(None, f"`{name}` needs a noise line", "add `noise y ~ gaussian(abs(A @ x), sigma = ...)`")
    plain = next((t for t in problem.data if not t.function.magnitudes), None)
    if plain is not None:
        hint = "magnitudes are measured by `gaussian(abs(A @ x), sigma = ...)` or `poisson(c * abs(A @ x)^2)`"
        return Misfit(plain, f"`{name}` finds lost phases, and `{plain.label}` measures no magnitudes", hint)
    if len(problem.data) > 1:
        return Misfit(problem.data[1], f"`{name}` takes one noise line, and `{problem.data[1].label}` is a second")
    return None


def phase_blind(problem: Problem, solver: Solver) -> Misfit | None:
    """Magnitudes are for solvers that find phases."""
    term = next((t for t in problem.data if t.function.magnitudes), None)
    if term is None or solver.phaseless:
        return None
    fits = "amplitude_flow" if term.function.magnitudes == 1 else "wirtinger_flow"
    hint = f"`{fits}` fits this problem; `alternating_projections` too, and with a support `hio`"
    return Misfit(term, f"`{solver.word}` needs the signs or phases that `{term.label}` does not measure", hint)


class Spectral(Solver):
    """A start for phase retrieval: the direction that the rows of A with large magnitudes have in common.

    The leading eigenvector of A^H T A by the power method, with weights T that grow with the magnitudes as is best for
    random A; scaled to fit the data. It needs measurements that look random: coded masks or random matrices. Of plain
    Fourier magnitudes it knows nothing.
    """

    role: ClassVar[str] = "direct"
    phaseless: ClassVar[bool] = True
    formula: ClassVar[str] = (
        r"\hat x \propto \text{leading eigenvector of } A^H \operatorname{diag}\Bigl("
        r"\frac{s - 1}{s + \sqrt{m / n} - 1}\Bigr) A, \quad s = \frac{y^2}{\text{mean of } y^2}"
    )
    reference: ClassVar[str] = "Mondelli, Montanari 2019; Candes, Li, Soltanolkotabi 2015"
    example: ClassVar[str] = "solver amplitude_flow(iterations = 300) { init = spectral(iterations = 50) }"

    iterations: Count = Field(100, description="steps of the power method")

    def misfit(self, problem: Problem) -> Misfit | None:
        return magnitudes(problem, self.word)


class _Flow(Iterative):
    """Gradient steps on the data term of magnitudes, each followed by the proximal map of the priors."""

    phaseless: ClassVar[bool] = True

    step: Positive | Auto = Field("auto", description="step size; `auto` as said above")
    restarts: Count = Restarts

    def misfit(self, problem: Problem) -> Misfit | None:
        return magnitudes(problem, self.word) or one_map(
            [t for t in problem.priors if not t.function.smooth], self.word
        )


class AmplitudeFlow(_Flow):
    """Gradient descent on the half squares of amplitudes, truncated. Without `init` it starts at `spectral()`.

    Entries whose modulus is below y / (1 + truncate) have phases that mislead, and are left out of the gradient. The
    step is 1 / L with L = |A|^2 / sigma^2, at which the untruncated objective never rises.
    """

    formula: ClassVar[str] = (
        r"x_{k+1} = x_k - t A^H \Bigl(A x_k - y \frac{A x_k}{|A x_k|}\Bigr)_{|A x_k| \ge y / (1 + \gamma)}"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Wang, Giannakis, Eldar 2018"
    example: ClassVar[str] = "solver amplitude_flow(iterations = 300)"

    truncate: NonNegative | Literal["none"] = Field(
        0.7, description="gamma of the truncation: the smaller it is, the more is left out; `none` keeps all"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        squared = next((t for t in problem.data if t.function.magnitudes > 1), None)
        if squared is not None:
            reason = f"`amplitude_flow` fits amplitudes, and `{squared.label}` measures their squares"
            return Misfit(squared, reason, "`wirtinger_flow` fits squares")
        return super().misfit(problem)


class WirtingerFlow(_Flow):
    """Gradient descent on the data term of magnitudes as it stands. Without `init` it starts at `spectral()`.

    The step begins at one over the curvature at the magnitudes measured, grows by a tenth each time, and is halved
    where the objective would rise by more than a parabola of that curvature.
    """

    formula: ClassVar[str] = r"x_{k+1} = x_k - t_k A^H \nabla h(A x_k)"
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Candes, Li, Soltanolkotabi 2015"
    example: ClassVar[str] = "solver wirtinger_flow(iterations = 300)"


class _Projections(Iterative):
    """Projections onto the measured magnitudes and onto what the priors allow."""

    phaseless: ClassVar[bool] = True

    restarts: Count = Restarts

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = magnitudes(problem, self.word)
        if bad is not None:
            return bad
        soft = next((t for t in problem.priors if not (t.function.constraint and t.plain)), None)
        if soft is not None:
            hint = "`amplitude_flow` takes other priors"
            reason = f"`{self.word}` projects onto sets such as `x in nonnegative`, and `{soft.label}` is none"
            return Misfit(soft, reason, hint)
        count = sum(s.count or 0 for s in problem.unknowns.values())
        if problem.normal_basis is None and count > ClosedForm.largest:
            term = problem.data[0]
            reason = (
                f"`{self.word}` needs A^H A diagonal in a basis, or at most {ClosedForm.largest} unknowns; here are "
                f"{count}"
            )
            return Misfit(term, reason, "`amplitude_flow` and `wirtinger_flow` need products with A only")
        return None


class AlternatingProjections(_Projections):
    """Gerchberg and Saxton's method: measured magnitudes in, the nearest image out. Without `init`: random phases.

    The residual never rises.
    """

    formula: ClassVar[str] = r"x_{k+1} = P_C\Bigl(A^+ \Bigl(y \frac{A x_k}{|A x_k|}\Bigr)\Bigr)"
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Gerchberg, Saxton 1972"
    example: ClassVar[str] = "solver alternating_projections(iterations = 300) { init = spectral() }"


class ErrorReduction(_Projections):
    """Fienup's error reduction: the method of Gerchberg and Saxton with a support. Without `init`: random phases.

    The residual never rises, and often soon comes to rest far from zero: see `hio`.
    """

    formula: ClassVar[str] = r"x_{k+1} = P_C\Bigl(A^+ \Bigl(y \frac{A x_k}{|A x_k|}\Bigr)\Bigr)"
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Fienup 1982"
    example: ClassVar[str] = "solver error_reduction(iterations = 500, restarts = 10)"


class Hio(_Projections):
    """Fienup's hybrid input-output: outside the support, or where a prior is violated, the error is fed back.

    The support is the square that `pad` puts a margin around. It does not settle by itself: the last steps are error
    reduction.
    """

    formula: ClassVar[str] = (
        r"g_{k+1} = g'_k \text{ where allowed, } g_k - \beta g'_k \text{ elsewhere}, \quad g'_k = P_M(g_k)"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.6; Fienup 1982"
    example: ClassVar[str] = "solver hio(iterations = 500, beta = 0.9, restarts = 10)"

    beta: Positive = Field(0.9, description="how strongly errors are fed back")
    polish: Whole = Field(50, description="how many of the last steps are error reduction")

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = super().misfit(problem)
        if bad is not None or problem.priors or any(margin(p) for t in problem.data for p in t.blocks.values()):
            return bad
        term: TermFacts = problem.data[0]
        name = next(iter(problem.unknowns), "x")
        reason = "`hio` feeds back what violates a support or a sign, and this problem has neither"
        hint = f"oversample by `pad(factor = 2)` behind the transform, or add `prior {name} in nonnegative`"
        return Misfit(term, reason, hint)


def margin(placed: Placed) -> bool:
    """Whether the innermost operator but embeddings puts its argument into a larger grid, zero elsewhere."""
    first = next((p for p in (placed.parts or (placed,)) if p.term is not None), placed)
    return first.facts.gram == identity() and first.facts.cogram == Diagonal("pixel")
