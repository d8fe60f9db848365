"""Measures of an estimate against the truth. Every parameter that changes the number is a parameter of the word."""

from __future__ import annotations

from typing import ClassVar, Literal

from annotated_types import Gt
from pydantic import field_validator

from ..model.fields import Annotated, Count, Field, Fraction, Positive
from ..model.terms import ValueTerm
from ..model.units import LEVEL, Dimension
from ..model.word import Metric

OF = Field(
    None,
    description="what is measured, such as an unknown's name; left out: `of` of the metrics line, else the estimate",
)


Symmetry = Literal["phase", "shift", "flip"]
ALIGN = Field(
    (),
    description="what of the estimate is first matched to the truth: a global `phase` (the sign of real numbers), a "
    "circular `shift` and a `flip` about a point of the last two axes (of one, for signals), as correlation finds them",
)


class Mse(Metric):
    """Mean squared error; complex numbers count with their modulus."""

    formula: ClassVar[str] = r"\frac{1}{n} \|\hat x - x\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    higher_is_better: ClassVar[bool] = False

    of: ValueTerm | None = OF


class Nmse(Metric):
    """Squared error relative to the squared norm of the truth."""

    formula: ClassVar[str] = r"\|\hat x - x\|_2^2 / \|x\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    higher_is_better: ClassVar[bool] = False

    of: ValueTerm | None = OF
    align: tuple[Symmetry, ...] = ALIGN


class Psnr(Metric):
    """Peak signal-to-noise ratio in dB."""

    formula: ClassVar[str] = r"10 \log_{10} \frac{r^2}{\mathrm{MSE}}"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    example: ClassVar[str] = "metrics [psnr(range = 1)]"
    dimension: ClassVar[Dimension] = LEVEL

    of: ValueTerm | None = OF
    align: tuple[Symmetry, ...] = ALIGN
    range: Positive | None = Field(
        None, description="the data range r; left out: that of the unknown, else of the truth"
    )


class Ssim(Metric):
    """Structural similarity, averaged over the image, with a Gaussian window."""

    formula: ClassVar[str] = (
        r"\frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}"
    )
    reference: ClassVar[str] = "Heckel 2024, 14.3; Wang, Bovik, Sheikh, Simoncelli 2004"
    example: ClassVar[str] = "metrics [ssim(window = 11, sigma = 1.5, range = 1)]"

    of: ValueTerm | None = OF
    range: Positive | None = Field(None, description="the data range; left out: that of the unknown, else of the truth")
    window: Count = Field(11, description="width of the window in pixels, odd")
    sigma: Positive = Field(1.5, description="standard deviation of the Gaussian window")
    k1: Positive = Field(0.01, description="c1 = (k1 range)^2")
    k2: Positive = Field(0.03, description="c2 = (k2 range)^2")

    @field_validator("window")
    @classmethod
    def _odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"a window has a middle, so its width is odd: {window - 1} or {window + 1}, not {window}")
        return window


class _Shells(Metric):
    """Compares spectra shell by shell; shell s holds the frequencies that round to s / N, N the largest extent."""

    reference: ClassVar[str] = "Harauz, van Heel 1986; Rosenthal, Henderson 2003"

    of: ValueTerm | None = OF
    dimensions: Literal["auto", 2, 3] = Field(
        "auto", description="spatial axes; `auto`: three where there are as many; axes in front count together"
    )


class Fsc(_Shells):
    """Fourier shell correlation with the truth, averaged over the shells up to the highest frequency."""

    formula: ClassVar[str] = (
        r"\frac{1}{S} \sum_{s=1}^{S} \frac{\mathrm{Re} \sum_{k \in s} \hat e_k \bar{\hat t}_k}"
        r"{(\sum_{k \in s} |\hat e_k|^2 \sum_{k \in s} |\hat t_k|^2)^{1/2}}"
    )
    example: ClassVar[str] = "metrics [psnr, fsc]"


class Resolution(_Shells):
    """The finest wavelength in voxels up to which the Fourier shell correlation stays above a threshold.

    Where the correlation never falls below it, that is two voxels.
    """

    formula: ClassVar[str] = r"1 / k^*, \quad k^* = \min\{k : \mathrm{FSC}(k) < t\}"
    example: ClassVar[str] = "metrics [resolution(threshold = 0.5)]"
    higher_is_better: ClassVar[bool] = False

    threshold: Annotated[Fraction, Gt(0)] = Field(
        0.5, description="against a known truth 0.5; the field's 0.143 is for two halves of one data set"
    )
