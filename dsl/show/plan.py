"""The plan of a run, made without a tensor: values and their origin, spaces, the objective, the passes, the solver.

What needs numbers of the data or of an operator without a known norm reads "estimated at run".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .. import digest
from ..check.formulate import Checked
from ..check.page import CheckedExperiment
from ..check.rules import TABLE, Choice, choose
from ..diagnostics import SpecError
from ..diagnostics.render import to_json
from ..model import terms as t
from ..model.experiment import Setting
from ..model.facts import Diagonal, Facts
from ..model.place import Placed
from ..model.problem import TermFacts
from ..model.space import Space
from ..model.word import Word
from .latex import Objective, objective
from .origins import Origins
from .text import number, written

AT_RUN = "estimated at run"
STEPPED = ("gradient", "heavy_ball", "nesterov", "ista", "fista", "projected_gradient")
COPIES: dict[str, tuple[int, int]] = {
    "adjoint": (1, 0),
    "fbp": (1, 0),
    "closed_form": (3, 0),
    "pseudo_inverse": (4, 1),
    "cg": (5, 0),
    "gradient": (3, 0),
    "heavy_ball": (4, 0),
    "ista": (3, 0),
    "projected_gradient": (3, 0),
    "nesterov": (4, 0),
    "fista": (4, 0),
    "admm": (3, 2),
    "pdhg": (4, 2),
}
"""Arrays a solver holds at a time: of the unknown's size, and of the size of each term that is split off."""


@dataclass(frozen=True)
class OperatorLine:
    """One operator, innermost first: how it is written, its spaces, and what is known of it."""

    operator: str
    domain: str
    codomain: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class SolverLine:
    """The solver, the rule that chose it (0: named on the page), why, and what the rule promises."""

    name: str
    rule: int
    why: str
    promise: str
    iterates: bool


@dataclass(frozen=True)
class StepLine:
    """A number that the algorithm needs; `value` is None where it is estimated at run."""

    name: str
    value: float | None
    why: str


@dataclass(frozen=True)
class Memory:
    """Bytes for one row; None where an extent is known only when data are read."""

    unknown: int | None
    measured: int | None
    state: int | None
    why: str


@dataclass(frozen=True)
class MethodPlan:
    """The plan of one method; a page without methods has one, with an empty name."""

    name: str
    unknowns: dict[str, str]
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
    )


def _method(name: str, checked: CheckedExperiment, origins: Origins) -> MethodPlan:
    e, c, choice = checked.experiment, checked.methods[name], checked.choices[name]
    settings = list(origins.formulation(c.formulation))
    operators: dict[str, tuple[OperatorLine, ...]] = {}
    for term in c.problem.terms:
        for unknown, placed in term.blocks.items():
            if isinstance(placed.term, t.Leaf) and not placed.parts and written(placed.term) == "identity":
                continue
            label = term.label if len(term.blocks) == 1 else f"{term.label}, {unknown}"
            operators[label] = tuple(_lines(placed))
            settings += [s for s in origins.placed(placed, _path(placed, c, unknown)) if s not in settings]
    for s in origins.words(choice.solver, "solver", None) if choice.rule else ():
        settings.append(s)
    return MethodPlan(
        name=name,
        unknowns={n: str(s) for n, s in c.problem.unknowns.items()},
        measured={n: _supported(m.space) for n, m in c.measurements.items()},
        operators=operators,
        objective=objective(c, e.params),
        passes=tuple(_passes(c)),
        solver=_solver(c, choice),
        steps=tuple(_steps(c, choice)),
        memory=_memory(c, choice, e.run.precision),
        data=tuple(_data(name, checked)),
        settings=tuple(settings),
        problem_digest=digest.problem_digest(e, name),
    )


def _path(placed: Placed, c: Checked, unknown: str) -> str:
    """The name under which an operator's settings are shown: that of its `forward` line, if it has one."""
    for name, op in c.formulation.operators.items():
        if op == placed.term:
            return name
    return f"on {unknown}"


# ---- spaces and facts -----------------------------------------------------------------------------------------


def _supported(space: Space) -> str:
    return f"{space}, {space.support} measured" if space.support else str(space)


def _lines(placed: Placed) -> list[OperatorLine]:
    """The parts of an operator, innermost first, then the whole where there are several."""
    parts = placed.parts if isinstance(placed.term, (t.Compose, t.Leaf)) or placed.term is None else ()
    lines = [
        OperatorLine(
            "embed" if p.term is None else written(p.term), str(p.domain), _supported(p.codomain), facts_in_words(p.facts)
        )
        for p in parts or (placed,)
    ]
    if parts:
        lines.append(
            OperatorLine("together", str(placed.domain), _supported(placed.codomain), facts_in_words(placed.facts))
        )
    return lines


def facts_in_words(facts: Facts) -> tuple[str, ...]:
    """What is known of an operator A, in words. What is not known is left out."""
    out = []
    if facts.unitary:
        out.append("unitary")
    else:
        out += [f"{name} {_diagonal(d)}" for name, d in (("A^H A", facts.gram), ("A A^H", facts.cogram)) if d is not None]
    if facts.norm.value is not None:
        out.append(f"|A| {'=' if facts.norm.exact else '<='} {number(facts.norm.value)}")
    else:
        out.append(f"|A| {AT_RUN}")
    if facts.signs:
        out.append("keeps x >= 0")
    if facts.linear == "real":
        out.append("linear over real numbers")
    return tuple(out)


def _diagonal(d: Diagonal) -> str:
    if d.basis == "identity":
        return "= I" if d.scale == 1 else "is a multiple of I" if d.scale is None else f"= {number(d.scale)} I"
    return "is diagonal on the grid" if d.basis == "pixel" else f"is diagonal in {_basis(d)}"


def _basis(d: Diagonal) -> str:
    words = {"fourier": "the Fourier basis", "cosine": "the cosine basis", "pixel": "the grid", "identity": "any basis"}
    return words[d.basis]


def _passes(c: Checked) -> list[str]:
    out = []
    for term in c.problem.terms:
        for unknown, placed in term.blocks.items():
            if any(p.term is None for p in (placed, *placed.parts)):
                out.append(
                    f"`{unknown}` is real and its operator in `{term.label}` complex: an embedding stands between, "
                    "whose adjoint is the real part"
                )
    for m in c.measurements.values():
        if m.mean.link is not None:
            out.append(f"`{m.mean.link}` is part of the law of `{m.likelihood.measured}`: the data term takes a linear argument")
        elif m.mean.offset:
            out.append(f"the offset {number(m.mean.offset)} of the mean moves to the data")
    for term in c.problem.terms:
        facts = term.operator
        name = f"`{term.label}`"
        if term.plain:
            continue
        letter = "A" if term.role == "data" else "K"
        if facts.gram is not None:
            out.append(f"{name}: {letter}^H {letter} {_diagonal(facts.gram)}")
        if facts.cogram is not None and term.role == "prior" and term.tight:
            out.append(f"{name}: K K^H {_diagonal(facts.cogram)}, so its proximal map is closed")
    basis = c.problem.normal_basis
    smooth = [x for x in c.problem.terms if not x.function.constraint]
    if basis is not None and len(smooth) > 1:
        out.append(f"all normal matrices together are diagonal in {_basis(basis)}: linear systems in them are closed")
    return out


# ---- solver ---------------------------------------------------------------------------------------------------

_PROMISES = {
    "exact": "the exact minimiser",
    "1/k^2": "the objective falls to its minimum like 1/k^2",
    "1/k": "the objective falls to its minimum like 1/k",
}


def _solver(c: Checked, choice: Choice) -> SolverLine:
    iterates = "iterations" in type(choice.solver).model_fields
    rules = {r.number: r for r in TABLE}
    if choice.rule:
        rule = rules[choice.rule]
        return SolverLine(
            choice.solver.word, rule.number, f"{choice.why} (rule {rule.number}: {rule.problem})", _PROMISES[rule.promise], iterates
        )
    if choice.solver.role == "direct":
        return SolverLine(choice.solver.word, 0, choice.why, "read off the measurement, priors play no part", iterates)
    try:
        other, _ = choose(c.problem, None, None)
    except SpecError:
        return SolverLine(choice.solver.word, 0, choice.why, "", iterates)
    same = other.solver.word == choice.solver.word
    why = choice.why + (f"; so would rule {other.rule}" if same else f"; rule {other.rule} would take `{other.solver.word}`")
    return SolverLine(choice.solver.word, 0, why, _PROMISES[rules[other.rule].promise] if same else "", iterates)


def _steps(c: Checked, choice: Choice) -> list[StepLine]:
    name = choice.solver.word
    given = getattr(choice.solver, "step", None)
    if name in STEPPED:
        if isinstance(given, float):
            return [StepLine("step", given, "given")]
        lipschitz = _lipschitz(c)
        if lipschitz.value is None:
            return [lipschitz, StepLine("step", None, AT_RUN)]
        if getattr(choice.solver, "momentum", None) == "auto":
            return [lipschitz, StepLine("step", None, f"{AT_RUN}, from the least eigenvalue of the normal matrix and L")]
        momentum = getattr(choice.solver, "momentum", 0.0)
        top = (1 + momentum**0.5) ** 2
        return [lipschitz, StepLine("step", top / lipschitz.value, "(1 + sqrt(momentum))^2 / L" if momentum else "1 / L")]
    if name == "admm":
        rho = getattr(choice.solver, "rho", None)
        if isinstance(rho, float):
            return [StepLine("rho", rho, "given")]
        return [StepLine("rho", None, "balances the residuals at run")]
    if name == "pdhg":
        split = [x for x in c.problem.terms if not x.plain]
        norms = [x.operator.norm.value for x in split]
        if split and None not in norms:
            squares = sum(n * n for n in norms if n is not None)
            why = f"tau sigma |K|^2 <= 1 with |K|^2 <= {number(squares)}"
        else:
            why = f"tau sigma |K|^2 <= 1, |K| {AT_RUN}"
        return [StepLine("tau, sigma", None, why)]
    return []


def _lipschitz(c: Checked) -> StepLine:
    """L of the smooth part: the sum of lipschitz |K|^2, where all of them are numbers."""
    smooth: list[TermFacts] = [x for x in c.problem.terms if x.function.smooth]
    total, exact, parts = 0.0, len(smooth) == 1, []
    for term in smooth:
        norm = term.operator.norm
        curvature = term.function.lipschitz
        if not isinstance(curvature, (int, float)) or norm.value is None:
            return StepLine("L", None, AT_RUN)
        total += curvature * norm.value**2
        exact = exact and norm.exact
        parts.append(f"{number(curvature)} |A|^2, |A| {'=' if norm.exact else '<='} {number(norm.value)}")
    if not total:
        return StepLine("L", None, "the smooth part is zero")
    return StepLine("L", total, ("" if exact else "at most: ") + " + ".join(parts))


def _memory(c: Checked, choice: Choice, precision: str) -> Memory:
    real = 8 if precision == "float64" else 4

    def bytes_of(spaces: list[Space]) -> int | None:
        counts = [s.count for s in spaces]
        if any(n is None for n in counts):
            return None
        return sum((n or 0) * real * (2 if s.field == "complex" else 1) for n, s in zip(counts, spaces, strict=True))

    unknown = bytes_of(list(c.problem.unknowns.values()))
    measured = bytes_of([m.space for m in c.measurements.values()])
    if choice.solver.word not in COPIES:
        return Memory(unknown, measured, None, "not known for this solver")
    copies, split = COPIES[choice.solver.word]
    rough = [p.codomain for x in c.problem.terms if not x.function.quadratic for p in x.blocks.values()]
    dual = bytes_of(rough) if split else 0
    state = None if unknown is None or dual is None else copies * unknown + split * dual
    why = f"{copies} x the unknown" + (f" + {split} x each term that is split off" if split and rough else "")
    return Memory(unknown, measured, state, why)


# ---- data and citations ---------------------------------------------------------------------------------------


def _data(name: str, checked: CheckedExperiment) -> list[str]:
    e, c = checked.experiment, checked.methods[name]
    if not e.data:
        return ["no data: `recon simulate` draws from the model"] if c.measurements else []
    out = []
    for d in e.data.values():
        bound = dict(d.bindings)
        for y in c.measurements:
            if y in bound:
                out.append(f"{d.name}: {y} is measured, `{written(bound[y])}` of `{written(d.source)}`")
                continue
            maker = "the page's `simulate`" if e.simulate is not None and not c.formulation.own_data else "the model itself"
            if c.formulation.own_data:
                maker = "this method's own model, since it replaces `noise` or `forward`"
            truths = [u for u in c.problem.unknowns if u in bound]
            from_what = ", ".join(f"{u} = {written(bound[u])}" for u in truths) or "drawn unknowns"
            out.append(f"{d.name}: {y} is simulated by {maker} from {from_what} of `{written(d.source)}`")
        truth = [u for u in (*c.problem.unknowns, "ref") if u in bound]
        out.append(f"{d.name}: " + (f"{', '.join(truth)} known, for the metrics" if truth else "no truth: nothing is scored"))
    return out


def citations(checked: CheckedExperiment) -> dict[str, tuple[str, ...]]:
    """The sources of the words a page uses: each with the words that rest on it."""
    e = checked.experiment
    tops: list[Any] = [d.source for d in e.data.values()]
    tops += [v for d in e.data.values() for _, v in d.bindings]
    for name, f in e.methods.items():
        tops += [*f.operators.values(), *(line.law for line in f.likelihoods)]
        tops += [x for p in f.priors for x in t.inside(p)]
        tops.append(checked.choices[name].solver)
    tops += [*e.metrics, *e.analyses]
    out: dict[str, list[str]] = {}
    for top in tops:
        for part in t.everything(top):
            word = part.word if isinstance(part, t.Leaf) else part
            if isinstance(word, Word) and word.reference and word.word not in out.setdefault(word.reference, []):
                out[word.reference].append(word.word)
    return {source: tuple(words) for source, words in sorted(out.items())}
