"""The whole check of an experiment: each method, what makes its data, and the lints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..diagnostics import Diagnostic, Findings, SpecError, error
from ..elaborate.page import elaborate
from ..model.experiment import Experiment
from ..model.solver import Solver
from ..model.terms import Reserved, everything
from ..syntax.source import Source
from ..syntax.tree import Expr
from .formulate import Checked, formulate
from .lints import lint
from .rules import Choice, choose


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
    """Parse, elaborate and check a page. Raises SpecError with the findings of the first stage that fails."""
    from ..syntax.parse import parse

    page = parse(Source(name, text))
    findings = Findings()
    return check(elaborate(page, folder, findings, overrides), findings)


def check(experiment: Experiment, findings: Findings) -> CheckedExperiment:
    """Spaces, units, signs, solvers and lints. Raises SpecError where there is an error among them."""
    checked: dict[str, Checked] = {}
    choices: dict[str, Choice] = {}
    makers: dict[str, Checked] = {}
    simulate = formulate(experiment.simulate, findings) if experiment.simulate is not None else None
    for name, f in experiment.methods.items():
        c = formulate(f, findings)
        if c is None:
            continue
        checked[name] = c
        named = f.solver if isinstance(f.solver, Solver) else None
        try:
            choices[name], notes = choose(c.problem, named, f.solver_span)
            findings.add(*notes)
        except SpecError as e:
            findings.add(*e.diagnostics)
        maker = simulate if experiment.simulate is not None and not f.own_data else c
        if maker is not None:
            _check_data(experiment, c, maker, findings)
            makers[name] = maker
    _check_views(experiment, findings)
    if not findings.errors:
        findings.add(*lint(experiment, checked, {n: c.solver for n, c in choices.items()}))
    findings.stop_on_errors()
    return CheckedExperiment(experiment, checked, choices, makers, findings.sorted())


def _check_data(experiment: Experiment, c: Checked, maker: Checked, findings: Findings) -> None:
    """Each measured name is bound by data, or its law can be drawn from and the truth is known."""
    unknowns = set(maker.problem.unknowns)
    for d in experiment.data.values() or ():
        bound = {target for target, _ in d.bindings}
        for measured, m in c.measurements.items():
            if measured in bound:
                continue
            source = maker.measurements.get(measured)
            if source is None:
                findings.add(
                    error(
                        "RC040",
                        f"`simulate` does not say how `{measured}` is made",
                        m.likelihood.span,
                        help=f"add `noise {measured} ~ ...` to it",
                    )
                )
            elif not source.likelihood.law.samples:
                law = source.likelihood.law.word
                findings.add(
                    error(
                        "RC041",
                        f"`{measured}` is not bound by `{d.name}` and cannot be simulated from `{law}` as it stands",
                        source.likelihood.span,
                        d.span,
                        help="give it a `sigma`, bind the measurement in `data`, or add `simulate { noise ... }`",
                    )
                )
            elif not unknowns <= bound and not bound - {"ref"} - set(c.measurements):
                missing = ", ".join(f"`{u}`" for u in sorted(unknowns - bound))
                findings.add(
                    error("RC042", f"`{measured}` is to be simulated, but `{d.name}` does not bind {missing}", d.span)
                )


def _check_views(experiment: Experiment, findings: Findings) -> None:
    """Names of results that the page cannot have."""
    several = len(experiment.formulation.unknowns) > 1 if experiment.methods else False
    for w in [*experiment.views, *experiment.metrics]:
        for term in everything(w):
            if isinstance(term, Reserved) and term.name == "estimate" and several:
                findings.add(
                    error(
                        "RC043",
                        "`estimate` could be any of several unknowns",
                        term.span,
                        help="name one of " + ", ".join(f"`{u}`" for u in experiment.formulation.unknowns),
                    )
                )
            if isinstance(term, Reserved) and term.name == "samples":
                findings.add(error("RC044", "no solver of this page draws samples", term.span))
    names = {m.word for m in experiment.metrics} | {y for a in experiment.analyses for y in a.yields}
    for claim in experiment.claims:
        if claim.measure.metric not in names | {"seconds", "iterations", "mse"}:
            findings.add(
                error(
                    "RC045",
                    f"`{claim.measure.metric}` is claimed but not measured",
                    claim.span,
                    help=f"add it: `metrics [{', '.join([*sorted(names), claim.measure.metric])}]`",
                )
            )
