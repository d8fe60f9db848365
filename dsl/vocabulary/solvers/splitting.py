"""Solvers that take a problem apart: gradients of some terms, proximal maps of others."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.facts import IDENTITY, stack
from ...model.fields import Auto, Field, Positive
from ...model.problem import Problem, closed_together
from ...model.solver import Certified, Iterative, Misfit, Plugged
from ...model.word import Schedule
from .needs import (
    Search,
    first,
    measured_numbers,
    not_convex,
    one_prox,
)


class Ista(Plugged, Certified):
    """The proximal gradient method."""

    plugs: ClassVar[tuple[str, ...]] = ("denoiser", "red")
    formula: ClassVar[str] = r"x_{k+1} = \mathrm{prox}_{t g}(x_k - t \nabla f(x_k))"
    reference: ClassVar[str] = "Heckel 2024, 3.4; Daubechies, Defrise, De Mol 2004"
    example: ClassVar[str] = "solver ista(iterations = 200)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        return one_prox(problem, self.word)


class Fista(Plugged, Certified):
    """The accelerated proximal gradient method, restarted where the momentum points uphill."""

    plugs: ClassVar[tuple[str, ...]] = ("denoiser", "red")
    formula: ClassVar[str] = (
        r"x_{k+1} = \mathrm{prox}_{t g}(z_k - t \nabla f(z_k)), \quad "
        r"z_{k+1} = x_{k+1} + \tfrac{\theta_k - 1}{\theta_{k+1}} (x_{k+1} - x_k)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.4, 3.6; Beck, Teboulle 2009; O'Donoghue, Candes 2015"
    example: ClassVar[str] = "solver fista(iterations = 60)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )
    restart: Literal["adaptive", "none"] = Field("adaptive", description="drop the momentum where it points uphill")

    def caution(self, problem: Problem) -> Misfit | None:
        return not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        return one_prox(problem, self.word)


class ProjectedGradient(Certified):
    """Gradient steps, each followed by the projection onto a convex set."""

    formula: ClassVar[str] = r"x_{k+1} = P_C(x_k - t \nabla f(x_k))"
    reference: ClassVar[str] = "Heckel 2024, 3.4"
    example: ClassVar[str] = "solver projected_gradient(iterations = 200)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = one_prox(problem, self.word) or not_convex(problem, self.word)
        if bad:
            return bad
        soft = first(t for t in problem.rough if not t.function.constraint)
        if soft:
            return Misfit(soft, f"`projected_gradient` projects onto a set, and `{soft.label}` is none")
        return None


class Admm(Plugged, Certified):
    """The alternating direction method of multipliers, on the splitting z_j = K_j x.

    Where the projection onto {A x = y} is closed, exact data are met in every step (Douglas-Rachford). Basis pursuit,
    `l1` with exact or bounded data, is solved exactly once the support is found, with a dual certificate.
    """

    plugs: ClassVar[tuple[str, ...]] = ("denoiser", "red")
    formula: ClassVar[str] = (
        r"x \leftarrow \arg\min_x f(x) + \tfrac{\rho}{2} \textstyle\sum_j |K_j x - z_j + u_j|^2,\ "
        r"z_j \leftarrow \mathrm{prox}_{g_j / \rho}(K_j x + u_j),\ u_j \leftarrow u_j + K_j x - z_j"
    )
    reference: ClassVar[str] = "Heckel 2024, 5.1; Boyd et al. 2011"
    example: ClassVar[str] = "solver admm(iterations = 100)"

    rho: Positive | Auto = Field("auto", description="penalty parameter; `auto` balances the residuals")

    def caution(self, problem: Problem) -> Misfit | None:
        return not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`admm` needs the proximal map of `{stuck.label}`, and it has none")
        return None

    largest: ClassVar[int] = 1024  # measured real numbers for which an eigendecomposition of A A^H is quick

    @classmethod
    def closed(cls, problem: Problem) -> bool:
        """Whether the x-update is a closed form, a projection onto exact data among them."""
        return closed_together(list(problem.terms)) is not None or cls.projects(problem)

    @classmethod
    def projects(cls, problem: Problem) -> bool:
        """Whether the projections onto all exact data, behind their operators, and the x-update beside them are closed.

        The projections are where A A^H is diagonal in a basis or measures at most `largest` real numbers. They, and
        terms with K K^H = c I, leave x itself to the x-update; the K^H K of the other terms must be closed beside it.
        """
        exact = [t for t in problem.data if t.function.exact]
        others = [t for t in problem.terms if not (t.function.exact or t.tight)]
        return (
            bool(exact)
            and all(len(t.blocks) == 1 for t in problem.terms)
            and len({u for t in problem.terms for u in t.blocks}) == 1
            and all(t.operator.cogram is not None or measured_numbers(t) <= cls.largest for t in exact)
            and stack([IDENTITY, *(t.operator for t in others)]).gram is not None
        )


class Hqs(Plugged, Iterative):
    """Half-quadratic splitting: each K_j x is held to a copy of its own by a quadratic penalty, which may grow.

    Solves the penalised problem, in which the g_j are replaced by their Moreau envelopes; near the problem itself for
    large `rho`.
    """

    formula: ClassVar[str] = (
        r"z_j \leftarrow \mathrm{prox}_{g_j / \rho_k}(K_j x),\ "
        r"x \leftarrow \arg\min_x f(x) + \tfrac{\rho_k}{2} \textstyle\sum_j |K_j x - z_j|^2"
    )
    reference: ClassVar[str] = "Heckel 2024, 5.1; Geman, Yang 1995; Wang, Yang, Yin, Zhang 2008"
    example: ClassVar[str] = "solver hqs(iterations = 60) { rho = geometric(10, 1e5) }"

    rho: Positive | tuple[Positive, ...] | Auto | Schedule = Field(
        "auto",
        description="penalty at |K_j| = 1: a number, a list, a schedule; `auto` grows from a tenth to a thousand times "
        "the largest curvature of the quadratic terms",
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`hqs` needs the proximal map of `{stuck.label}`, and it has none")
        return None

    def caution(self, problem: Problem) -> Misfit | None:
        split = first(t for t in problem.terms if not t.function.quadratic)
        if split is None:
            return None
        reason = f"`hqs` solves a penalised problem: `{split.label}` is met by a copy that `rho` holds to it"
        constant = isinstance(self.rho, float)
        grow = "let `rho` grow, as in `rho = geometric(10, 1e5)`; " if constant else ""
        return Misfit(split, reason, f"{grow}`admm` and `pdhg` solve the problem itself")


class Pdhg(Plugged, Certified):
    """The primal-dual hybrid gradient method (Chambolle-Pock).

    Accelerated where a term is strongly convex; with a smooth data term behind an operator, its Condat-Vu form. Basis
    pursuit is solved exactly once the support is found, with a dual certificate.
    """

    formula: ClassVar[str] = (
        r"p \leftarrow \mathrm{prox}_{\sigma g^*}(p + \sigma K \bar x),\ "
        r"x^+ = \mathrm{prox}_{\tau f}(x - \tau K^H p),\ "
        r"\bar x = x^+ + \theta (x^+ - x)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.4; Chambolle, Pock 2011; Condat 2013; Vu 2013"
    example: ClassVar[str] = "solver pdhg(iterations = 300)"

    def caution(self, problem: Problem) -> Misfit | None:
        return not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`pdhg` needs the proximal map of `{stuck.label}`, and it has none")
        return None


class FixedPoint(Plugged, Iterative):
    """The fixed-point method of regularisation by denoising: each step solves a quadratic problem near D(x).

    A contraction where the denoiser is non-expansive and the quadratic terms are strongly convex.
    """

    plugs: ClassVar[tuple[str, ...]] = ("red",)
    formula: ClassVar[str] = (
        r"x_{k+1} = \arg\min_x f(x) + \tfrac{\lambda}{2} \|x - D_\sigma(x_k)\|_2^2, \quad f \text{ quadratic}"
    )
    reference: ClassVar[str] = "Heckel 2024, 5.2; Romano, Elad, Milanfar 2017"
    example: ClassVar[str] = "solver fixed_point(iterations = 100) { sigma = 0.05 }"

    def misfit(self, problem: Problem) -> Misfit | None:
        if not any(t.function.denoiser is not None and t.function.denoiser.red for t in problem.terms):
            term = problem.terms[-1]
            return Misfit(term, f"`fixed_point` is made for `red`, and `{term.label}` is none", "`red(dn, x)` is one")
        bent = first(t for t in problem.terms if not (t.function.quadratic or t.function.denoiser is not None))
        if bent is None:
            return None
        reason = f"`fixed_point` takes quadratic terms beside `red`, and `{bent.label}` is none"
        return Misfit(bent, reason, "`admm` takes what has a proximal map")
