"""The laws of noise: data terms, and drawing measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from recon.dsl.model.problem import Affine
from recon.dsl.vocabulary import noise
from torch import Tensor

from ..meaning import meaning_of
from ..operators.base import Operator
from ..operators.whitening import WhitenOperator
from .base import ROUNDING, Scalar, per_row
from .counts import PoissonCounts, PoissonExponential
from .law import LawMeaning, linear_target, measured_power, on_support, standard_normal
from .level import estimate_sigma
from .magnitudes import Intensities, Magnitudes, PoissonIntensities
from .quadratic import DataTerm, HalfSquare, NoDensity
from .sets import Ball, Exactly


class GaussianLaw(LawMeaning):
    """Independent Gaussian noise of standard deviation sigma on each real number measured.

    sigma is the number of the word; or one without it; or, of each row of the measurement, an estimate from the data
    (see `estimate_sigma`); or by the signal-to-noise ratio. That is the ratio of the mean powers of signal and noise
    over the measured real numbers: sigma^2 = P(mean) / 10^(snr/10) when data are drawn and, since the powers add up,
    sigma^2 = P(y) / (1 + 10^(snr/10)) for given data.


    drawn: the standard deviations of the rows at hand, [rows], where the word draws them.
    """

    def __init__(
        self, word: noise.Gaussian, whitening: WhitenOperator | None = None, drawn: Tensor | None = None
    ) -> None:
        self.word, self.whitening, self.drawn = word, whitening, drawn

    def sigma(self, y: Tensor, operator: Operator) -> Scalar:
        """The standard deviation that the data term has for this measurement.

        Raises ValueError where the data give zero, since then the data term has no finite weight.
        """
        if self.word.snr is not None:
            level = (measured_power(y, operator) / (1 + 10 ** (self.word.snr / 10))).sqrt()
        elif self.drawn is not None:
            level = self.drawn.to(device=y.device)
        elif self.word.sigma == "estimate":
            level = estimate_sigma(y, operator.codomain, operator.measured())
        else:
            return 1.0 if self.word.level is None else float(self.word.level)
        flat = torch.nonzero(~(level > 0)).flatten().tolist()
        if flat:
            raise ValueError(
                f"the noise level of row {flat[0]} comes out as {float(level[flat[0]]):g}, so its data term would have "
                "no finite weight; write `sigma` as a number"
            )
        return level

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """|K x + offset - y|^2 / (2 sigma^2), with the modulus or its square where the mean has one.

        With a covariance, as a function of W K x for its whitening W.
        """
        if mean.link == "abs":
            made = Magnitudes if mean.power == 1 else Intensities
            weight = self.sigma(y, operator) ** -2
            return made(on_support(y, operator), weight, mean.factor, mean.offset, operator.measured())
        if self.whitening is not None:
            target = self.whitening.forward(linear_target(mean, y, operator, "gaussian"))
            return HalfSquare(self.whitening.weight, target)
        return HalfSquare(self.sigma(y, operator) ** -2, linear_target(mean, y, operator, "gaussian"))

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        if self.whitening is not None:
            coloured = self.whitening.coloured(standard_normal(mean_value, generators))
            return on_support(mean_value + coloured, operator)
        if self.word.snr is not None:
            sigma: Scalar = measured_power(mean_value, operator).sqrt() / 10 ** (self.word.snr / 20)
        elif self.drawn is not None:
            sigma = self.drawn.to(device=mean_value.device)
        elif isinstance(self.word.level, float):
            sigma = self.word.level
        else:
            given = "sigma = estimate" if self.word.sigma else "no sigma"
            raise ValueError(f"`gaussian` with {given} cannot be simulated from; write `sigma` as a number, or `snr`")
        drawn = mean_value + per_row(sigma, mean_value) * standard_normal(mean_value, generators)
        return on_support(drawn, operator)


MOST_COUNTS = 2.0**53
"""The largest mean that counts are drawn for: float64 holds whole numbers exactly up to here."""


class PoissonLaw(LawMeaning):
    """Independent counts: y_i is Poisson with mean K x + offset, or factor * exp(K x + offset)."""

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        """sum_i m_i - y_i log m_i over the measured entries, m the mean.

        Measured y need not be whole numbers: the term is defined and convex for all y_i >= 0, and detectors that weigh
        or average their counts give fractions. Negative y raise ValueError.
        """
        measured = operator.measured()
        y = on_support(y, operator)
        if mean.link == "abs":
            if mean.power != 2:
                raise ValueError("the mean of `poisson` may be the square of magnitudes, and no other power")
            return PoissonIntensities(y, mean.factor, mean.offset, measured)
        if mean.link == "exp":
            return PoissonExponential(y, mean.factor * math.exp(mean.offset), measured)
        if mean.link is not None:
            raise ValueError(f"the mean of `poisson` must be linear in the unknown or `exp(...)`, not `{mean.link}`")
        return PoissonCounts(y, mean.factor, mean.factor * mean.offset, measured)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        if mean_value.is_complex():
            raise ValueError("the mean of `poisson` must be real, but it is complex")
        mean = on_support(mean_value, operator).detach()
        smallest = mean.flatten(1).amin(1)
        # Convolutions by Fourier transforms leave zeros that are slightly negative.
        allowed = ROUNDING * torch.finfo(mean.dtype).eps * mean.flatten(1).abs().amax(1)
        for row in torch.nonzero(~(smallest >= -allowed)).flatten().tolist():
            at = int(mean[row].argmin())
            place = ", ".join(str(int(i)) for i in torch.unravel_index(torch.tensor(at), mean.shape[1:]))
            raise ValueError(
                f"the mean of `poisson` must not be negative, but in row {row} it is {float(smallest[row]):g} at entry "
                f"({place}); the ground truth or the operator has negative values there"
            )
        largest = mean.flatten(1).amax(1)
        for row in torch.nonzero(~(largest <= MOST_COUNTS)).flatten().tolist():
            raise ValueError(
                f"the mean of `poisson` is {float(largest[row]):.3g} in row {row}, and counts are drawn for means "
                f"up to 2^53, about {MOST_COUNTS:.3g}; lower the number of photons"
            )
        exact = mean.to(device="cpu", dtype=torch.float64).clamp(min=0)
        rows = [torch.poisson(m, generator=g) for m, g in zip(exact, generators, strict=True)]
        return torch.stack(rows).to(mean_value)


class NoNoiseLaw(LawMeaning):
    """y equals its mean."""

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        return Exactly(linear_target(mean, y, operator, "none"))

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        return on_support(mean_value, operator).clone()


class BoundedLaw(LawMeaning):
    """|K x + offset - y|_2 <= radius over each row."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        return Ball(linear_target(mean, y, operator, "bounded"), self.radius)

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        raise ValueError(
            "`bounded` says how large the error is, not how it is distributed, so no data can be drawn from it; "
            "say what makes the data: `simulate { noise y ~ gaussian(A @ x, sigma = ...) }`"
        )


class UnknownLaw(LawMeaning):
    """No law is known."""

    def term(self, mean: Affine, y: Tensor, operator: Operator) -> DataTerm:
        return NoDensity(linear_target(mean, y, operator, "unknown"))

    def draw(
        self, mean_value: Tensor, affine: Affine, operator: Operator, generators: Sequence[torch.Generator]
    ) -> Tensor:
        raise ValueError("`unknown` has no density, so no data can be drawn from it")


@meaning_of(noise.Gaussian)
def gaussian(word: noise.Gaussian, whitening: WhitenOperator | None = None, drawn: Tensor | None = None) -> LawMeaning:
    return GaussianLaw(word, whitening, drawn)


@meaning_of(noise.Poisson)
def poisson(word: noise.Poisson) -> LawMeaning:
    return PoissonLaw()


@meaning_of(noise.NoNoise)
def none(word: noise.NoNoise) -> LawMeaning:
    return NoNoiseLaw()


@meaning_of(noise.Bounded)
def bounded(word: noise.Bounded) -> LawMeaning:
    return BoundedLaw(word.radius)


@meaning_of(noise.UnknownNoise)
def unknown(word: noise.UnknownNoise) -> LawMeaning:
    return UnknownLaw()
