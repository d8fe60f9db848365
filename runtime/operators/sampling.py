"""The meaning of point masks: draws of exactly the asked number of points, by density or by distance."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import sampling as words

from ..build import Build
from ..meaning import meaning, meaning_of
from .base import Operator
from .diagonal import MaskOperator

Bits = NDArray[np.bool_]
Indices = NDArray[np.int64]
SEARCH_STEPS = 14
VARIED = 0.2


@meaning_of(words.Points)
def points(word: words.Points, placed: Placed, build: Build) -> Operator:
    """Keeps points of a plane: the same ones for all coils, and all along the third direction."""
    first, second = word.directions(placed.domain)
    extents = placed.domain.sizes[first], placed.domain.sizes[second]
    drawn = [kept_points(word, extents, generator) for generator in build.generators(word, placed)]
    return drawn_mask(drawn, (first, second), placed, build)


def drawn_mask(drawn: list[Bits], axes: tuple[int, ...], placed: Placed, build: Build) -> MaskOperator:
    """The mask that is `drawn` over these axes of the domain, and the same along all others.

    Where there are several drawn, there is one for each frame.
    """
    domain = placed.domain
    varying = axes if len(drawn) == 1 else (domain.axis("frame") or 0, *axes)
    shape = [n if i in varying else 1 for i, n in enumerate(domain.sizes)][min(varying) :]
    mask = torch.from_numpy(np.stack(drawn).reshape(shape)).to(build.device)
    return MaskOperator(mask, build.real, domain, placed.codomain, placed.facts)


def kept_points(word: words.Points, extents: tuple[int, int], generator: np.random.Generator) -> Bits:
    """Which points of a plane are kept: exactly round(n / accel), at least one, of which a rectangle of
    round(center * extent) along each direction stands around index extent // 2, zero frequency.
    """
    kept, central = word.counts(extents)
    mask = np.zeros(extents, dtype=bool)
    middle = [slice(n // 2 - round(n * word.center) // 2, None) for n in extents]
    mask[tuple(middle)][tuple(slice(round(n * word.center)) for n in extents)] = True
    density = word.density
    if kept > central:
        draw = meaning(density)
        mask.flat[draw(density, mask, kept - central, generator)] = True
    return mask


def radius(extents: tuple[int, ...]) -> NDArray[np.float64]:
    """The distance of each point from zero frequency, relative to the extents; 1 is just beyond the corners."""
    square = np.zeros(extents)
    for i, n in enumerate(extents):
        along = np.abs(np.arange(n) - n // 2) / (n // 2 + 1)
        square += (along**2 / len(extents)).reshape(-1, *[1] * (len(extents) - i - 1))
    return np.sqrt(square)


def weighted_draw(log_density: NDArray[np.float64], count: int, generator: np.random.Generator) -> Indices:
    """`count` places drawn without replacement, each draw with chances proportional to the density among those left.

    These are the smallest of exponential waiting times whose rates are the densities (Efraimidis, Spirakis 2006), in
    logarithms so that no density is too small for it.
    """
    waiting = np.log(generator.exponential(size=len(log_density))) - log_density
    return np.argsort(waiting, kind="stable")[:count]


@meaning_of(words.Uniform)
def uniform(word: words.Uniform, taken: Bits, count: int, generator: np.random.Generator) -> Indices:
    """`count` of the points that are not taken, with equal chances."""
    free = np.flatnonzero(~taken)
    return generator.permutation(free)[:count]


@meaning_of(words.Variable)
def variable(word: words.Variable, taken: Bits, count: int, generator: np.random.Generator) -> Indices:
    """With chances proportional to (1 - |k|)^power."""
    free = np.flatnonzero(~taken)
    return free[weighted_draw(word.power * np.log1p(-radius(taken.shape).flat[free]), count, generator)]


@meaning_of(words.Gaussian)
def gaussian(word: words.Gaussian, taken: Bits, count: int, generator: np.random.Generator) -> Indices:
    """With chances proportional to exp(-|k|^2 / (2 width^2))."""
    free = np.flatnonzero(~taken)
    return free[weighted_draw(-(radius(taken.shape).flat[free] ** 2) / (2 * word.width**2), count, generator)]


@meaning_of(words.PoissonDisc)
def poisson_disc(word: words.PoissonDisc, taken: Bits, count: int, generator: np.random.Generator) -> Indices:
    """Darts thrown in random order until the plane is full: a point is kept unless an earlier one is nearer than that
    one's distance d (1 + growth |k|), in steps of the grid; points that are taken come first.

    The distance of each dart is varied by up to a fifth at random: between whole steps it would jump, and the jumps
    show as rings. All darts fall in one order; d is bisected until the plane is full with hardly more than `count`
    points, of which the last ones, which fill gaps, are left out.
    """
    order = [*np.flatnonzero(taken), *generator.permutation(np.flatnonzero(~taken))]
    already = len(order) - int((~taken).sum())
    growing = (1 + word.growth * radius(taken.shape)) * generator.uniform(1 - VARIED, 1 + VARIED, taken.shape)
    near, far = 0.0, 2.0 * math.sqrt(taken.size / count) + 1
    best = np.asarray(order[already:])
    for _ in range(SEARCH_STEPS):
        d = (near + far) / 2
        found = _darts(order, already, d * growing)
        if len(found) < count:
            far = d
            continue
        near = d
        best = found if len(found) < len(best) else best
        if len(best) <= 1.005 * count:
            break
    return best[:count]


def _darts(order: list[int], already: int, distance: NDArray[np.float64]) -> Indices:
    """The darts beyond the first `already` that stay, in order."""
    rows, columns = distance.shape
    covered = np.zeros(distance.shape, dtype=bool)
    flat = covered.reshape(-1)
    i, j = np.ogrid[-rows + 1 : rows, -columns + 1 : columns]
    square = i**2 + j**2
    limits, kept = distance.reshape(-1).tolist(), []
    for number, dart in enumerate(order):
        if number >= already:
            if flat[dart]:
                continue
            kept.append(dart)
        row, column = divmod(dart, columns)
        reach = math.ceil(limits[dart])
        if reach <= 1:
            flat[dart] = True
            continue
        top, left = max(row - reach, 0), max(column - reach, 0)
        bottom, right = min(row + reach + 1, rows), min(column + reach + 1, columns)
        down, across = rows - 1 - row, columns - 1 - column
        around = square[top + down : bottom + down, left + across : right + across]
        covered[top:bottom, left:right] |= around < limits[dart] ** 2
    return np.asarray(kept, dtype=np.int64)
