"""The meaning of analyses of sparse recovery over a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence

from recon.dsl.vocabulary.analyses import transitions as words

from ..meaning import meaning_of
from ..report.content import Heatmap
from .finding import Finding
from .recovery import FOUND, OPEN, recovered, row_spaces, statistical_dimension
from .subject import Subject


@meaning_of(words.PhaseTransition)
def phase_transition(word: words.PhaseTransition, subject: Subject) -> Finding:
    """The share of signals that basis pursuit finds, over nonzeros (rows) and measurements (columns)."""
    length = next(iter(subject.checked.problem.unknowns.values())).count or 0
    measurements, nonzeros = word.grid(length)
    share: list[list[float]] = [[] for _ in nonzeros]
    undecided = 0
    for m in measurements:
        draw = subject.build.generator("auto", f"analyze.phase_transition/{word.matrix}/{m}")
        status = recovered(row_spaces(word.matrix, length, m, word.draws, draw), nonzeros)
        undecided += int((status == OPEN).sum())
        for row, column in zip(share, (status == FOUND).float().mean(0).tolist(), strict=True):
            row.append(column)
    half = [crossing(measurements, row) for row in share]
    theory = [statistical_dimension(length, s) for s in nonzeros]
    small = [s for s in nonzeros if s <= length / math.e]
    gaps = [abs(h - t) / t for h, t in zip(half, theory, strict=True) if h is not None]
    cells = len(measurements) * len(nonzeros) * word.draws
    text = f"{cells} problems with {length} unknowns, {word.draws} for each cell; each answer is proved"
    text += f", but for {undecided} that count as not found." if undecided else "."
    text += (
        " The 50% contour follows the statistical dimension. To its right lies m = 2 s log(n / s), an upper bound of "
        "what is needed while s is small beside n; it is drawn up to s = n / e, where it stops rising."
    )
    known = [(h, float(s)) for h, s in zip(half, nonzeros, strict=True) if h is not None]
    lines = {
        "50% found": ([h for h, _ in known], [s for _, s in known]),
        "statistical dimension": (theory, [float(s) for s in nonzeros]),
        "m = 2 s log(n / s)": ([2 * s * math.log(length / s) for s in small], [float(s) for s in small]),
    }
    heatmap = Heatmap(
        "share of signals found exactly",
        "measurements m",
        measurements,
        "nonzeros s",
        nonzeros,
        share,
        limits=(0.0, 1.0),
        lines=lines,
    )
    grid = [(s, m, v) for s, row in zip(nonzeros, share, strict=True) for m, v in zip(measurements, row, strict=True)]
    return Finding(
        text,
        numbers={"transition_gap": max(gaps)} if gaps else {},
        columns={
            "nonzeros": [s for s, _, _ in grid],
            "measurements": [m for _, m, _ in grid],
            "found": [v for *_, v in grid],
        },
        heatmaps=[heatmap],
    )


def crossing(xs: Sequence[int], shares: Sequence[float]) -> float | None:
    """Where the shares rise through one half, between neighbours on a straight line; None where they do not."""
    for a, b, low, high in zip(xs, xs[1:], shares, shares[1:], strict=False):
        if low < 0.5 <= high:
            return a + (b - a) * (0.5 - low) / (high - low)
    return None
