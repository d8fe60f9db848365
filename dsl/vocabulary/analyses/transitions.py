"""Analyses of sparse recovery over a grid of problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ...model.fields import Count, Field, Interval
from ...model.place import Placed
from ...model.space import Space
from ...model.word import Analysis

LONGEST = 1024
"""Entries of the signals: the work grows with their cube, and a minute is enough for 400."""
MOST_CELLS = 10_000


class PhaseTransition(Analysis):
    """How often basis pursuit finds a sparse signal exactly, over its nonzeros and the number of measurements.

    Signals have the entries of the page's unknown; for each number of measurements and each draw there is another
    random matrix. Success depends on the places and signs of the nonzeros alone. Each answer is proved: by a dual
    certificate, or by a feasible vector with a smaller l1 norm. The report shows the share of successes with its 50%
    contour, beside the statistical dimension, at which theory puts it, and m = 2 s log(n / s), which is enough while
    s / n is small. `transition_gap` is the largest distance of the contour from the statistical dimension, as a part
    of it.
    """

    formula: ClassVar[str] = (
        r"m_{1/2} \approx n \min_{\tau \ge 0} \tfrac{s}{n} (1 + \tau^2) + (1 - \tfrac{s}{n}) E (|g| - \tau)_+^2"
        r" < 2 s \log(n / s) \quad \text{for small } s / n"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.3.1, eq. (4.6), Lemma 1; Amelunxen, Lotz, McCoy, Tropp 2014"
    example: ClassVar[str] = "analyze [phase_transition(measurements = 20..400 by 20, nonzeros = 10..200 by 10)]"
    yields: ClassVar[tuple[str, ...]] = ("transition_gap",)

    matrix: Literal["gaussian", "rademacher", "cosine"] = Field(
        "gaussian",
        description="independent Gaussian entries, independent signs, or random rows of the cosine transform",
    )
    measurements: Interval | tuple[Count, ...] | None = Field(
        None, description="numbers of measurements, a range or a list; left out: twenty steps up to the entries"
    )
    nonzeros: Interval | tuple[Count, ...] | None = Field(
        None, description="numbers of nonzeros, a range or a list; left out: twenty steps up to half the entries"
    )
    draws: Count = Field(20, description="matrices for each number of measurements")

    def grid(self, length: int) -> tuple[list[int], list[int]]:
        """Numbers of measurements and of nonzeros for signals of that many entries, each in ascending order."""
        return _listed(self.measurements, length, 20), _listed(self.nonzeros, length, 40)

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        n = unknown.count
        if n is None:
            return None
        if n > LONGEST:
            message = f"`{self.word}` solves thousands of problems with {n} unknowns; it does so for at most {LONGEST}"
            return message, "declare a shorter signal, such as `signal x : real[400]`"
        measurements, nonzeros = self.grid(n)
        if len(measurements) * len(nonzeros) > MOST_CELLS:
            message = f"this grid has {len(measurements)} x {len(nonzeros)} cells, and at most {MOST_CELLS} are tried"
            return message, "take larger steps"
        for what, numbers in (("measurements", measurements), ("nonzeros", nonzeros)):
            if not numbers:
                return f"`{what}` is empty", f"write `{what} = {max(n // 10, 1)}..{n} by {max(n // 10, 1)}`"
            if numbers[0] < 1 or numbers[-1] > n:
                wrong = numbers[0] if numbers[0] < 1 else numbers[-1]
                return f"`{what}` holds {wrong}, and the unknown has {n} entries", f"write numbers from 1 to {n}"
        return None


def _listed(given: Interval | tuple[int, ...] | None, length: int, steps: int) -> list[int]:
    if given is None:
        return sorted({max(1, round(length * (k + 1) / steps)) for k in range(20)})
    if isinstance(given, Interval):
        return sorted({round(v) for v in given.values()}) if given.count <= MOST_CELLS else [0] * (MOST_CELLS + 1)
    return sorted(set(given))
