"""Balls and subspaces as indicators, with their projections."""

from __future__ import annotations

import torch
from recon.dsl.model.facts import Facts, Norm, identity
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary import regions as words
from torch import Tensor

from ..build import Build, build_operator
from ..meaning import meaning, meaning_of
from ..operators.base import AdjointOperator, Operator, ScaledOperator, dtype_of
from .base import Functional, Scalar, dot_rows, indicator, largest_rows, per_row, real_dtype, square_rows, sum_rows


@meaning_of(words.Ball)
def ball(word: words.Ball, operator: Operator, build: Build) -> Functional:
    """The ball in the codomain of the operator."""
    space = operator.codomain
    if isinstance(word.center, float | int):
        centre = None if word.center == 0 else torch.full(space.sizes, float(word.center), dtype=build.real)
    else:
        centre = meaning(word.center)(word.center, space, build).expand(space.sizes)
    if centre is not None:
        centre = centre.to(build.device, dtype_of(space, build.real))[None]
    return NormBall(word.radius, word.norm, centre)


@meaning_of(words.Span)
def span(word: words.Span, operator: Operator, build: Build) -> Functional:
    """The span of an operator's columns in the codomain of the operator."""
    columns = AdjointOperator(build_operator(word.adjoint(operator.codomain), build))
    return Subspace(columns)


class NormBall(Functional):
    """The indicator of |v - c| <= r over each row, in the norm "l2" or "l1", with the modulus of complex entries.

    Around zero, the l2 ball depends on |v|_2 alone, and either ball on the moduli of the entries.
    Duchi, Shalev-Shwartz, Singer, Chandra 2008 for the projection onto the l1 ball.
    """

    constraint = True

    def __init__(self, radius: float, norm: str, centre: Tensor | None = None) -> None:
        """Raises ValueError for a negative radius or another norm."""
        if not radius >= 0 or norm not in ("l2", "l1"):
            raise ValueError(f"a ball has a radius that is not negative and the norm l2 or l1, not {radius} and {norm}")
        self.radius, self.norm, self.centre = radius, norm, centre
        self.even, self.radial = centre is None, centre is None and norm == "l2"

    def value(self, v: Tensor) -> Tensor:
        scale = self.radius if self.centre is None else self.radius + self._size(self.centre)
        return indicator(self._size(self._from_centre(v)) - self.radius, scale, real_dtype(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The nearest point of the ball; t has no influence."""
        r = self._from_centre(v)
        inside = self._shrunk(r) if self.norm == "l2" else self._thresholded(r)
        return inside if self.centre is None else inside + self.centre

    def conjugate(self, p: Tensor) -> Tensor:
        """r times the dual norm of p, plus Re<p, c>."""
        dual = square_rows(p).sqrt() if self.norm == "l2" else largest_rows(p)
        total = self.radius * dual
        return total if self.centre is None else total + dot_rows(p, self.centre.expand_as(p))

    def _from_centre(self, v: Tensor) -> Tensor:
        return v if self.centre is None else v - self.centre

    def _size(self, r: Tensor) -> Tensor:
        return square_rows(r).sqrt() if self.norm == "l2" else sum_rows(r.abs())

    def _shrunk(self, r: Tensor) -> Tensor:
        size = square_rows(r).sqrt()
        return r * per_row(torch.where(size <= self.radius, 1.0, self.radius / size.clamp(min=1e-300)), r)

    def _thresholded(self, r: Tensor) -> Tensor:
        """Soft thresholding at the level s at which the moduli add up to the radius, found from them in order."""
        moduli = r.abs().flatten(1)
        falling = moduli.double().sort(dim=1, descending=True).values
        counts = torch.arange(1, falling.shape[1] + 1, dtype=falling.dtype, device=r.device)
        levels = (falling.cumsum(1) - self.radius) / counts
        last = (falling > levels).sum(1, keepdim=True).clamp(min=1) - 1
        level = levels.gather(1, last).clamp(min=0).to(moduli.dtype)
        keep = (1 - level / moduli.clamp(min=torch.finfo(moduli.dtype).tiny)).clamp(min=0)
        return r * keep.view(r.shape)


class Subspace(Functional):
    """The indicator of the span of the columns of U, v = U c. Heckel 2024, 1.4.

    basis: an operator with orthonormal columns and the same span: U itself where U^H U is a multiple of the identity,
        else the left singular vectors of U whose singular values are above rounding.
    """

    constraint = True
    homogeneous = True

    def __init__(self, columns: Operator) -> None:
        """Raises ValueError where all columns are zero."""
        gram = columns.facts.gram
        scale = gram.scale if gram is not None and gram.basis == "identity" else None
        if scale is not None and scale > 0:
            facts = Facts(gram=identity(), norm=Norm(1.0, exact=True))
            self.basis = columns if scale == 1 else ScaledOperator(scale**-0.5, columns, facts)
            return
        self.basis, self.told = _orthonormal(columns)

    def value(self, v: Tensor) -> Tensor:
        return indicator(square_rows(v - self.prox(v, 1.0)).sqrt(), square_rows(v).sqrt(), real_dtype(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """The projection U U^H v; t has no influence."""
        return self.basis.forward(self.basis.adjoint(v))

    def conjugate(self, p: Tensor) -> Tensor:
        """The indicator of the orthogonal complement."""
        return indicator(square_rows(self.prox(p, 1.0)).sqrt(), square_rows(p).sqrt(), real_dtype(p))


class Columns(Operator):
    """c -> U c for a matrix U [n, d] with orthonormal columns, to arrays of `space`."""

    matrix: Tensor

    def __init__(self, matrix: Tensor, space: Space) -> None:
        domain = Space(space.field, (Axis("sample", matrix.shape[1]),), space.unit)
        super().__init__(domain, space, Facts(gram=identity(), norm=Norm(1.0, exact=True)))
        self.precision = real_dtype(matrix)
        self.constant("matrix", matrix)

    def _apply_(self, x: Tensor) -> Tensor:
        return (x @ self.matrix.mT).reshape(*x.shape[:-1], *self.codomain.sizes)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y.flatten(y.ndim - len(self.codomain.axes)) @ self.matrix.conj()


Told = tuple[tuple[str, float, str], ...]


def _orthonormal(columns: Operator) -> tuple[Columns, Told]:
    """An operator with orthonormal columns that span the same, and what to tell where columns depend on others."""
    count = columns.domain.count or 0
    unit = torch.eye(count, dtype=dtype_of(columns.domain, columns.precision), device=columns.device)
    with torch.no_grad():
        dense = columns.forward(unit.view(count, *columns.domain.sizes)).flatten(1).mT
        precise = dense.to(torch.promote_types(dense.dtype, torch.float64))
        vectors, sizes, _ = torch.linalg.svd(precise, full_matrices=False)
    floor = sizes.max() * max(dense.shape) * torch.finfo(columns.precision).eps
    rank = int((sizes > floor).sum())
    if rank == 0:
        raise ValueError("`span` is of an operator that is zero, so nothing but zero lies in it")
    told: Told = ()
    if rank < count:
        told = (("rank", float(rank), f"of the {count} columns of `span`; the others depend on them"),)
    return Columns(vectors[:, :rank].to(dense.dtype).contiguous(), columns.codomain), told
