"""One method's statements in normal form: every term g(K x) with its spaces and facts."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diagnostics import Findings, Label, SpecError, error, warning
from ..model.experiment import Formulation, Likelihood
from ..model.facts import scale
from ..model.place import MisfitError, Placed, place
from ..model.problem import Affine, FunctionFacts, Problem, TermFacts, affine
from ..model.space import Space, fits
from ..model.terms import Compose, Energy, Law, Leaf, OperatorTerm, Prior, Within
from ..model.units import NONE, describe
from ..model.word import EnergyWord
from ..syntax.source import Span
from ..vocabulary.operators.basic import Identity


@dataclass(frozen=True)
class Measurement:
    """A noise line after spaces are known: y = law(factor * link(sum of K_u u + offset))."""

    likelihood: Likelihood
    mean: Affine
    blocks: dict[str, Placed]
    space: Space


@dataclass
class Checked:
    """A formulation whose spaces fit."""

    formulation: Formulation
    problem: Problem
    measurements: dict[str, Measurement] = field(default_factory=dict)
    prior_terms: list[tuple[Prior, TermFacts]] = field(default_factory=list)


def formulate(f: Formulation, findings: Findings) -> Checked | None:
    """The normal form of a formulation; misfits are added to the findings, and None is returned where one stops it."""
    spaces = {n: u.space for n, u in f.unknowns.items()}
    terms: list[TermFacts] = []
    measurements: dict[str, Measurement] = {}
    priors: list[tuple[Prior, TermFacts]] = []
    failed = False
    for likelihood in f.likelihoods:
        try:
            m, term = _measurement(likelihood, spaces, f, findings)
            measurements[likelihood.measured] = m
            terms.append(term)
        except SpecError as e:
            failed = True
            findings.add(*e.diagnostics)
    for prior in f.priors:
        if prior.weight == 0:
            findings.add(
                warning("RL010", "this prior has the weight zero and does nothing", prior.weight_span or prior.span)
            )
            continue
        try:
            term = _prior(prior, spaces)
            priors.append((prior, term))
            terms.append(term)
        except SpecError as e:
            failed = True
            findings.add(*e.diagnostics)
    if failed:
        return None
    return Checked(f, Problem(spaces, tuple(terms)), measurements, priors)


def place_checked(op: OperatorTerm | None, domain: Space, span: Span | None) -> Placed:
    """`place` with a misfit turned into a diagnostic at the innermost term that does not fit."""
    try:
        return place(op if op is not None else Leaf(Identity()), domain)
    except MisfitError as e:
        raise SpecError(
            error("RC001", str(e), Label(e.span or span, f"given {e.domain}") if (e.span or span) else None)
        ) from None


def _blocks(mean: Affine, spaces: dict[str, Space], span: Span | None) -> dict[str, Placed]:
    if not mean.blocks:
        raise SpecError(
            error(
                "RC023",
                "this depends on no unknown of the page",
                span,
                help="unknowns: " + (", ".join(f"`{n}`" for n in spaces) or "none; add `image x : real[256, 256]`"),
            )
        )
    blocks = {}
    for name, op in mean.blocks.items():
        blocks[name] = place_checked(op, spaces[name], span)
    placed = list(blocks.values())
    for p in placed[1:]:
        if not fits(p.codomain, placed[0].codomain):
            raise SpecError(
                error("RC002", f"the summands lie in different spaces: {placed[0].codomain} and {p.codomain}", span)
            )
    return blocks


def _measurement(
    line: Likelihood, spaces: dict[str, Space], f: Formulation, findings: Findings
) -> tuple[Measurement, TermFacts]:
    law = line.law
    span = law.mean.span or line.span
    mean = affine(law.mean)
    blocks = _blocks(mean, spaces, span)
    space = next(iter(blocks.values())).codomain
    if mean.link is not None and space.unit.dimension != NONE:
        raise SpecError(
            error(
                "RC010",
                f"`{mean.link}` needs a plain number, and its argument is {describe(space.unit.dimension)}",
                span,
                help="give the unknown the inverse unit: `{ voxel = 1mm; unit = 1/mm }`",
            )
        )
    try:
        function = law.function(mean, space)
    except ValueError as e:
        raise SpecError(error("RC011", str(e), span)) from None
    if law.counts:
        _check_counts(line, mean, blocks, f, findings)
    return Measurement(line, mean, blocks, space), TermFacts("data", line.text, function, blocks, line.span)


def _check_counts(
    line: Likelihood, mean: Affine, blocks: dict[str, Placed], f: Formulation, findings: Findings
) -> None:
    """Expected counts are not negative: refuse where they provably are, warn where they may be."""
    span = line.law.mean.span or line.span
    for placed in blocks.values():
        if placed.codomain.field == "complex":
            raise SpecError(
                error(
                    "RC012",
                    f"counts are real, and this mean is {placed.codomain}",
                    span,
                    help="measure the modulus, or use `gaussian` for complex data",
                )
            )
    if mean.link == "exp":
        if mean.factor < 0:
            raise SpecError(error("RC013", "this Poisson mean is negative: the factor in front of `exp` is", span))
        return
    if mean.offset < 0:
        findings.add(warning("RL011", "this Poisson mean may be negative: a negative number is added to it", span))
        return
    for name, placed in blocks.items():
        if not _nonnegative(name, f):
            findings.add(
                warning(
                    "RL011",
                    f"this Poisson mean may be negative, since nothing keeps `{name}` from it",
                    span,
                    help=f"add `prior {name} in nonnegative`",
                )
            )
        elif placed.facts.signs:
            continue
        elif scale(-1.0, placed.facts).signs or _negated(placed):
            raise SpecError(
                error("RC013", f"this Poisson mean is negative: `{name}` is not, and the operator turns its sign", span)
            )
        else:
            findings.add(
                warning("RL011", "this Poisson mean may be negative: the operator has entries of both signs", span)
            )


def _negated(placed: Placed) -> bool:
    from ..model.terms import Scaled

    return isinstance(placed.term, Scaled) and placed.term.factor < 0 and placed.parts[0].facts.signs


def _nonnegative(name: str, f: Formulation) -> bool:
    """Whether a prior keeps the unknown from being negative."""
    from ..model.terms import Unknown
    from ..vocabulary.priors import Box, Nonnegative

    for p in f.priors:
        e = p.energy
        if isinstance(e, Within) and e.of == Unknown(name):
            if isinstance(e.set, Nonnegative) or (isinstance(e.set, Box) and e.set.low >= 0):
                return True
    return False


def _prior(prior: Prior, spaces: dict[str, Space]) -> TermFacts:
    energy = prior.energy
    label = energy.span.text if energy.span else ""
    if prior.span is not None and prior.weight_span is not None:
        label = prior.weight_span.to(prior.span).text
    label = " ".join(label.split())
    match energy:
        case Energy(word=word):
            assert isinstance(word, EnergyWord)
            mean = _linear(word.of, f"`{word.word}`")
            inner = word.inner()
            blocks = _blocks(_with_inner(mean, inner), spaces, energy.span)
            function = word.function(prior.weight, next(iter(blocks.values())).codomain)
        case Within(of=of, set=set_):
            mean = _linear(of, "a set")
            blocks = _blocks(mean, spaces, energy.span)
            space = next(iter(blocks.values())).codomain
            if set_.real_only and space.field == "complex":
                raise SpecError(
                    error(
                        "RC014",
                        f"`{set_.word}` orders numbers, and this is {space}",
                        energy.span,
                        help="declare the unknown `real[...]`, or leave this prior out",
                    )
                )
            function = set_.function(space)
        case Law(of=of, law=law):
            mean = _linear(of, "a law")
            blocks = _blocks(mean, spaces, energy.span)
            own = affine(law.mean)
            if own.blocks or own.link:
                raise SpecError(error("RC015", "the mean of a prior is a constant here", law.mean.span))
            function = _law_function(law, prior.weight)
    return TermFacts("prior", label, function, blocks, prior.span)


def _law_function(law: object, weight: float) -> FunctionFacts:
    from ..vocabulary.noise import Gaussian

    if not isinstance(law, Gaussian) or law.curvature is None:
        raise SpecError(
            error(
                "RC016",
                f"`{getattr(law, 'word', 'this law')}` is not known as a prior",
                getattr(getattr(law, "mean", None), "span", None),
                help="`gaussian(0, sigma = 1)` is",
            )
        )
    c = weight * law.curvature
    return FunctionFacts(quadratic=True, lipschitz=c, mu=c, gradient=True)


def _linear(value: object, what: str) -> Affine:
    from ..model.terms import ValueTerm

    assert isinstance(value, ValueTerm)
    mean = affine(value)
    if mean.link is not None or mean.offset:
        raise SpecError(
            error("RC017", f"the argument of {what} is linear in the unknown in this version of recon", value.span)
        )
    return mean


def _with_inner(mean: Affine, inner: OperatorTerm | None) -> Affine:
    if inner is None:
        return mean
    blocks: dict[str, OperatorTerm | None] = {}
    for name, k in mean.blocks.items():
        parts = k.parts if isinstance(k, Compose) else (k,) if k is not None else ()
        blocks[name] = Compose((inner, *parts), span=k.span if k else None) if parts else inner
    return Affine(blocks)
