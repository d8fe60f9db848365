"""One method's statements in normal form: every term g(K x) with its spaces and facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..diagnostics import Diagnostic, Findings, Label, SpecError, error, warning
from ..model.experiment import Formulation, Likelihood
from ..model.facts import identity
from ..model.place import MisfitError, Placed, place
from ..model.problem import Affine, FunctionFacts, Problem, TermFacts, affine
from ..model.space import Space, fits
from ..model.terms import (
    Compose,
    Energy,
    Known,
    Law,
    Leaf,
    Measured,
    OperatorTerm,
    Prior,
    Unknown,
    ValueTerm,
    Within,
    everything,
    inside,
    parameters_in,
    unknowns_in,
)
from ..model.units import NONE, describe
from ..model.word import ImageLaw, Word
from ..model.word import Law as LawWord
from ..syntax.source import Span
from ..vocabulary.denoisers import Red
from ..vocabulary.noise import Gaussian
from ..vocabulary.operators.basic import Identity
from .counts import check_counts


@dataclass(frozen=True)
class Measurement:
    """A noise line after spaces are known: y = law(factor * link(sum of K_u u + offset))."""

    likelihood: Likelihood
    mean: Affine
    blocks: dict[str, Placed]
    space: Space


@dataclass(frozen=True)
class Derived:
    """A derived quantity that is linear in the unknowns, sum of K_u u + offset, and the space it lies in."""

    mean: Affine
    blocks: dict[str, Placed]
    space: Space


@dataclass
class Checked:
    """A formulation whose spaces fit. `derived` holds the derived quantities that are linear in the unknowns."""

    formulation: Formulation
    problem: Problem
    measurements: dict[str, Measurement] = field(default_factory=dict)
    prior_terms: list[tuple[Prior, TermFacts]] = field(default_factory=list)
    derived: dict[str, Derived] = field(default_factory=dict)

    @property
    def given(self) -> list[Measured | Known]:
        """The measurements and known values that its operators and laws take as parameters."""
        return [p for p in parameters_in(*self._held()) if not isinstance(p, Unknown)]

    @property
    def by_row(self) -> bool:
        """Whether its operators or laws differ from row to row, so that rows are solved one at a time."""
        words = (w for held in self._held() for w in everything(held) if isinstance(w, Word))
        return bool(self.given) or bool(self.problem.coupled) or any(getattr(w, "vary", "page") == "row" for w in words)

    def _held(self) -> list[Any]:
        """What is built for each row: operators, and the parameters of laws."""
        placed = [p for m in self.measurements.values() for p in m.blocks.values()]
        placed += [p for _, term in self.prior_terms for p in term.blocks.values()]
        laws = [
            v for m in self.measurements.values() for v in inside(m.likelihood.law) if v is not m.likelihood.law.mean
        ]
        return [p.term for p in placed if p.term is not None] + laws


def formulate(
    f: Formulation, findings: Findings, making: bool = False, given: Mapping[str, Space] | None = None
) -> Checked | None:
    """The normal form of a formulation; misfits are added to the findings, and None is returned where one stops it.

    `making`: it makes data from a known truth, so nothing has to keep the unknowns in bounds. `given`: the spaces of
    measurements and known values, once data are read.
    """
    spaces = {n: u.space for n, u in f.unknowns.items()}
    f = _located(f, {**(given or {}), **spaces})
    checked = Checked(f, Problem(spaces, ()))
    terms: list[TermFacts] = []
    failed = False
    for likelihood in f.likelihoods:
        try:
            m, term = _measurement(likelihood, spaces, f, findings, making)
            checked.measurements[likelihood.measured] = m
            terms.append(term)
        except SpecError as e:
            failed = True
            findings.add(*e.diagnostics)
    for prior in f.priors:
        if prior.weight == 0:
            at = prior.weight_span or prior.span
            findings.add(warning("RL010", "this prior has the weight zero and does nothing", at))
            continue
        try:
            term = _prior(prior, spaces, f)
            if all(placed.facts.zero for placed in term.blocks.values()):
                findings.add(warning("RL010", "the operator of this prior is zero, so it does nothing", prior.span))
                continue
            checked.prior_terms.append((prior, term))
            terms.append(term)
        except SpecError as e:
            failed = True
            findings.add(*e.diagnostics)
    for name, value in f.derived.items():
        try:
            checked.derived[name] = _derived(value, spaces)
        except SpecError:
            continue  # a quantity that is not linear can still be shown
    if making:  # what no measurement depends on has no part in making them
        used = {n for line in f.likelihoods for n in unknowns_in(line.law)}
        spaces = {n: s for n, s in spaces.items() if n in used}
    checked.problem = Problem(spaces, tuple(terms))
    return None if failed else checked


def _located(f: Formulation, spaces: Mapping[str, Space]) -> Formulation:
    """The formulation with the spaces of the values that operators take as parameters filled in."""

    def fill(term: Any) -> Any:
        if isinstance(term, (Unknown, Measured, Known)) and term.name in spaces and term.space != spaces[term.name]:
            return replace(term, space=spaces[term.name])
        return term

    return f.mapped(fill)


def place_checked(op: OperatorTerm | None, domain: Space, span: Span | None) -> Placed:
    """`place` with a misfit turned into a diagnostic at the innermost term that does not fit."""
    try:
        return place(op if op is not None else Leaf(Identity()), domain)
    except MisfitError as e:
        at = e.span or span
        raise SpecError(error("RC001", str(e), Label(at, f"given {e.domain}") if at else None)) from None


def _blocks(mean: Affine, spaces: Mapping[str, Space], span: Span | None) -> dict[str, Placed]:
    if not mean.blocks:
        known = ", ".join(f"`{n}`" for n in spaces)
        hint = f"unknowns: {known}" if known else "declare one: `image x : real[256, 256]`"
        raise SpecError(error("RC023", "this depends on no unknown of the page", span, help=hint))
    blocks = {name: place_checked(op, spaces[name], span) for name, op in mean.blocks.items()}
    placed = list(blocks.values())
    for p in placed[1:]:
        if not fits(p.codomain, placed[0].codomain):
            message = f"the summands lie in different spaces: {placed[0].codomain} and {p.codomain}"
            raise SpecError(error("RC002", message, span))
    return blocks


def _derived(value: ValueTerm, spaces: dict[str, Space]) -> Derived:
    mean = affine(value)
    if mean.link is not None:
        raise SpecError(error("RC021", "not linear", value.span))
    blocks = _blocks(mean, spaces, value.span)
    return Derived(mean, blocks, next(iter(blocks.values())).codomain)


def _measurement(
    line: Likelihood, spaces: dict[str, Space], f: Formulation, findings: Findings, making: bool
) -> tuple[Measurement, TermFacts]:
    law = line.law
    mean_value: ValueTerm = law.mean
    span = mean_value.span or line.span
    mean = affine(mean_value)
    blocks = _blocks(mean, spaces, span)
    space = next(iter(blocks.values())).codomain
    if mean.link is not None and space.unit.dimension != NONE:
        message = f"`{mean.link}` needs a plain number, and its argument is {describe(space.unit.dimension)}"
        hint = "give the unknown the inverse unit: `{ voxel = 1mm; unit = 1/mm }`"
        raise SpecError(error("RC010", message, span, help=hint))
    try:
        function = law.function(mean, space)
    except ValueError as e:
        measures = mean.link == "abs" and law.word not in ("gaussian", "poisson")
        hint = "magnitudes are measured by `gaussian` and `poisson`" if measures else ""
        raise SpecError(error("RC011", str(e), span, help=hint)) from None
    if law.counts:
        check_counts(line, mean, blocks, f, findings, making)
    text = " ".join(line.text.split())
    space = space.with_field("real") if mean.link == "abs" else space
    return Measurement(line, mean, blocks, space), _term(
        "data", text, function, compared_blocks(line.law, mean, blocks, spaces, span), line.span
    )


def compared_blocks(
    law: LawWord, mean: Affine, blocks: dict[str, Placed], spaces: Mapping[str, Space], span: Span | None
) -> dict[str, Placed]:
    """The operators of a data term: those of the mean, behind the operator that the law puts in front of both sides."""
    inner = law.inner()
    return blocks if inner is None else _blocks(_with_inner(mean, inner), spaces, span)


def _prior(prior: Prior, spaces: dict[str, Space], f: Formulation) -> TermFacts:
    match prior.energy:
        case Energy(word=Red() as word):
            blocks = _blocks(_linear(word.of, "`red`"), spaces, prior.energy.span)
            function = _denoised(prior, blocks, f)
        case Law(of=of, law=ImageLaw()):
            blocks = _blocks(_linear(of, "a law"), spaces, prior.energy.span)
            function = _denoised(prior, blocks, f)
        case Energy(word=word):
            mean = _linear(word.of, f"`{word.word}`")
            blocks = _blocks(_with_inner(mean, word.inner()), spaces, prior.energy.span)
            function = word.function(prior.weight, next(iter(blocks.values())).codomain)
        case Within(of=of, set=set_):
            blocks = _blocks(_linear(of, "a set"), spaces, prior.energy.span)
            space = next(iter(blocks.values())).codomain
            if set_.real_only and space.field == "complex":
                raise SpecError(_orders_complex(prior.energy, space))
            try:
                function = set_.function(space)
            except ValueError as e:
                raise SpecError(error("RC018", str(e), prior.energy.span)) from None
        case Law(of=of, law=LawWord() as law):
            blocks = _blocks(_linear(of, "a law"), spaces, prior.energy.span)
            function = _law_function(law, prior.weight, prior.energy.span)
    if prior.rule is not None:
        function = function.weighed_at_run()
    return _term("prior", prior.text, function, blocks, prior.span)


def _denoised(prior: Prior, blocks: dict[str, Placed], f: Formulation) -> FunctionFacts:
    """Facts of a law or an energy that a denoiser stands for. Raises SpecError where it does not fit the unknown."""
    name, placed = next(iter(blocks.items()))
    if len(blocks) > 1 or placed.facts.diagonal != identity():
        hint = f"write it of the unknown: `{name} ~ denoiser(...)`"
        raise SpecError(error("RC019", "a denoiser acts on one unknown itself", prior.energy.span, help=hint))
    if prior.rule is not None:
        message = "no rule finds the weight of a denoiser, since it has no value to compare with the data"
        raise SpecError(error("RC081", message, prior.rule_span, help="give the weight as a number, or leave it out"))
    declared = f.unknowns[name].range
    ends = None if declared is None else (declared.start, declared.stop)
    try:
        if isinstance(prior.energy, Law):
            assert isinstance(prior.energy.law, ImageLaw)
            return prior.energy.law.function(prior.weight, placed.codomain, ends)
        assert isinstance(prior.energy, Energy)
        assert isinstance(prior.energy.word, Red)
        return prior.energy.word.denoised(prior.weight, placed.codomain, ends)
    except ValueError as e:
        raise SpecError(error("RC019", str(e), prior.energy.span)) from None


def _term(
    role: Literal["data", "prior"], label: str, function: FunctionFacts, blocks: dict[str, Placed], span: Span | None
) -> TermFacts:
    """A term; where an unknown is a parameter of its operators, it is neither convex nor smooth in all of them."""
    coupled = [n for p in blocks.values() if p.term is not None for n in unknowns_in(p.term)]
    if coupled or any(p.facts.linear == "none" for p in blocks.values()):
        function = function.through_a_map()
    return TermFacts(role, label, function, blocks, span, tuple(dict.fromkeys(coupled)))


def _orders_complex(energy: Within, space: Space) -> Diagnostic:
    said = " ".join(energy.span.text.split()) if energy.span is not None else energy.set.word
    of = " ".join(energy.of.span.text.split()) if energy.of.span is not None else "this"
    return error(
        "RC014",
        f"`{said}` orders numbers, and `{of}` is {space}",
        energy.span,
        help="declare the unknown `real[...]`, or leave this prior out",
    )


def _law_function(law: LawWord, weight: float, span: Span | None) -> FunctionFacts:
    """Facts of minus the log-density of a law as a prior: that of a Gaussian around a constant."""
    if not isinstance(law, Gaussian):
        hint = "`gaussian(0, sigma = 1)` is one"
        raise SpecError(error("RC016", f"`{law.word}` is no law of unknowns in this version of recon", span, help=hint))
    own = affine(law.mean)
    if own.blocks or own.link:
        raise SpecError(error("RC015", "the mean of a prior is a constant here", law.mean.span))
    if law.curvature is None:
        given = "`sigma = estimate`" if law.sigma == "estimate" else "`covariance`" if law.covariance else "`snr`"
        message = f"{given} speaks of measured data, and so stands in noise lines only"
        raise SpecError(error("RK010", message, span, help="give the prior a `sigma`"))
    c = weight * law.curvature
    return FunctionFacts(quadratic=True, lipschitz=c, mu=c, gradient=True)


def _linear(value: ValueTerm, what: str) -> Affine:
    mean = affine(value)
    if mean.link is not None:
        message = f"the argument of {what} must be linear in the unknown, and `{mean.link}` is not"
        raise SpecError(error("RC017", message, value.span))
    if mean.offset and mean.blocks:
        message = f"the argument of {what} must be linear in the unknown, without a constant added"
        raise SpecError(error("RC017", message, value.span))
    return mean


def _with_inner(mean: Affine, inner: OperatorTerm | None) -> Affine:
    """The argument with the energy's own operator in front, such as the gradient of total variation."""
    if inner is None:
        return mean
    blocks: dict[str, OperatorTerm | None] = {}
    for name, k in mean.blocks.items():
        if k is None:
            blocks[name] = inner
        else:
            blocks[name] = Compose((inner, *(k.parts if isinstance(k, Compose) else (k,))), span=k.span)
    return Affine(blocks)
