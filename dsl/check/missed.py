"""Rows of the table that a problem misses by one term, and what is in the way: what another formulation would gain."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.problem import Problem, TermFacts
from ..vocabulary.solvers.needs import joint_prox

_BASES = {"fourier": "the Fourier basis", "cosine": "the cosine basis", "pixel": "the grid", "identity": "any basis"}


def missed(p: Problem, fired: int) -> tuple[str, ...]:
    """A line for each row before the one that fired which one term keeps out, or two terms that do not go together."""
    if any(not t.function.convex for t in p.terms) or p.coupled:
        return ()
    found = (*_quadratic(p), *_one_prox(p), *_denoising(p), *_closed(p))
    return tuple(text for number, text in found if number < fired or (number == fired == 14))


def _quadratic(p: Problem) -> Iterator[tuple[int, str]]:
    bent = [t for t in p.terms if not t.function.quadratic]
    if len(bent) == 1:
        yield 10, f"rule 10, all quadratic: but for `{bent[0].label}`"


def _one_prox(p: Problem) -> Iterator[tuple[int, str]]:
    rough = p.rough
    data = [t for t in rough if t.role == "data"]
    loose = [t for t in rough if t.role == "prior" and not t.tight]
    row = "rule 11, FISTA"
    if len(data) + len(loose) == 1 and (len(rough) == 1 or joint_prox([t for t in rough if t.tight])):
        if data:
            yield 11, f"{row}: but that `{data[0].label}` has no Lipschitz gradient"
        elif len(rough) == 1:
            yield (
                11,
                f"{row}: but that what stands inside `{loose[0].label}` is not orthonormal, K K^H no multiple of I",
            )
    elif not data and not loose and len(rough) == 2:
        yield 11, f"{row}: but that `{rough[0].label}` and `{rough[1].label}` have no proximal map together"


def _denoising(p: Problem) -> Iterator[tuple[int, str]]:
    if len(p.data) == 1 and p.data[0].function.quadratic and not p.data[0].plain:
        yield 12, f"rule 12, denoising: but for the operator in `{p.data[0].label}`"


def _closed(p: Problem) -> Iterator[tuple[int, str]]:
    """Normal matrices that are each diagonal in some basis, in two bases."""
    shaped = [t for t in p.terms if _basis(t) not in (None, "identity")]
    bases = {_basis(t): t for t in shaped}
    if len(bases) == 2 and all(_basis(t) is not None for t in p.terms):
        (one, a), (two, b) = bases.items()
        text = f"`{a.label}` is diagonal in {_BASES[str(one)]}, `{b.label}` in {_BASES[str(two)]}"
        hint = "; `boundary = circular` for both would make them one" if set(bases) == {"fourier", "cosine"} else ""
        yield 14, f"rule 14 in closed form, ADMM: but that {text}{hint}"


def _basis(t: TermFacts) -> str | None:
    gram = t.operator.gram
    return None if gram is None else gram.basis
