"""The report of a run, put together from its outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.space import Space
from recon.dsl.vocabulary.views import Curves, Figure, Heatmap
from recon.dsl.vocabulary.views import Table as TableWord

from ..report.content import Curve, Picture, Report, Section, Table
from ..report.mosaic import mosaic
from ..report.tables import number
from .cells import Cell
from .claims import Verdict
from .execute import Execution
from .figures import figure
from .findings import analysis_sections
from .outcome import Outcome, Shown
from .seen import Seen
from .views import curves, heatmap, metrics_table, table

MOST_SECTIONS = 12
FEW = 6
"""Outcomes up to which each is shown at once; beyond, or beside a figure, they stand closed behind the summary."""


def report(
    cells: list[Cell],
    execution: Execution,
    spec: str,
    manifest: dict[str, Any],
    verdicts: list[Verdict],
    warnings: list[str],
    citations: list[str],
) -> Report:
    """Everything a reader should see: claims, metrics, the page's tables and curves, then each outcome's pictures."""
    experiment = cells[0].checked.experiment
    sections = [*_views(experiment, Seen(cells, execution.outcomes)), *analysis_sections(execution.outcomes)]
    shown = [o for o in execution.outcomes if o.shown or o.failure]
    figures = any(s.plates for s in sections)
    many = len(shown) > FEW or (figures and len(shown) > 1)
    sections += [replace(_outcome(cells, o), folded=many) for o in shown[:MOST_SECTIONS]]
    if len(shown) > MOST_SECTIONS:
        sections.append(
            Section(
                f"{len(shown) - MOST_SECTIONS} more", text="Their arrays are in the folder of the run.", folded=True
            )
        )
    if verdicts:
        sections.insert(0, Section("Claims", tables=[_claims(verdicts)]))
    return Report(
        title=experiment.name,
        description=experiment.doc,
        sections=sections,
        spec_text=spec,
        manifest=manifest,
        metrics=metrics_table(experiment, execution.outcomes),
        warnings=[*warnings, *execution.skipped],
        citations=citations,
        summary=many,
    )


def _claims(verdicts: list[Verdict]) -> Table:
    """A line for each claim in each cell; in a sweep of many, one for each claim that is met in several of them."""
    lines: list[list[str | float | None]] = []
    for text, group in _by_claim(verdicts).items():
        met = [v for v in group if v.holds]
        if len(verdicts) > FEW and len(met) > 1:
            found = [v.found for v in met if v.found is not None]
            span = f"{number(min(found))} to {number(max(found))}"
            lines.append([text, f"in {len(met)} of {len(group)} cells", span, "met"])
            group = [v for v in group if not v.holds]
        lines += [
            [text, ", ".join(f"{k} = {x}" for k, x in v.cell.items()), v.found, "met" if v.holds else "not met"]
            for v in group
        ]
    return Table("", ["claim", "cell", "found", ""], lines)


def _by_claim(verdicts: list[Verdict]) -> dict[str, list[Verdict]]:
    out: dict[str, list[Verdict]] = {}
    for v in verdicts:
        out.setdefault(v.claim, []).append(v)
    return out


def _views(experiment: Experiment, seen: Seen) -> list[Section]:
    """A section for each `report` line, numbered by its kind as its files are: `table-1`, `table-2`, `curves-1`."""
    out: list[Section] = []
    outcomes = seen.outcomes
    for word in experiment.views:
        name = f"{word.word}-{1 + sum(s.name.startswith(word.word) for s in out)}"
        if isinstance(word, TableWord):
            out.append(Section("Table", tables=[table(word, experiment, outcomes)], name=name))
        elif isinstance(word, Figure):
            plate = figure(word, experiment, seen)
            if plate is not None:
                out.append(Section("Figure", plates=[plate], name=name))
        elif isinstance(word, Heatmap):
            drawn = heatmap(word, experiment, outcomes)
            if drawn is not None:
                out.append(Section("Heatmap", heatmaps=[drawn], name=name))
        elif isinstance(word, Curves):
            found = curves(word, experiment, outcomes)
            if found:
                out.append(Section("Curves", curves=found, name=name))
    several = {s.title for s in out if s.name.endswith("-2")}
    return [replace(s, title=f"{s.title} {s.name.rpartition('-')[2]}") if s.title in several else s for s in out]


def _outcome(cells: list[Cell], o: Outcome) -> Section:
    where = ", ".join([*(f"{k} = {v}" for k, v in o.cell.items()), *(p for p in (o.data, o.method) if p)])
    title = f"{where}: {o.solver}" if where else o.solver
    if not o.shown:
        return Section(title, text=f"Failed: {o.failure}")
    cell = next(c for c in cells if c.labels == o.cell)
    pictures = row_pictures(cell, o.method, o.shown[0])
    pictures += [mosaic(name, array) for name, array in o.found.items() if array.ndim == 3]
    numbers = ", ".join(f"{k} {v:.4g}" for k, v in _first(o).items())
    which = f"Row {o.rows[0] + 1} of {len(o.rows)}: " if len(o.rows) > 1 else ""
    text = f"{o.stopped}. {which}{numbers}"
    if o.failure:
        text = f"Failed: {o.failure}. " + text
    return Section(title, pictures=pictures, curves=_convergence(o), text=text)


def row_pictures(cell: Cell, method: str, shown: Shown) -> list[Picture]:
    """Truth, measurement, adjoint image, estimate and error of each unknown of a row."""
    m = cell.checked.methods[method]
    spaces = {**m.problem.unknowns, **{n: d.space for n, d in m.derived.items()}}
    return _pictures(shown, spaces, {n: y.space for n, y in m.measurements.items()})


def _first(o: Outcome) -> dict[str, float]:
    """The metrics of the row that is shown."""
    return {k: v[0] for k, v in o.metrics.items() if v}


def _convergence(o: Outcome) -> list[Curve]:
    if len(o.iterations) < 2:
        return []
    out = []
    labels = {
        "objective": "objective in nats",
        "gap": "relative duality gap",
        "residual": "relative optimality residual",
        "move": "relative move in ten iterations",
    }
    for name, label in labels.items():
        values = o.trace.get(name, [])
        if len(values) == len(o.iterations) and np.isfinite(values).any():
            out.append(Curve(label, "iteration", {o.method or o.solver: (o.iterations, values)}))
    return out


def _pictures(shown: Shown, spaces: dict[str, Space], measured: dict[str, Space]) -> list[Picture]:
    out = []
    several = len(shown.estimates) > 1
    for name, estimate in shown.estimates.items():
        space = spaces[name]
        axes = tuple(a.name for a in space.axes)
        unit = str(space.unit)
        suffix = f" of {name}" if several else ""
        truth = shown.truths.get(name)
        if truth is not None:
            out.append(Picture(f"truth{suffix}", truth, "truth", unit, axes=axes))
        if not out or len(out) == 1:
            for y, array in shown.measured.items():
                y_axes = tuple(a.name for a in measured[y].axes) if y in measured else ()
                out.append(Picture(f"measurement {y}", array, "measurement", axes=y_axes))
        if shown.adjoint is not None and shown.adjoint.shape == estimate.shape:
            out.append(Picture(f"adjoint image{suffix}", shown.adjoint, "adjoint", unit, axes=axes))
        out.append(Picture(f"reconstruction{suffix}", estimate, "estimate", unit, axes=axes))
        if truth is not None and truth.shape == estimate.shape:
            out.append(
                Picture(
                    f"error{suffix}",
                    np.abs(estimate) - np.abs(truth) if np.iscomplexobj(estimate) else estimate - truth,
                    "error",
                    unit,
                    axes=axes,
                )
            )
    return out
