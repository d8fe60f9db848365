"""The whole check of an experiment: each method, what makes its data, what it shows, and the lints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..diagnostics import Diagnostic, Findings, Label, SpecError
from ..elaborate.page import elaborate
from ..model.experiment import Experiment, SweepAxis
from ..model.solver import Solver
from ..syntax.parse import parse
from ..syntax.source import Source
from ..syntax.tree import Expr, Page, Statement
from .complete import incomplete
from .formulate import Checked, formulate
from .lints import lint
from .makers import check_extents, maker_of
from .results import check_results
from .rules import Choice, choose

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
    simulate = formulate(experiment.simulate, findings, making=True) if experiment.simulate is not None else None
    for name, f in experiment.methods.items():
        missing = incomplete(f, name)
        findings.add(*(d for d in missing if d.severity == "error"))
        c = formulate(f, findings)
        if c is None or any(d.severity == "error" for d in missing):
            continue
        findings.add(*missing)
        checked[name] = c
        named = f.solver if isinstance(f.solver, Solver) else None
        try:
            choices[name], notes = choose(c.problem, named, f.solver_span)
            findings.add(*notes)
        except SpecError as e:
            findings.add(*e.diagnostics)
        if experiment.simulate is None or simulate is not None:
            maker = maker_of(experiment, c, simulate, findings)
            if maker is not None:
                makers[name] = maker
    findings.add(*check_extents(experiment), *check_results(experiment))
    if not findings.errors:
        findings.add(*lint(experiment, checked, {n: c.solver for n, c in choices.items()}))
    findings.stop_on_errors()
    return CheckedExperiment(experiment, checked, choices, makers, findings.sorted())


def _swept(
    page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]], axes: tuple[SweepAxis, ...]
) -> list[Diagnostic]:
    """Errors of the page with one swept value at a time, each labelled with the value too."""
    out: list[Diagnostic] = []
    values = [(axis.path, value) for axis in axes for value in axis.values]
    shown = ("sweep", "report")  # their axes are those of the whole page
    page = replace(page, items=tuple(i for i in page.items if not (isinstance(i, Statement) and i.kind in shown)))
    for path, value in values[:MOST_SWEPT]:
        findings = Findings()
        try:
            check(elaborate(page, folder, findings, [*overrides, (path, value)]), findings)
        except SpecError as e:
            errors = [d for d in e.diagnostics if d.severity == "error"]
            out += [replace(d, labels=(*d.labels, Label(value.span, "with this value"))) for d in errors]
    return out
