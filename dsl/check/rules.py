"""The table of rules that chooses an algorithm, and the check that a named one fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..diagnostics import Diagnostic, Label, SpecError, error, warning
from ..model.problem import Problem, closed_together
from ..model.solver import Misfit, Solver
from ..syntax.source import Span
from ..vocabulary import solvers as words


@dataclass(frozen=True)
class Choice:
    """The solver of a problem, with the rule that chose it (0: named on the page) and why."""

    solver: Solver
    rule: int
    why: str


@dataclass(frozen=True)
class Rule:
    """One row of the table: `choose` gives a solver with the reason, or None where the row does not fit."""

    number: int
    problem: str
    promise: str
    choose: Callable[[Problem], tuple[Solver, str] | None]


def _all_quadratic(p: Problem) -> tuple[Solver, str] | None:
    if not p.quadratic:
        return None
    basis = p.normal_basis
    if basis is not None:
        return words.ClosedForm(), f"the normal matrix is diagonal in the {basis.basis} basis"
    return words.Cg(), "every term is quadratic and no closed form is known"


def _one_prox(p: Problem) -> tuple[Solver, str] | None:
    if not p.rough or words.Fista().misfit(p) is not None:
        return None
    rough = p.rough[0]
    return words.Fista(), f"the data term is smooth and `{rough.label}` has a closed proximal map"


def _denoising(p: Problem) -> tuple[Solver, str] | None:
    if len(p.data) != 1 or words.Pdhg().misfit(p) is not None:
        return None
    data = p.data[0]
    if data.plain and data.function.quadratic and data.function.mu:
        return (
            words.Pdhg(),
            f"`{data.label}` is strongly convex with a closed proximal map, so the primal-dual method accelerates",
        )
    return None


def _exact(p: Problem) -> tuple[Solver, str] | None:
    if not any(t.function.exact for t in p.data):
        return None
    if words.Admm().misfit(p) is None and closed_together(list(p.terms)) is not None:
        return words.Admm(), "the data are met exactly, and the splitting has a closed form"
    return (
        (words.Pdhg(), "the data are met exactly, with the operator handled by the dual")
        if words.Pdhg().misfit(p) is None
        else None
    )


def _convex(p: Problem) -> tuple[Solver, str] | None:
    if words.Admm().misfit(p) is None and closed_together([t for t in p.terms]) is not None:
        return words.Admm(), "A^H A + sum of rho K^H K is diagonal in one basis"
    if words.Pdhg().misfit(p) is not None:
        return None
    if all(t.function.smooth for t in p.data):
        return words.Pdhg(), "several terms need a proximal map and the data term is smooth (Condat-Vu)"
    return words.Pdhg(), "several terms need a proximal map; all go into the dual"


TABLE: tuple[Rule, ...] = (
    Rule(10, "all quadratic", "exact", _all_quadratic),
    Rule(11, "f smooth, one g with a proximal map, K K^H = c I", "1/k^2", _one_prox),
    Rule(12, "f strongly convex with a closed proximal map (denoising), g(K x)", "1/k^2", _denoising),
    Rule(13, "exact or bounded data", "1/k", _exact),
    Rule(14, "f + sum of g_j(K_j x), convex", "1/k", _convex),
)


def choose(problem: Problem, named: Solver | None, span: Span | None) -> tuple[Choice, list[Diagnostic]]:
    """The solver for a problem: the one named, if it fits, else the first row of the table that does. Raises SpecError."""
    if named is not None:
        misfit = named.misfit(problem)
        if misfit is not None:
            raise SpecError(_misfit(misfit, span))
        caution = named.caution(problem)
        notes = (
            []
            if caution is None
            else [
                warning(
                    "RL020",
                    caution.reason,
                    Label(span, "this solver") if span else None,
                    Label(caution.span, "this term") if caution.span else None,
                    help=f"{caution.help} has a guarantee" if caution.help else "",
                )
            ]
        )
        return Choice(named, 0, "named on the page"), notes
    if not problem.terms:
        raise SpecError(
            error(
                "RC030",
                "there is nothing to solve: the page has no noise line and no prior",
                None,
                help="add `noise y ~ gaussian(A @ x, sigma = 0.01)`",
            )
        )
    for rule in TABLE:
        found = rule.choose(problem)
        if found is not None:
            return Choice(found[0], rule.number, found[1]), []
    first = next((t for t in problem.rough if t.function.prox == "none"), problem.terms[0])
    raise SpecError(
        error(
            "RC031",
            f"no solver fits: `{first.label}` has neither a gradient nor a proximal map",
            Label(first.span) if first.span else None,
        )
    )


def _misfit(misfit: Misfit, span: Span | None) -> Diagnostic:
    labels = [Label(span, "this solver")] if span else []
    if misfit.span is not None:
        labels.append(Label(misfit.span, "this term"))
    return error("RC032", misfit.reason, *labels, help=misfit.help)
