"""From a checked formulation to the problem an algorithm sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from recon.dsl.check.formulate import Checked, Measurement, formulate
from recon.dsl.diagnostics import Findings, SpecError
from recon.dsl.model import facts as fact
from recon.dsl.model.place import Placed, place
from recon.dsl.model.problem import TermFacts, affine
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Energy, Law, Measured, Prior, Within
from recon.dsl.model.units import Unit
from recon.dsl.model.word import Draw
from recon.dsl.model.word import Law as LawWord
from torch import Tensor

from ..build import Build, Quantified, build_operator, derived_seed
from ..functionals.base import Functional, Scalar
from ..functionals.law import LawMeaning
from ..functionals.quadratic import HalfSquare
from ..meaning import meaning
from ..operators.base import Operator, Sum, compose, dtype_of
from ..operators.parts import Part
from ..problem import Problem, Term
from ..values import EvaluationError, evaluate, named


def sized(checked: Checked, values: Mapping[str, Tensor], known: Mapping[str, Quantified] | None = None) -> Checked:
    """The formulation with what was not known before data were read: extents that were `auto`, and the spaces of the
    values that operators take as parameters. Raises SpecError where these do not fit."""
    f = checked.formulation
    given = checked.given
    if all(u.space.known for u in f.unknowns.values()) and not given:
        return checked
    unknowns = {name: replace(u, space=_sized(name, u.space, checked, values)) for name, u in f.unknowns.items()}
    spaces = {n: _space_like(checked.measurements[n].space, v) for n, v in values.items() if n in checked.measurements}
    for name, v in (known or {}).items():
        axes = tuple(Axis(f"axis{i}", n) for i, n in enumerate(v.data.shape[1:]))
        spaces[name] = Space("complex" if v.data.is_complex() else "real", axes, Unit(1.0, v.dimension))
    findings = Findings()
    again = formulate(replace(f, unknowns=unknowns), findings, given=spaces)
    if again is None:
        raise SpecError(*findings.sorted())
    return again


def _sized(name: str, space: Space, checked: Checked, values: Mapping[str, Tensor]) -> Space:
    if space.known:
        return space
    shape = tuple(values[name].shape[1:]) if name in values else _measured_extents(checked, values)
    axes = zip(space.axes, shape[-len(space.axes) :], strict=True)
    return space.with_axes(tuple(replace(a, size=a.size if a.size is not None else n) for a, n in axes))


def _space_like(space: Space, value: Tensor) -> Space:
    """A measurement's space with the extents of what was measured, where it has the same axes."""
    shape = value.shape[1:]
    return space.resized(tuple(shape)) if len(shape) == len(space.axes) else space


def _measured_extents(checked: Checked, values: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Extents of the unknown where the measurement keeps its grid."""
    for name, m in checked.measurements.items():
        space = next(iter(checked.problem.unknowns.values()))
        if name in values and len(m.space.axes) >= len(space.axes):
            return tuple(values[name].shape[-len(space.axes) :])
    raise EvaluationError("`auto` extents need the truth, or a measurement on the unknown's grid, in the data")


@dataclass
class Layout:
    """Where each unknown lies in the vector an algorithm works on: alone it is itself, several lie flat in a row."""

    spaces: dict[str, Space]

    @property
    def space(self) -> Space:
        """The space of that vector. Raises EvaluationError where real and complex unknowns are mixed."""
        spaces = list(self.spaces.values())
        if len(spaces) == 1:
            return spaces[0]
        if len({s.field for s in spaces}) > 1:
            raise EvaluationError("real and complex unknowns cannot be found together yet; declare them all `complex`")
        total = sum(s.count or 0 for s in spaces)
        return Space(spaces[0].field, (Axis("sample", total),))

    def part(self, name: str) -> Part | None:
        """The operator that cuts one unknown out of the vector; None where it is the vector."""
        if len(self.spaces) == 1:
            return None
        start = 0
        for other, space in self.spaces.items():
            if other == name:
                return Part(self.space, start, start + (space.count or 0), space.sizes, space)
            start += space.count or 0
        raise KeyError(name)

    def split(self, x: Tensor) -> dict[str, Tensor]:
        """Each unknown's own tensor."""
        if len(self.spaces) == 1:
            return {next(iter(self.spaces)): x}
        out = {}
        for name in self.spaces:
            part = self.part(name)
            assert part is not None
            out[name] = part.forward(x).contiguous()
        return out

    def join(self, values: dict[str, Tensor]) -> Tensor:
        """The vector that holds these unknowns."""
        if len(self.spaces) == 1:
            return next(iter(values.values()))
        return torch.cat([values[name].flatten(1) for name in self.spaces], dim=1)

    def operator(self, blocks: dict[str, Placed], build: Build) -> Operator:
        """The sum of K_u over the parts of the vector."""
        parts: list[Operator] = []
        for name, placed in blocks.items():
            k = build_operator(placed, build)
            cut = self.part(name)
            parts.append(k if cut is None else compose(k, cut))
        if len(parts) == 1:
            return parts[0]
        facts = fact.row([p.facts for p in blocks.values()])
        total = Sum(parts, next(iter(blocks.values())).codomain, facts)
        total.precision = build.real
        return total


@dataclass
class Parts:
    """What a problem is made of before data are read: the layout, and the operators of noise lines and priors.

    operators: of the mean of each measurement. compared: the same behind what the law puts in front of both sides.
    """

    layout: Layout
    operators: dict[str, Operator]
    compared: dict[str, Operator]
    priors: list[Operator]


@dataclass
class Compiled:
    """A problem with the parts it is made of, and the priors whose weight is found, by their places among the terms."""

    problem: Problem
    parts: Parts
    found: dict[int, Prior] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return self.parts.layout

    def weighed(self, weight: Scalar, build: Build) -> Compiled:
        """The same with that weight, one number or one a row, as a factor of the priors whose weight is found."""
        terms = list(self.problem.terms)
        for i, prior in self.found.items():
            k = terms[i].operator
            terms[i] = replace(terms[i], functional=_prior_functional(prior.energy, prior.weight * weight, k, build))
        return replace(self, problem=replace(self.problem, terms=terms))


def compile_operators(checked: Checked, build: Build) -> tuple[Layout, dict[str, Operator]]:
    """The operator of each noise line, on the vector of unknowns."""
    inside = {n for m in checked.measurements.values() for n in m.blocks}
    layout = Layout({n: s for n, s in checked.problem.unknowns.items() if n in inside or not inside})
    return layout, {name: layout.operator(m.blocks, build) for name, m in checked.measurements.items()}


def compile_parts(checked: Checked, build: Build) -> Parts:
    """The operators of a problem, each built once."""
    layout, operators = compile_operators(checked, build)
    compared = {
        name: operators[name] if m.likelihood.law.inner() is None else layout.operator(facts.blocks, build)
        for (name, m), facts in zip(checked.measurements.items(), checked.problem.data, strict=True)
    }
    return Parts(layout, operators, compared, [layout.operator(f.blocks, build) for _, f in checked.prior_terms])


def compile_problem(
    checked: Checked, measured: dict[str, Tensor], build: Build, parts: Parts | None = None
) -> Compiled:
    """The problem for a batch of measurements [rows, ...]. Raises ValueError where they cannot come from their law.

    `parts` are those of the same page, where they were built before.
    """
    parts = parts or compile_parts(checked, build)
    terms = []
    for (name, m), facts in zip(checked.measurements.items(), checked.problem.data, strict=True):
        law = law_meaning(m.likelihood.law, m.space, build, name)
        functional: Functional = law.term(m.mean, _stated(m, measured[name], build), parts.operators[name])
        terms.append(Term(functional, parts.compared[name], "data", facts.label))
    found = {}
    for (prior, facts), k in zip(checked.prior_terms, parts.priors, strict=True):
        if prior.rule is not None:
            found[len(terms)] = prior
        functional = (
            _prior_functional(prior.energy, prior.weight, k, build)
            if facts.function.denoiser is None
            else _denoised(prior, facts, checked, build)
        )
        terms.append(Term(functional, k, "prior", facts.label))
    rows = next(iter(measured.values())).shape[0] if measured else 1
    unknowns = list(checked.formulation.unknowns)
    problem = Problem(
        parts.layout.space,
        terms,
        rows,
        build.real,
        build.device,
        seed=build.seed,
        half=build.half,
        ends=_ends(checked, unknowns[0]) if len(unknowns) == 1 else None,
    )
    return Compiled(problem, parts, found)


def holding(values: Mapping[str, Tensor], checked: Checked, build: Build) -> Build:
    """What operators are built for while unknowns are held: their values, in base units."""
    units = {n: s.unit for n, s in checked.problem.unknowns.items()}
    held = {n: Quantified(v * units[n].factor, units[n].dimension) for n, v in values.items() if n in units}
    return replace(build, values={**build.values, **held})


def _stated(m: Measurement, y: Tensor, build: Build) -> Tensor:
    """What stands left of `~` for the measurement y. Raises EvaluationError where that does not fit the mean."""
    of = m.likelihood.of
    if of is None:
        return y
    lookup = lambda t: Quantified(y) if isinstance(t, Measured) else named(t, build.values)  # noqa: E731
    v = evaluate(of, lookup, m.space, build).data
    text = of.span.text if of.span is not None else f"the function of `{m.likelihood.measured}`"
    if tuple(v.shape[1:]) != m.space.sizes:
        have = " x ".join(str(n) for n in v.shape[1:])
        raise EvaluationError(f"`{text}` is an array of {have}, and its mean is {m.space}")
    if v.is_complex() and m.space.field == "real":
        raise EvaluationError(f"`{text}` is complex, and its mean is {m.space}")
    if not bool(torch.isfinite(torch.view_as_real(v) if v.is_complex() else v).all()):
        raise EvaluationError(f"`{text}` has values that are not finite")
    return v.to(dtype_of(m.space, build.real))


def law_meaning(law: LawWord, space: Space, build: Build, measured: str) -> LawMeaning:
    """The meaning of a law word for measurements in `space`, with the operator that whitens them where there is one.

    Where its level is drawn for each row, with the levels of the rows that `build` names.
    """
    inner = law.inner()
    level = getattr(law, "sigma", None)
    if isinstance(level, Draw):
        out = meaning(law)(law, drawn=levels(level, measured, build))
    else:
        out = meaning(law)(law) if inner is None else meaning(law)(law, build_operator(place(inner, space), build))
    assert isinstance(out, LawMeaning)
    return out


def levels(level: Draw, measured: str, build: Build) -> Tensor:
    """The noise level of each row that `build` names, [rows]; it depends on the seed, the names and the row alone."""
    seed = level.seed if isinstance(getattr(level, "seed", "auto"), int) else build.seed  # type: ignore[attr-defined]
    seeds = [derived_seed(seed, f"noise.{measured}.sigma", data, number) for data, number in build.rows]
    drawn = [meaning(level)(level, (), np.random.default_rng(s)) for s in seeds]
    return torch.stack(drawn).to(dtype=build.real, device=build.device)


def _prior_functional(energy: Energy | Law | Within, weight: Scalar, k: Operator, build: Build) -> Functional:
    match energy:
        case Energy(word=word):
            functional = meaning(word)(word, weight, k)
        case Within(set=set_):
            functional = meaning(set_)(set_, k, build)
        case Law(law=law):
            assert isinstance(law, LawWord)
            centre = affine(law.mean).offset
            target = torch.full(k.codomain.sizes, centre, dtype=dtype_of(k.codomain, build.real), device=build.device)
            functional = HalfSquare(weight / law.sigma**2, target[None])  # type: ignore[attr-defined]
    assert isinstance(functional, Functional)
    return functional


def _denoised(prior: Prior, facts: TermFacts, checked: Checked, build: Build) -> Functional:
    """What a denoiser stands for, on the one unknown that it acts on. Raises ValueError where it does not fit."""
    name, placed = next(iter(facts.blocks.items()))
    word = prior.energy.law if isinstance(prior.energy, Law) else prior.energy.word  # type: ignore[union-attr]
    made = meaning(word)(word, prior.weight, placed.codomain, build, _ends(checked, name))
    assert isinstance(made, Functional)
    return made


def _ends(checked: Checked, name: str) -> tuple[float, float] | None:
    """The range of values that the page declares of an unknown."""
    declared = checked.formulation.unknowns[name].range
    return None if declared is None else (declared.start, declared.stop)
