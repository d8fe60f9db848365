"""Operators from terms, for the tests of single words."""

from __future__ import annotations

import torch
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Compose, Leaf, OperatorTerm
from recon.dsl.model.word import Operator as OperatorWord
from recon.runtime.build import Build, build_operator
from recon.runtime.operators.base import Operator, random_point

DOUBLE = Build(real=torch.float64, seed=11)
_NAMES = {1: ("sample",), 2: ("row", "col"), 3: ("z", "row", "col")}


def grid(*sizes: int, field: str = "real", head: tuple[str, ...] = ()) -> Space:
    """A signal, image or volume of these sizes; the first ones belong to the axes named in `head`."""
    names = (*head, *_NAMES[len(sizes) - len(head)])
    return Space(field, tuple(Axis(n, s) for n, s in zip(names, sizes, strict=True)))  # type: ignore[arg-type]


def make(*words: OperatorWord | OperatorTerm, domain: Space, build: Build = DOUBLE, at: str = "p") -> Operator:
    """The composition of words, outermost first, on a domain; word k stands at the place `at` + k."""
    terms = [w if isinstance(w, OperatorTerm) else Leaf(w, f"{at}{k}") for k, w in enumerate(words)]
    return build_operator(place(terms[0] if len(terms) == 1 else Compose(tuple(terms)), domain), build)


def sample(domain: Space, *batch: int, seed: int = 0) -> torch.Tensor:
    """Normal numbers in double precision, of shape [*batch, *domain.sizes]."""
    heads = tuple(Axis("batch", n) for n in batch)
    return random_point(Space(domain.field, (*heads, *domain.axes)), torch.float64, seed)
