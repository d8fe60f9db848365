"""What can be computed at all: numbers that the page's precision holds, and arrays that memory does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10, sqrt
from typing import Any

from ..diagnostics import Diagnostic, error
from ..model.experiment import Experiment, Formulation
from ..model.place import Placed
from ..model.problem import TermFacts
from ..model.space import LARGEST_BYTES
from ..model.terms import Constant, Scaled, Times, inside
from ..model.units import Quantity, parts
from ..model.word import Word
from ..syntax.source import Span
from ..vocabulary.noise import Gaussian
from .formulate import Checked

REACH = {"float32": 1e30, "bf16": 1e30, "float64": 1e300}
"""The largest number, and one over the smallest, that a page may hold.

The formats end eight orders of magnitude further out (3e38 and 1.2e-38, 1.8e308 and 2.2e-308), which are left for
products with data and sums over them.
"""
LARGEST_MATRIX = 2**30
"""Bytes of a dense random matrix in single precision, such as 16384 x 16384."""


@dataclass(frozen=True)
class Number:
    """A number of the page in words, with its place. What is squared on the way reaches half as far."""

    what: str
    value: float
    span: Span | None
    squared: bool = False
    small: bool = True
    """Whether it may not be tiny either."""
    unit: str = ""
    """`dB` of a level, whose power ratio is what is computed."""


def beyond_precision(e: Experiment) -> list[Diagnostic]:
    """The numbers of data and metrics that cannot be computed with."""
    out = []
    for d in e.data.values():
        for _, value in d.bindings:
            out += [_beyond(n, e.run.precision) for n in _numbers(value, d.span)]
    for metric in e.metrics:  # scores are computed in double precision, and ranges squared
        found = _parameters(metric, e.metrics_span, squared=True)
        out += [_beyond(n, "float64") for n in found]
    return [d for d in out if d is not None]


def stated_beyond_precision(f: Formulation, precision: str) -> list[Diagnostic]:
    """The numbers of a formulation that cannot be computed with: widths, weights, factors, options of words."""
    numbers: list[Number] = []
    for line in f.likelihoods:
        numbers += _numbers(line.law, line.span)
    for prior in f.priors:
        if prior.weight:
            at = prior.weight_span or prior.span  # proximal maps compare squares with it
            numbers.append(Number("the weight of this prior", prior.weight, at, squared=True))
            numbers += _numbers(prior.energy, prior.span)
    if f.solver is not None:
        numbers += [Number(n.what, n.value, n.span, small=False) for n in _parameters(f.solver, f.solver_span)]
    found = (_beyond(n, precision) for n in numbers)
    return [d for d in found if d is not None]


def _numbers(node: Any, span: Span | None) -> Iterator[Number]:
    """The numbers in a term or word, each with the innermost place that is known."""
    here = getattr(node, "span", None) or span
    match node:
        case Scaled(factor=c) | Times(factor=c):
            yield Number("this factor", parts(c)[0], here, squared=not isinstance(c, Quantity))
        case Constant(value=c):
            yield Number("this number", parts(c)[0], here, squared=not isinstance(c, Quantity), small=False)
        case Word():
            yield from _parameters(node, here)
    for part in inside(node):
        yield from _numbers(part, here)


def _parameters(word: Word, span: Span | None, squared: bool = False) -> Iterator[Number]:
    for name in type(word).model_fields:
        value = getattr(word, name)
        if not isinstance(value, float):
            continue
        what = f"`{name}` of `{word.word}`"
        if isinstance(word, Gaussian) and name in ("snr", "psnr"):
            yield Number(what, value, span, small=False, unit="dB")
        else:
            yield Number(what, value, span, squared or isinstance(word, Gaussian))


def _beyond(n: Number, precision: str) -> Diagnostic | None:
    if n.value == 0 or _within(n, precision):
        return None
    hints = [_range(n, precision)]
    if precision != "float64" and _within(n, "float64"):
        hints.append(f"with `run {{ precision = float64 }}` {_range(n, 'float64')}")
    message = f"{n.what} is {n.value:g}{n.unit}, which {precision} cannot compute with"
    return error("RC052", message, n.span, help=hints)


def _limits(n: Number, precision: str) -> tuple[float, float]:
    most = REACH[precision]
    if n.unit == "dB":
        most = 10 * log10(most)
    elif n.squared:
        most = sqrt(most)
    return (1 / most if n.small else 0.0), most


def _within(n: Number, precision: str) -> bool:
    low, high = _limits(n, precision)
    return low * (1 - 1e-12) <= abs(n.value) <= high * (1 + 1e-12)


def _range(n: Number, precision: str) -> str:
    low, high = _limits(n, precision)
    return f"it may be {low:g} to {high:g}{n.unit}" if low else f"it may be up to {high:g}{n.unit}"


def unheld(c: Checked, precision: str) -> list[Diagnostic]:
    """What of a formulation in normal form is zero, beyond the precision, or larger than memory."""
    out = []
    for term in c.problem.terms:
        for name, placed in term.blocks.items():
            norm = placed.facts.norm.value or 0.0
            if norm > sqrt(REACH[precision]) * (1 + 1e-12):
                message = f"the operator on `{name}` may scale it by {norm:g}, which {precision} cannot compute with"
                out.append(error("RC052", message, term.span, help="make its factors smaller"))
            elif (curvature := _curvature(term, norm)) > REACH[precision] * (1 + 1e-12):
                message = (
                    f"the curvature of this term, its operator's norm squared times {_steepness(term)}, is "
                    f"{curvature:g}, which {precision} cannot compute with"
                )
                hint = f"it may be up to {REACH[precision]:g}; scale the operator down"
                out.append(error("RC052", message, term.span, help=hint))
            if term.role == "data" and placed.facts.zero:
                message = f"the operator on `{name}` is zero, so what is measured does not depend on it"
                out.append(error("RC054", message, placed.span or term.span))
            large = _too_large(term, placed)
            if large is not None:
                out.append(large)
    return out


def _curvature(term: TermFacts, norm: float) -> float:
    """A bound of the second derivative of g(K x), where the page tells it; linear systems hold such numbers."""
    steep = term.function.lipschitz
    return steep * norm * norm if isinstance(steep, float) else 0.0


def _steepness(term: TermFacts) -> str:
    return "1 / sigma^2" if term.role == "data" else "twice its weight"


def _too_large(term: TermFacts, placed: Placed) -> Diagnostic | None:
    """The first array, from the innermost operator outwards, that is larger than memory."""
    for part in placed.parts:
        found = _too_large(term, part)
        if found is not None:
            return found
    if not placed.parts and placed.stored * 4 > LARGEST_MATRIX:
        size = f"{placed.stored * 4 / 2**30:.3g} GiB"
        message = f"this matrix has {placed.stored} entries, which take {size}; at most {LARGEST_MATRIX >> 30} GiB do"
        hint = "rows of a fast transform need no matrix: `rows(keep = 25%) @ hadamard()` in its place; or fewer rows"
        return error("RC053", message, placed.span or term.span, help=hint)
    size_of = placed.codomain.bytes
    if term.role == "data" and size_of is not None and size_of > LARGEST_BYTES:
        message = (
            f"{placed.codomain} takes {size_of / 2**30:.3g} GiB, and an array of at most {LARGEST_BYTES >> 30} GiB "
            "is computed"
        )
        return error("RC053", message, placed.span or term.span)
    return None
