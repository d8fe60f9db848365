"""Facts in words, and the passes that bring a problem into the form that is solved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..check.formulate import Checked
from ..model.facts import Diagonal, Facts
from ..model.place import Placed
from ..model.terms import Leaf
from ..vocabulary.operators.fourier import Fft2
from ..vocabulary.operators.mri import Cartesian
from .text import number

AT_RUN = "estimated at run"


def facts_in_words(facts: Facts) -> tuple[str, ...]:
    """What is known of an operator A, in words. What is not known is left out."""
    out = []
    if facts.unitary:
        out.append("unitary")
    else:
        out += [
            f"{name} {diagonal_in_words(d)}"
            for name, d in (("A^H A", facts.gram), ("A A^H", facts.cogram))
            if d is not None
        ]
    if facts.norm.value is not None:
        out.append(f"|A| {'=' if facts.norm.exact else '<='} {number(facts.norm.value)}")
    else:
        out.append(f"|A| {AT_RUN}")
    if facts.signs:
        out.append("keeps x >= 0")
    if facts.blocks:
        out.append(f"in blocks along {', '.join(facts.blocks)}")
    if facts.linear == "real":
        out.append("linear over real numbers")
    return tuple(out)


def diagonal_in_words(d: Diagonal) -> str:
    """The end of a sentence about a matrix that is diagonal somewhere."""
    if d.basis == "identity":
        return "= I" if d.scale == 1 else "is a multiple of I" if d.scale is None else f"= {number(d.scale)} I"
    return "is diagonal on the grid" if d.basis == "pixel" else f"is diagonal in {basis_in_words(d)}"


def basis_in_words(d: Diagonal) -> str:
    """The basis a matrix is diagonal in."""
    words = {"fourier": "the Fourier basis", "cosine": "the cosine basis", "pixel": "the grid", "identity": "any basis"}
    return words[d.basis]


def passes(c: Checked) -> list[str]:
    """What happens to the problem before it is solved, and which of its linear systems are closed."""
    out = []
    for term in c.problem.terms:
        for unknown, placed in term.blocks.items():
            if any(p.term is None for p in (placed, *placed.parts)):
                out.append(
                    f"`{unknown}` is real and its operator in `{term.label}` complex: an embedding stands between, "
                    "whose adjoint is the real part"
                )
    for m in c.measurements.values():
        if m.mean.link is not None:
            out.append(
                f"`{m.mean.link}` is part of the law of `{m.likelihood.measured}`: the data term's argument is linear"
            )
        elif m.mean.offset:
            out.append(f"the offset {number(m.mean.offset)} of the mean moves to the data")
    for term in c.problem.terms:
        facts = term.operator
        name = f"`{term.label}`"
        if term.plain:
            continue
        letter = "A" if term.role == "data" else "K"
        if facts.gram is not None:
            out.append(f"{name}: {letter}^H {letter} {diagonal_in_words(facts.gram)}")
        if facts.cogram is not None and term.role == "prior" and term.tight:
            out.append(f"{name}: K K^H {diagonal_in_words(facts.cogram)}, so its proximal map is closed")
    out += [
        f"`{term.label}`: the field that it is a minimum over becomes an unknown, which is not shown"
        for term in c.problem.terms
        if term.function.prox == "inner"
    ]
    out += [f"`{term.label}`: {line}" for term in c.problem.terms for p in term.blocks.values() for line in _lines(p)]
    basis = c.problem.normal_basis
    smooth = [x for x in c.problem.terms if not x.function.constraint]
    if basis is not None and len(smooth) > 1:
        out.append(
            f"all normal matrices together are diagonal in {basis_in_words(basis)}: linear systems in them are closed"
        )
    return out


def _lines(placed: Placed) -> Iterator[str]:
    """The transforms that cancel in A^H A since whole lines of k-space are kept."""
    for inner, outer in pairwise(placed.parts):
        match inner.term, outer.term:
            case Leaf(word=Fft2()), Leaf(word=Cartesian() as mask):
                across = mask.index(outer.domain)
                axes = [a.name for i, a in enumerate(outer.domain.axes) if i - len(outer.domain.axes) in (-2, -1)]
                along = next(a for i, a in zip((-2, -1), axes, strict=True) if i != across)
                yield f"whole lines of k-space are kept, so the transforms along {along} cancel in A^H A"
