"""Spaces through the algebra of operators: each part gets its domain, its codomain and its facts.

This is also where real unknowns meet complex operators: an explicit embedding is put in, whose adjoint is the real
part, so that every Gram matrix and norm is that of the operator that really acts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from ..syntax.source import Span
from . import facts as fact
from .facts import Facts
from .space import Space, SpaceError, fits, merge
from .terms import (
    Across,
    Adjoint,
    Apply,
    Compose,
    Known,
    Leaf,
    Measured,
    OperatorTerm,
    Plus,
    Pointwise,
    Scaled,
    SumOf,
    Times,
    Unknown,
    ValueTerm,
    everything,
    unknowns_in,
)
from .word import Operator


@dataclass(frozen=True)
class Placed:
    """An operator on a definite domain. `term` is None for the embedding of the real into the complex numbers."""

    term: OperatorTerm | None
    domain: Space
    codomain: Space
    facts: Facts
    parts: tuple[Placed, ...] = ()

    @property
    def span(self) -> Span | None:
        return self.term.span if self.term is not None else None

    @property
    def stored(self) -> int:
        """How many numbers its dense matrices hold."""
        own = self.term.word.stored(self.domain) if isinstance(self.term, Leaf) and not self.parts else 0
        return own + sum(p.stored for p in self.parts)


class MisfitError(SpaceError):
    """A SpaceError that knows the innermost term that does not fit."""

    def __init__(self, message: str, span: Span | None, domain: Space) -> None:
        super().__init__(message)
        self.span = span
        self.domain = domain


def space_of(value: ValueTerm) -> Space | None:
    """The space of a value that an operator takes as a parameter; None while it is not known.

    Raises MisfitError where an operator in it does not fit.
    """
    match value:
        case Unknown(space=space) | Measured(space=space) | Known(space=space):
            return space
        case Times(of=of):
            return space_of(of)
        case Plus(parts=parts):
            return next((s for p in parts if (s := space_of(p)) is not None), None)
        case Pointwise(word=word, of=of):
            inner = space_of(of)
            real = word.word in ("abs", "real", "imag")
            return inner if inner is None or not real else inner.with_field("real")
        case Apply(operator=operator, to=to):
            inner = space_of(to)
            return None if inner is None else place(operator, inner).codomain
    return None


def linear_across(operator: OperatorTerm, name: str) -> bool:
    """Whether A(k) v is linear in k for fixed v: one word of A takes k, once, and is linear in that parameter."""
    holders = [
        (word, field)
        for word in everything(operator)
        if isinstance(word, Operator)
        for field in type(word).model_fields
        if isinstance(getattr(word, field), ValueTerm) and name in unknowns_in(getattr(word, field))
    ]
    return len(holders) == 1 and all(
        field in word.linear_in and _linear_in(getattr(word, field), name) for word, field in holders
    )


def _linear_in(value: ValueTerm, name: str) -> bool:
    match value:
        case Unknown(name=n):
            return n == name
        case Times(of=of):
            return _linear_in(of, name)
        case Apply(operator=operator, to=to):
            return _linear_in(to, name) and name not in unknowns_in(operator)
        case Plus(parts=parts):
            return all(_linear_in(p, name) for p in parts)
    return False


def embedding(domain: Space) -> Placed:
    """The embedding of real numbers into the complex numbers, on `domain`."""
    return Placed(None, domain, domain.with_field("complex"), fact.embed(fact.IDENTITY))


def place(term: OperatorTerm, domain: Space) -> Placed:
    """Give every part of `term` its space, from the innermost outwards. Raises MisfitError."""
    match term:
        case Leaf(word=word):
            if word.needs == "complex" and domain.field == "real":
                inner = embedding(domain)
                return _chain(term, [inner, place(term, inner.codomain)])
            try:
                return Placed(term, domain, word.codomain(domain), word.facts(domain))
            except MisfitError:
                raise
            except SpaceError as e:
                raise MisfitError(f"`{word.word}` {e}", term.span, domain) from e
        case Compose(parts=parts):
            chain: list[Placed] = []
            here = domain
            for part in reversed(parts):
                placed = _place_adjoint(part, here, chain) if isinstance(part, Adjoint) else place(part, here)
                chain.append(placed)
                here = placed.codomain
            return _chain(term, chain)
        case SumOf(parts=parts):
            placed_parts = [place(p, domain) for p in parts]
            if any(p.codomain.field == "complex" for p in placed_parts):
                placed_parts = [p if p.codomain.field == "complex" else _complexified(p) for p in placed_parts]
            total, space = placed_parts[0].facts, placed_parts[0].codomain
            for p in placed_parts[1:]:
                if not fits(space, p.codomain):
                    raise MisfitError(f"the summands map to different spaces: {space} and {p.codomain}", p.span, domain)
                total, space = fact.add(total, p.facts), replace(merge(space, p.codomain), support=None)
            return Placed(term, domain, space, total, tuple(placed_parts))
        case Scaled(factor=c, of=of):
            inner = place(of, domain)
            return Placed(term, domain, inner.codomain, fact.scale(c, inner.facts), (inner,))
        case Adjoint():
            return _place_adjoint(term, domain, [])
        case Across(of=of, to=to):
            assert to.space is not None
            inner = place(of, to.space)
            linear = fact.Facts().linear if linear_across(of, term.parameter) else "none"
            return Placed(term, domain, inner.codomain, fact.Facts(linear=linear), (inner,))
    raise TypeError(f"not an operator term: {term!r}")


def place_towards(term: OperatorTerm, space: Space) -> Placed:
    """Place `term` on `space`; where it does not fit and begins with an adjoint B.H, on the codomain of B on `space`.

    So `A @ W.H` acts on the coefficients of W. Raises MisfitError.
    """
    parts = term.parts if isinstance(term, Compose) else (term,)
    first = parts[-1]
    try:
        return place(term, space)
    except MisfitError:
        if not isinstance(first, Adjoint):
            raise
    inner = place(first.of, space)
    chain = [Placed(first, inner.codomain, inner.domain, fact.adjoint(inner.facts), (inner,))]
    for part in reversed(parts[:-1]):
        here = chain[-1].codomain
        chain.append(_place_adjoint(part, here, chain) if isinstance(part, Adjoint) else place(part, here))
    return chain[0] if len(chain) == 1 else _chain(term, chain)


def matrix_sizes(placed: Placed) -> tuple[int | None, int | None]:
    """Rows and columns of the operator's matrix; None while an extent is unknown.

    It is complex where the operator is complex-linear on complex numbers. Else it is real, and complex numbers count
    twice.
    """
    whole = placed.domain.field == "complex" and placed.facts.linear == "complex"

    def count(space: Space) -> int | None:
        twice = space.field == "complex" and not whole
        return None if space.count is None else space.count * (2 if twice else 1)

    return count(placed.codomain), count(placed.domain)


def _complexified(p: Placed) -> Placed:
    """The same operator with its real values embedded: a chain, whatever kind of term the operator is."""
    chain = p.term if p.term is None else Compose((p.term,), p.term.span)
    return _chain(chain, [p, embedding(p.codomain)])


def _chain(term: OperatorTerm | None, inner_first: list[Placed]) -> Placed:
    """Compose placed operators, given from the innermost outwards."""
    parts: list[Placed] = []
    for p in inner_first:  # flatten nested chains, so that passes see one list
        parts += p.parts if isinstance(p.term, (Compose, Leaf)) and p.parts else [p]
    rest = parts[1:] if parts[0].term is None and len(parts) > 1 else parts
    total = rest[0].facts
    for q, p in pairwise(rest):
        gram = isinstance(p.term, Adjoint) and p.parts[0] == q
        total = fact.gram_of(q.facts) if gram and q is rest[0] else fact.compose(p.facts, total)
    if rest is not parts:
        total = fact.embed(total)
    return Placed(term, parts[0].domain, parts[-1].codomain, total, tuple(parts))


def _place_adjoint(term: Adjoint, domain: Space, chain: list[Placed]) -> Placed:
    """A^H maps `domain` to the domain of A: that of an equal A further in, else what the word says."""
    for earlier in reversed(chain):
        for p in (earlier, *earlier.parts):
            if p.term == term.of and fits(p.codomain, domain):
                return Placed(term, p.codomain, p.domain, fact.adjoint(p.facts), (p,))
    source = preimage_of(term.of, domain)
    inner = place(term.of, source)
    if not fits(inner.codomain, domain):
        raise MisfitError(f"the adjoint acts on {inner.codomain}, but is given {domain}", term.span, domain)
    return Placed(term, inner.codomain, inner.domain, fact.adjoint(inner.facts), (inner,))


def preimage_of(term: OperatorTerm, codomain: Space) -> Space:
    """A domain on which the term maps to `codomain`, as far as its words can tell. Raises MisfitError."""
    match term:
        case Leaf(word=word):
            if word.needs == "complex" and codomain.field == "real":
                raise MisfitError(
                    f"the adjoint of `{word.word}` acts on complex numbers, not on {codomain}", term.span, codomain
                )
            try:
                return word.preimage(codomain)
            except SpaceError as e:
                raise MisfitError(f"`{word.word}` {e}", term.span, codomain) from e
        case Compose(parts=parts):
            for p in parts:
                codomain = preimage_of(p, codomain)
            return codomain
        case SumOf(parts=parts):
            return preimage_of(parts[0], codomain)
        case Scaled(of=of):
            return preimage_of(of, codomain)
        case Adjoint(of=of):
            return place(of, codomain).codomain
    raise TypeError(f"not an operator term: {term!r}")
