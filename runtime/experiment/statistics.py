"""Statistics over images and repetitions, with what is known of their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from recon.dsl.model.terms import Statistic

from .outcome import Outcome

Array = np.ndarray[Any, Any]
LEVEL = 0.95


@dataclass(frozen=True)
class Reading:
    """One number that was measured: of which image, in which repetition, at which fixed values of what is swept.

    image: the data set and the row; empty for what a whole run has one number of, such as its seconds. repetition: the
    values of all seeds that are swept. at: those of everything else that is.
    """

    value: float
    image: tuple[str, int] | None
    repetition: tuple[str, ...]
    at: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """A statistic: its value, half the width of the 95% interval of a mean (None where one number is all there is),
    and of how many images (none, where it is one of whole runs) and repetitions it is."""

    value: float
    half: float | None
    images: int
    repetitions: int


def readings(statistic: Statistic, outcomes: Sequence[Outcome]) -> list[Reading]:
    """Every number of the metric that the outcomes hold, of its method; those that are undefined (NaN) left out."""
    out = []
    for o in outcomes:
        if statistic.method is not None and o.method != statistic.method:
            continue
        seeds = tuple(v for k, v in o.cell.items() if is_seed(k))
        at = (o.method, *(v for k, v in o.cell.items() if not is_seed(k)))
        if statistic.metric in o.metrics:
            pairs = [(v, (o.data, r)) for v, r in zip(o.metrics[statistic.metric], o.rows, strict=False)]
            out += [Reading(v, image, seeds, at) for v, image in pairs if v == v]
            continue
        whole = _of_the_run(statistic.metric, o)
        if whole is not None and whole == whole:
            out.append(Reading(whole, None, seeds, at))
    return out


def _of_the_run(metric: str, o: Outcome) -> float | None:
    """A number that a run has one of: its seconds for each row, its iterations, or the last of a trace."""
    if metric == "seconds":
        return o.seconds / max(len(o.rows), 1) if o.rows else None
    if metric == "iterations":
        return float(o.iterations[-1]) if o.iterations else None
    values = o.trace.get(metric)
    return values[-1] if values else None


def is_seed(path: str) -> bool:
    """Whether a swept path is a seed, so that its values are repetitions of one experiment."""
    return path.rpartition(".")[2] == "seed"


def grid(found: Sequence[Reading]) -> Array:
    """Readings as an array [images, repetitions], averaged over fixed values; only images read in every repetition."""
    images = sorted({r.image for r in found}, key=repr)
    repetitions = sorted({r.repetition for r in found})
    sums = np.zeros((len(images), len(repetitions)))
    counts = np.zeros_like(sums)
    for r in found:
        at = images.index(r.image), repetitions.index(r.repetition)
        sums[at] += r.value
        counts[at] += 1
    complete = counts.min(1, initial=1) > 0
    out: Array = sums[complete] / counts[complete]
    return out


def half_interval(values: Array, level: float = LEVEL) -> float:
    """Half the width of the confidence interval of the mean over images and repetitions; NaN for a single number.

    values: [I, R], of image i in repetition r. With one image or one repetition this is Student's t over the others.
    With several of both they are crossed: what a repetition draws, such as a mask, is drawn for all images alike, so
    the I R numbers are not independent. In the model v = m + a_i + b_r + e_ir with random a, b, e the mean has

        variance = (MS_a + MS_b - MS_e) / (I R),

    with the mean squares of the two-way analysis of variance, and Satterthwaite's degrees of freedom. Where chance
    makes it smaller than what images alone or repetitions alone give, the larger of those is taken.

    Source: Satterthwaite, An approximate distribution of estimates of variance components, 1946.
    """
    from scipy.stats import t

    count, times = values.shape
    if values.size < 2:
        return float("nan")
    if count == 1 or times == 1:
        return float(t.ppf((1 + level) / 2, values.size - 1) * np.std(values, ddof=1) / values.size**0.5)
    by_image, by_time = values.mean(1, keepdims=True), values.mean(0, keepdims=True)
    mean = values.mean()
    degrees = np.array([count - 1, times - 1, (count - 1) * (times - 1)], dtype=np.float64)
    squares = np.array(
        [
            times * np.sum((by_image - mean) ** 2),
            count * np.sum((by_time - mean) ** 2),
            np.sum((values - by_image - by_time + mean) ** 2),
        ]
    )
    squares /= degrees
    total = float(squares[0] + squares[1] - squares[2])
    alone = int(np.argmax(squares[:2]))
    if total > squares[alone]:
        freedom = total**2 / float(np.sum(squares**2 / degrees))
    else:
        total, freedom = float(squares[alone]), float(degrees[alone])
    return float(t.ppf((1 + level) / 2, max(freedom, 1.0)) * (total / values.size) ** 0.5)


def measured(statistic: Statistic, outcomes: Sequence[Outcome]) -> Measured | None:
    """A statistic of a page over all rows of the outcomes; None where nothing was measured.

    `mean` averages all numbers and has an interval, see `half_interval`; the other statistics are of all numbers.
    """
    found = readings(statistic, outcomes)
    if not found:
        return None
    values = np.array([r.value for r in found])
    table = grid(found)
    half: float | None = None
    if statistic.statistic in ("mean", ""):
        half = half_interval(table)
    images, repetitions = len({r.image for r in found} - {None}), len({r.repetition for r in found})
    value = _value(statistic, values, table)
    return Measured(value, half if half is not None and half == half else None, images, repetitions)


def measure(statistic: Statistic, outcomes: Sequence[Outcome]) -> float | None:
    """The value of `measured` alone."""
    found = measured(statistic, outcomes)
    return None if found is None else found.value


def _value(statistic: Statistic, values: Array, table: Array) -> float:
    argument = statistic.argument if statistic.argument is not None else LEVEL
    match statistic.statistic:
        case "max":
            return float(np.max(values))
        case "min":
            return float(np.min(values))
        case "median":
            return float(np.median(values))
        case "std":
            return float(np.std(values, ddof=1)) if values.size > 1 else 0.0
        case "quantile":
            return float(np.quantile(values, argument))
        case "interval":
            return half_interval(table, argument)
        case "fraction":
            return float(np.mean(COMPARE[statistic.op](values, argument)))
    return float(np.mean(values))


COMPARE = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
}
