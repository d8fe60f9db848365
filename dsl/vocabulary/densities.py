"""Laws of noise with densities of their own: Laplace's, a camera's, and that of magnitudes."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..model.fields import Field, Positive
from ..model.problem import Affine, FunctionFacts
from ..model.space import Space
from ..model.terms import ValueTerm
from ..model.word import Law


class Laplace(Law):
    """Laplace noise, with heavier tails than the Gaussian: the data term is robust against outliers.

    Its standard deviation is sqrt(2) times the scale; real and imaginary part are independent.
    """

    formula: ClassVar[str] = r"-\log p(y) = \frac{1}{b} \|A x - y\|_1 + \text{const}"
    reference: ClassVar[str] = "Heckel 2024, 2.1; Nikolova 2004"
    example: ClassVar[str] = "noise y ~ laplace(A @ x, scale = 0.07)"

    mean: ValueTerm = Field(description="what would be measured without noise")
    scale: Positive = Field(description="mean absolute error of each real number")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        return FunctionFacts()

    @property
    def samples(self) -> bool:
        return True


class PoissonGaussian(Law):
    """A camera: shot noise of the photons and read noise of the electronics.

    y = g k + n with k photons, Poisson of mean (A x) / g, and Gaussian n: variance g A x + sigma^2.

    `shifted_poisson` takes (y + sigma^2 / g) / g as counts of mean A x / g + sigma^2 / g^2, with the right mean and
    variance. It keeps 94% of the information; its bias is below 1% of the noise from five photons on.

    `gaussian` takes the variance g max(y, 0) + sigma^2, entry by entry. The estimate is too small by a tenth of the
    noise at 50 photons, and by a third to two thirds of it at five.

    `exact` is the sum over k, cut where what is left is below 1e-12 of it; some ten times the work.
    """

    formula: ClassVar[str] = (
        r"p(y) = \sum_k \frac{m^k e^{-m}}{k!} \frac{1}{\sqrt{2 \pi} \sigma} e^{-(y - g k)^2 / (2 \sigma^2)}, "
        r"\quad m = A x / g"
    )
    reference: ClassVar[str] = (
        "Heckel 2024, 2.1; Foi, Trimeche, Katkovnik, Egiazarian 2008; Chouzenoux, Jezierska, Pesquet, Talbot 2015"
    )
    example: ClassVar[str] = "noise y ~ poisson_gaussian(A @ x, gain = 0.01, sigma = 0.02)"
    counts: ClassVar[bool] = True

    mean: ValueTerm = Field(description="what would be measured without noise")
    gain: Positive = Field(description="the value that one photon adds")
    sigma: Positive = Field(description="standard deviation of the read noise")
    approximation: Literal["shifted_poisson", "gaussian", "exact"] = Field(
        "shifted_poisson", description="the data term: an approximation of minus the log-density, or itself"
    )

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        if self.approximation == "gaussian":
            return FunctionFacts(lipschitz=self.sigma**-2, gradient=True)
        return FunctionFacts(gradient=True)

    @property
    def samples(self) -> bool:
        return True


class Rician(Law):
    """The magnitude of a signal in complex Gaussian noise, as in magnitude images of MRI.

    Where y > sqrt(2) sigma the data term is not convex near A x = 0: solvers find a stationary point. It depends on
    |A x| alone.
    """

    formula: ClassVar[str] = (
        r"-\log p(y) = \sum_i \frac{m_i^2}{2 \sigma^2} - \log I_0\bigl(y_i m_i / \sigma^2\bigr) + \text{const}, "
        r"\quad m = A x"
    )
    reference: ClassVar[str] = "Gudbjartsson, Patz 1995; Getreuer, Tong, Vese 2011"
    example: ClassVar[str] = "noise y ~ rician(A @ x, sigma = 0.1)"
    nonnegative: ClassVar[bool] = True

    mean: ValueTerm = Field(description="the magnitude without noise")
    sigma: Positive = Field(description="standard deviation of the real and of the imaginary part of the noise")

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        self.require_link(mean, None)
        self.require_real(space)
        return FunctionFacts(convex=False, lipschitz=self.sigma**-2, gradient=True)

    @property
    def samples(self) -> bool:
        return True
