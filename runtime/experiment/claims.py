"""Claims: every `expect` line must hold in every cell of the sweep."""

from __future__ import annotations

from dataclasses import dataclass

from recon.dsl.model.experiment import Claim, Experiment
from recon.dsl.model.units import parts

from .outcome import Outcome
from .statistics import measure

_HOLDS = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True)
class Verdict:
    """One claim in one cell: what was found, and whether it holds. A claim without a number does not hold."""

    claim: str
    cell: dict[str, str]
    found: float | None
    holds: bool

    def __str__(self) -> str:
        where = ", ".join(f"{k} = {v}" for k, v in self.cell.items())
        found = "nothing was measured" if self.found is None else f"found {self.found:.6g}"
        return f"{'met' if self.holds else 'NOT MET'}: {self.claim}{' at ' + where if where else ''} ({found})"


def judge(experiment: Experiment, outcomes: list[Outcome]) -> list[Verdict]:
    """All claims of a page, over each cell and, where none is named, each method."""
    return [v for claim in experiment.claims for v in _judge(claim, outcomes)]


def _judge(claim: Claim, outcomes: list[Outcome]) -> list[Verdict]:
    out = []
    keys = list(dict.fromkeys(tuple(o.cell.items()) for o in outcomes))
    for key in keys:
        here = [o for o in outcomes if tuple(o.cell.items()) == key]
        methods = (
            [claim.measure.method] if claim.measure.method is not None else list(dict.fromkeys(o.method for o in here))
        )
        for method in methods:
            found = measure(claim.measure, [o for o in here if o.method == method])
            text = claim.text if claim.measure.method is not None or not method else f"{claim.text} of {method}"
            holds = found is not None and bool(_HOLDS[claim.op](found, parts(claim.bound)[0]))
            out.append(Verdict(text, dict(key), found, holds))
    return out
