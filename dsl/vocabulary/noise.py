"""Laws of noise. The noise line is the data term: minus the log-density, summed over the measured entries."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from ..model.fields import Decibel, Field, Interval, NonNegative, Positive, Range
from ..model.problem import Affine, FunctionFacts
from ..model.space import Space
from ..model.terms import Leaf, OperatorTerm, ValueTerm
from ..model.units import NONE
from ..model.word import Array, Draw, Law
from .operators.whitening import Whiten


class Gaussian(Law):
    """Gaussian noise; without `sigma`, the plain half square. The mean may be linear, or magnitudes `abs(A @ x)`.

    With a `covariance` C between coils, channels or the entries of the first axis, the data term is that of the
    whitened measurement, |C^{-1/2} (A x - y)|^2 / 2. Of complex data C is the covariance of the real parts and of the
    imaginary parts, so that E e e^H = 2 C.
    """

    formula: ClassVar[str] = r"-\log p(y) = \frac{1}{2 \sigma^2} \|A x - y\|_2^2 + \text{const}"
    reference: ClassVar[str] = "Heckel 2024, 2.1, eq. (2.3)"
    example: ClassVar[str] = "noise y ~ gaussian(A @ x, sigma = 0.01)"

    mean: ValueTerm = Field(description="what would be measured without noise")
    sigma: Positive | Draw | Literal["estimate"] | None = Field(
        None,
        description="standard deviation of each real number (of real and imaginary part each); "
        "`uniform(0, 0.2)` draws one for each row",
    )
    snr: Decibel | None = Field(
        None, description="signal-to-noise ratio, 10 log10 of the mean powers, instead of `sigma`"
    )
    psnr: Decibel | None = Field(None, description="20 log10 of the width of `range` over sigma, instead of `sigma`")
    range: Range = Field(Interval(0.0, 1.0, None), description="the range of values that `psnr` is relative to")
    covariance: Array | ValueTerm | None = Field(
        None, description="covariance between coils, channels or entries of the first axis, instead of `sigma`"
    )

    exclusive: ClassVar[tuple[str, ...] | None] = ("sigma", "snr", "psnr", "covariance")

    @field_validator("sigma")
    @classmethod
    def _no_less_than_zero(cls, sigma: float | Draw | str | None) -> float | Draw | str | None:
        if isinstance(sigma, Draw):
            if sigma.dimension != NONE:
                raise ValueError("the level of noise is drawn as a plain number, in the unit of the measurement")
            if sigma.least < 0:
                raise ValueError(f"a level of noise is not negative, and this may be drawn as {sigma.least:g}")
        return sigma

    def inner(self) -> OperatorTerm | None:
        if self.covariance is None:
            return None
        return Leaf(Whiten(covariance=self.covariance), span=getattr(self.covariance, "span", None))

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        if mean.link == "abs":
            return self._of_magnitudes(mean)
        self.require_link(mean, None)
        return FunctionFacts(
            quadratic=True,
            lipschitz=self.curvature or "run",
            mu=self.curvature or "run",
            gradient=True,
            parts=self.covariance is None,
        )

    def _of_magnitudes(self, mean: Affine) -> FunctionFacts:
        if mean.power not in (1, 2):
            raise ValueError(f"it measures `abs(A @ x)` or `abs(A @ x)^2`, not magnitudes to the power {mean.power:g}")
        if mean.factor <= 0:
            raise ValueError("the factor in front of magnitudes must be positive")
        if self.sigma == "estimate":
            raise ValueError("`sigma = estimate` reads linear data, not magnitudes; give it a number, or `snr`")
        if self.covariance is not None:
            raise ValueError("`covariance` is that of linear data, not of magnitudes; give `sigma`")
        return FunctionFacts(convex=False, gradient=True, magnitudes=mean.power)

    @property
    def level(self) -> float | Literal["run"] | None:
        """sigma where the page says it, as a number or by `psnr`; "run" where data do; None where nothing is said."""
        if isinstance(self.sigma, float):
            return self.sigma
        if self.psnr is not None:
            width = self.range.stop - self.range.start
            return width / float(10 ** (self.psnr / 20))
        return None if self.sigma is None and self.snr is None and self.covariance is None else "run"

    @property
    def curvature(self) -> float | None:
        """1 / sigma^2, or one without `sigma`; None where it is known only at run."""
        if self.level is None:
            return 1.0
        return self.level**-2 if isinstance(self.level, float) else None

    @property
    def samples(self) -> bool:
        return self.sigma != "estimate" and self.level is not None


class Poisson(Law):
    """Counts of independent events. The mean may be linear, `c * exp(-A @ x)` or `c * abs(A @ x)^2`.

    The second is Beer-Lambert's law, the third what a camera counts of a wave A x.
    """

    formula: ClassVar[str] = r"-\log p(y) = \sum_i \mu_i - y_i \log \mu_i + \text{const}, \quad \mu = A x"
    reference: ClassVar[str] = "Heckel 2024, 2.1"
    example: ClassVar[str] = "noise y ~ poisson(photons * exp(-A @ x))"
    counts: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    mean: ValueTerm = Field(description="the expected counts")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        if mean.link == "exp":
            self.require_link(mean, "exp")
            return FunctionFacts(lipschitz="run", gradient=True, parts=True)
        if mean.link == "abs":
            if mean.power != 2:
                raise ValueError("counts have the square of magnitudes as their mean: write `c * abs(A @ x)^2`")
            return FunctionFacts(convex=False, gradient=True, magnitudes=2.0)
        self.require_link(mean, None)
        return FunctionFacts(gradient=True)

    @property
    def samples(self) -> bool:
        return True


class NoNoise(Law):
    """Exact data: the measurement equals its mean."""

    word: ClassVar[str] = "none"
    formula: ClassVar[str] = r"A x = y"
    reference: ClassVar[str] = "Heckel 2024, eq. (4.3)"
    example: ClassVar[str] = "noise y ~ none(A @ x)"

    mean: ValueTerm = Field(description="what is measured")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        return FunctionFacts(constraint=True, exact=True, parts=True)

    @property
    def samples(self) -> bool:
        return True


class Bounded(Law):
    """An error of bounded size: only |A x - y| <= radius is known."""

    formula: ClassVar[str] = r"\|A x - y\|_2 \le r"
    reference: ClassVar[str] = "Heckel 2024, eq. (3.5)"
    example: ClassVar[str] = "noise y ~ bounded(A @ x, radius = 0.017)"

    mean: ValueTerm = Field(description="what would be measured without error")
    radius: NonNegative = Field(description="bound of the Euclidean norm of the error, over each row")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        return FunctionFacts(constraint=True, exact=True, shape="all")

    @property
    def samples(self) -> bool:
        return False


class UnknownNoise(Law):
    """Real noise whose law nobody knows: it has no density, so there is no data term and nothing can be drawn.

    Solvers that read the answer off the measurement (`adjoint`, `pseudo_inverse`, `fbp`) run; those that minimise need
    a density.
    """

    word: ClassVar[str] = "unknown"
    formula: ClassVar[str] = r"-\log p(y) = \text{unknown}"
    reference: ClassVar[str] = "Heckel 2024, 14.1.3"
    example: ClassVar[str] = "noise y ~ unknown(A @ x)"

    mean: ValueTerm = Field(description="what would be measured without noise")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        return FunctionFacts(convex=False, prox="none", density=False)

    @property
    def samples(self) -> bool:
        return False
