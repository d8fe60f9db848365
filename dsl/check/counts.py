"""Means of counts: real and not negative. Refused where they provably are negative, warned of where they may be."""

from __future__ import annotations

from ..diagnostics import Findings, SpecError, error, warning
from ..model.experiment import Formulation, Likelihood
from ..model.place import Placed
from ..model.problem import Affine
from ..model.terms import Scaled, Unknown, Within
from ..vocabulary.priors import Box, Nonnegative, Simplex


def check_counts(
    line: Likelihood, mean: Affine, blocks: dict[str, Placed], f: Formulation, findings: Findings, making: bool
) -> None:
    """Raise SpecError where a mean of counts is complex or negative; add a warning where it may be negative.

    `making`: the counts are drawn from a known truth, which nothing here can judge.
    """
    span = line.law.mean.span or line.span
    for placed in blocks.values():
        if placed.codomain.field == "complex" and mean.link != "abs":
            message = f"counts are real, and this mean is {placed.codomain}"
            hint = "`gaussian` measures complex numbers"
            raise SpecError(error("RC012", message, span, help=hint))
    if mean.link in ("exp", "abs"):
        if mean.factor < 0:
            message = f"this mean of counts is negative: the factor in front of `{mean.link}` is"
            raise SpecError(error("RC013", message, span))
        return
    for name, placed in blocks.items():
        kept = _nonnegative(name, f)
        if kept and mean.offset <= 0 and _turns_signs(placed):
            message = f"this mean of counts is negative: `{name}` is not, and the operator turns its sign"
            raise SpecError(error("RC013", message, span))
        if making:
            continue
        if not kept:
            message = f"this mean of counts may be negative, since nothing keeps `{name}` from it"
            findings.add(warning("RL011", message, span, help=f"add `prior {name} in nonnegative`"))
        elif not placed.facts.signs:
            message = "this mean of counts may be negative: the operator may turn signs"
            findings.add(warning("RL011", message, span))
    if mean.offset < 0 and not making:
        message = "this mean of counts may be negative: a negative number is added to it"
        findings.add(warning("RL011", message, span))


def _turns_signs(placed: Placed) -> bool:
    """Whether A x <= 0 for every x >= 0: A is a negative multiple of an operator that keeps signs."""
    term = placed.term
    return isinstance(term, Scaled) and term.factor < 0 and placed.parts[0].facts.signs


def _nonnegative(name: str, f: Formulation) -> bool:
    """Whether a prior keeps the unknown from being negative."""
    sets = [p.energy.set for p in f.priors if isinstance(p.energy, Within) and p.energy.of == Unknown(name)]
    return any(isinstance(s, (Nonnegative, Simplex)) or (isinstance(s, Box) and s.low >= 0) for s in sets)
