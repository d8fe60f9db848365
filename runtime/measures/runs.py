"""The meaning of metrics of a run: a number for each row, from its trace."""

from __future__ import annotations

import math

from recon.dsl.vocabulary import runs as words

from ..loop import Trace
from ..meaning import meaning_of


@meaning_of(words.Gap)
def gap(word: words.Gap, trace: Trace) -> list[float]:
    """The last duality gap; none where the trace has none, NaN where it bounds nothing."""
    return _last(trace, "gap")


@meaning_of(words.Residual)
def residual(word: words.Residual, trace: Trace) -> list[float]:
    """The last optimality residual; none where the trace has none, NaN where it is not finite."""
    return _last(trace, "residual")


def _last(trace: Trace, name: str) -> list[float]:
    values = trace.series.get(name, [])
    return [v if math.isfinite(v) else math.nan for v in values[-1]] if values else []
