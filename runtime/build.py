"""From placed operator terms to operators: each word by its meaning, the algebra by the classes of `operators.base`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from recon.dsl.digest import digest_of
from recon.dsl.model.place import Placed
from recon.dsl.model.space import Space
from recon.dsl.model.terms import (
    Across,
    Adjoint,
    Compose,
    Leaf,
    OperatorTerm,
    Scaled,
    SumOf,
    ValueTerm,
    everything,
    parameters_in,
    unknowns_in,
)
from recon.dsl.model.units import NONE, Dimension, describe

from .meaning import meaning
from .operators.across import AcrossOperator
from .operators.base import (
    AdjointOperator,
    Embedding,
    IdentityOperator,
    Operator,
    ScaledOperator,
    Sum,
    chain,
)
from .shared import Shared


class Random(Protocol):
    """A word with draws of its own."""

    @property
    def seed(self) -> int | str: ...

    @property
    def vary(self) -> str: ...


@dataclass(frozen=True)
class Quantified:
    """A batch of values [rows, ...] with their dimension, in base units."""

    data: torch.Tensor
    dimension: Dimension = NONE


@dataclass(frozen=True)
class Build:
    """What every part of a program is built for: the real precision, the device, and the seed of the run.

    values: what operators may take as parameters, by name: values known of the row, measurements, and unknowns that
    are held fixed; each of shape [1, ...]. row: the name of the data and the row's number, for what varies with it.
    rows: the same of each row of a batch, for laws that are drawn for each.
    half: whether networks compute in bfloat16.
    shared: where operators are kept for whoever builds the same ones again, with the norms that they have found.
    """

    real: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seed: int = 0
    values: Mapping[str, Quantified] = field(default_factory=dict)
    row: str = ""
    rows: tuple[tuple[str, int], ...] = ()
    half: bool = False
    shared: Shared | None = field(default=None, compare=False, repr=False)

    @property
    def complex(self) -> torch.dtype:
        return torch.complex128 if self.real == torch.float64 else torch.complex64

    def seed_for(self, given: int | str, place: str) -> int:
        """The seed of a random word: the one given, or one derived from the run's seed and the word's place."""
        if isinstance(given, int):
            return given
        return derived_seed(self.seed, place)

    def generator(self, given: int | str, place: str) -> np.random.Generator:
        """What a random word draws from: the same numbers on every device and at every precision."""
        return np.random.default_rng(self.seed_for(given, place))

    def generators(self, word: Random, placed: Placed) -> list[np.random.Generator]:
        """What a random word at its place draws from: one generator, or one for each frame.

        With `vary = row` it depends on the row's number, so not on what is read beside it; with `vary = frame` that of
        a frame depends on the frame's number, so not on how many there are.
        """
        seed = self.seed_for(word.seed, getattr(placed.term, "place", ""))
        if word.vary == "row":
            seed = derived_seed(seed, "row", self.row)
        if word.vary != "frame":
            return [np.random.default_rng(seed)]
        frames = placed.domain.sizes[placed.domain.axis("frame") or 0]
        return [np.random.default_rng(derived_seed(seed, "frame", k)) for k in range(frames)]

    def given(self, value: ValueTerm, dimension: Dimension = NONE) -> torch.Tensor:
        """The value of a parameter of an operator, in base units, without an axis of rows.

        Differentiable in the values at hand. Raises EvaluationError where it is not at hand, or has another dimension.
        """
        from .values import EvaluationError

        found = self.quantity(value)
        if found.dimension != dimension:
            text = value.span.text if value.span is not None else "this"
            raise EvaluationError(f"`{text}` is {describe(found.dimension)}, and {describe(dimension)} is needed here")
        return found.data

    def quantity(self, value: ValueTerm) -> Quantified:
        """As `given`, of any dimension."""
        from .values import evaluate, named

        space = next((t.space for t in parameters_in(value) if t.space is not None), Space("real", ()))
        found = evaluate(value, lambda term: named(term, self.values), space, self)
        return Quantified(found.data[0] if found.data.ndim else found.data, found.dimension)

    def tensor(self, array: object) -> torch.Tensor:
        """An array as a tensor of this precision, real or complex as the array is, on this device."""
        t = torch.as_tensor(array)
        return t.to(device=self.device, dtype=self.complex if t.is_complex() else self.real)


def derived_seed(*parts: int | str) -> int:
    """A seed of 63 bits from any number of names and numbers, the same on every machine."""
    text = "\x1f".join(f"{type(p).__name__}:{p}" for p in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def _across(placed: Placed, name: str, at: torch.Tensor, build: Build) -> Operator:
    """k -> A(k) v. Parts of A on either side of those that take k are built once, and those inside applied once."""
    (whole,) = placed.parts
    parts = [whole] if whole.term is None or not whole.parts or isinstance(whole.term, SumOf) else [*whole.parts]
    takes = [i for i, p in enumerate(parts) if p.term is not None and name in unknowns_in(p.term)]
    first, last = takes[0], takes[-1]
    for p in parts[:first]:
        at = build_operator(p, build).forward(at)
    outer = [build_operator(p, build) for p in parts[last + 1 :]]

    def make(k: torch.Tensor) -> torch.Tensor:
        here = replace(build, values={**build.values, name: replace(build.values[name], data=k * unit)})
        v = at
        for p in parts[first : last + 1]:
            v = build_operator(p, here)._apply_(v)
        for operator in outer:
            v = operator.forward(v)
        return v

    unit = placed.domain.unit.factor  # parameters are taken in base units
    return AcrossOperator(make, placed.domain, placed.codomain, placed.facts)


def build_operator(placed: Placed, build: Build) -> Operator:
    """The operator that a placed term means; the one at hand, where the same has been built for this run before."""
    if build.shared is None or placed.term is None or _differs(placed.term):
        return _new(placed, build)
    key = digest_of(["operator", placed.term, placed.domain, str(build.real), str(build.device), build.seed])
    return build.shared.take(key, lambda: _new(placed, build), _bytes)


def _differs(term: OperatorTerm) -> bool:
    """Whether the operator may be another one for each row, or while an unknown is sought."""
    return bool(parameters_in(term)) or any(getattr(word, "vary", "") == "row" for word in everything(term))


def _bytes(operator: Operator) -> int:
    """What an operator holds; at least a little, so that even those that hold nothing are dropped in the end."""
    return sum((b.numel() * b.element_size() for b in operator.buffers()), 2**16)


def _new(placed: Placed, build: Build) -> Operator:
    operator = _built(placed, build)
    operator.precision, operator.built_for = build.real, build.device
    return operator


def _built(placed: Placed, build: Build) -> Operator:
    match placed.term:
        case None:
            return Embedding(placed.domain, placed.codomain, placed.facts)
        case Leaf() | Compose() if placed.parts:
            parts = [build_operator(p, build) for p in reversed(placed.parts)]
            kept = [p for p in parts if not isinstance(p, IdentityOperator)] or parts[:1]
            return chain(kept, placed.facts)
        case Leaf(word=word):
            operator: Operator = meaning(word)(word, placed, build)
            return operator
        case SumOf():
            return Sum([build_operator(p, build) for p in placed.parts], placed.codomain, placed.facts)
        case Scaled(factor=c):
            return ScaledOperator(c, build_operator(placed.parts[0], build), placed.facts)
        case Across(parameter=name, to=to):
            assert to.space is not None
            return _across(placed, name, build.values[to.name].data / to.space.unit.factor, build)
        case Adjoint():
            return AdjointOperator(build_operator(placed.parts[0], build), placed.facts)
    raise TypeError(f"not an operator term: {placed.term!r}")
