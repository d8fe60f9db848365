"""Denoisers that need no weights, and laws and energies that a denoiser stands for."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.place import place
from recon.dsl.model.space import Space
from recon.dsl.vocabulary import denoisers as words
from torch import Tensor

from ..build import Build, build_operator
from ..functionals.base import Scalar, per_row, real_dtype
from ..functionals.plugged import DenoiserLaw, RedEnergy, symmetries_of
from ..functionals.priors import penalised_entries
from ..functionals.quadratic import HalfSquare
from ..functionals.sparsity import L1, GroupL1
from ..meaning import meaning_of
from ..networks import denoiser_of
from ..operators.base import IdentityOperator
from ..problem import Problem, Term
from .chambolle_pock import AcceleratedPdhg
from .primal_dual import roles

Ends = tuple[float, float]


@meaning_of(words.Denoiser)
def denoiser(word: words.Denoiser, weight: float, space: Space, build: Build, ends: Ends | None) -> DenoiserLaw:
    """A law by its denoiser; `ends`: the range of the unknown, where one is declared."""
    found = denoiser_of(word.network, space, build, ends)
    return DenoiserLaw(found, weight, word.averaging, symmetries_of(word.equivariant, space, build))


@meaning_of(words.Red)
def red(word: words.Red, weight: float, space: Space, build: Build, ends: Ends | None) -> RedEnergy:
    """Regularisation by denoising."""
    steep = word.denoised(weight, space, ends).lipschitz
    assert isinstance(steep, float)
    found = denoiser_of(word.network, space, build, ends)
    return RedEnergy(found, weight, steep, symmetries_of(word.equivariant, space, build))


@meaning_of(words.TvDenoiser)
class TotalVariation:
    """argmin_u |u - v|^2 / 2 + c sigma TV(u), by a fixed number of accelerated primal-dual steps."""

    def __init__(self, word: words.TvDenoiser, space: Space, build: Build) -> None:
        self.word, self.space = word, space
        self.gradient = build_operator(place(word.differences(), space), build)
        self.identity = IdentityOperator(space, space, fact.IDENTITY)

    def __call__(self, v: Tensor, sigma: Scalar) -> Tensor:
        half = HalfSquare(1 / (self.word.strength * sigma), v)
        terms = [Term(half, self.identity, "data"), Term(GroupL1(1.0, axis=1), self.gradient)]
        problem = Problem(self.space, terms, len(v), real_dtype(v), v.device, start=v)
        algorithm = AcceleratedPdhg(problem, roles(problem))
        state = algorithm.init()
        for k in range(1, self.word.iterations + 1):
            state = algorithm.step(state, algorithm.knobs(k))
        return algorithm.estimate(state)


@meaning_of(words.Shrinkage)
class Shrinkage:
    """W^H shrink(W v), the coarse entries left alone; the mean over circular shifts."""

    def __init__(self, word: words.Shrinkage, space: Space, build: Build) -> None:
        self.word = word
        self.basis = build_operator(place(word.basis, space), build)
        self.penalised = penalised_entries(self.basis)
        count = min(len(space.sizes), 2 if space.axis("row") is not None else 1)
        self.axes = tuple(range(-count, 0))

    def __call__(self, v: Tensor, sigma: Scalar) -> Tensor:
        total: Tensor | None = None
        shifts = list(product(range(self.word.shifts), repeat=len(self.axes)))
        for shift in shifts:
            shrunk = self._shrunk(torch.roll(v, shift, self.axes) if any(shift) else v, sigma)
            part = torch.roll(shrunk, tuple(-n for n in shift), self.axes) if any(shift) else shrunk
            total = part if total is None else total.add_(part)
        assert total is not None
        return total / len(shifts)

    def _shrunk(self, v: Tensor, sigma: Scalar) -> Tensor:
        c = self.basis.forward(v)
        threshold = self.word.threshold * sigma
        if self.word.kind == "soft":
            kept = L1(1.0, self.penalised).prox(c, threshold)
        else:
            small = c.abs() <= per_row(threshold, c)
            if self.penalised is not None:
                small = small & self.penalised
            kept = c.masked_fill(small, 0)
        return self.basis.adjoint(kept)


@meaning_of(words.Bm3d)
class Bm3d:
    """BM3D of each plane of rows and columns, real and imaginary parts for themselves, on the CPU."""

    def __init__(self, word: words.Bm3d, space: Space, build: Build) -> None:
        try:
            from bm3d import bm3d
        except ImportError as e:
            raise ValueError('BM3D is an optional package: pip install "recon-dsl[bm3d]"') from e
        self.filter = bm3d

    def __call__(self, v: Tensor, sigma: Scalar) -> Tensor:
        parts = torch.view_as_real(v).movedim(-1, 1) if v.is_complex() else v
        planes = parts.reshape(len(v), -1, *v.shape[-2:]).double().cpu().numpy()
        levels = torch.as_tensor(sigma, dtype=torch.float64).cpu().expand(len(v)).tolist()
        done = np.stack(
            [np.stack([self.filter(plane, level) for plane in row]) for row, level in zip(planes, levels, strict=True)]
        )
        out = torch.as_tensor(done, dtype=real_dtype(v), device=v.device).reshape(parts.shape)
        return torch.view_as_complex(out.movedim(1, -1).contiguous()) if v.is_complex() else out
