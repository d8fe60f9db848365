"""Metrics along the way: what curves over iterations or epochs show beside the trace."""

from __future__ import annotations

import time
from collections.abc import Callable

from recon.dsl.model.experiment import TRACE_AXES, Experiment, metric_name
from recon.dsl.model.terms import Along, Statistic
from recon.dsl.vocabulary.views import Curves
from torch import Tensor

Scores = Callable[[Tensor], dict[str, list[float]]]
"""estimate -> the metrics of each row, by name."""


def metrics_along(experiment: Experiment) -> set[str]:
    """The metrics of the page that its curves show along an axis of the trace."""
    own = {metric_name(m) for m in experiment.metrics}
    return {
        s.metric
        for view in experiment.views
        if isinstance(view, Curves) and isinstance(view.along, Along) and view.along.name in TRACE_AXES
        for s in view.show
        if isinstance(s, Statistic) and s.metric in own
    }


class Watcher:
    """Scores estimates for the trace, and counts the `seconds` that took, which are not the solver's."""

    def __init__(self, names: set[str], scores: Scores) -> None:
        self.names, self.scores, self.seconds = names, scores, 0.0

    def __call__(self, iteration: int, estimate: Tensor) -> dict[str, list[float]]:
        begin = time.perf_counter()
        found = {k: v for k, v in self.scores(estimate).items() if k in self.names}
        self.seconds += time.perf_counter() - begin
        return found
