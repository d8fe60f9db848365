"""What a page measures, claims and shows must exist: its methods, metrics, swept axes and truths."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ..diagnostics import Diagnostic, Label, error
from ..diagnostics.nearest import nearest
from ..elaborate.results import MOST_CELLS
from ..model.experiment import MEASURED_ALONG, TRACE_AXES, DataSet, Experiment, Formulation, metric_name
from ..model.terms import Along, Reserved, Statistic, Term, Unknown, everything
from ..model.word import View, Word
from ..syntax.source import Span
from ..vocabulary.views import Curves, Figure, Heatmap, Table


def check_results(e: Experiment) -> list[Diagnostic]:
    """Everything that metrics, claims, sweeps and reports name and the page does not have."""
    return [
        *_measures(e),
        *_axes(e),
        *_mixed(e),
        *_outside(e),
        *_estimates(e),
        *_truths(e),
        *_sweeps(e),
    ]


def _measured(e: Experiment) -> list[str]:
    return list(dict.fromkeys([metric_name(m) for m in e.metrics] + [y for a in e.analyses for y in a.yields]))


def _measures(e: Experiment) -> Iterable[Diagnostic]:
    """Claims and cells name metrics that the page measures."""
    metrics, measured = [metric_name(m) for m in e.metrics], _measured(e)
    claimed = [(claim.measure, "claimed") for claim in e.claims]
    shown = [(term, "shown") for view in e.views for term in everything(view) if isinstance(term, Statistic)]
    for measure, how in claimed + shown:
        if measure.metric not in (*measured, *MEASURED_ALONG):
            wanted = ", ".join(dict.fromkeys([*metrics, measure.metric]))
            parts = [f"`{m}`" for m in metrics if m.startswith(f"{measure.metric}(")]
            hint = f"the page measures {', '.join(parts)}" if parts else f"write `metrics [{wanted}]`"
            yield error("RC045", f"`{measure.metric}` is {how} but not measured", measure.span, help=hint)
        places = [Label(s) for a, s in zip(e.analyses, e.analyses_spans, strict=True) if measure.metric in a.yields]
        if len(places) > 1 and measure.metric not in metrics:
            message = f"`{measure.metric}` could be that of either analysis"
            at = [Label(measure.span)] if measure.span is not None else []
            yield error("RC062", message, *at, *places, help="keep one of them")


def _axes(e: Experiment) -> Iterable[Diagnostic]:
    """Axes of reports are methods, data sets, iterations, or what is swept."""
    swept = [a.path for a in e.sweeps]
    for view in e.views:
        along = view.along if isinstance(view, Curves) else None
        for term in everything(view):
            if not isinstance(term, Along) or term.name in (*swept, "data"):
                continue
            if term.name == "method" and "" not in e.methods:
                continue
            if term.name in TRACE_AXES and term == along:
                continue
            yield _no_axis(term, e, swept)


def _mixed(e: Experiment) -> Iterable[Diagnostic]:
    """A number of a table or a curve is one of a single method, at single values of what is swept, unless averaged."""
    for view in e.views:
        if not isinstance(view, (Table, Curves, Heatmap)):
            continue
        place = _place(view)
        named = {a.name for a in everything(view) if isinstance(a, Along)}
        if named & set(TRACE_AXES) or not named <= {*(a.path for a in e.sweeps), "data", "method"}:
            continue  # one curve for each outcome; or a name that is wrong, which says what was meant
        shown = [s for s in everything(view) if isinstance(s, Statistic)]
        for axis in e.sweeps:
            if axis.path in named or axis.path.rpartition(".")[2] == "seed":
                continue
            hint = f"lay it out, or write `over = {axis.path}`"
            message = f"`{axis.path}` is swept, and this `{view.word}` neither lays it out nor averages over it"
            yield error("RC070", message, Label(place), Label(axis.span, "swept here"), help=hint)
        several = "" not in e.methods and len(e.methods) > 1
        if (
            several
            and isinstance(view, (Table, Heatmap))
            and "method" not in named
            and any(s.method is None for s in shown)
        ):
            first = next(s for s in shown if s.method is None)
            example = Statistic(first.statistic, first.metric, next(iter(e.methods)))
            laid_out = "write `rows = method`, or name" if isinstance(view, Table) else "name"
            hint = f"{laid_out} a method as in `{example}`"
            yield error("RC070", f"`{first}` would mix the methods of the page", first.span or place, help=hint)


def _outside(e: Experiment) -> Iterable[Diagnostic]:
    """What a figure enlarges or cuts out lies inside of what it shows."""
    for view in e.views:
        if not isinstance(view, Figure):
            continue
        place = next(t.span for t in view.show if t.span is not None)
        unknown = e.formulation.unknowns.get(e.subjects[0]) if len(e.subjects) == 1 else None
        if unknown is None:  # of a derived quantity the space is not known here
            continue
        space = unknown.space
        axes = {a.name: a.size for a in space.axes}
        if view.slice is not None:
            name, at = str(view.slice[0]), int(view.slice[1])
            size = axes.pop(name, None)
            if name not in (a.name for a in space.axes):
                known = ", ".join(f"`{a.name}`" for a in space.axes)
                message = f"`slice` goes along `{name}`, and `{e.subjects[0]}` has no such axis"
                yield error("RC071", message, place, help=f"its axes are {known}")
            elif size is not None and at >= size:
                message = f"`slice` is at {name} {at}, and `{e.subjects[0]}` has {size} of them"
                yield error("RC071", message, place, help=f"they are counted from 0 to {size - 1}")
        if view.zoom is None or view.zoom == "auto":
            continue
        for name, size, part in zip(list(axes)[-2:], list(axes.values())[-2:], view.zoom, strict=False):
            if size is not None and part.stop >= size:
                message = f"`zoom` goes to {name} {part.stop:.0f}, and `{e.subjects[0]}` has {size} of them"
                yield error("RC071", message, place, help=f"they are counted from 0 to {size - 1}")


def _place(view: View) -> Span:
    """Where a view stands: the place of the first measure it shows."""
    return next(s.span for s in everything(view) if isinstance(s, Statistic) and s.span is not None)


def _no_axis(axis: Along, e: Experiment, swept: list[str]) -> Diagnostic:
    name = axis.name
    if name == "method":
        return error("RC050", "the page has no methods to lay results out along", axis.span)
    if name in TRACE_AXES:
        hint = f"as in `report curves {{ along = {name}; show = [objective] }}`"
        return error("RC050", f"`{name}` is an axis of curves, along which they run", axis.span, help=hint)
    if name in e.params or name == "run.seed":
        hint = f"add `sweep grid {{ {name} in [...] }}`"
        return error("RC050", f"`{name}` is not swept, so it is no axis", axis.span, help=hint)
    known = [*swept, "data", *(["method"] if "" not in e.methods else [])]
    close = nearest(name, known)
    hint = f"did you mean `{close}`?" if close else "axes of this page: " + ", ".join(f"`{n}`" for n in known)
    return error("RC050", f"there is no axis `{name}`", axis.span, help=hint)


def _estimates(e: Experiment) -> Iterable[Diagnostic]:
    """`estimate`, `truth` and `error` mean one unknown; a metric without `of` measures the estimate."""
    several = len(e.subjects) > 1
    names = ", ".join(f"`{n}`" for n in e.subjects)
    for term in _spoken(e):
        if isinstance(term, Reserved) and term.name == "samples":
            yield error("RC044", "no solver of this page draws samples", term.span)
        elif isinstance(term, Reserved) and term.name in ("estimate", "truth", "error") and several:
            if term.method is None or term.name == "estimate":
                message = f"`{term.name}` could be that of any of {names}"
                yield error("RC043", message, term.span, help="name one of them instead: the name is its estimate")
        elif isinstance(term, Unknown) and not _known_everywhere(term.name, e):
            lacking = next(m for m, f in e.methods.items() if not _has(f, term.name))
            yield error("RC047", f"the method `{lacking}` has no `{term.name}`", term.span)
    if several and e.metrics_options.of is None:
        for metric in (m for m in e.metrics if not m.of_run):
            if getattr(metric, "of", None) is None:
                message = f"`{metric.word}` could measure any of {names}"
                hint = f"write `{metric.word}({e.subjects[0]})`, or `{{ of = {e.subjects[0]} }}` behind the list"
                yield error("RC043", message, e.metrics_span, help=hint)


def _spoken(e: Experiment) -> list[Any]:
    words: list[Word | Term | None] = [*e.views, *e.metrics, e.metrics_options.of, e.metrics_options.against]
    return [term for w in words if w is not None for term in everything(w)]


def _has(f: Formulation, name: str) -> bool:
    return name in f.unknowns or name in f.derived


def _known_everywhere(name: str, e: Experiment) -> bool:
    return all(_has(f, name) for f in e.methods.values())


def _truths(e: Experiment) -> Iterable[Diagnostic]:
    """A metric compares with a truth, which data must bind."""
    compared = [m for m in e.metrics if not m.of_run]
    if not compared or not e.data or e.metrics_options.against is not None:
        return
    for d in e.data.values():
        if not _has_truth(d, e):
            what = compared[0].word
            message = f"`{what}` compares with a truth, and `{d.name}` binds none"
            hint = "bind the unknown or `ref` in its body, or leave `metrics` out"
            yield error("RC046", message, Label(e.metrics_span) if e.metrics_span else None, d.span, help=hint)


def _has_truth(d: DataSet, e: Experiment) -> bool:
    names = {n for f in e.methods.values() for n in (*f.unknowns, *f.derived)} | {"ref"}
    if e.simulate is not None:
        names |= set(e.simulate.unknowns) | set(e.simulate.derived)
    return any(target in names for target, _ in d.bindings)


def _sweeps(e: Experiment) -> Iterable[Diagnostic]:
    """An axis is swept once, and all together have not too many cells."""
    cells = prod(len(a.values) for a in e.sweeps)
    if cells > MOST_CELLS:
        message = f"these sweeps have {cells} cells together, and at most {MOST_CELLS} are run"
        yield error("RS109", message, *[Label(a.span) for a in e.sweeps])
    seen: dict[str, Span] = {}
    for axis in e.sweeps:
        if axis.path in seen:
            second, first = Label(axis.span, "second"), Label(seen[axis.path], "first")
            yield error("RN013", f"`{axis.path}` is swept twice", second, first)
        seen.setdefault(axis.path, axis.span)
