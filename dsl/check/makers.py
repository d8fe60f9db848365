"""What makes the data of a method where they are simulated, and whether each measurement can be made at all."""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import Diagnostic, Findings, Label, error
from ..model.experiment import DataSet, Experiment, Likelihood, UnknownSpec
from ..model.terms import Measured, everything, unknowns_in
from ..model.word import Law
from ..syntax.source import Span
from .formulate import Checked, formulate


def maker_of(e: Experiment, c: Checked, simulate: Checked | None, findings: Findings) -> Checked | None:
    """What makes the data of a method: `simulate`, or else its own model.

    Where data bind a derived quantity, such as `x = D @ z`, and not the unknowns behind it, the maker has that
    quantity as its unknown. Measurements that can neither be read nor made are added to the findings.
    """
    source = simulate if simulate is not None and not c.formulation.own_data else c
    through = False
    for d in e.data.values():
        bound = {target for target, _ in d.bindings}
        for name in c.measurements:
            if name not in bound:
                problem, derived = _made(name, c, source, d, bound)
                through = through or derived
                if problem is not None:
                    findings.add(problem)
    if not e.data:
        findings.add(*_without_data(e, c, source))
    return _from_derived(source, findings) if through else source


def _made(name: str, c: Checked, source: Checked, d: DataSet, bound: set[str]) -> tuple[Diagnostic | None, bool]:
    """What is wrong with simulating a measurement from these data, and whether it goes through derived quantities."""
    m = source.measurements.get(name)
    if m is None:
        problem = error(
            "RC040",
            f"`simulate` does not say how `{name}` is made",
            Label(c.measurements[name].likelihood.span),
            *[Label(o.likelihood.span, "it makes this") for o in source.measurements.values()],
            help=f"add `noise {name} ~ ...` to it",
        )
        return problem, False
    line = m.likelihood
    if not _drawn(line):
        return _not_drawn(name, line, d), False
    if any(isinstance(t, Measured) and t.name == name for t in everything(line.law)):
        return _needs_itself(name, line, d), False
    needed = unknowns_in(line.law)
    if set(needed) <= bound:
        return None, False
    if set(unknowns_in(_through(line))) <= bound:
        return None, True
    missing = [n for n in needed if n not in bound]
    listed = " and ".join(f"`{n}`" for n in missing)
    problem = error(
        "RC042",
        f"`{name}` is neither bound by `{d.name}` nor can it be simulated, since {listed} "
        f"{'is' if len(missing) == 1 else 'are'} not bound either",
        d.span,
        Label(line.span, "what is measured"),
        help=f"bind `{name}`, or every unknown that it depends on",
    )
    return problem, False


def _drawn(line: Likelihood) -> bool:
    """Whether the measurement itself can be drawn from its line, rather than a function of it."""
    return line.law.samples and line.of is None


def _not_drawn(name: str, line: Likelihood, d: DataSet | None) -> Diagnostic:
    if line.law.samples:
        return error(
            "RC041",
            f"this line says how a function of `{name}` is distributed, so `{name}` itself cannot be simulated from it",
            line.span,
            d.span if d is not None else None,
            help=f"bind `{name}` in `data`, or add `simulate {{ noise {name} ~ ... }}`",
        )
    who = f"`{d.name}` does not bind `{name}`, and it" if d is not None else f"no data bind `{name}`, and it"
    fix = "give it a number as `sigma`, " if "sigma" in type(line.law).model_fields else ""
    return error(
        "RC041",
        f"{who} cannot be simulated from `{line.law.word}` as it stands",
        line.span,
        d.span if d is not None else None,
        help=f"{fix}bind `{name}` in `data`, or add `simulate {{ noise {name} ~ ... }}`",
    )


def _needs_itself(name: str, line: Likelihood, d: DataSet | None) -> Diagnostic:
    return error(
        "RC041",
        f"`{name}` is simulated from this line, whose operator is made from `{name}` itself",
        line.span,
        d.span if d is not None else None,
        help=f"bind `{name}` in `data`, or add `simulate {{ forward ... }}` with an operator that does not need it",
    )


def _without_data(e: Experiment, c: Checked, source: Checked) -> list[Diagnostic]:
    """A page without data is simulated from a phantom, in the place of its only unknown."""
    out = [_not_drawn(n, m.likelihood, None) for n, m in source.measurements.items() if not _drawn(m.likelihood)]
    unknowns = list(source.formulation.unknowns.values())
    if len(unknowns) > 1:
        message = "a page without data is simulated from a phantom, and this one has several unknowns"
        hint = "add a `data` statement that binds " + " and ".join(f"`{u.name}`" for u in unknowns)
        out.append(error("RC042", message, *[Label(u.span) for u in unknowns[:2]], help=hint))
    return out


def check_extents(e: Experiment) -> list[Diagnostic]:
    """`auto` takes an extent from the data: not from what is itself brought to the unknown's extents."""
    out = []
    for f in (*e.methods.values(), *([e.simulate] if e.simulate is not None else [])):
        for u in f.unknowns.values():
            if u.space.known:
                continue
            for d in e.data.values():
                if d.source.fitted and u.name in {target for target, _ in d.bindings}:
                    what = f"`{d.source.word}` is brought to the extents of the unknown"
                    out.append(_no_extents(u, what, d.span))
            if not e.data:
                out.append(_no_extents(u, "the page has none", None))
    return out


def _no_extents(u: UnknownSpec, why: str, other: Span | None) -> Diagnostic:
    message = f"`auto` takes the extents of `{u.name}` from the data, and {why}"
    return error(
        "RC048", message, Label(u.span), other, help=f"give them: `{u.kind} {u.name} : {u.space.field}[256, 256]`"
    )


def _through(line: Likelihood) -> Law:
    return line.through if line.through is not None else line.law


def _from_derived(source: Checked, findings: Findings) -> Checked | None:
    """The formulation with derived quantities as unknowns, in the spaces they have in the model."""
    f = source.formulation
    lines = tuple(replace(line, law=_through(line)) for line in f.likelihoods)
    unknowns: dict[str, UnknownSpec] = {}
    for name in (n for line in lines for n in unknowns_in(line.law)):
        if name in f.unknowns:
            unknowns[name] = f.unknowns[name]
            continue
        if name not in source.derived:
            value = f.derived[name]
            message = f"`{name}` is not linear in the unknowns, so data cannot say what it is"
            findings.add(error("RC049", message, value.span))
            return None
        span = f.likelihoods[0].span
        unknowns[name] = UnknownSpec(name, "unknown", source.derived[name].space, None, f.derived[name].span or span)
    return formulate(replace(f, unknowns=unknowns, likelihoods=lines, priors=(), derived={}), findings, making=True)
