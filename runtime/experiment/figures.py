"""Figures that a page asks for, laid out from what its outcomes show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from recon.dsl.model.experiment import Experiment, metric_name
from recon.dsl.model.terms import Pointwise, Reserved, Statistic, Unknown, ValueTerm, everything
from recon.dsl.vocabulary.views import Figure

from ..report.content import Panel, Picture, Plate, PlateLine, Role
from ..report.display import displayed_range, share_limits, shown
from ..report.tables import number
from ..values import EvaluationError
from .headings import at, heading
from .outcome import Outcome
from .seen import Seen
from .views import combinations, names, select

Array = np.ndarray[Any, Any]
FACTORS = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 40, 50, 80, 100, 150, 200, 300, 400, 500, 800, 1000)
"""By how much errors are enlarged against the pictures' own scale."""


@dataclass(frozen=True)
class _Column:
    """One column: the value shown, and the method it is of; empty where the value names its own, or needs none."""

    term: ValueTerm
    method: str
    head: str


def figure(word: Figure, experiment: Experiment, seen: Seen) -> Plate | None:
    """The plate of a `report figure` line; None where nothing of it could be computed.

    Axes that are swept and not laid out stand at their first value, which the note says.
    """
    rows = [*names(word.rows)]
    columns = _columns(word, experiment, by_method="method" not in rows)
    scores = _scores(word, experiment)
    lines: list[PlateLine] = []
    for place in combinations(rows, seen.outcomes):
        here = select(seen.outcomes, rows, place)
        if not here:
            continue
        first = here[0]
        here = [o for o in here if o.data == first.data and o.cell == first.cell]
        label = ", ".join(at(a, v) for a, v in zip(rows, place, strict=True))
        for i in range(min(word.images, max((len(o.shown) for o in here), default=0))):
            panels = [_panel(c, here, i, word, seen, scores) for c in columns]
            if any(p is not None for p in panels):
                lines.append(PlateLine(label, _keyed(_alike(panels), scores), zoom=_zoom(word, panels)))
    kept = [k for k in range(len(columns)) if any(line.panels[k] is not None for line in lines)]
    if not kept:
        return None
    lines = [replace(line, panels=[line.panels[k] for k in kept]) for line in lines]
    lines, factor = _scaled_errors(lines)
    note = _note(experiment, rows, seen, factor, scores, lines)
    return Plate("", [columns[k].head for k in kept], lines, note)


def _columns(word: Figure, experiment: Experiment, by_method: bool) -> list[_Column]:
    """The values in the order of the page, each that depends on the method once for each method."""
    methods = list(experiment.methods)
    several = len(methods) > 1 and by_method
    free = [t for t in word.show if _of_method(t)]
    out = []
    for term in word.show:
        if not several or not _of_method(term):
            out.append(_Column(term, "", _head(term)))
            continue
        for m in methods:
            name = m.replace("_", " ")
            out.append(_Column(term, m, name if len(free) == 1 else f"{_head(term)}, {name}"))
    return out


def _of_method(term: ValueTerm) -> bool:
    """Whether a value differs from method to method, and does not say which it means."""
    parts = everything(term)
    return any(isinstance(p, Unknown) or (isinstance(p, Reserved) and _is_estimate(p) and not p.method) for p in parts)


def _is_estimate(term: object) -> bool:
    return isinstance(term, Unknown) or (isinstance(term, Reserved) and term.name in ("estimate", "error"))


def _bare(term: ValueTerm) -> ValueTerm:
    """What is inside of a modulus, which needs no word above a picture."""
    return _bare(term.of) if isinstance(term, Pointwise) and term.word.word == "abs" else term


def _head(term: ValueTerm) -> str:
    bare = _bare(term)
    if isinstance(bare, Reserved):
        if bare.method is not None:
            name = bare.method.replace("_", " ")
            return name if bare.name == "estimate" else f"{bare.name}, {name}"
        return {"estimate": "reconstruction", "measured": "measurement", "ref": "reference"}.get(bare.name, bare.name)
    return label_of(term)


def label_of(term: ValueTerm) -> str:
    """A value as the page writes it."""
    return " ".join(term.span.text.split()) if term.span is not None else "value"


def _scores(word: Figure, experiment: Experiment) -> list[str]:
    """The names of the metrics that stand under pictures."""
    if word.scores is not None:
        return [s.metric for s in word.scores if isinstance(s, Statistic)]
    all_names = [metric_name(m) for m in experiment.metrics]
    plain = [n for n in all_names if "(" not in n]
    return plain[:2] if plain else all_names


def _panel(
    column: _Column, here: Sequence[Outcome], i: int, word: Figure, seen: Seen, scores: list[str]
) -> Panel | None:
    """The picture of one value of one row of the data; None where a method failed or the row has no truth."""
    at_method = [o for o in here if not column.method or o.method == column.method]
    for o in at_method:  # what needs no method is that of the first which has it
        try:
            array = seen.value(column.term, o, i)
        except EvaluationError:
            continue
        break
    else:
        return None
    axes = _axes(seen, o, array)
    error_shown = any(isinstance(p, Reserved) and p.name == "error" for p in everything(column.term))
    estimate = any(_is_estimate(p) for p in everything(column.term)) and not error_shown
    truth = _truth(column.term, o, i, seen, array.shape) if not error_shown else None
    itself = any(isinstance(p, Reserved) and p.name in ("truth", "ref") for p in everything(column.term))
    role: Role = "error" if error_shown else "estimate" if truth is not None or estimate else "measurement"
    role = "truth" if itself and truth is None and not error_shown else role
    picture = _cut(Picture(column.head, array, role, axes=axes), word)
    limits: tuple[float, float] | None = None
    if truth is not None:
        limits = displayed_range(_cut(Picture("truth", truth, "truth", axes=axes), word))
    elif role == "truth":
        limits = displayed_range(picture)
    if word.window is not None and role != "error" and picture.role != "measurement":
        limits = (word.window.start, word.window.stop)
    error = None
    if estimate and truth is not None and word.errors and picture.array.ndim > 1:
        error = replace(_cut(Picture("error", array - truth, "error", axes=axes), word), note=number(_span(limits)))
    below = _below(column, o, i, seen, scores) if estimate else ""
    line = _cut(Picture("truth", truth, "truth", axes=axes), word).array if truth is not None else None
    if line is not None and (line.ndim > 1 or not estimate):
        line = None
    elif line is not None and np.iscomplexobj(line):
        line = np.abs(line)
    return Panel(replace(picture, limits=limits), below, error, line)


def _span(limits: tuple[float, float] | None) -> float:
    return limits[1] - limits[0] if limits is not None else 1.0


def _truth(term: ValueTerm, o: Outcome, i: int, seen: Seen, shape: tuple[int, ...]) -> Array | None:
    """The same of the truth, or the reference; for a measurement on the grid of the unknown, the truth itself."""
    measured = isinstance(_bare(term), Reserved) and _bare(term).name == "measured"  # type: ignore[attr-defined]
    if not any(_is_estimate(p) for p in everything(term)) and not measured:
        return None
    for attempt in [Reserved("truth")] if measured else [term, Reserved("ref")]:
        try:
            found = seen.truth(attempt, o, i)
        except EvaluationError:
            continue
        if found.shape == shape and not (measured and np.iscomplexobj(seen.value(term, o, i))):
            return found
    return None


def _axes(seen: Seen, o: Outcome, array: Array) -> tuple[str, ...]:
    """The names of the axes of an array that lies where an unknown or a measurement does; none for others."""
    method = seen.cell(o).checked.methods[o.method]
    shown = o.shown[0]
    for name, space in method.problem.unknowns.items():
        if name in shown.estimates and shown.estimates[name].shape == array.shape:
            return tuple(a.name for a in space.axes)
    for name, m in method.measurements.items():
        if name in shown.measured and shown.measured[name].shape == array.shape:
            return tuple(a.name for a in m.space.axes)
    return ()


def _cut(picture: Picture, word: Figure) -> Picture:
    """The picture at the place along an axis that the page names."""
    if word.slice is None or word.slice[0] not in picture.axes:
        return picture
    axis, place = picture.axes.index(str(word.slice[0])), int(word.slice[1])
    if picture.array.ndim < 2 or place >= picture.array.shape[axis]:
        return picture
    axes = tuple(a for a in picture.axes if a != word.slice[0])
    return replace(picture, array=picture.array.take(place, axis), axes=axes)


def _below(column: _Column, o: Outcome, i: int, seen: Seen, scores: list[str]) -> str:
    """The metrics of the picture's row, as `31.54 dB / 0.895`."""
    named = [p.method for p in everything(column.term) if isinstance(p, Reserved) and p.method is not None]
    if named:
        try:
            o = seen.beside(o, named[0])
        except EvaluationError:
            return ""
    bare = _bare(column.term)
    of = label_of(bare)
    plain = isinstance(bare, Reserved) and bare.name == "estimate"
    out = []
    for name in scores:
        metric, _, inner = name.partition("(")
        if not (inner.removesuffix(")") == of if inner else plain or isinstance(bare, Unknown)):
            continue
        values = dict(zip(o.rows, o.metrics.get(name, []), strict=False))
        value = values.get(o.shown[i].row)
        if value is not None and value == value:
            out.append(_short(metric, value))
    return " / ".join(out)


def _alike(panels: Sequence[Panel | None]) -> list[Panel | None]:
    """The panels, with errors that the page shows as pictures of their own on one scale."""
    shared = iter(share_limits([p.picture for p in panels if p is not None and p.picture.role == "error"]))
    return [replace(p, picture=next(shared)) if p is not None and p.picture.role == "error" else p for p in panels]


def _keyed(panels: Sequence[Panel | None], scores: list[str]) -> list[Panel | None]:
    """The panels, with the names of the metrics under the truth where others have their numbers."""
    key = " / ".join(heading(Statistic("", s), arrow=False).replace(" (dB)", "") for s in scores)
    told = any(p is not None and p.below for p in panels)
    return [
        replace(p, below=key) if told and p is not None and p.picture.role == "truth" and not p.below else p
        for p in panels
    ]


def _short(metric: str, value: float) -> str:
    """A metric in as few digits as are worth reading under a picture."""
    if metric == "psnr":
        return f"{value:.2f} dB"
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 else f"{value:.2g}"


def _scaled_errors(lines: list[PlateLine]) -> tuple[list[PlateLine], int]:
    """All error maps on scales that are one factor finer than their pictures', so that hardly a pixel saturates."""
    shares = []
    for error in (p.error for line in lines for p in line.panels if p is not None and p.error is not None):
        values = shown(error).values
        finite = values[np.isfinite(values)]
        if finite.size:
            shares.append(float(np.quantile(finite, 0.995)) / (float(error.note) or 1.0))
    if not shares:
        return lines, 0
    largest = max(float(np.median(shares)), max(shares) / 2)
    factor = max((f for f in FACTORS if f * largest <= 1.0), default=1)

    def scaled(panel: Panel | None) -> Panel | None:
        if panel is None or panel.error is None:
            return panel
        error = replace(panel.error, limits=(0.0, (float(panel.error.note) or 1.0) / factor), note="")
        return replace(panel, error=error)

    said = f"error × {factor}" if factor > 1 else "error"
    return [replace(line, panels=[scaled(p) for p in line.panels], beneath=said) for line in lines], factor


def _zoom(word: Figure, panels: Sequence[Panel | None]) -> tuple[int, int, int, int] | None:
    if word.zoom is None:
        return None
    if word.zoom == "auto":
        return _where_they_differ([p for p in panels if p is not None and p.picture.role == "estimate"])
    rows, cols = word.zoom
    return int(rows.start), int(rows.stop) + 1, int(cols.start), int(cols.stop) + 1


def _where_they_differ(panels: Sequence[Panel]) -> tuple[int, int, int, int] | None:
    """A window of a fifth of the image where the pictures differ the most: where their local variance is largest.

    Of four and more the one farthest from their median is left out, as it may differ everywhere; of a single picture
    it is where its error is. Values are cut off at the ends of the grey scale.
    """
    from scipy.ndimage import uniform_filter

    planes = []
    for p in panels:
        seen = shown(p.picture)
        if seen.values.ndim >= 2 and not seen.stretched:
            values = np.nan_to_num(np.clip(seen.values, *seen.limits))
            planes.append(values.mean(-1) if values.ndim == 3 else values)
    planes = [v for v in planes if v.shape == planes[0].shape]
    if not planes:
        return None
    if len(planes) > 3:
        median = np.median(np.stack(planes), axis=0)
        planes.pop(int(np.argmax([np.sum((v - median) ** 2) for v in planes])))
    if len(planes) > 1:
        spread = np.var(np.stack(planes), axis=0)
    elif panels[0].error is not None:
        spread = np.nan_to_num(shown(panels[0].error).values) ** 2
    else:
        return None
    height, width = spread.shape[:2]
    side = max(round(min(height, width) / 5), 4)
    if side >= min(height, width):
        return None
    local = uniform_filter(spread.reshape(height, width, -1).mean(-1), side, mode="constant")
    half = side // 2
    inside = local[half : height - side + half + 1, half : width - side + half + 1]
    top, left = (int(k) for k in np.unravel_index(int(np.argmax(inside)), inside.shape))
    return top, top + side, left, left + side


def _note(
    experiment: Experiment, rows: list[str], seen: Seen, factor: int, scores: list[str], lines: list[PlateLine]
) -> str:
    said = []
    below = any(p is not None and p.below for line in lines for p in line.panels)
    if below:
        said.append("under each picture " + " / ".join(heading(Statistic("", s), arrow=False) for s in scores))
    if factor:
        enlarged = f", {factor} times enlarged" if factor > 1 else ""
        said.append(f"beneath it the modulus of its error{enlarged}")
    if any(line.zoom for line in lines):
        said.append("the framed part is enlarged")
    first = seen.outcomes[0].cell if seen.outcomes else {}
    fixed = [at(k, v) for k, v in first.items() if k not in rows]
    said += [f"at {', '.join(fixed)}"] if fixed else []
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
