"""A plan as people read it on a terminal."""

from __future__ import annotations

from ..diagnostics.render import safe
from ..model.experiment import Setting
from .latex import Objective
from .passes import AT_RUN
from .plan import MethodPlan, Plan
from .solving import StepLine
from .text import Paint, columns, number, paragraph, size


def plan_text(plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """The plan in sections: values, then for each method spaces, objective, passes, solver, memory and data."""
    paint = Paint(color)
    out = [paint.bold(safe(plan.experiment)) + (f"  {paint.dim(safe(plan.doc))}" if plan.doc else "")]
    _section(out, paint, "Values", _settings(plan.settings))
    _section(out, paint, "Weights", [line for w in plan.weights for line in _bullet(w, width)])
    for method in plan.methods:
        if method.name:
            out += ["", paint.bold(f"method {safe(method.name)}")]
        _method(out, paint, method, width)
    if plan.sweeps:
        _section(out, paint, "Sweep", columns([(path, ", ".join(v)) for path, v in plan.sweeps.items()]))
    if plan.claims:
        _section(out, paint, "Claims", ["  " + safe(c) for c in plan.claims])
    if plan.findings:
        _section(out, paint, "Findings", columns([(f["code"], f["severity"], f["message"]) for f in plan.findings]))
    _section(
        out,
        paint,
        "Digests",
        columns(
            [
                ("spec", plan.spec_digest),
                *(("problem" + (f" {m.name}" if m.name else ""), m.problem_digest) for m in plan.methods),
            ]
        ),
    )
    if plan.citations:
        rows = [(", ".join(words), source) for source, words in plan.citations.items()]
        _section(out, paint, "Sources", columns(rows, most=36))
    return "\n".join(out)


def _section(out: list[str], paint: Paint, title: str, lines: list[str]) -> None:
    if lines:
        out += ["", paint.title(title), *lines]


def _settings(settings: tuple[Setting, ...]) -> list[str]:
    return columns([(s.name, s.value, s.origin) for s in settings])


def _method(out: list[str], paint: Paint, m: MethodPlan, width: int) -> None:
    if m.settings:
        _section(out, paint, "Settings", _settings(m.settings))
    spaces = [(n, "unknown", s) for n, s in m.unknowns.items()] + [(n, "derived", s) for n, s in m.derived.items()]
    spaces += [(n, "measured", s) for n, s in m.measured.items()]
    lines = columns(spaces)
    for label, parts in m.operators.items():
        lines.append(f"  {paint.dim('in')} {safe(label)}")
        for p in parts:
            lines.append(f"    {safe(p.operator)}")
            lines.append(f"      {safe(p.domain)} -> {safe(p.codomain)}")
            if p.facts:
                lines.append("      " + paint.dim(safe("; ".join(p.facts))))
    _section(out, paint, "Spaces", lines)
    _section(out, paint, "Objective", _objective(m.objective, paint))
    _section(out, paint, "Passes", [line for p in m.passes for line in _bullet(p, width)])
    iterations = next((f", {s.value} iterations" for s in m.settings if s.name == "solver.iterations"), "")
    solver = [f"  {paint.bold(m.solver.name)}{iterations}", *paragraph(m.solver.why, indent=4, width=width)]
    if m.solver.promise:
        solver += paragraph(m.solver.promise, indent=4, width=width)
    if m.solver.missed:
        solver += ["    missed by one:", *(x for row in m.solver.missed for x in paragraph(row, indent=6, width=width))]
    solver += columns(
        [(s.name, _value(s), s.why if s.why != AT_RUN or s.value is not None else "") for s in m.steps], indent=4
    )
    _section(out, paint, "Solver", solver)
    memory = [
        ("unknown", size(m.memory.unknown)),
        ("measured", size(m.memory.measured)),
        ("solver", f"{size(m.memory.state)}, {m.memory.why}" if m.memory.state is not None else m.memory.why),
    ]
    _section(out, paint, "Memory for one row", columns(memory))
    _section(out, paint, "Data", [line for d in m.data for line in _bullet(d, width)])


def _value(step: StepLine) -> str:
    return AT_RUN if step.value is None else number(step.value)


def _bullet(text: str, width: int) -> list[str]:
    lines = paragraph(text, indent=4, width=width)
    return ["  - " + lines[0].lstrip(), *lines[1:]]


def _objective(o: Objective, paint: Paint) -> list[str]:
    lines = ["  " + safe(o.text)]
    if o.where:
        lines.append("    with " + safe(", ".join(f"{k} = {v}" for k, v in o.where.items())))
    lines.append("  " + paint.dim(safe(o.latex)))
    if o.book_text and o.book_latex:
        lines += ["  times sigma^2, as books write it:", "  " + safe(o.book_text)]
        lines.append("    with " + safe(", ".join(f"{k} = {v}" for k, v in o.book_where.items())))
        lines.append("  " + paint.dim(safe(o.book_latex)))
    return lines
