"""The plan of a run, made without a tensor: values and their origin, spaces, the objective, the passes, the solver.

What needs numbers of the data or of an operator without a known norm reads "estimated at run".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .. import digest
from ..check.formulate import Checked
from ..check.page import CheckedExperiment
from ..diagnostics.render import to_json
from ..model import terms as t
from ..model.experiment import Setting
from ..model.place import Placed
from ..model.space import Space
from ..model.word import Word
from .latex import Objective, argument, objective
from .origins import Origins, head
from .passes import facts_in_words, passes
from .pretrained import weights
from .solving import Memory, SolverLine, StepLine, memory, solver_line, step_lines
from .text import written


@dataclass(frozen=True)
class OperatorLine:
    """One operator, innermost first: how it is written, its spaces, and what is known of it."""

    operator: str
    domain: str
    codomain: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class MethodPlan:
    """The plan of one method; a page without methods has one, with an empty name."""

    name: str
    unknowns: dict[str, str]
    derived: dict[str, str]
    measured: dict[str, str]
    operators: dict[str, tuple[OperatorLine, ...]]
    objective: Objective
    passes: tuple[str, ...]
    solver: SolverLine
    steps: tuple[StepLine, ...]
    memory: Memory
    data: tuple[str, ...]
    settings: tuple[Setting, ...]
    problem_digest: str


@dataclass(frozen=True)
class Plan:
    """Everything `recon plan` shows."""

    experiment: str
    doc: str
    page: str
    settings: tuple[Setting, ...]
    methods: tuple[MethodPlan, ...]
    sweeps: dict[str, tuple[str, ...]]
    claims: tuple[str, ...]
    findings: tuple[dict[str, Any], ...]
    spec_digest: str
    citations: dict[str, tuple[str, ...]]
    weights: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return asdict(self)


def plan(checked: CheckedExperiment) -> Plan:
    """The plan of a checked page."""
    e = checked.experiment
    origins = Origins(e)
    return Plan(
        experiment=e.name,
        doc=e.doc,
        page=e.source.name,
        settings=tuple(origins.page(e)),
        methods=tuple(_method(name, checked, origins) for name in checked.methods),
        sweeps={a.path: a.labels for a in e.sweeps},
        claims=tuple(c.text for c in e.claims),
        findings=tuple(to_json(d) for d in checked.findings),
        spec_digest=digest.spec_digest(e),
        citations=citations(checked),
        weights=weights(e),
    )


def _method(name: str, checked: CheckedExperiment, origins: Origins) -> MethodPlan:
    e, c, choice = checked.experiment, checked.methods[name], checked.choices[name]
    settings = list(origins.formulation(c.formulation))
    operators: dict[str, tuple[OperatorLine, ...]] = {}
    heads = [f"noise {y}" for y in c.measurements] + [f"prior {head(p).word}" for p, _ in c.prior_terms]
    for path, term in zip(heads, c.problem.terms, strict=True):
        for unknown, placed in term.blocks.items():
            if isinstance(placed.term, t.Leaf) and not placed.parts and written(placed.term) == "identity":
                continue
            label = term.label if len(term.blocks) == 1 else f"{term.label}, {unknown}"
            operators[label] = tuple(_lines(placed))
            settings += [s for s in origins.placed(placed, _path(placed, c) or path) if s not in settings]
    for s in origins.words(choice.solver, "solver", None) if choice.rule else ():
        settings.append(s)
    return MethodPlan(
        name=name,
        unknowns={n: str(s) for n, s in c.problem.unknowns.items()},
        derived={n: _derived(n, value, c) for n, value in c.formulation.derived.items()},
        measured={n: _supported(m.space) for n, m in c.measurements.items()},
        operators=operators,
        objective=objective(c, e.params),
        passes=tuple(passes(c)),
        solver=solver_line(c, choice),
        steps=tuple(step_lines(c, choice)),
        memory=memory(c, choice, e.run.precision),
        data=tuple(_data(name, checked)),
        settings=tuple(settings),
        problem_digest=digest.problem_digest(e, name),
    )


def _derived(name: str, value: t.ValueTerm, c: Checked) -> str:
    """A derived quantity as it was written, with its space where it is linear in the unknowns."""
    space = f", {c.derived[name].space}" if name in c.derived else ""
    return argument(value)[1] + space


def _path(placed: Placed, c: Checked) -> str | None:
    """The name of the `forward` line that an operator stands in, perhaps behind a factor; None if there is none."""
    term = placed.term.of if isinstance(placed.term, t.Scaled) else placed.term
    return next((name for name, op in c.formulation.operators.items() if op == term), None)


def _supported(space: Space) -> str:
    return f"{space}, {space.support} measured" if space.support else str(space)


def _lines(placed: Placed) -> list[OperatorLine]:
    """The parts of an operator, innermost first, then the whole where there are several."""
    parts = placed.parts if isinstance(placed.term, (t.Compose, t.Leaf)) or placed.term is None else ()
    lines = [
        OperatorLine(
            "embed" if p.term is None else written(p.term),
            str(p.domain),
            _supported(p.codomain),
            facts_in_words(p.facts),
        )
        for p in parts or (placed,)
    ]
    if parts:
        lines.append(
            OperatorLine("together", str(placed.domain), _supported(placed.codomain), facts_in_words(placed.facts))
        )
    return lines


# ---- data and citations ---------------------------------------------------------------------------------------


def _data(name: str, checked: CheckedExperiment) -> list[str]:
    """How each measurement comes about, and what truth there is."""
    e, c = checked.experiment, checked.methods[name]
    own = c.formulation.own_data
    maker = "the page's `simulate`" if e.simulate is not None and not own else "the model itself"
    if own:
        maker = "this method's own model, since it replaces `noise` or `forward`"
    if not e.data:
        return [f"{y} is simulated by {maker} from a phantom" for y in c.measurements]
    made_of = checked.makers[name].problem.unknowns if name in checked.makers else c.problem.unknowns
    out = []
    for d in e.data.values():
        bound = dict(d.bindings)
        for y in c.measurements:
            if y in bound:
                out.append(f"{d.name}: {y} is measured, `{argument(bound[y])[1]}` of `{written(d.source)}`")
            else:
                truths = ", ".join(f"{u} = {argument(bound[u])[1]}" for u in made_of if u in bound)
                out.append(f"{d.name}: {y} is simulated by {maker} from {truths} of `{written(d.source)}`")
        truth = [u for u in (*c.problem.unknowns, *c.formulation.derived, "ref") if u in bound]
        known = f"{', '.join(truth)} known, for the metrics" if truth else "no truth: nothing is scored"
        out.append(f"{d.name}: {known}")
    return out


def citations(checked: CheckedExperiment) -> dict[str, tuple[str, ...]]:
    """The sources of the words a page uses: each with the words that rest on it."""
    e = checked.experiment
    tops: list[Any] = [d.source for d in e.data.values()]
    tops += [v for d in e.data.values() for _, v in d.bindings]
    for name, f in e.methods.items():
        tops += [*f.operators.values(), *(line.law for line in f.likelihoods)]
        tops += [part for p in f.priors for part in (p.energy, p.rule) if part is not None]
        tops.append(checked.choices[name].solver)
    tops += [*e.metrics, *e.analyses]
    out: dict[str, list[str]] = {}
    for top in tops:
        for part in t.everything(top):
            word = part.word if isinstance(part, t.Leaf) else part
            if isinstance(word, Word) and word.reference and word.word not in out.setdefault(word.reference, []):
                out[word.reference].append(word.word)
    return {source: tuple(words) for source, words in sorted(out.items())}
