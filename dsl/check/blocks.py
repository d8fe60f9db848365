"""Problems in which operators take unknowns as parameters: one unknown at a time, the others held."""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import Diagnostic, Label, SpecError, error, note
from ..model.place import Placed
from ..model.problem import Affine, Problem, TermFacts
from ..model.solver import Solver
from ..model.terms import Across, Leaf, OperatorTerm, Unknown, everything
from ..syntax.source import Span
from ..vocabulary.alternating import Alternate
from ..vocabulary.operators.basic import Identity
from .formulate import Checked, Measurement, compared_blocks, place_checked
from .rules import Choice, choose


def choose_solver(c: Checked, named: Solver | None, span: Span | None) -> tuple[Choice, list[Diagnostic]]:
    """The solver of a problem: by the table of rules, or block by block where unknowns are parameters of operators.

    Raises SpecError where the named one does not fit.
    """
    if not c.problem.coupled:
        if isinstance(named, Alternate):
            message = "`alternate` is for operators that depend on an unknown, and none on this page does"
            raise SpecError(error("RC034", message, span, help="one solver finds all unknowns together here"))
        return choose(c.problem, named, span)
    if named is not None and not isinstance(named, Alternate):
        raise SpecError(_one_at_a_time(c, named, span))
    given = named if named is not None else Alternate.model_validate({})
    notes: list[Diagnostic] = []
    blocks: dict[str, Solver] = {}
    for name in (*given.blocks, *(n for n in c.problem.unknowns if n not in given.blocks)):
        inner = given.blocks.get(name)
        if isinstance(inner, Alternate):
            message = f"`alternate` cannot find `{name}`: the solver of one unknown is no `alternate` again"
            raise SpecError(error("RC034", message, span, help=f"name another, such as `{name} = cg(iterations = 10)`"))
        choice, more = _chosen(c, name, inner, span)
        blocks[name] = choice.solver
        notes += more
    if named is not None:
        why = "named on the page"
    else:
        why = "`" + "`, `".join(c.problem.coupled) + "` is a parameter of an operator on another unknown"
    notes += _loose_scale(c)
    return Choice(given.model_copy(update={"blocks": blocks}), 2 if named is None else 0, why), notes


def _chosen(c: Checked, name: str, inner: Solver | None, span: Span | None) -> tuple[Choice, list[Diagnostic]]:
    """The solver of one block. Raises SpecError, whose message names the block."""
    try:
        return choose(block_of(c, name).problem, inner, span)
    except SpecError as e:
        raise SpecError(
            *(replace(d, message=f"for `{name}`, the others held: {d.message}") for d in e.diagnostics)
        ) from None


def block_of(c: Checked, name: str) -> Checked:
    """The problem in one unknown, the others being held: what does not depend on it is left out. Raises SpecError."""
    out = Checked(c.formulation, Problem({name: c.problem.unknowns[name]}, ()))
    terms: list[TermFacts] = []
    for (y, m), facts in zip(c.measurements.items(), c.problem.data, strict=True):
        held = _held(m, facts, name)
        if held is not None:
            mean, placed = held
            out.measurements[y] = replace(m, mean=mean, blocks={name: placed})
            function = m.likelihood.law.function(mean, placed.codomain)
            if placed.facts.linear == "none":
                function = function.through_a_map()
            inside = {name: c.problem.unknowns[name]}
            compared = compared_blocks(m.likelihood.law, mean, {name: placed}, inside, facts.span)
            terms.append(replace(facts, function=function, blocks=compared, coupled=()))
    for prior, facts in c.prior_terms:
        if name in facts.coupled or (name in facts.blocks and (len(facts.blocks) > 1 or facts.coupled)):
            raise SpecError(_several(facts, name))
        if name in facts.blocks:
            out.prior_terms.append((prior, facts))
            terms.append(facts)
    out.problem = Problem(out.problem.unknowns, tuple(terms))
    return out


def _held(m: Measurement, facts: TermFacts, name: str) -> tuple[Affine, Placed] | None:
    """The mean as a function of one unknown; None where it does not depend on it. Raises SpecError."""
    inside = name in m.blocks
    if inside and (len(m.blocks) > 1 or name in facts.coupled):
        raise SpecError(_several(facts, name))
    if inside:
        return m.mean, m.blocks[name]
    if name not in facts.coupled:
        return None
    if len(m.blocks) > 1:
        raise SpecError(_several(facts, name))
    (other, term), (placed,) = next(iter(m.mean.blocks.items())), m.blocks.values()
    to = Unknown(other, space=placed.domain)
    across = Across(term if term is not None else Leaf(Identity()), name, to, facts.span)
    domain = next(u.space for u in _parameters(term) if u.name == name and u.space is not None)
    mean = Affine({name: across}, m.mean.offset, m.mean.link, m.mean.factor, m.mean.power)
    return mean, place_checked(across, domain, facts.span)


def _parameters(term: OperatorTerm | None) -> list[Unknown]:
    return [u for u in everything(term) if isinstance(u, Unknown)]


def _several(facts: TermFacts, name: str) -> Diagnostic:
    message = f"`{facts.label}` holds `{name}` beside other unknowns in a way that no block of `alternate` can take"
    hint = "a term may hold one unknown behind an operator, and others as parameters of that operator"
    return error("RC035", message, Label(facts.span) if facts.span else None, help=hint)


def _one_at_a_time(c: Checked, named: Solver, span: Span | None) -> Diagnostic:
    name = c.problem.coupled[0]
    term = next(t for t in c.problem.terms if name in t.coupled)
    labels = [Label(span, "this solver")] if span else []
    labels += [Label(term.span, f"`{name}` is a parameter of its operator")] if term.span else []
    inner = "; ".join(f"{n} = ..." for n in c.problem.unknowns)
    message = f"`{named.word}` finds all unknowns together, and the problem is not convex in them"
    return error("RC034", message, *labels, help=f"write `solver alternate {{ {inner} }}`, or leave `solver` out")


def _loose_scale(c: Checked) -> list[Diagnostic]:
    """A(s k) (x / s) = A(k) x: only priors fix the scale, a set for one of the unknowns or energies for both."""
    out = []
    for name in c.problem.coupled:
        terms = [t for t in c.problem.data if name in t.coupled]
        others = {n for t in terms for n in t.blocks}
        placed = [p for t in block_of(c, name).problem.data for p in t.blocks.values()]
        if any(p.facts.linear == "none" for p in placed):
            continue
        sets = {n for t in c.problem.priors if t.function.constraint for n in t.blocks}
        energies = {n for t in c.problem.priors if not t.function.constraint for n in t.blocks}
        if name not in sets and not others & sets and not {name, *others} <= energies:
            other = next(iter(others))
            message = f"nothing fixes the scale between `{name}` and `{other}`: only their product is measured"
            hint = f"an energy for each, such as `prior 1 * sq({name}) + 1 * sq({other})`"
            if c.problem.unknowns[name].field == "real":
                hint = f"`prior {name} in simplex`, or {hint}"
            out.append(note("RL014", message, Label(terms[0].span) if terms[0].span else None, help=f"add {hint}"))
    return out
