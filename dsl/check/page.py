"""The whole check of an experiment: each method, what makes its data, what it shows, and the lints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..diagnostics import Diagnostic, Findings, Label, SpecError
from ..elaborate.page import elaborate
from ..model.experiment import Experiment, Formulation, SweepAxis
from ..model.solver import Solver
from ..syntax.format import format_expression
from ..syntax.parse import parse
from ..syntax.source import Source
from ..syntax.tree import Expr, Page, Statement
from .analyses import check_analyses
from .blocks import choose_solver
from .complete import incomplete
from .formulate import Checked, formulate
from .limits import beyond_precision, stated_beyond_precision, unheld
from .lints import lint
from .makers import check_extents, maker_of
from .networks import check_network
from .pins import check_publishing
from .results import check_results
from .rules import Choice
from .scores import check_scores
from .training import check_training
from .weights import check_weights

MOST_SWEPT = 100
"""Values of swept axes that are tried, each on its own."""


@dataclass
class CheckedExperiment:
    """A page without errors: the experiment, each method in normal form, and its solver."""

    experiment: Experiment
    methods: dict[str, Checked]
    choices: dict[str, Choice]
    makers: dict[str, Checked]
    """What makes the data of each method whose data are simulated."""
    findings: list[Diagnostic]


def load(text: str, name: str, folder: Path, overrides: Iterable[tuple[str, Expr]] = ()) -> CheckedExperiment:
    """Parse, elaborate and check a page, with each swept value in its place once.

    Raises SpecError with the findings of the first stage that fails.
    """
    page = parse(Source(name, text))
    given = list(overrides)
    findings = Findings()
    checked = check(elaborate(page, folder, findings, given), findings)
    findings.add(*_swept(page, folder, given, checked.experiment.sweeps))
    findings.stop_on_errors()
    return replace(checked, findings=findings.sorted())


def check(experiment: Experiment, findings: Findings) -> CheckedExperiment:
    """Spaces, units, signs, solvers and lints. Raises SpecError where there is an error among them."""
    checked: dict[str, Checked] = {}
    choices: dict[str, Choice] = {}
    makers: dict[str, Checked] = {}
    simulate = _formulated(experiment.simulate, experiment, findings, making=True) if experiment.simulate else None
    for name, f in experiment.methods.items():
        missing = incomplete(f, name)
        findings.add(*(d for d in missing if d.severity == "error"))
        c = _formulated(f, experiment, findings)
        if c is None or any(d.severity == "error" for d in missing):
            continue
        findings.add(*missing)
        checked[name] = c
        named = f.solver if isinstance(f.solver, Solver) else None
        try:
            choices[name], notes = choose_solver(c, named, f.solver_span)
            findings.add(*notes, *check_weights(experiment, c, choices[name].solver))
        except SpecError as e:
            findings.add(*e.diagnostics)
        if experiment.simulate is None or simulate is not None:
            maker = maker_of(experiment, c, simulate, findings)
            if maker is not None:
                makers[name] = maker
    findings.add(*check_extents(experiment), *check_results(experiment), *check_scores(experiment, checked))
    findings.add(*check_publishing(experiment), *check_training(experiment))
    findings.add(*(d for f in experiment.methods.values() for d in check_network(f)))
    findings.add(*check_analyses(experiment, checked))
    findings.add(*beyond_precision(experiment))
    if not findings.errors:
        findings.add(*lint(experiment, checked, {n: c.solver for n, c in choices.items()}))
    findings.stop_on_errors()
    return CheckedExperiment(experiment, checked, choices, makers, findings.sorted())


def _formulated(f: Formulation, e: Experiment, findings: Findings, making: bool = False) -> Checked | None:
    """The normal form, where the page's precision and memory can hold it; what they cannot is added to the findings."""
    beyond = stated_beyond_precision(f, e.run.precision)
    findings.add(*beyond)
    c = None if beyond else formulate(f, findings, making)
    large = unheld(c, e.run.precision) if c is not None else []
    findings.add(*large)
    return None if large else c


def check_cell(
    page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]], cell: Sequence[tuple[str, Expr]]
) -> CheckedExperiment:
    """The page with swept values in their places. Raises SpecError, with each value labelled in each error."""
    findings = Findings()
    try:
        return check(elaborate(page, folder, findings, [*overrides, *cell]), findings)
    except SpecError as e:
        labels = tuple(Label(value.span, f"with `{path} = {format_expression(value)}`") for path, value in cell)
        raise SpecError(
            *(replace(d, labels=(*d.labels, *labels)) if d.severity == "error" else d for d in e.diagnostics)
        ) from None


def _swept(
    page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]], axes: tuple[SweepAxis, ...]
) -> list[Diagnostic]:
    """Errors of the page with one swept value at a time, each labelled with the value too.

    What is wrong with every value of an axis is told once, of the axis.
    """
    out: list[Diagnostic] = []
    shown = ("sweep", "report")  # their axes are those of the whole page
    page = replace(page, items=tuple(i for i in page.items if not (isinstance(i, Statement) and i.kind in shown)))
    left = MOST_SWEPT
    for axis in axes:
        values = axis.values[:left]
        left -= len(values)
        found = [_errors(page, folder, overrides, axis.path, value) for value in values]
        shared = set.intersection(*({(d.code, d.message) for d in f} for f in found)) if len(found) > 1 else set()
        out += [_of_axis(d, axis) for d in found[0] if (d.code, d.message) in shared] if shared else []
        out += [d for f in found for d in f if (d.code, d.message) not in shared]
    return out


def _errors(
    page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]], path: str, value: Expr
) -> list[Diagnostic]:
    try:
        check_cell(page, folder, overrides, [(path, value)])
    except SpecError as e:
        return [d for d in e.diagnostics if d.severity == "error"]
    return []


def _of_axis(d: Diagnostic, axis: SweepAxis) -> Diagnostic:
    """The diagnostic of one value as that of all: labels at the value move to the axis."""
    at = {value.span for value in axis.values}
    kept = tuple(label for label in d.labels if label.span not in at)
    return replace(d, labels=(*kept, Label(axis.span, f"with each value of `{axis.path}`")))
