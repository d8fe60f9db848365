"""`auto` alone as the weight of a prior: which rule it stands for, from what the noise lines say."""

from __future__ import annotations

from dataclasses import replace

from ..model.experiment import Formulation
from ..model.terms import Pointwise, everything
from ..model.word import Law, WeightRule
from ..vocabulary.noise import Gaussian, Poisson
from ..vocabulary.weights import Discrepancy, Lcurve, Sure


def with_rules(f: Formulation) -> Formulation:
    """The formulation with a rule in the place of each `auto`; where none fits it stays, for the check to refuse."""
    if all(type(p.rule) is not WeightRule for p in f.priors):
        return f
    rule = _rule_for([line.law for line in f.likelihoods])
    return replace(
        f, priors=tuple(replace(p, rule=rule or p.rule) if type(p.rule) is WeightRule else p for p in f.priors)
    )


def _rule_for(laws: list[Law]) -> WeightRule | None:
    """SURE for Gaussian noise of known level, discrepancy where counts are measured, the L-curve for a half square."""
    if laws and all(_linear_gaussian(law) for law in laws):
        known = all(isinstance(law, Gaussian) and law.level is not None for law in laws)
        return Sure.model_validate({}) if known else Lcurve.model_validate({})
    if laws and all(knows_level(law) for law in laws):
        return Discrepancy.model_validate({})
    return None


def _linear_gaussian(law: Law) -> bool:
    return isinstance(law, Gaussian) and not any(isinstance(part, Pointwise) for part in everything(law.mean))


def knows_level(law: Law) -> bool:
    """Whether the law says how large the residual is at the truth: Gaussian noise with its level, and counts."""
    if isinstance(law, Gaussian):
        return law.level is not None and _linear_gaussian(law)
    links = {part.word.word for part in everything(law.mean) if isinstance(part, Pointwise)}
    return isinstance(law, Poisson) and links <= {"exp"}
