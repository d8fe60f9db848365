"""Whether the rule that finds a prior's weight applies: one weight at a time, and what the rule must know."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Label, error
from ..elaborate.weights import knows_level
from ..model.experiment import Experiment
from ..model.solver import Solver
from ..model.terms import Prior, Within
from ..model.word import WeightRule
from ..vocabulary.noise import Gaussian
from ..vocabulary.weights import Validation
from .formulate import Checked


def found_priors(c: Checked) -> list[Prior]:
    """The priors whose weight is found at run."""
    return [prior for prior, _ in c.prior_terms if prior.rule is not None]


def check_weights(e: Experiment, c: Checked, solver: Solver) -> Iterator[Diagnostic]:
    """Why no weight can be found for this method."""
    priors = found_priors(c)
    if not priors:
        return
    prior = priors[0]
    rule, at = prior.rule, prior.rule_span
    assert rule is not None
    second = next((p for p in priors if p.rule_span != at), None)
    if second is not None:
        labels = [Label(s) for s in (second.rule_span, at) if s is not None]
        hint = "give one of them as a number; a name for the weight, `lam = auto(sure)`, may stand before several"
        yield error("RC080", "one weight is found at a time, and these are two", *labels, help=hint)
    if all(isinstance(p.energy, Within) for p in priors):
        message = "a set has no weight, so there is none to find"
        yield error("RC081", message, at, help="write `prior x in ...` alone")
        return
    energies = [p for p, _ in c.prior_terms if not isinstance(p.energy, Within)]
    if all(t.function.constraint for t in c.problem.data) and len(energies) == len(priors):
        message = f"`{c.problem.data[0].label}` is met whatever the weight is, so there is none to find"
        yield error("RC081", message, at, help="leave `auto` out")
        return
    if c.problem.coupled:
        message = "a weight is found for problems that are solved at once, and `alternate` solves this one"
        yield error("RC081", message, at, help="give the weight as a number")
        return
    if solver.role == "direct":
        message = f"`{solver.word}` reads its answer off the measurement, so the weight of a prior changes nothing"
        yield error("RC081", message, at, help="leave `solver` out, or leave the prior out")
        return
    repeated = next((a for a in e.analyses if a.word == "bias_variance"), None)
    if repeated is not None:
        message = (
            f"`{repeated.word}` solves with one weight again and again, and this one is found for each measurement"
        )
        yield error("RC081", message, at, help="give the weight that a run has found as a number")
        return
    if isinstance(rule, Validation):
        yield from _without_truth(e, c, rule)
    else:
        yield from _unknown_noise(c, rule, prior)


def _unknown_noise(c: Checked, rule: WeightRule, prior: Prior) -> Iterator[Diagnostic]:
    """The noise line that does not say what the rule must know."""
    for m, facts in zip(c.measurements.values(), c.problem.data, strict=True):
        law, says = m.likelihood.law, ""
        if type(rule) is WeightRule:
            says = f"`auto` alone has no rule for `{facts.label}`: name one, as in `auto(validation(data = val))`"
            if law.word == "gaussian" or knows_level(law):
                continue
        elif rule.needs == "value" and (facts.function.constraint or not facts.function.density):
            says = f"`{rule.word}` compares the data term with the prior, and `{facts.label}` has no value to compare"
        elif rule.needs == "gaussian" and not (facts.function.quadratic and isinstance(law, Gaussian)):
            says = f"`{rule.word}` is an estimate for Gaussian noise on linear data, and `{facts.label}` is not that"
        elif rule.needs in ("gaussian", "level") and not knows_level(law):
            says = f"`{rule.word}` must know how large the noise is, and `{facts.label}` does not say"
        if not says:
            continue
        labels = [Label(s, w) for s, w in ((prior.rule_span, "this rule"), (facts.span, "this line")) if s is not None]
        yield error("RC081", says, *labels, help=_instead(c))
        return


def _instead(c: Checked) -> str:
    laws = [m.likelihood.law for m in c.measurements.values()]
    if all(isinstance(law, Gaussian) and law.level is None for law in laws):
        return "give the noise line a `sigma`, a number or `estimate`; without one, `auto(lcurve)` applies"
    if all(knows_level(law) for law in laws):
        return "`auto(discrepancy)` applies here"
    return "`auto(validation(data = val))` applies to any noise, with data whose truth is known; or give a number"


def _without_truth(e: Experiment, c: Checked, rule: Validation) -> Iterator[Diagnostic]:
    data = e.data[rule.data.name]
    bound = {target for target, _ in data.bindings}
    missing = [n for n in c.problem.unknowns if n not in bound]
    if missing:
        message = f"`validation` compares with a truth, and `{data.name}` binds no `{missing[0]}`"
        labels = [Label(s) for s in (rule.data.span, data.span) if s is not None]
        yield error("RC082", message, *labels, help=f"bind it in its body: `{missing[0]} = image`")
    elif len(e.tests) == 0:
        message = f"`{data.name}` serves for validation, so no data are left to reconstruct"
        yield error("RC082", message, rule.data.span, help="add another `data` statement")
