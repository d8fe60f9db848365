"""Rules that find the weight of a prior: `prior auto(discrepancy) * tv(x)`."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Field
from ..model.terms import DataName
from ..model.word import WeightRule


class Discrepancy(WeightRule):
    """The weight at which the residual is as large as the noise: Morozov's principle.

    For counts the deviance, twice the Kullback-Leibler divergence of the counts from their means, takes the place of
    the squared residual, and its expected value, which counts of a few photons do not meet by one each, that of m.
    """

    formula: ClassVar[str] = r"\|A x_\lambda - y\|_2^2 = m \sigma^2"
    reference: ClassVar[str] = (
        "Heckel 2024, 3.2; Morozov 1966; Bertero et al. 2010; Bevilacqua, Lanza, Pragliola, Sgallari 2021"
    )
    example: ClassVar[str] = "prior auto(discrepancy) * tv(x)"
    needs: ClassVar[str] = "level"


class Sure(WeightRule):
    """The weight with the least estimated error of A x: Stein's unbiased risk estimate.

    The divergence is that along one random direction. Where A is the identity this estimates the error of x itself;
    else it is the error of what is measured, which unlike that of A^+ A x has a variance that does not grow with the
    condition of A.
    """

    formula: ClassVar[str] = (
        r"\min_\lambda \; \|A x_\lambda - y\|_2^2 - m \sigma^2 + 2 \sigma^2 \, \mathrm{div}_y (A x_\lambda)"
    )
    reference: ClassVar[str] = (
        "Stein 1981; Ramani, Blu, Unser 2008; Deledalle, Vaiter, Fadili, Peyre 2014; Lucka et al. 2018"
    )
    example: ClassVar[str] = "prior auto(sure) * tv(x)"
    needs: ClassVar[str] = "gaussian"


class Lcurve(WeightRule):
    """The corner of the curve of the prior over the data term, both as logarithms.

    It is one of 25 weights, four in each of six decades below the one at which the misfit is half of that without data;
    the corner is where the triangle with the points a decade to either side is sharpest. The rule needs to know nothing
    of the noise, and promises nothing: for data that were blurred little or not at all the curve need not have the
    shape of an L.
    """

    formula: ClassVar[str] = r"\text{corner of } \bigl(\log \|A x_\lambda - y\|_2^2, \log g(x_\lambda)\bigr)"
    reference: ClassVar[str] = "Hansen 1992; Castellanos, Gomez, Guerra 2002"
    example: ClassVar[str] = "prior auto(lcurve) * tv(x)"
    needs: ClassVar[str] = "value"


class Validation(WeightRule):
    """The weight with the least mean squared error on data whose truth is known; one weight for all rows.

    Those data are not reconstructed for their own sake: they are not in the report.
    """

    formula: ClassVar[str] = r"\min_\lambda \; \sum_i \|x_\lambda(y_i) - x_i\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 2.3"
    example: ClassVar[str] = "prior auto(validation(data = val)) * tv(x)"

    data: DataName = Field(description="the name of a data set that binds the unknown")
