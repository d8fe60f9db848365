"""What a law of noise means: a data term for given measurements, and measurements drawn for a given mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from recon.dsl.model.problem import Affine
from torch import Tensor

from ..operators.base import Operator
from .base import real_dtype
from .quadratic import DataTerm

_LINKS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
}


def mean_of(affine: Affine, v: Tensor) -> Tensor:
    """The mean of the measurement, factor * link(v + offset)^power, for v = K x.

    Raises ValueError for a pointwise function that has no place in a mean.
    """
    inside = v if affine.offset == 0 else v + affine.offset
    if affine.link is None:
        return inside if affine.factor == 1 else affine.factor * inside
    if affine.link not in _LINKS:
        raise ValueError(f"a mean cannot be `{affine.link}(...)`")
    linked = _LINKS[affine.link](inside)
    return affine.factor * (linked if affine.power == 1 else linked**affine.power)


def on_support(v: Tensor, operator: Operator) -> Tensor:
    """v where the operator measures, and zero elsewhere."""
    measured = operator.measured()
    return v if measured is None else torch.where(measured, v, torch.zeros((), dtype=v.dtype, device=v.device))


def standard_normal(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal numbers of the shape of `like`, row i from generator i.

    Real and imaginary part of complex numbers have variance one each. Drawn in double precision on the CPU, so that a
    row does not depend on the batch around it, on the device or on the precision. Raises ValueError unless there is one
    generator for each row.
    """
    shape = (*like.shape[1:], 2) if like.is_complex() else tuple(like.shape[1:])
    rows = [torch.randn(shape, generator=g, dtype=torch.float64) for _, g in zip(like, generators, strict=True)]
    drawn = torch.stack(rows)
    drawn = torch.view_as_complex(drawn) if like.is_complex() else drawn
    return drawn.to(device=like.device, dtype=like.dtype)


def standard_uniform(like: Tensor, generators: Sequence[torch.Generator], dtype: torch.dtype | None = None) -> Tensor:
    """Numbers evenly spread over [0, 1) of the shape of real `like`, on the terms of `standard_normal`."""
    shape = tuple(like.shape[1:])
    rows = [torch.rand(shape, generator=g, dtype=torch.float64) for _, g in zip(like, generators, strict=True)]
    return torch.stack(rows).to(device=like.device, dtype=dtype or like.dtype)


def linear_target(mean: Affine, y: Tensor, operator: Operator, law: str) -> Tensor:
    """The K x that y would be without noise, for the mean K x + offset; zero where nothing is measured."""
    if mean.link is not None or mean.factor != 1:
        raise ValueError(f"the mean of `{law}` must be linear in the unknown")
    return on_support(y if mean.offset == 0 else y - mean.offset, operator)


class LawMeaning:
    """A law of noise at work.

    y is of shape [rows, *codomain of the operator] and zero where nothing is measured.
    """

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """Minus the log-density of y as a function of K x, summed over the measured entries.

        The mean is `factor * link(K x + offset)`. Constants that x does not change are dropped. Raises ValueError where
        y cannot come from the law.
        """
        raise NotImplementedError

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Measurements with the given mean, which is `mean_of(affine, K x)`; zero where nothing is measured.

        Row i is drawn from the i-th generator, a CPU generator. Raises ValueError where the law has no density to draw
        from, or the mean is none of its means.
        """
        raise NotImplementedError


def measured_power(v: Tensor, operator: Operator) -> Tensor:
    """The mean square of the real numbers measured, for each row: real and imaginary parts count as two; [rows]."""
    measured = operator.measured()
    real = (torch.view_as_real(v) if v.is_complex() else v.unsqueeze(-1)).double().square()
    if measured is None:
        return real.flatten(1).mean(1).to(real_dtype(v))
    inside = measured.expand(v.shape[1:]).unsqueeze(-1).expand(real.shape[1:])
    return (torch.where(inside, real, 0.0).flatten(1).sum(1) / inside.sum().clamp(min=1)).to(real_dtype(v))
