"""Energies and sets as functions of v = K x, where K includes the word's own inner operator."""

from __future__ import annotations

import torch
from recon.dsl.model.place import place
from recon.dsl.vocabulary import priors
from torch import Tensor

from ..build import Build, build_operator
from ..meaning import meaning_of
from ..operators.base import Composition, Operator
from .base import Functional
from .infimal import Infimal
from .quadratic import HalfSquare
from .sets import Interval, JointProx, Nonnegative
from .simplex import Simplex
from .sparsity import L1, GroupL1

__all__ = ["L1", "GroupL1", "HalfSquare", "Infimal", "Interval", "JointProx", "Nonnegative", "penalised_entries"]


def penalised_entries(operator: Operator) -> Tensor | None:
    """Which entries of the operator's codomain `l1` penalises; None: all of them.

    An operator whose coefficients include coarse ones that are not sparse, such as a wavelet transform, names them in
    the attribute `unpenalised`: slices of the last axes, or a boolean array over them, or None.
    """
    outermost = operator._chain()[0] if isinstance(operator, Composition) else operator
    corner: tuple[slice, ...] | Tensor | None = getattr(outermost, "unpenalised", None)
    if corner is None:
        return None
    penalised = torch.ones(operator.codomain.sizes, dtype=torch.bool, device=operator.device)
    if isinstance(corner, Tensor):
        return penalised & ~corner.to(operator.device)
    rest = (slice(None),) * (penalised.ndim - len(corner))
    penalised[rest + corner] = False
    return penalised


@meaning_of(priors.Sq)
def sq(word: priors.Sq, weight: float, operator: Operator) -> Functional:
    """weight |v|^2, without a half."""
    return HalfSquare(2 * weight)


@meaning_of(priors.Sobolev)
def sobolev(word: priors.Sobolev, weight: float, operator: Operator) -> Functional:
    """weight |v|^2 of the weighed frequencies."""
    return HalfSquare(2 * weight)


@meaning_of(priors.L1)
def l1(word: priors.L1, weight: float, operator: Operator) -> Functional:
    """weight |v|_1 over the entries that the operator does not exempt."""
    return L1(weight, penalised_entries(operator))


@meaning_of(priors.Tv)
def tv(word: priors.Tv, weight: float, operator: Operator) -> Functional:
    """weight times the sum of the gradients' lengths, or of their moduli, for gradients [rows, direction, ...]."""
    return GroupL1(weight, axis=1) if word.kind == "isotropic" else L1(weight)


@meaning_of(priors.L21)
def l21(word: priors.L21, weight: float, operator: Operator) -> Functional:
    """weight times the sum of lengths along the first axis."""
    return GroupL1(weight, axis=1)


@meaning_of(priors.Tgv)
def tgv(word: priors.Tgv, weight: float, operator: Operator) -> Functional:
    """weight times the smallest sum of lengths, of the gradient less a field and of the field's derivative."""
    second = build_operator(place(word.second(), operator.codomain), Build(operator.precision))
    return Infimal(GroupL1(weight, axis=1), GroupL1(weight * word.ratio, axis=1), second)


@meaning_of(priors.Nonnegative)
def nonnegative(word: priors.Nonnegative, operator: Operator, build: Build) -> Functional:
    return Nonnegative()


@meaning_of(priors.Box)
def box(word: priors.Box, operator: Operator, build: Build) -> Functional:
    return Interval(word.low, word.high)


@meaning_of(priors.Simplex)
def simplex(word: priors.Simplex, operator: Operator, build: Build) -> Functional:
    return Simplex()
