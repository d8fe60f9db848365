"""The laws of Laplace noise, of a camera, and of magnitudes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from recon.dsl.model.problem import Affine
from recon.dsl.vocabulary import densities as words
from torch import Tensor

from ..meaning import meaning_of
from ..operators.base import Operator
from .counts import PoissonCounts
from .law import LawMeaning, linear_target, on_support, standard_normal, standard_uniform
from .magnitude import Deviation, Magnitude
from .mixed import MixedCounts
from .noise import PoissonLaw
from .quadratic import DataTerm, WeightedSquare


class LaplaceLaw(LawMeaning):
    """Laplace noise of the given scale on each real number."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        return Deviation(linear_target(mean, y, operator, "laplace"), self.scale)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        parts = torch.view_as_real(mean_value) if mean_value.is_complex() else mean_value
        u = standard_uniform(parts, generators, torch.float64) - 0.5
        # The inverse of the distribution function; u = -1/2 has probability 2^-53 and would give infinity.
        e = -self.scale * u.sign() * torch.log1p(-2 * u.abs().clamp(max=0.5 - 2.0**-54))
        e = torch.view_as_complex(e) if mean_value.is_complex() else e
        return on_support(mean_value + e.to(mean_value.dtype), operator)


class PoissonGaussianLaw(LawMeaning):
    """y = gain * Poisson(mean / gain) + sigma * N(0, 1)."""

    def __init__(self, word: words.PoissonGaussian) -> None:
        self.word = word

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """The density itself, or the approximation that the word names.

        The shift makes few y negative, those below -sigma^2 / gain; they count as zero photons.
        """
        g, variance, measured = self.word.gain, self.word.sigma**2, operator.measured()
        target = linear_target(mean, y, operator, "poisson_gaussian")
        if target.is_complex():
            raise TypeError("a camera's data are real numbers, but the measurement is complex")
        if self.word.approximation == "exact":
            return MixedCounts(on_support(y, operator), g, self.word.sigma, mean.offset, measured)
        if self.word.approximation == "gaussian":
            weight = 1 / (g * y.clamp(min=0) + variance)
            return WeightedSquare(weight, target)
        shift = variance / g**2
        counts = on_support((y / g + shift).clamp(min=0), operator)
        return PoissonCounts(counts, 1 / g, mean.offset / g + shift, measured)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        g = self.word.gain
        photons = PoissonLaw().draw(mean_value / g, affine, operator, generators)
        return on_support(g * photons + self.word.sigma * standard_normal(mean_value, generators), operator)


class RicianLaw(LawMeaning):
    """The magnitude of the mean in complex Gaussian noise."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        if mean.link is not None or mean.factor != 1:
            raise ValueError("the mean of `rician` must be linear in the unknown")
        if mean.offset and operator.measured() is not None:
            raise ValueError("the mean of `rician` has no constant added where a mask leaves out entries")
        return Magnitude(on_support(y, operator), self.sigma, mean.offset)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """|mean + n|."""
        if mean_value.is_complex():
            raise ValueError("the mean of `rician` must be real, but it is complex")
        complex_mean = torch.complex(mean_value, torch.zeros_like(mean_value))
        return on_support((complex_mean + self.sigma * standard_normal(complex_mean, generators)).abs(), operator)


@meaning_of(words.Laplace)
def laplace(word: words.Laplace) -> LawMeaning:
    return LaplaceLaw(word.scale)


@meaning_of(words.PoissonGaussian)
def poisson_gaussian(word: words.PoissonGaussian) -> LawMeaning:
    return PoissonGaussianLaw(word)


@meaning_of(words.Rician)
def rician(word: words.Rician) -> LawMeaning:
    return RicianLaw(word.sigma)
