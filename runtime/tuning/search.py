"""Searches along a line: the root of a rising function, the minimum of a function, the corner of a curve.

The line is that of t = log(weight). Each function is expensive, so values are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEP = math.log(4.0)
"""How far the first steps go, to enclose what is sought."""
MOST = 12
"""Steps to either side at most: a factor of 4^12, about 1.7e7."""
MOST_FALSE = 30
"""Steps of the false position at most."""
BLUNT = 7 * math.pi / 8
"""An angle of the curve that is no corner any more."""
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Found:
    """Where the search ended. `note` says what is wrong with it, where something is."""

    t: float
    note: str = ""


def root(f: Callable[[float], float], start: float, precision: float, level: float) -> Found:
    """Where the rising function f passes through zero, to `precision` in t, or |f| <= level.

    Where it keeps its sign over all steps, the end of the line with a note. Illinois's variant of the false position,
    Dowell, Jarratt 1971.
    """
    t, value = start, f(start)
    sign = 1.0 if value < 0 else -1.0
    for _ in range(MOST):
        last, before = t, value
        if abs(value) <= level:
            return Found(t)
        t += sign * STEP
        value = f(t)
        if value * sign >= 0:
            break
    else:
        return Found(t, "even the largest weight tried fits closer" if sign > 0 else "no weight fits so closely")
    (a, fa), (b, fb) = sorted(((last, before), (t, value)))
    kept = 0  # which end the last steps left in place
    for _ in range(MOST_FALSE):
        last, t = t, (a * fb - b * fa) / (fb - fa)
        value = f(t)
        if abs(value) <= level or abs(t - last) <= precision:
            break
        if value < 0:
            a, fa, fb = t, value, fb / 2 if kept > 0 else fb
            kept = 1
        else:
            b, fb, fa = t, value, fa / 2 if kept < 0 else fa
            kept = -1
    return Found(t)


def minimum(f: Callable[[float], float], start: float, precision: float) -> Found:
    """The least point of f near `start`: downhill until f rises, then by golden section to `precision` in t.

    At last the vertex of the parabola through the three best points. Kiefer 1953.
    """
    points = {start: f(start), start + STEP: f(start + STEP)}
    sign = 1.0 if points[start + STEP] < points[start] else -1.0
    t = start + STEP if sign > 0 else start
    for _ in range(MOST):
        points[t + sign * STEP] = f(t + sign * STEP)
        if points[t + sign * STEP] >= points[t]:
            break
        t += sign * STEP
    else:
        return Found(t, f"it is still falling at the {'largest' if sign > 0 else 'smallest'} weight tried")
    low, high = t - STEP, t + STEP
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    points |= {a: f(a), b: f(b)}
    while high - low > precision:
        if points[a] < points[b]:
            high, b = b, a
            a = high - GOLDEN * (high - low)
            points[a] = f(a)
        else:
            low, a = a, b
            b = low + GOLDEN * (high - low)
            points[b] = f(b)
    return Found(_vertex(points))


def _vertex(points: dict[float, float]) -> float:
    """The least point of the parabola through the best point and its neighbours, kept between these."""
    ts = sorted(points)
    i = min(range(len(ts)), key=lambda k: points[ts[k]])
    if i in (0, len(ts) - 1):
        return ts[i]
    (p, q, r), (fp, fq, fr) = ts[i - 1 : i + 2], (points[x] for x in ts[i - 1 : i + 2])
    left, right = (q - p) * (fq - fr), (q - r) * (fq - fp)
    if left == right:
        return q
    return min(max(q - ((q - p) * left - (q - r) * right) / (2 * (left - right)), p), r)


def corner(ts: Sequence[float], xs: Sequence[float], ys: Sequence[float], reach: int) -> Found:
    """The corner of the curve (x(t), y(t)) with the shape of an L, x rising and y falling with t: one of the points.

    Of the triangles of a point and those `reach` places before and behind it, that with the smallest angle at the point
    among those that bend to the left. The curvature would follow each wiggle of solutions that are not exact.
    """
    best, sharpest = BLUNT, None
    for k in range(reach, len(ts) - reach):
        back = xs[k - reach] - xs[k], ys[k - reach] - ys[k]
        forth = xs[k + reach] - xs[k], ys[k + reach] - ys[k]
        turn = back[1] * forth[0] - back[0] * forth[1]
        angle = math.atan2(turn, back[0] * forth[0] + back[1] * forth[1])
        if 0 < angle < best:
            best, sharpest = angle, ts[k]
    if sharpest is None:
        return Found(ts[len(ts) // 2], "the curve has no corner between the weights tried, and this is their middle")
    return Found(sharpest)
