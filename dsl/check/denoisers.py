"""Denoisers in the place of priors: whether the solver takes them, how strong they act, and what is proven then."""

from __future__ import annotations

from ..model.problem import DenoiserFacts, Problem, TermFacts
from ..model.solver import Iterative, Misfit, Plugged, Solver
from ..vocabulary.fitting import outside


def without_strength(problem: Problem, solver: Solver) -> Misfit | None:
    """Why the solver cannot apply the problem's denoisers, or at what strength; None where it can.

    A solver that reads its answer off the measurement uses no priors, and so no denoisers.
    """
    terms = problem.denoisers
    given = solver.sigma if isinstance(solver, Plugged) else None
    if not terms:
        if given is None:
            return None
        reason = f"`sigma` of `{solver.word}` is the strength of a denoiser, and no prior here is one"
        return Misfit(None, reason, "leave `sigma` out, or write `prior x ~ denoiser(...)`", "RC038")
    if solver.role == "direct":
        return None
    first = terms[0]
    if len(terms) > 1:
        reason = f"`{terms[1].label}` is a second denoiser, and one `sigma` cannot speak of two"
        return Misfit(terms[1], reason, "keep one of them")
    facts = facts_of(first)
    if not isinstance(solver, Plugged) or ("red" if facts.red else "denoiser") not in solver.plugs:
        return Misfit(first, _not_plugged(first, facts, solver), _taken_by(facts))
    if given is None:
        return strengthless(first, solver)
    twice = _given_twice(solver, first, facts)
    return twice or _outside(solver, first, facts)


def facts_of(term: TermFacts) -> DenoiserFacts:
    """What is known of the denoiser of a term that has one."""
    assert term.function.denoiser is not None
    return term.function.denoiser


def _not_plugged(term: TermFacts, facts: DenoiserFacts, solver: Solver) -> str:
    if facts.red:
        return f"`{solver.word}` does not take `{term.label}`, a gradient that belongs to no energy"
    return f"`{solver.word}` applies no denoiser, and all that is known of `{term.label}` is one"


def _taken_by(facts: DenoiserFacts) -> str:
    if facts.red:
        return "`fixed_point`, `gradient`, `ista`, `fista` and `admm` take `red`"
    return "`ista`, `fista`, `admm`, `hqs` and `pdhg` apply denoisers"


def strengthless(term: TermFacts, solver: Solver) -> Misfit:
    """That the page does not say how strong the denoiser is, with a `sigma` that would do."""
    facts = facts_of(term)
    low, high = facts.levels or (0.0, float("inf"))
    if low == high:
        example = f"{high:.4g}"
    elif solver.word in ("hqs", "admm") and not facts.red:
        example = f"geometric({min(0.2, high):.3g}, {max(min(0.02, high), low):.3g})"
    else:
        example = f"{max(min(0.05, high), low):.3g}"
    hint = f"as in `solver {solver.word}(iterations = {8 if solver.word == 'hqs' else 30}) {{ sigma = {example} }}`"
    reason = f"nothing says how strong the denoiser of `{term.label}` is: `sigma` of the solver does"
    return Misfit(term, reason, hint, "RC036")


def _given_twice(solver: Plugged, term: TermFacts, facts: DenoiserFacts) -> Misfit | None:
    """Strength and weight decide the penalty of splittings, strength and step the weight elsewhere."""
    if facts.red:
        return None
    if getattr(solver, "rho", "auto") != "auto":
        reason = f"`sigma` and `rho` of `{solver.word}` say the same thing: rho is the weight of the law over sigma^2"
        return Misfit(term, reason, "leave `rho` out; a weight in front of the law changes it", "RC039")
    if solver.word in ("ista", "fista") and facts.weight != 1:
        reason = f"in `{solver.word}` the weight of `{term.label}` is sigma^2 / step, so that none stands in front"
        return Misfit(term, reason, "leave the weight out and give `step`, or take `admm`", "RC039")
    return None


def _outside(solver: Plugged, term: TermFacts, facts: DenoiserFacts) -> Misfit | None:
    """A strength that the network was not trained for."""
    assert isinstance(solver, Iterative)
    strengths = solver.strengths(solver.iterations)
    if facts.levels is None or strengths is None:
        return None
    low, high = facts.levels
    wrong = outside(facts.levels, strengths)
    if wrong is None:
        return None
    known = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    reason = f"`sigma` of `{solver.word}` reaches {wrong:g}, and the denoiser of `{term.label}` knows noise of {known}"
    hint = "levels are in the unit of the unknown; a declared `range` of the unknown is brought to the network's"
    return Misfit(term, reason, hint, "RC037")


def unproven(problem: Problem, solver: Solver) -> Misfit | None:
    """The condition of convergence to a fixed point that fails, or is not known to hold; None where all hold.

    Forward and backward steps converge for an averaged D, splittings for one that is firmly non-expansive (a = 1/2),
    momentum for proximal maps alone; regularisation by denoising for one that is non-expansive, since x - D(x) is
    monotone then, and its fixed-point iteration, which steps as far as D does, for an averaged one. What it finds
    minimises an energy only if D has a symmetric Jacobian. Heckel 2024, 5.1, 5.2; Bauschke, Combettes 2017, 26, 28;
    Reehorst, Schniter 2019.
    """
    terms = problem.denoisers
    if solver.role == "direct" or not terms:
        return None
    term = terms[0]
    facts = facts_of(term)
    help = "the trace shows how far from a fixed point it is; `analyze [lipschitz(...)]` measures the denoiser"
    bent = next((t for t in problem.terms if t is not term and not t.function.convex), None)
    if bent is not None:
        return Misfit(bent, f"convergence is not known: `{bent.label}` is not convex", help)
    if facts.red:
        help = f"{help}; x - D(x) is the gradient of an energy only where the Jacobian of D is symmetric"
    if facts.averaged is None:
        condition = "non-expansive" if facts.red and solver.word != "fixed_point" else "averaged"
        lacking = f"{condition}: no bound on how far it takes two images apart is known"
    elif facts.red and solver.word != "fixed_point":
        return None
    elif solver.word == "fista" and not facts.proximal:
        lacking = "a proximal map, and momentum is proven for these alone; `ista` is for others too"
    elif solver.word in ("admm", "pdhg") and facts.averaged > 0.5:
        lacking = "firmly non-expansive; `averaging = 50%` makes it so"
    elif facts.averaged >= 1:
        lacking = "averaged, it may turn around a point; `averaging = 50%` makes it so"
    else:
        return None
    return Misfit(term, f"convergence is not known: the denoiser of `{term.label}` is not known to be {lacking}", help)
