"""What an outcome keeps of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from recon.dsl.model.experiment import Experiment
from recon.dsl.vocabulary.views import Figure
from torch import Tensor

from .answer import Answer, adjoint_image
from .compile import Compiled
from .gather import Posed
from .outcome import Outcome, Shown
from .score import run_scores, score
from .weighing import weight_column

Array = np.ndarray[Any, Any]


def record(outcome: Outcome, experiment: Experiment, posed: Posed, answer: Answer, rows: list[int]) -> None:
    """Enter an answer: its metrics, of the first batch its trace and what is compared with it, and arrays to show."""
    outcome.seconds += answer.seconds
    before: Tensor | None = None
    if not outcome.iterations:
        _enter_trace(outcome, answer)
        before = adjoint_image(answer)
        if before is not None and outcome.solver != "adjoint":
            outcome.baseline = _baseline(experiment, posed, answer, before)
    for i in range(min(len(rows), images_shown(experiment) - len(outcome.shown))):
        adjoint = before if not outcome.shown and len(answer.estimates) == 1 else None
        outcome.shown.append(_shown(rows[i], i, adjoint, posed, answer))
    method = posed.method
    scores, undone = score(experiment, method.formulation, answer.estimates, posed.truths, posed.measured, posed.build)
    scores |= weight_column(experiment, method, answer.weights, len(rows))
    scores |= run_scores(experiment, answer.solution.trace)
    told = [*(answer.weights.notes if answer.weights else []), answer.solution.warning]
    outcome.warnings += [w for w in told if w and w not in outcome.warnings]
    outcome.notes += [note for note in undone if note not in outcome.notes]
    outcome.add(scores, list(rows))


def _enter_trace(outcome: Outcome, answer: Answer) -> None:
    trace = answer.solution.trace
    outcome.iterations = list(trace.iterations)
    series = {"objective": trace.objective, "violation": trace.violation, "move": trace.move, **trace.series}
    if not trace.valued:
        del series["objective"]
    outcome.trace = {k: [float(np.mean(v)) for v in values] for k, values in series.items()}
    outcome.trace["epochs"] = trace.epochs
    found = [*(answer.weights.choices() if answer.weights else []), *trace.choices]
    outcome.choices = [(c.name, c.value, c.why) for c in found]
    outcome.found = {k: _numpy(v) for k, v in trace.found.items()}
    outcome.stopped = answer.solution.stopped


def _baseline(experiment: Experiment, posed: Posed, answer: Answer, before: Tensor) -> dict[str, float]:
    """The metrics of the first row's adjoint image, where that is on the scale of the unknown."""
    if answer.compiled is None or not _normalised(answer.compiled):
        return {}
    truths = {k: v[:1] for k, v in posed.truths.items()}
    measured = {k: v[:1] for k, v in posed.measured.items()}
    image = answer.compiled.layout.split(before)
    scores, _ = score(experiment, posed.method.formulation, image, truths, measured, posed.build)
    return {k: v[0] for k, v in scores.items()}


def _normalised(compiled: Compiled) -> bool:
    """Whether the operator's norm is known and about one."""
    norm = compiled.problem.data[0].operator.facts.norm.value
    return norm is not None and 0.5 <= norm <= 1.5


def images_shown(experiment: Experiment) -> int:
    """How many rows of the data the page's figures show."""
    return max((view.images for view in experiment.views if isinstance(view, Figure)), default=1)


def _shown(row: int, i: int, before: Tensor | None, posed: Posed, answer: Answer) -> Shown:
    """The arrays of the i-th row of a batch."""
    return Shown(
        row,
        truths={k: _numpy(v[i]) for k, v in posed.truths.items()},
        measured={k: _numpy(v[i]) for k, v in posed.measured.items()},
        adjoint=_numpy(before[0]) if before is not None else None,
        estimates={k: _numpy(v[i]) for k, v in answer.estimates.items()},
    )


def _numpy(x: Tensor) -> Array:
    out: Array = x.detach().cpu().numpy()
    return out
