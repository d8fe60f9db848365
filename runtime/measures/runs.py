"""The meaning of metrics of a run: a number for each row, from its trace."""

from __future__ import annotations

import math

from recon.dsl.vocabulary import runs as words

from ..loop import Trace
from ..meaning import meaning_of


@meaning_of(words.Gap)
def gap(word: words.Gap, trace: Trace) -> list[float]:
    """The last duality gap; none where the trace has none, NaN where it bounds nothing."""
    gaps = trace.series.get("gap", [])
    return [g if math.isfinite(g) else math.nan for g in gaps[-1]] if gaps else []
