"""From a parsed page to an Experiment: statement by statement, all errors of the stage in one run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..diagnostics import Findings, SpecError, error
from ..model.experiment import Experiment
from ..model.options import RunOptions
from ..syntax.tree import Binding, Expr, Page, Statement, Text
from . import results
from .context import Context, value_of
from .data import data_set
from .formulation import formulation, stated_by_simulate, stated_problems
from .known import with_stacked
from .leftovers import read_leftovers
from .overrides import override
from .publishing import publishing
from .scope import Scope
from .statements import check_shapes


def elaborate(page: Page, folder: Path, findings: Findings, overrides: Iterable[tuple[str, Expr]] = ()) -> Experiment:
    """The experiment a page states. Raises SpecError with all findings of the stage if there is an error among them."""
    for path, value in overrides:
        try:
            page = override(page, path, value)
        except SpecError as e:
            findings.add(*e.diagnostics)
    findings.add(*check_shapes(page.items))
    findings.stop_on_errors()
    context = Context(page, folder, findings)
    experiment = _experiment(context)
    findings.stop_on_errors()
    return experiment


def _experiment(context: Context) -> Experiment:
    found = stated_problems(context)
    methods = {name: formulation(s, context) for name, s in found.items()}
    statement = context.one("simulate")
    made = stated_by_simulate(statement, context) if statement is not None else None
    simulate = formulation(made, context) if made is not None else None
    derived = frozenset(name for f in methods.values() for name in f.derived)
    problems = [*found.values(), *([made] if made is not None else [])]
    parameters = {n for f in methods.values() for n in f.parameters}
    data = context.each(lambda s: data_set(s, problems, set(derived), parameters, context), context.statements("data"))
    methods = {name: with_stacked(f, data, context.findings) for name, f in methods.items()}
    simulate = simulate and with_stacked(simulate, data, Findings() if methods else context.findings)
    metrics, metrics_options, metrics_span = results.metrics(derived, context)
    run = context.one("run")
    scope = Scope(context.names, context.folder, "run")
    options = context.attempt(lambda s: context.validated(RunOptions, s, scope), run) if run is not None else None
    sweeps = context.each(lambda s: results.sweep(s, context), context.statements("sweep"))
    weights = dict(context.each(lambda s: results.weights(s, context), context.statements("weights")))
    results.later_words(context)
    trackers = results.trackers(context)
    published = context.one("publish")
    analyses = results.analyses(derived, context)
    experiment = Experiment(
        name=_name(context),
        doc=_first_doc(context.page),
        page=context.page,
        source=context.page.source,
        params=_params(context),
        data={d.name: d for d in data},
        methods=methods,
        simulate=simulate,
        metrics=metrics,
        metrics_options=metrics_options,
        analyses=tuple(word for word, _ in analyses),
        claims=tuple(context.each(lambda s: results.claim(s, context), context.statements("expect"))),
        sweeps=tuple(a for axes in sweeps for a in axes),
        views=tuple(context.each(lambda s: results.view(s, derived, context), context.statements("report"))),
        run=options or RunOptions.model_validate({}),
        metrics_span=metrics_span,
        analyses_spans=tuple(span for _, span in analyses),
        weights=weights,
        publish=context.attempt(lambda s: publishing(s, context), published) if published is not None else None,
        trackers=trackers,
    )
    read_leftovers(context)
    return experiment


def _name(context: Context) -> str:
    """The name that `experiment` gives, else that of the file."""
    s = context.one("experiment")
    if s is not None:
        value = value_of(s)
        if isinstance(value, Text):
            return value.value
        hint = f'write `experiment "{value.span.text}"`' if len(value.span.text) <= 40 else ""
        context.findings.add(error("RN003", "the name of an experiment stands in quotes", value.span, help=hint))
    return Path(context.page.source.name).stem or "experiment"


def _params(context: Context) -> dict[str, Any]:
    """The params that are constants, with their values."""
    scope = Scope(context.names, context.folder, "param")
    reader = context.reader
    constant = [s for s in context.statements("param") if s.value is not None and reader.is_constant(s.value, scope)]
    values = {s.name: context.attempt(lambda e: reader.constant(e, scope), value_of(s)) for s in constant if s.name}
    return {name: value for name, value in values.items() if value is not None}


def _first_doc(page: Page) -> str:
    """The page's own description: the doc comment of its `experiment`, else of its first statement."""
    for item in page.items:
        if isinstance(item, Statement) and item.kind == "experiment" and item.doc:
            return item.doc
    first = page.items[0] if page.items else None
    return first.doc if isinstance(first, (Statement, Binding)) else ""
