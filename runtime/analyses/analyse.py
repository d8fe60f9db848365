"""All analyses of a page on one batch of one method."""

from __future__ import annotations

from dataclasses import replace

from recon.dsl.model.experiment import Experiment
from recon.dsl.model.space import SpaceError

from ..experiment.outcome import Outcome
from ..meaning import meaning
from ..values import EvaluationError
from .subject import Subject


def analyse(experiment: Experiment, subject: Subject, outcome: Outcome) -> None:
    """Adds what the page's analyses find to the outcome: numbers to its metrics, the rest to its `analyses`.

    What does not depend on the rows or the method is found for the first batch only, and its numbers stand for every
    row. Where a word stands on the page several times, the numbers of the first are the measures. An analysis that
    cannot be computed leaves a note with the reason.
    """
    scored = {m.word for m in experiment.metrics}  # the page measures these itself
    rows = len(subject.batch.numbers)
    measured: set[str] = set()
    for word, span in zip(experiment.analyses, experiment.analyses_spans, strict=True):
        title = " ".join(span.text.split())
        found = None if word.by_row else outcome.analyses.get(title)
        if found is None:
            try:
                found = replace(meaning(word)(word, subject), title=title)
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
