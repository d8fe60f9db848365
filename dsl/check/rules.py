"""The table of rules that chooses an algorithm, and the check that a named one fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..diagnostics import Diagnostic, Label, SpecError, error, warning
from ..model.problem import Problem, TermFacts, closed_together
from ..model.solver import Misfit, Solver
from ..model.terms import everything
from ..model.word import Operator
from ..syntax.source import Span
from ..vocabulary import greedy
from ..vocabulary import solvers as words
from ..vocabulary.phase import AmplitudeFlow, Spectral, WirtingerFlow, phase_blind
from .denoisers import strengthless, unproven, without_strength


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


ADAM, CLOSED_FORM, CG, ISTA, FISTA, ADMM, PDHG = (
    word.model_validate({})
    for word in (words.Adam, words.ClosedForm, words.Cg, words.Ista, words.Fista, words.Admm, words.Pdhg)
)
GRADIENT, HQS, FIXED_POINT = (word.model_validate({}) for word in (words.Gradient, words.Hqs, words.FixedPoint))
OMP, COSAMP, IHT = (word.model_validate({}) for word in (greedy.Omp, greedy.Cosamp, greedy.Iht))
AMPLITUDE_FLOW, WIRTINGER_FLOW = (
    word.model_validate({"init": Spectral.model_validate({})}) for word in (AmplitudeFlow, WirtingerFlow)
)
"""The solvers that the table chooses from, with their defaults."""


def _plugged(p: Problem) -> tuple[Solver, str] | None:
    term = next((t for t in p.denoisers if t.function.denoiser is not None and not t.function.denoiser.red), None)
    if term is None:
        return None
    if all(t.function.quadratic for t in p.terms if t is not term):
        return HQS, f"`{term.label}` is a denoiser, and the other terms are quadratic"
    if ADMM.misfit(p) is None:
        return ADMM, f"`{term.label}` is a denoiser, and the other terms have proximal maps"
    return (ISTA, f"`{term.label}` is a denoiser, and the data term is smooth") if ISTA.misfit(p) is None else None


def _red(p: Problem) -> tuple[Solver, str] | None:
    term = next((t for t in p.denoisers if t.function.denoiser is not None and t.function.denoiser.red), None)
    if term is None:
        return None
    if FIXED_POINT.misfit(p) is None:
        return FIXED_POINT, f"all terms but `{term.label}` are quadratic"
    if GRADIENT.misfit(p) is None:
        return GRADIENT, f"`{term.label}` and all other terms have gradients"
    return (ISTA, f"`{term.label}` has a gradient") if ISTA.misfit(p) is None else None


def _phaseless(p: Problem) -> tuple[Solver, str] | None:
    lost = next((t for t in p.data if t.function.magnitudes), None)
    if lost is None:
        return None
    flow = AMPLITUDE_FLOW if lost.function.magnitudes == 1 else WIRTINGER_FLOW
    return None if flow.misfit(p) else (flow, f"`{lost.label}` measures magnitudes, so phases are found too")


def _sparse(p: Problem) -> tuple[Solver, str] | None:
    few = next((t for t in p.priors if t.function.sparse), None)
    if few is None or IHT.misfit(p) is not None:
        return None
    if greedy.Omp.cheap_columns(p) and OMP.misfit(p) is None:
        return OMP, f"`{few.label}` is a sparse set, and all columns of A^H A fit in memory"
    return IHT, f"`{few.label}` is a sparse set, and columns of A cost as much as A itself"


def _not_convex(p: Problem) -> tuple[Solver, str] | None:
    bent = next((t for t in p.terms if not t.function.convex), None)
    if bent is None:
        return None
    why = f"`{bent.label}` is not convex"
    if ISTA.misfit(p) is None:
        return ISTA, f"{why}, and gradient steps with a proximal map descend"
    if PDHG.misfit(p) is None:
        return PDHG, f"{why}, and the other terms need a dual; where it settles the point is stationary"
    if ADAM.misfit(p) is None:
        return ADAM, f"{why}, and all that is known of it is a gradient"
    return None


def _all_quadratic(p: Problem) -> tuple[Solver, str] | None:
    if not p.quadratic:
        return None
    basis = p.normal_basis
    if basis is not None:
        return CLOSED_FORM, f"the normal matrix is diagonal in the {basis.basis} basis"
    if p.subspace is not None and CLOSED_FORM.misfit(p) is None:
        return CLOSED_FORM, f"`{p.subspace.label}` leaves {p.subspace.function.subspace} coefficients to be found"
    return CG, "every term is quadratic and no closed form is known"


def _one_prox(p: Problem) -> tuple[Solver, str] | None:
    if not p.rough or FISTA.misfit(p) is not None:
        return None
    return FISTA, f"the data term is smooth and `{p.rough[0].label}` has a closed proximal map"


def _denoising(p: Problem) -> tuple[Solver, str] | None:
    if len(p.data) != 1 or PDHG.misfit(p) is not None:
        return None
    data = p.data[0]
    if not (data.plain and data.function.quadratic and data.function.mu) or p.hidden:
        return None
    why = f"`{data.label}` is strongly convex with a closed proximal map, so the primal-dual method accelerates"
    return PDHG, why


def _exact(p: Problem) -> tuple[Solver, str] | None:
    if not any(t.function.exact for t in p.data):
        return None
    if ADMM.misfit(p) is None and words.Admm.projects(p) and not p.hidden:
        return ADMM, "the data are met by a projection that is closed"
    if ADMM.misfit(p) is None and closed_together(list(p.terms)) is not None:
        return ADMM, "the data are met exactly, and the splitting has a closed form"
    if PDHG.misfit(p) is None:
        return PDHG, "the data are met exactly, with the operator handled by the dual"
    return None


def _convex(p: Problem) -> tuple[Solver, str] | None:
    if ADMM.misfit(p) is None and closed_together(list(p.terms)) is not None:
        return ADMM, "A^H A + sum of rho K^H K is diagonal in one basis"
    uneven = next((t for t in p.data if t.function.quadratic and _uneven(t)), None)
    if uneven is not None and ADMM.misfit(p) is None:
        why = f"A^H A of `{uneven.label}` is ill-conditioned and cheap to apply, as off-grid samples make it"
        return ADMM, f"{why}: a few conjugate gradients in each step converge where steps along its gradient creep"
    if PDHG.misfit(p) is not None:
        return None
    hidden = next((t for t in p.terms if t.function.prox == "inner"), None)
    if hidden is not None:
        return PDHG, f"`{hidden.label}` is a minimum over a field, which is found together with the unknown"
    if all(t.function.smooth for t in p.data):
        return PDHG, "several terms need a proximal map and the data term is smooth (Condat-Vu)"
    return PDHG, "several terms need a proximal map; all go into the dual"


def _uneven(t: TermFacts) -> bool:
    return any(isinstance(w, Operator) and w.uneven for p in t.blocks.values() for w in everything(p.term))


TABLE: tuple[Rule, ...] = (
    Rule(2, "several unknowns, not jointly convex", "descent", lambda p: None),  # chosen block by block
    Rule(5, "a law with a denoiser", "fixed point", _plugged),
    Rule(6, "regularisation by denoising", "fixed point", _red),
    Rule(7, "magnitudes abs(A @ x)", "up to symmetry", _phaseless),
    Rule(9, "sparse set, least squares or exact data", "sparse", _sparse),
    Rule(8, "f not convex", "stationary", _not_convex),
    Rule(10, "all quadratic", "exact", _all_quadratic),
    Rule(11, "f smooth, one g with a proximal map, K K^H = c I", "1/k^2", _one_prox),
    Rule(12, "f strongly convex with a closed proximal map (denoising), g(K x)", "1/k^2", _denoising),
    Rule(13, "exact or bounded data", "1/k", _exact),
    Rule(14, "f + sum of g_j(K_j x), convex", "1/k", _convex),
)


def choose(problem: Problem, named: Solver | None, span: Span | None) -> tuple[Choice, list[Diagnostic]]:
    """The named solver if it fits the problem, else that of the first row that does. Raises SpecError."""
    lawless = next((t for t in problem.data if not t.function.density), None)
    if lawless is not None and (named is None or named.role == "run"):
        message = f"no solver fits: `{lawless.label}` has no density, so there is no data term to minimise"
        hint = "name a law, or read the answer off the measurement: `solver adjoint`, `solver pseudo_inverse`"
        raise SpecError(error("RC031", message, *_labels(Misfit(lawless, message), span), help=hint))
    if named is not None:
        misfit = misfit_of(named, problem)
        start = getattr(named, "init", None)
        wrong = misfit_of(start, problem) if misfit is None and isinstance(start, Solver) else None
        if wrong is not None:
            hint = wrong.help or f"leave `init` out of `{named.word}` to start at zero"
            raise SpecError(error("RC032", f"as a start, {wrong.reason}", *_labels(wrong, span), help=hint))
        if misfit is not None:
            hint = misfit.help or _instead(problem)
            raise SpecError(error(misfit.code, misfit.reason, *_labels(misfit, span), help=hint))
        caution = unproven(problem, named) if problem.denoisers else named.caution(problem)
        if caution is None:
            return Choice(named, 0, "named on the page"), []
        note = warning("RL020", caution.reason, *_labels(caution, span), help=caution.help)
        return Choice(named, 0, "named on the page"), [note]
    for rule in TABLE:
        found = rule.choose(problem)
        if found is not None and problem.denoisers:
            raise SpecError(_no_strength(problem, found[0]))
        if found is not None and phase_blind(problem, found[0]) is None:
            return Choice(found[0], rule.number, found[1]), []
    phases = WIRTINGER_FLOW.misfit(problem) if any(t.function.magnitudes for t in problem.data) else None
    if phases is not None:
        hint = "with magnitudes go sets such as `x in nonnegative` and energies such as `l1(cosine() @ x)`"
        raise SpecError(error("RC031", f"no solver fits: {phases.reason}", *_labels(phases, span), help=hint))
    first = next((t for t in problem.rough if t.function.prox == "none"), problem.terms[0])
    message = f"no solver fits: `{first.label}` has neither a gradient nor a proximal map"
    raise SpecError(error("RC031", message, Label(first.span) if first.span else None))


def misfit_of(solver: Solver, problem: Problem) -> Misfit | None:
    """What of the problem the solver cannot use; None where it fits."""
    return phase_blind(problem, solver) or without_strength(problem, solver) or solver.misfit(problem)


def _no_strength(problem: Problem, solver: Solver) -> Diagnostic:
    """Only the page can say how strong a denoiser is."""
    term = problem.denoisers[0]
    lacking = strengthless(term, solver)
    return error(lacking.code, lacking.reason, Label(term.span) if term.span else None, help=lacking.help)


def _instead(problem: Problem) -> str:
    """Which solvers fit the problem, for someone who named one that does not."""
    known = (AMPLITUDE_FLOW, WIRTINGER_FLOW, OMP, COSAMP, IHT, CLOSED_FORM, CG, FISTA, PDHG, ADMM)
    fitting = [f"`{s.word}`" for s in known if misfit_of(s, problem) is None]
    if not fitting:
        return ""
    listed = fitting[0] if len(fitting) == 1 else ", ".join(fitting[:-1]) + f" and {fitting[-1]}"
    chosen = next((found[0].word for rule in TABLE if (found := rule.choose(problem)) is not None), None)
    if problem.denoisers:
        return f"`{chosen}` fits this problem" if chosen else ""
    default = f"; without a `solver` line `{chosen}` is chosen" if chosen else ""
    return f"{listed} fit{'s' if len(fitting) == 1 else ''} this problem{default}"


def _labels(misfit: Misfit, span: Span | None) -> list[Label]:
    labels = [Label(span, "this solver")] if span else []
    return labels + ([Label(misfit.span, "this term")] if misfit.span is not None else [])
