"""Whether the network of `solver network(...)` is one for the page's images, as far as its contract is at hand."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Label, error
from ..model.experiment import Formulation, Likelihood
from ..model.networks import Learned, Pretrained
from ..vocabulary.fitting import known_levels, levels_of, misfit, outside
from ..vocabulary.solvers.network import NetworkSolver


def check_network(f: Formulation) -> Iterator[Diagnostic]:
    """A network with weights fits the unknown; one that is told the noise level is told one that it knows."""
    if not isinstance(f.solver, NetworkSolver):
        return
    network = f.solver.network
    if isinstance(network, Learned):
        if network.network.conditional:
            yield from _untold(f, network.network.word)
        return
    contract = network.contract() if isinstance(network, Pretrained) else None
    unknown = next(iter(f.unknowns.values()), None)
    if contract is None or unknown is None:
        return
    wrong = misfit(contract, unknown.space)
    if wrong is not None:
        labels = [Label(f.solver_span, "these weights")] if f.solver_span is not None else []
        yield error("RC089", wrong[0], *labels, Label(unknown.span), help=wrong[1])
        return
    if contract.noise is not None and contract.noise.conditional:
        yield from _untold(f, contract.network.name)
    ends = None if unknown.range is None else (unknown.range.start, unknown.range.stop)
    known = known_levels(contract, ends)
    for line in f.likelihoods:
        told = levels_of(line.law)
        far = outside(known, told) if known is not None and told is not None else None
        if far is not None and known is not None:
            yield _unknown_level(f, line, far, known)


def _unknown_level(f: Formulation, line: Likelihood, far: float, known: tuple[float, float]) -> Diagnostic:
    span = f"{known[0]:g}" if known[0] == known[1] else f"{known[0]:g} to {known[1]:g}"
    message = f"this line says noise of {far:g}, and the weights know noise of {span}"
    labels = [Label(f.solver_span, "these weights")] if f.solver_span is not None else []
    hint = "take weights for this noise; a declared `range` of the unknown is brought to that of the network"
    return error("RC037", message, Label(line.span), *labels, help=hint)


def _untold(f: Formulation, word: str) -> Iterator[Diagnostic]:
    """A noise line that does not say what the network is told."""
    line = next((m for m in f.likelihoods if getattr(m.law, "level", None) is None), None)
    if line is not None:
        message = f"`{word}` is told the level of the noise, and this line says none"
        labels = [Label(f.solver_span, "this network")] if f.solver_span is not None else []
        yield error("RC088", message, Label(line.span), *labels, help="write `gaussian(..., sigma = 0.1)`")
