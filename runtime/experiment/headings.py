"""What measures and axes are called in print, and which of two numbers is the better one."""

from __future__ import annotations

from recon.dsl import vocabulary
from recon.dsl.elaborate.measures import unit_of
from recon.dsl.model.terms import Statistic
from recon.dsl.model.units import LEVEL
from recon.dsl.model.word import Metric


def direction(statistic: Statistic) -> int:
    """1 where more is better, -1 where less is, 0 where neither is."""
    word = statistic.metric.partition("(")[0]
    cls = vocabulary.find("metric", word)
    if cls is not None and issubclass(cls, Metric):
        better = 1 if cls.higher_is_better else -1
    else:
        better = -1 if word in ("seconds", "iterations") else 0
    if statistic.statistic in ("std", "interval"):
        return 0
    if statistic.statistic == "fraction":
        return better if statistic.op in (">", ">=") else -better
    return better


def kind(statistic: Statistic) -> tuple[object, int]:
    """What shares an axis with others of its kind: errors and the like, similarities, levels, fractions, seconds."""
    word = statistic.metric.partition("(")[0]
    cls = vocabulary.find("metric", word)
    if statistic.statistic == "fraction":
        return "fraction", 0
    if word in ("seconds", "iterations"):
        return word, 0
    more = cls is not None and issubclass(cls, Metric) and cls.higher_is_better
    return unit_of(word), int(more)


def heading(statistic: Statistic, arrow: bool = True) -> str:
    """`PSNR (dB) ↑`, `max NMSE ↓`, `NMSE ≤ 0.0001`: a measure as the head of a column; the mean needs no word."""
    word, _, of = statistic.metric.partition("(")
    cls = vocabulary.find("metric", word)
    title = (cls.title if cls is not None and issubclass(cls, Metric) else "") or word.replace("_", " ")
    title += f" of {of.removesuffix(')')}" if of else ""
    if statistic.method is not None:
        title += f", {statistic.method}"
    unit = "dB" if unit_of(word) == LEVEL else "s" if word == "seconds" else ""
    match statistic.statistic:
        case "fraction":
            op = {"<=": "≤", ">=": "≥"}.get(statistic.op, statistic.op)
            text, unit = f"{title} {op} {statistic.argument:g}" + (f" {unit}" if unit else ""), ""
        case "quantile":
            text = f"{100 * (statistic.argument or 0):g}% quantile of {title}"
        case "interval":
            text = f"± {title}"
        case "mean" | "":
            text = title if word != "seconds" else "time"
        case other:
            text = f"{other} {title}"
    text += f" ({unit})" if unit else ""
    mark = {1: " ↑", -1: " ↓", 0: ""}[direction(statistic)] if arrow else ""
    return text + mark


def at(axis: str, label: str) -> str:
    """`accel = 4`; methods and data sets go by their names alone."""
    return label if axis in ("method", "data") else f"{axis} = {label}"
