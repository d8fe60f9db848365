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
        found = _placed(term, c)
        if isinstance(found, Diagnostic):
            yield found
            return
        placed.append(found)
    misfit = word.misfit(placed, next(iter(c.problem.unknowns.values())))
    if misfit is not None:
        yield error("RC061", misfit[0], span, help=misfit[1])


def _placed(term: OperatorTerm, c: Checked) -> Placed | Diagnostic:
    """The term on the first unknown that it fits; else what is wrong with the first."""
    first: MisfitError | None = None
    for space in c.problem.unknowns.values():
        try:
            return place_towards(term, space)
        except MisfitError as e:
            first = first or e
    assert first is not None
    at = first.span or term.span
    return error("RC001", str(first), Label(at, f"given {first.domain}") if at else None)
