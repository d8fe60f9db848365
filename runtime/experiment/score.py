"""Metrics of a batch of estimates."""

from __future__ import annotations

import torch
from recon.dsl.check.lints import stated_range
from recon.dsl.model.experiment import Experiment, Formulation, metric_name
from recon.dsl.model.terms import Reserved, Unknown, ValueTerm, everything
from recon.dsl.model.word import Metric
from torch import Tensor

from ..build import Build, Quantified
from ..loop import Trace
from ..meaning import meaning
from ..values import EvaluationError, evaluate


def score(
    experiment: Experiment,
    formulation: Formulation,
    estimates: dict[str, Tensor],
    truths: dict[str, Tensor],
    measured: dict[str, Tensor],
    build: Build,
) -> tuple[dict[str, list[float]], list[str]]:
    """Every metric of the page for each row, name -> numbers, and why those that are missing or NaN have no value.

    A number is NaN where the metric is undefined for a row. Without truth and `ref` there are none.
    """
    out: dict[str, list[float]] = {}
    undone = []
    for metric in (m for m in experiment.metrics if not m.of_run):
        try:
            values = _one(experiment, formulation, metric, estimates, truths, measured, build)
        except EvaluationError as e:
            undone.append(str(e))
            continue
        if values is not None:
            name = metric_name(metric)
            out[name] = [float(v) for v in values]
            if metric.undefined and bool(values.isnan().any()):
                undone.append(f"`{name}` is undefined where {metric.undefined}: means leave such rows out")
    return out, undone


def run_scores(experiment: Experiment, trace: Trace) -> dict[str, list[float]]:
    """Every metric of the page that measures how a problem was solved, name -> a number for each row."""
    found = {metric_name(m): meaning(m)(m, trace) for m in experiment.metrics if m.of_run}
    return {name: values for name, values in found.items() if values}


def _one(
    experiment: Experiment,
    formulation: Formulation,
    metric: Metric,
    estimates: dict[str, Tensor],
    truths: dict[str, Tensor],
    measured: dict[str, Tensor],
    build: Build,
) -> Tensor | None:
    options = experiment.metrics_options
    first = next(iter(formulation.unknowns))
    of: ValueTerm = (
        getattr(metric, "of", None) or options.of or (Reserved("estimate") if len(estimates) == 1 else Unknown(first))
    )
    space = formulation.unknowns[first].space

    def seen(term: object) -> Quantified:
        if isinstance(term, Unknown) and term.name in estimates:
            return Quantified(estimates[term.name])
        if isinstance(term, Unknown) and term.name in formulation.derived:
            return evaluate(formulation.derived[term.name], seen, space, build)
        if isinstance(term, Reserved) and term.name == "estimate":
            return Quantified(estimates[first])
        return _common(term, truths, measured, first)

    def true(term: object) -> Quantified:
        if isinstance(term, Unknown) and term.name in truths:
            return Quantified(truths[term.name])
        if isinstance(term, Unknown) and term.name in formulation.derived:
            return evaluate(formulation.derived[term.name], true, space, build)
        if isinstance(term, Reserved) and term.name == "estimate" and first in truths:
            return Quantified(truths[first])
        return _common(term, truths, measured, first)

    value = evaluate(of, seen, space, build).data
    if options.against is not None:
        target = evaluate(options.against, true, space, build).data
    elif all(n in truths for n in _needed(of, first, formulation, truths)):
        target = evaluate(of, true, space, build).data
    elif "ref" in truths:
        target = truths["ref"]
    else:
        return None
    if value.is_complex() != target.is_complex():
        value, target = (
            value.to(torch.promote_types(value.dtype, target.dtype)),
            target.to(torch.promote_types(value.dtype, target.dtype)),
        )
    stated = stated_range(experiment)
    given = getattr(metric, "range", None) or stated
    extent: float | Tensor
    if given is not None:
        extent = given
    else:
        magnitude = (target.abs() if target.is_complex() else target).flatten(1)
        low = torch.zeros_like(magnitude[:, 0]) if target.is_complex() else magnitude.amin(1)
        extent = magnitude.amax(1) - low
    try:
        result = meaning(metric)(metric, value, target, extent)
    except ValueError as e:
        raise EvaluationError(f"`{metric.word}`: {e}") from e
    assert isinstance(result, Tensor)
    return result


def _needed(of: ValueTerm, first: str, formulation: Formulation, truths: dict[str, Tensor]) -> list[str]:
    """The names whose truth the truth of a value needs; a derived quantity that data bind is a truth of its own."""
    out = []
    for term in everything(of):
        if isinstance(term, Reserved) and term.name == "estimate":
            out.append(first)
        elif isinstance(term, Unknown):
            derived = formulation.derived.get(term.name)
            if derived is not None and term.name not in truths:
                out += _needed(derived, first, formulation, truths)
            else:
                out.append(term.name)
    return out


def _common(term: object, truths: dict[str, Tensor], measured: dict[str, Tensor], first: str) -> Quantified:
    """What estimate and truth see alike: `truth`, `ref`, `measured`."""
    if isinstance(term, Reserved):
        if term.name == "truth" and first in truths:
            return Quantified(truths[first])
        if term.name == "ref" and "ref" in truths:
            return Quantified(truths["ref"])
        if term.name == "measured":
            return Quantified(next(iter(measured.values())))
        raise EvaluationError(f"`{term.name}` is not known here")
    raise EvaluationError("this value is not known here")
