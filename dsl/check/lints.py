"""What is allowed and yet probably not meant."""

from __future__ import annotations

from ..diagnostics import Diagnostic, note, warning
from ..model.experiment import Experiment, Formulation
from ..model.terms import Column, Pointwise
from ..model.word import ImageMetric, Word
from ..vocabulary.greedy import allowed, measured_coefficients
from ..vocabulary.metrics import Psnr
from .formulate import Checked


def lint(experiment: Experiment, checked: dict[str, Checked], solvers: dict[str, Word]) -> list[Diagnostic]:
    """All lints of a page."""
    return [
        *_inverse_crime(experiment),
        *_underdetermined(checked, solvers),
        *_hardly_sparse(checked),
        *_ranges(experiment),
    ]


def _simulated(experiment: Experiment, f: Formulation) -> bool:
    bound = {target for d in experiment.data.values() for target, _ in d.bindings}
    return not any(line.measured in bound for line in f.likelihoods)


def _claims_of_data(experiment: Experiment) -> bool:
    """Whether a claim is about estimates from data, and not about an operator alone."""
    alone = {name for a in experiment.analyses if a.once == "page" for name in a.yields}
    scored = {m.word for m in experiment.metrics}
    return any(c.measure.metric not in alone or c.measure.metric in scored for c in experiment.claims)


def _inverse_crime(experiment: Experiment) -> list[Diagnostic]:
    """The same operator and grid simulate and reconstruct (Heckel 2024, 14.2)."""
    for f in experiment.methods.values():
        if not f.likelihoods or not _simulated(experiment, f):
            continue
        if experiment.simulate is not None and not _same_model(experiment.simulate, f):
            continue
        rests = _claims_of_data(experiment)
        make = warning if rests or experiment.publish is not None else note
        what = "a claim rests on data" if rests else "the data are"
        return [
            make(
                "RL001",
                f"{what} simulated by the very operator and grid that reconstruct them",
                f.likelihoods[0].span,
                help="`simulate { ... }` makes data by another grid or operator; results are optimistic without it",
            )
        ]
    return []


def _same_model(maker: Formulation, f: Formulation) -> bool:
    """Whether measurements are made as the formulation takes them to be: the same means on the same grids."""
    means = {line.measured: line.law.mean for line in f.likelihoods}
    if any(line.law.mean != means[line.measured] for line in maker.likelihoods if line.measured in means):
        return False
    return {n: u.space for n, u in maker.unknowns.items()} == {n: u.space for n, u in f.unknowns.items()}


def _underdetermined(checked: dict[str, Checked], solvers: dict[str, Word]) -> list[Diagnostic]:
    for name, c in checked.items():
        problem = c.problem
        if problem.priors or not problem.data or getattr(solvers.get(name), "role", "") == "direct":
            continue
        unknown = sum(s.count or 0 for s in problem.unknowns.values())
        masked = any(p.codomain.support for t in problem.data for p in t.blocks.values())
        measured = sum(next(iter(t.blocks.values())).codomain.count or 0 for t in problem.data)
        one = next(iter(problem.data[0].blocks.values()))
        spread = one.codomain.axis("coil") is not None
        if unknown and ((masked and not spread) or (measured and measured < unknown)):
            return [
                warning(
                    "RL002",
                    "fewer numbers are measured than are unknown, and no prior says which solution is meant",
                    problem.data[0].span,
                    help="add a prior for each unknown"
                    if problem.coupled
                    else "add a prior, or write `solver pseudo_inverse` for the one of least norm",
                )
            ]
    return []


def _hardly_sparse(checked: dict[str, Checked]) -> list[Diagnostic]:
    """A sparse set with as many nonzeros as fit any data."""
    for c in checked.values():
        few = next((t for t in c.problem.priors if t.function.sparse), None)
        if few is None or not c.problem.data:
            continue
        measured = measured_coefficients(c.problem)
        if allowed(c.problem) > measured:
            message = f"{allowed(c.problem)} entries may differ from zero, and {measured:.0f} of them fit any data"
            return [warning("RL015", message, few.span, help="allow fewer nonzeros, or measure more")]
    return []


def _ranges(experiment: Experiment) -> list[Diagnostic]:
    """A metric whose number depends on a data range that nobody stated."""
    out = []
    for m in experiment.metrics:
        if isinstance(m, (Psnr, ImageMetric)) and getattr(m, "range", None) is None and not stated_range(experiment):
            out.append(
                note(
                    "RL003",
                    f"`{m.word}` takes the range of each truth, since no data range is stated",
                    None,
                    help=f"write `{m.word}(range = 1)`, or give the unknown `{{ range = 0..1 }}`",
                )
            )
    return out


def stated_range(experiment: Experiment) -> float | None:
    """The data range that the page states: that of an unknown, or 0..1 of pictures and phantoms bound as they are."""
    for f in experiment.methods.values():
        for u in f.unknowns.values():
            if u.range is not None:
                return u.range.stop - u.range.start
    for d in experiment.data.values():
        for _, value in d.bindings:
            inner = value.of if isinstance(value, Pointwise) else value
            if not (isinstance(inner, Column) and inner.name == "image"):
                return None
    return 1.0 if experiment.data else None
