"""Values of a page computed on tensors: columns into measurements, estimates into what a metric sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import (
    Apply,
    Column,
    Constant,
    Known,
    Measured,
    Plus,
    Pointwise,
    Power,
    Product,
    Reserved,
    Times,
    Unknown,
    ValueTerm,
)
from recon.dsl.model.units import NONE, describe, parts, times
from recon.dsl.vocabulary import functions
from torch import Tensor

from .build import Build, Quantified, build_operator
from .data.phases import smooth_phase, turned


class EvaluationError(Exception):
    """A value cannot be computed; the message says which and why."""


_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
    "real": torch.real,
    "imag": torch.imag,
}
_LUMA = (0.2125, 0.7154, 0.0721)


def evaluate(term: ValueTerm, lookup: Callable[[Any], Quantified], space: Space, build: Build) -> Quantified:
    """The value of a term for a batch of rows, of shape [rows, ...].

    `lookup` gives the value of an Unknown, Measured, Known, Column or Reserved; `space` names the axes that operators
    act on. Raises EvaluationError.
    """
    match term:
        case Unknown() | Measured() | Known() | Column() | Reserved():
            return lookup(term)
        case Constant(value=c):
            number, dimension = parts(c)
            return Quantified(torch.tensor(number, dtype=build.real, device=build.device), dimension)
        case Times(factor=c, of=of):
            number, dimension = parts(c)
            v = evaluate(of, lookup, space, build)
            return Quantified(v.data * number, times(v.dimension, dimension))
        case Product(left=left, right=right):
            a, b = evaluate(left, lookup, space, build), evaluate(right, lookup, space, build)
            return Quantified(_aligned(a.data, b.data) * _aligned(b.data, a.data), times(a.dimension, b.dimension))
        case Plus(parts=terms):
            values = [evaluate(p, lookup, space, build) for p in terms]
            if any(v.dimension != values[0].dimension for v in values):
                raise EvaluationError(
                    f"{describe(values[0].dimension)} and {describe(values[1].dimension)} cannot be added"
                )
            total = values[0].data
            for v in values[1:]:
                total = total + v.data
            return Quantified(total, values[0].dimension)
        case Pointwise(word=word, of=of):
            v = evaluate(of, lookup, space, build)
            if word.word == "gray":
                return Quantified(_gray(v.data), v.dimension)
            if isinstance(word, functions.CovarianceOf):
                return _covariance(v)
            if isinstance(word, functions.Compressed):
                return _compressed(v, word.quality)
            if isinstance(word, functions.Phased):
                return _phased(v, word)
            if word.word == "rss":
                if v.data.ndim < 4:
                    raise EvaluationError("`rss` adds over an axis of channels or coils, and this value has none")
                return Quantified(torch.linalg.vector_norm(v.data, dim=1), v.dimension)
            if word.word in ("exp", "log") and v.dimension != NONE:
                raise EvaluationError(f"`{word.word}` takes a plain number, not {describe(v.dimension)}")
            return Quantified(_FUNCTIONS[word.word](v.data), v.dimension)
        case Power(of=of, exponent=n):
            v = evaluate(of, lookup, space, build)
            if v.dimension != NONE and n != round(n):
                raise EvaluationError(f"{describe(v.dimension)} has no power {n:g}")
            return Quantified(v.data**n, times(NONE, v.dimension, round(n)) if v.dimension != NONE else NONE)
        case Apply(operator=operator, to=to):
            v = evaluate(to, lookup, space, build)
            domain = _space_of(v.data, space)
            try:
                placed = place(operator, domain)
            except MisfitError as e:
                raise EvaluationError(str(e)) from e
            return Quantified(build_operator(placed, build).forward(v.data), v.dimension)
    raise TypeError(f"not a value: {term!r}")


def _aligned(v: Tensor, other: Tensor) -> Tensor:
    """v with axes of one behind its rows until it has as many axes as the other: an image beside maps of it."""
    return v[(slice(None), *[None] * max(other.ndim - v.ndim, 0))] if v.ndim else v


def named(term: Unknown | Measured | Known, values: Mapping[str, Quantified]) -> Quantified:
    """The value of a name among those at hand. Raises EvaluationError where it is not."""
    if term.name not in values:
        raise EvaluationError(f"the value of `{term.name}` is not at hand here")
    return values[term.name]


def _space_of(data: Tensor, like: Space) -> Space:
    """The space of one row of a batch, with the names of `like` for its last axes."""
    sizes = data.shape[1:]
    named = like.axes[-len(sizes) :] if len(sizes) <= len(like.axes) else ()
    extra = tuple(Axis(f"axis {i}", n) for i, n in enumerate(sizes[: len(sizes) - len(named)]))
    tail = sizes[len(sizes) - len(named) :]
    axes = (*extra, *(Axis(a.name, n, a.voxel) for a, n in zip(named, tail, strict=True)))
    return Space("complex" if data.is_complex() else "real", axes)


def _covariance(scan: Quantified) -> Quantified:
    from .operators.whitening import noise_covariance

    if scan.dimension != NONE:
        raise EvaluationError(f"`covariance` takes plain numbers, not {describe(scan.dimension)}")
    if scan.data.ndim < 2:
        raise EvaluationError("`covariance` takes an array with an axis of coils")
    try:
        return Quantified(noise_covariance(scan.data))
    except ValueError as e:
        raise EvaluationError(str(e)) from e


def _compressed(picture: Quantified, quality: int) -> Quantified:
    from .transforms.jpeg import compressed

    if picture.data.is_complex() or picture.data.ndim < 3 or picture.dimension != NONE:
        raise EvaluationError("`compressed` takes real pictures with values in 0..1")
    return Quantified(compressed(picture.data, quality))


def _phased(v: Quantified, word: functions.Phased) -> Quantified:
    if v.data.ndim < 3:
        raise EvaluationError("`phased` takes images, with rows and columns")
    generator = torch.Generator().manual_seed(word.seed)
    rows, cols = v.data.shape[-2:]
    phase = smooth_phase(rows, cols, word.strength, word.waves, generator)
    return Quantified(turned(v.data, phase), v.dimension)


def _gray(v: Tensor) -> Tensor:
    """The luminance of [rows, 3, ...], or [rows, ...] where there is one channel only, or none."""
    if v.ndim == 4 and v.shape[1] == 3:
        weights = torch.tensor(_LUMA, dtype=v.dtype, device=v.device).view(1, 3, 1, 1)
        return (v * weights).sum(1)
    if v.ndim == 4 and v.shape[1] == 1:
        return v[:, 0]
    return v
