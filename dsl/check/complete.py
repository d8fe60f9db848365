"""What a problem must have before it can be solved: an unknown, a noise line, and each unknown in one of its terms."""

from __future__ import annotations

from ..diagnostics import Diagnostic, error, warning
from ..model.experiment import Formulation
from ..model.terms import unknowns_in


def incomplete(f: Formulation, method: str) -> list[Diagnostic]:
    """What is missing from the problem of a method, or of a page without methods."""
    who = f"the method `{method}`" if method else "the page"
    if not f.unknowns:
        return [
            error(
                "RC030",
                f"there is nothing to find: {who} declares no unknown",
                f.likelihoods[0].span if f.likelihoods else None,
                help="add `image x : real[256, 256]`",
            )
        ]
    first = next(iter(f.unknowns.values()))
    if not f.likelihoods:
        return [
            error(
                "RC030",
                f"{who} does not say what is measured: there is no noise line",
                first.span,
                help=f"add `noise y ~ gaussian(A @ {first.name}, sigma = 0.01)`",
            )
        ]
    measured = {n for line in f.likelihoods for n in unknowns_in(line.law)}
    supposed = {n for prior in f.priors for n in unknowns_in(prior.energy)}
    out = []
    for name, u in f.unknowns.items():
        if name in measured:
            continue
        if name in supposed:
            message = f"no noise line depends on `{name}`, so only its prior says what it is"
            out.append(warning("RL013", message, u.span))
        else:
            message = f"nothing says what `{name}` is: no noise line and no prior depends on it"
            out.append(
                error("RC033", message, u.span, help=f"apply an operator to it in a noise line, as in `A @ {name}`")
            )
    return out
