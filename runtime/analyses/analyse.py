"""All analyses of a page on one batch of one method."""

from __future__ import annotations

from dataclasses import replace

from recon.dsl.digest import digest_of
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.space import SpaceError
from recon.dsl.model.terms import everything, parameters_in
from recon.dsl.model.word import Analysis

from ..experiment.outcome import Outcome
from ..meaning import meaning
from ..values import EvaluationError
from .finding import Finding
from .subject import Subject


def analyse(experiment: Experiment, subject: Subject, outcome: Outcome) -> None:
    """Adds what the page's analyses find to the outcome: numbers to its metrics, the rest to its `analyses`.

    What does not depend on the rows or the method is found once for all cells and methods that agree in it, for the
    first row where operators differ from row to row, and its numbers stand for every row. Where a word stands on the
    page several times, the numbers of the first are the measures. An analysis that cannot be computed leaves a note
    with the reason.
    """
    scored = {m.word for m in experiment.metrics}  # the page measures these itself
    rows = len(subject.batch.numbers)
    measured: set[str] = set()
    for word, span in zip(experiment.analyses, experiment.analyses_spans, strict=True):
        title = " ".join(span.text.split())
        found = None if word.once == "row" else outcome.analyses.get(title)
        if found is None:
            try:
                found = replace(_found(word, subject), title=title)
            except (SpaceError, EvaluationError, ValueError, ArithmeticError) as e:
                note = f"{title}: {e}"
                outcome.notes += [note] if note not in outcome.notes else []
                continue
        if found.text or found.numbers:
            outcome.analyses[title] = found
        repeated = {name: [value] * rows for name, value in found.numbers.items() if name in word.yields}
        for name, values in {**repeated, **found.rows}.items():
            if name not in scored and name not in measured:
                outcome.metrics.setdefault(name, []).extend(values)
        measured |= set(word.yields)


def _found(word: Analysis, subject: Subject) -> Finding:
    """What the analysis finds, or has found for another method or cell of the run."""
    build = subject.build

    def make() -> Finding:
        found: Finding = meaning(word)(word, subject)
        return found

    if word.once != "page" or build.shared is None:
        return make()
    differs = bool(parameters_in(word)) or any(getattr(w, "vary", "") == "row" for w in everything(word))
    spaces = list(subject.checked.problem.unknowns.values())
    key = digest_of(["analysis", word, spaces, str(build.device), build.seed, build.row if differs else ""])
    return build.shared.take(key, make, lambda found: 64 * sum((len(c) for c in found.columns.values()), 1000))
