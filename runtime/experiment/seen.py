"""Values of a page, computed from the arrays that its outcomes show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from recon.dsl.model.terms import Measured, Reserved, Unknown, ValueTerm

from ..build import Quantified
from ..values import EvaluationError, evaluate
from .cells import Cell
from .gather import build_for
from .outcome import Outcome, Shown

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Seen:
    """All outcomes of a page with its cells, and what can be computed of them."""

    cells: list[Cell]
    outcomes: list[Outcome]

    def cell(self, o: Outcome) -> Cell:
        """The cell that an outcome is from."""
        return next(c for c in self.cells if c.labels == o.cell)

    def beside(self, o: Outcome, method: str) -> Outcome:
        """The outcome of another method in the same cell, on the same data. Raises EvaluationError without one."""
        for other in self.outcomes:
            if other.method == method and other.cell == o.cell and other.data == o.data:
                return other
        raise EvaluationError(f"`{method}` has no result here")

    def value(self, term: ValueTerm, o: Outcome, i: int = 0) -> Array:
        """The value of a term for the i-th row shown of an outcome; names of other methods are looked up beside it.

        Raises EvaluationError where something it needs is not at hand, such as the estimate of a method that failed.
        """

        def estimate(term: Unknown | Reserved) -> Quantified:
            method = term.method if isinstance(term, Reserved) and term.method is not None else o.method
            at = o if method == o.method else self.beside(o, method)
            shown = _row(at, i)
            return _tensor(shown.estimates[_name(term, shown)])

        return self._evaluated(term, o, i, estimate)

    def truth(self, term: ValueTerm, o: Outcome, i: int = 0) -> Array:
        """The same with the truth in the place of each estimate. Raises EvaluationError where there is none."""

        def true(term: Unknown | Reserved) -> Quantified:
            shown = _row(o, i)
            bound = isinstance(term, Unknown) and term.name in shown.truths  # a derived quantity too
            return _tensor(_true(shown, term.name if bound else _name(term, shown)))

        return self._evaluated(term, o, i, true, against=True)

    def _evaluated(
        self,
        term: ValueTerm,
        o: Outcome,
        i: int,
        estimate: Callable[[Unknown | Reserved], Quantified],
        against: bool = False,
    ) -> Array:
        checked = self.cell(o).checked
        method = checked.methods[o.method]
        shown = _row(o, i)
        space = method.problem.unknowns[next(iter(shown.estimates))]
        measured = {k: _tensor(v) for k, v in shown.measured.items()}
        data = o.data or next(iter(checked.experiment.data), "phantom")
        build = replace(build_for(checked.experiment, torch.device("cpu")), values=measured, row=f"{data}/{shown.row}")

        def lookup(term: object) -> Quantified:
            match term:
                case Unknown(name=n) if n in method.formulation.derived and not (against and n in shown.truths):
                    return evaluate(method.formulation.derived[n], lookup, space, build)
                case Unknown() | Reserved(name="estimate"):
                    return estimate(term)
                case Reserved(name="error", method=m):
                    e, t = estimate(Reserved("estimate", m)), lookup(Reserved("truth"))
                    return Quantified(e.data - t.data, e.dimension)
                case Reserved(name="truth"):
                    return _tensor(_true(shown, next(iter(shown.estimates))))
                case Reserved(name="ref"):
                    return _tensor(_true(shown, "ref"))
                case Reserved(name="measured"):
                    return next(iter(measured.values()))
                case Measured(name=n) if n in measured:
                    return measured[n]
            raise EvaluationError("not at hand here")

        value: Array = evaluate(term, lookup, space, build).data[0].numpy()
        return value


def _row(o: Outcome, i: int) -> Shown:
    if i >= len(o.shown):
        raise EvaluationError(o.failure or "this row is not shown")
    return o.shown[i]


def _name(term: Unknown | Reserved, shown: Shown) -> str:
    """The unknown that is meant; `estimate` is that of the only one."""
    name = term.name if isinstance(term, Unknown) else next(iter(shown.estimates))
    if name not in shown.estimates:
        raise EvaluationError(f"`{name}` is not estimated here")
    return name


def _true(shown: Shown, name: str) -> Array:
    if name not in shown.truths:
        raise EvaluationError(f"`{name}` has no truth here")
    return shown.truths[name]


def _tensor(array: Array) -> Quantified:
    return Quantified(torch.from_numpy(np.ascontiguousarray(array))[None])
