"""Values that data bind for each row and that are no unknowns and no measurements: maps, poses, a defocus."""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import Findings, Label, error
from ..model import terms as t
from ..model.experiment import DataSet, Formulation
from .phrases import listed


def with_stacked(f: Formulation, data: list[DataSet], findings: Findings) -> Formulation:
    """The formulation with its known values marked that hold one entry for each row of the data.

    Data that do not bind one of the values, or disagree on what a row is, are added to the findings.
    """
    known = known_in(f)
    if not known:
        return f
    users = [d for d in data if d.options.rows == "measurements"]
    others = [d for d in data if d.options.rows != "measurements"]
    if users and others:
        message = f"all rows of `{users[0].name}` measure one unknown, and those of `{others[0].name}` do not"
        hint = "write `rows = measurements` in both, or make two pages"
        findings.add(error("RN026", message, Label(users[0].span), Label(others[0].span), help=hint))
    for d in data:
        bound = {target for target, _ in d.bindings}
        missing = {k.name: k for k in known if k.name not in bound}
        for name, k in missing.items():
            message = f"`{d.name}` does not say what `{name}` is"
            labels = (Label(d.span), *([Label(k.span, "used here")] if k.span is not None else []))
            findings.add(error("RN027", message, *labels, help=f"bind it: `{name} = ...`"))
    if not data:
        names = listed(list(dict.fromkeys(k.name for k in known)), "and")
        findings.add(error("RN027", f"no data say what {names} is", known[0].span))
    if not users:
        return f
    return f.mapped(lambda term: replace(term, stacked=True) if isinstance(term, t.Known) else term)


def known_in(f: Formulation) -> list[t.Known]:
    """The known values that a formulation uses."""
    held = [*f.operators.values(), *(line.law for line in f.likelihoods), *(p.energy for p in f.priors)]
    return [k for term in held for k in t.everything(term) if isinstance(k, t.Known)]
