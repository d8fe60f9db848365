"""Operators that are diagonal on the grid: gains and masks."""

from __future__ import annotations

import torch
from recon.dsl.model.facts import Diagonal, Facts
from recon.dsl.model.space import Space
from torch import Tensor

from .base import Operator, part_of
from .extents import entries

_PIXEL = Diagonal("pixel")


class GridDiagonal(Operator):
    """(A x)_i = d_i x_i.

    `values` is d, real or complex, and broadcasts to the domain. Where the domain is real and d complex, the codomain
    is complex and A^H y = Re(conj(d) y).
    """

    values: Tensor
    conjugate: Tensor
    square: Tensor

    def __init__(self, values: Tensor, domain: Space, codomain: Space, facts: Facts) -> None:
        super().__init__(domain, codomain, facts)
        if codomain.field == "complex" and not values.is_complex():
            values = torch.complex(values, torch.zeros_like(values))  # one dtype throughout: products stay vectorised
        self.constant("values", values)
        self.constant("conjugate", values.conj().resolve_conj())
        square = values * self.conjugate
        self.constant("square", square if domain.field == "complex" else square.real)

    def _apply_(self, x: Tensor) -> Tensor:
        return x * self.values

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y * self.conjugate
        return x.real.contiguous() if self.domain.field == "real" and x.is_complex() else x

    def _gram_(self, x: Tensor) -> Tensor:
        return x * self.square

    def norm(self) -> float:
        """The largest |d_i|."""
        return float(self.values.abs().max())

    def normal(self) -> Operator | None:
        return _squared(self.square.real, self.domain)

    def around(self, middle: Operator) -> Operator | None:
        if not isinstance(middle, GridDiagonal):
            return None
        return _squared(middle.values.real * self.square.real, self.domain)

    def under(self, outer: Operator) -> list[Operator] | None:
        if not isinstance(outer, GridDiagonal) or outer.domain.field != self.domain.field:
            return None
        values = outer.values * self.values
        return [GridDiagonal(values, self.domain, outer.codomain, Facts(gram=_PIXEL))]

    def real_part(self) -> Operator | None:
        return _squared(self.values.real, self.domain.with_field("real"))

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        return GridDiagonal(self._along(self.values, axis, keep), *part_of(self, axis, keep)), True

    def _along(self, values: Tensor, axis: str, keep: slice) -> Tensor:
        """The values at `keep`; those that are the same all along the axis stay."""
        at = entries(self.domain, axis, keep)[1:]
        return values[(..., *at)] if len(at) <= values.ndim and values.shape[-len(at)] > 1 else values

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return given


def _squared(weights: Tensor, domain: Space) -> GridDiagonal:
    return GridDiagonal(weights, domain, domain, Facts(gram=_PIXEL, cogram=_PIXEL, diagonal=_PIXEL))


class MaskOperator(GridDiagonal):
    """(A x)_i = m_i x_i with m_i in {0, 1}; `mask` is m as a boolean tensor that broadcasts to the domain."""

    mask: Tensor

    def __init__(self, mask: Tensor, real: torch.dtype, domain: Space, codomain: Space, facts: Facts) -> None:
        super().__init__(mask.to(real), domain, codomain, facts)
        self.constant("mask", mask)

    def _gram_(self, x: Tensor) -> Tensor:
        return self._apply_(x)

    def normal(self) -> Operator | None:
        return self

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        return MaskOperator(self._along(self.mask, axis, keep), self.precision, *part_of(self, axis, keep)), True

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return self.mask if given is None else self.mask & given
