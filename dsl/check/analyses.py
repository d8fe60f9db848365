"""Whether analyses can be computed: their operators fit an unknown, depend on none, and are not too large."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Label, error
from ..model.experiment import Experiment
from ..model.place import MisfitError, Placed, place_towards
from ..model.terms import OperatorTerm, inside, unknowns_in
from ..model.word import Analysis
from ..syntax.source import Span
from .formulate import Checked


def check_analyses(e: Experiment, checked: dict[str, Checked]) -> list[Diagnostic]:
    """What is wrong with the analyses of a page; those of operators see the unknowns of its first method."""
    if not checked:
        return []
    first = next(iter(checked.values()))
    return [d for word, span in zip(e.analyses, e.analyses_spans, strict=True) for d in _wrong(word, span, first)]


def _wrong(word: Analysis, span: Span, c: Checked) -> Iterator[Diagnostic]:
    terms = [t for t in inside(word) if isinstance(t, OperatorTerm)]
    placed: list[Placed] = []
    for term in terms:
        needed = unknowns_in(term)
        if needed:
            message = f"this operator depends on `{needed[0]}`, which is unknown, so it has no matrix of its own"
            at = Label(term.span, f"depends on `{needed[0]}`") if term.span is not None else None
            yield error("RC060", message, Label(span), at, help="analyse an operator whose parameters are known")
            return
        try:
            placed.append(placed_on_first(term, c))
        except MisfitError as e:
            place = e.span or term.span
            yield error("RC001", str(e), Label(place, f"given {e.domain}") if place else None)
            return
    misfit = word.misfit(placed, next(iter(c.problem.unknowns.values())))
    if misfit is not None:
        yield error("RC061", misfit[0], span, help=misfit[1])


def placed_on_first(term: OperatorTerm, c: Checked) -> Placed:
    """A term on the first unknown that it fits, or on what an adjoint that it begins with makes of one.

    Raises MisfitError where it fits none: what is wrong with the first.
    """
    first: MisfitError | None = None
    for space in c.problem.unknowns.values():
        try:
            return place_towards(term, space)
        except MisfitError as e:
            first = first or e
    assert first is not None
    raise first
