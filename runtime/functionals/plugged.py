"""Denoisers in the place of proximal maps and inside energies.

A denoiser is a map (v, sigma) -> image of batches [rows, ...], with one noise level, or one a row. It stands in a
problem as a functional without a value, whose strength is that of the solver's schedule: solvers set it before each
step, and it does not depend on anything that happened before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from recon.dsl.model.space import Space
from torch import Tensor

from ..build import Build, derived_seed
from .base import Functional, Scalar, per_row

Denoise = Callable[[Tensor, Scalar], Tensor]
"""(v, sigma) -> what D_sigma makes of v; leaves v alone."""


@dataclass
class Strength:
    """How strong a denoiser acts in the step at hand: its noise level, and the number of the iteration."""

    sigma: float = 0.0
    iteration: int = 0

    def set(self, sigma: float, iteration: int) -> None:
        self.sigma, self.iteration = sigma, iteration


class Plugged(Functional):
    """A functional that a denoiser stands for: it has no value. `weight` is that on the page."""

    valued = False

    def __init__(self, denoise: Denoise, weight: float, symmetries: Symmetries | None = None) -> None:
        self.denoise, self.weight, self.symmetries = denoise, weight, symmetries
        self.strength = Strength()

    def denoised(self, v: Tensor) -> Tensor:
        """D(v), at the strength of the step."""
        at = self.strength
        if at.sigma <= 0:
            raise ValueError("the strength of a denoiser is that of its solver, and this one has none")
        if self.symmetries is None:
            return self.denoise(v, at.sigma)
        return self.symmetries.applied(self.denoise, v, at)


class DenoiserLaw(Plugged):
    """A law whose proximal map is (1 - a) v + a D(v): the strength says its step, whatever `t` is."""

    def __init__(self, denoise: Denoise, weight: float, averaging: float, symmetries: Symmetries | None) -> None:
        super().__init__(denoise, weight, symmetries)
        self.averaging = averaging

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        out = self.denoised(v)
        return out if self.averaging == 1 else torch.lerp(v, out, self.averaging)


class RedEnergy(Plugged):
    """weight R with grad R(x) = x - D(x)."""

    def __init__(self, denoise: Denoise, weight: float, lipschitz: float, symmetries: Symmetries | None) -> None:
        super().__init__(denoise, weight, symmetries)
        self.lipschitz = lipschitz

    def grad(self, v: Tensor) -> Tensor:
        return self.weight * (v - self.denoised(v))

    def prox(self, v: Tensor, t: Scalar) -> Tensor:
        """One step of the fixed-point iteration from v."""
        return self.prox_near(v, t, v)

    def prox_near(self, v: Tensor, t: Scalar, near: Tensor) -> Tensor:
        """One step of z <- (v + t w D(z)) / (1 + t w), from z = near. Romano, Elad, Milanfar 2017, section 5.2."""
        tw = t * self.weight
        share = per_row(tw / (1 + tw), v)
        out = self.denoised(near)
        return torch.lerp(v, out, share.to(v.dtype) if isinstance(share, Tensor) else share)


@dataclass(frozen=True)
class Symmetries:
    """The images flipped and turned: which of the eight a denoiser is applied to, `all` or one drawn for each step.

    rows: the name of the data and the number of each row, from which its draws derive.
    """

    average: bool
    square: bool
    seed: int
    rows: tuple[tuple[str, int], ...] = ()

    @property
    def elements(self) -> tuple[tuple[int, bool], ...]:
        """Quarter turns, and whether a flip follows."""
        return tuple(product(range(4) if self.square else (0, 2), (False, True)))

    def applied(self, denoise: Denoise, v: Tensor, at: Strength) -> Tensor:
        """T^-1 D(T v), the mean over all T, or with one T for each row."""
        if self.average:
            parts = [back(denoise(there(v, g), at.sigma), g) for g in self.elements]
            return torch.stack(parts).mean(0)
        chosen = [self.element(row, at.iteration) for row in range(len(v))]
        out = torch.empty_like(v)
        for k in sorted(set(chosen)):
            rows = [i for i, c in enumerate(chosen) if c == k]
            g = self.elements[k]
            out[rows] = back(denoise(there(v[rows], g), at.sigma), g)
        return out

    def element(self, row: int, iteration: int) -> int:
        """Which element a row is turned by in an iteration; it depends on the row's own name and number alone."""
        data, number = self.rows[row] if row < len(self.rows) else ("", row)
        seed = derived_seed(self.seed, "equivariant", data, number, iteration)
        return int(np.random.default_rng(seed).integers(len(self.elements)))


def there(v: Tensor, g: tuple[int, bool]) -> Tensor:
    """The images turned, then flipped."""
    turned = torch.rot90(v, g[0], (-2, -1))
    return turned.flip(-1) if g[1] else turned


def back(v: Tensor, g: tuple[int, bool]) -> Tensor:
    """The images flipped, then turned back."""
    return torch.rot90(v.flip(-1) if g[1] else v, -g[0], (-2, -1)).contiguous()


def symmetries_of(name: str, space: Space, build: Build) -> Symmetries | None:
    """The symmetries that a word asks for."""
    if name == "none":
        return None
    rows, cols = space.sizes[-2:] if len(space.sizes) > 1 else (1, 0)
    return Symmetries(name == "all", rows == cols, build.seed, build.rows)
