"""Measures of an estimate against the truth. Every parameter that changes the number is a parameter of the word."""

from __future__ import annotations

from typing import ClassVar, Literal

from annotated_types import Gt
from pydantic import ValidationInfo, field_validator

from ..model.fields import Annotated, Count, Field, Fraction, Positive
from ..model.terms import ValueTerm
from ..model.units import LEVEL, Dimension
from ..model.word import ImageMetric, Metric

OF = Field(
    None,
    description="what is measured, such as an unknown's name; left out: `of` of the metrics line, else the estimate",
)


RANGE = Field(None, description="the data range; left out: that of the unknown, else of the truth")

Symmetry = Literal["phase", "shift", "flip"]
ALIGN = Field(
    (),
    description="what of the estimate is first matched to the truth: a global `phase` (the sign of real numbers), a "
    "circular `shift` and a `flip` about a point of the last two axes (of one, for signals), as correlation finds them",
)


class Mse(Metric):
    """Mean squared error; complex numbers count with their modulus."""

    title: ClassVar[str] = "MSE"
    formula: ClassVar[str] = r"\frac{1}{n} \|\hat x - x\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    higher_is_better: ClassVar[bool] = False

    of: ValueTerm | None = OF


class Nmse(Metric):
    """Squared error relative to the squared norm of the truth; complex numbers count with their modulus."""

    title: ClassVar[str] = "NMSE"
    formula: ClassVar[str] = r"\|\hat x - x\|_2^2 / \|x\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    higher_is_better: ClassVar[bool] = False
    undefined: ClassVar[str] = "the truth is zero"

    of: ValueTerm | None = OF
    align: tuple[Symmetry, ...] = ALIGN


class Psnr(Metric):
    """Peak signal-to-noise ratio in dB; complex numbers count with the modulus of their difference."""

    title: ClassVar[str] = "PSNR"
    formula: ClassVar[str] = r"10 \log_{10} \frac{r^2}{\mathrm{MSE}}"
    reference: ClassVar[str] = "Heckel 2024, 14.3"
    example: ClassVar[str] = "metrics [psnr(range = 1)]"
    undefined: ClassVar[str] = "the data range is zero"
    dimension: ClassVar[Dimension] = LEVEL

    of: ValueTerm | None = OF
    align: tuple[Symmetry, ...] = ALIGN
    range: Positive | None = RANGE


class _Windowed(ImageMetric):
    """Compares local means, variances and covariances under a sliding window."""

    of: ValueTerm | None = OF
    range: Positive | None = RANGE
    window: Count = Field(11, description="width of the window in pixels, odd")
    sigma: Positive = Field(1.5, description="standard deviation of the Gaussian window in pixels")
    k1: Positive = Field(0.01, description="c1 = (k1 range)^2")
    k2: Positive = Field(0.03, description="c2 = (k2 range)^2")
    kind: Literal["gaussian", "uniform"] = Field(
        "gaussian", description="weights of the window; `uniform` has no sigma"
    )
    covariance: Literal["population", "sample"] = Field(
        "population", description="`sample` multiplies variances by N / (N - 1), N the pixels of a window"
    )
    border: Literal["valid", "reflect"] = Field(
        "valid", description="windows inside the image only, or around every pixel of the image mirrored at its edges"
    )
    dimensions: Literal[2, 3] = Field(
        2, description="windows in rows and columns, slice by slice of a volume; or in all three axes of a volume"
    )

    @field_validator("window")
    @classmethod
    def _odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"a window has a middle, so its width is odd: {window - 1} or {window + 1}, not {window}")
        return window

    @field_validator("covariance")
    @classmethod
    def _spread(cls, covariance: str, info: ValidationInfo) -> str:
        if covariance == "sample" and info.data.get("window") == 1:
            raise ValueError("a window of one pixel has no sample covariance: N - 1 is zero")
        return covariance

    @property
    def spans(self) -> int:
        return self.dimensions

    @property
    def halvings(self) -> int:
        """How often images are halved."""
        return 0

    @property
    def least(self) -> int:
        return ((self.window - 1) << self.halvings) + 1

    def advice(self, smallest: int) -> str:
        fitting = ((smallest - 1) >> self.halvings) + 1
        odd = fitting - 1 + fitting % 2
        return f"write `{self.word}(window = {odd})`" if odd >= 3 else super().advice(smallest)


class Ssim(_Windowed):
    """Structural similarity, averaged over the image, with a Gaussian window; axes before the image count alike."""

    title: ClassVar[str] = "SSIM"
    formula: ClassVar[str] = (
        r"\frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}"
    )
    reference: ClassVar[str] = "Heckel 2024, 14.3; Wang, Bovik, Sheikh, Simoncelli 2004"
    example: ClassVar[str] = "metrics [ssim(window = 11, sigma = 1.5, range = 1)]"
    undefined: ClassVar[str] = "the data range is zero"


class MsSsim(_Windowed):
    """Structural similarity over several scales, each half as fine: contrast of all, luminance of the coarsest.

    A negative contrast counts as zero. With `border = reflect` the coarsest scale is mirrored and the contrasts of the
    others are taken where the window fits, as torchmetrics does.
    """

    title: ClassVar[str] = "MS-SSIM"
    formula: ClassVar[str] = (
        r"\mathrm{SSIM}_M^{w_M} \prod_{j < M} ( \frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2} )_j^{w_j}"
    )
    reference: ClassVar[str] = "Heckel 2024, 14.3; Wang, Simoncelli, Bovik 2003"
    example: ClassVar[str] = "metrics [ms_ssim(window = 7, range = 1)]"
    undefined: ClassVar[str] = "the data range is zero"

    weights: tuple[Positive, ...] = Field(
        (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), description="exponents w of the scales, the finest first"
    )

    @field_validator("weights")
    @classmethod
    def _some(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not 1 <= len(weights) <= 16:
            raise ValueError(f"there are one to sixteen scales, not {len(weights)}")
        return weights

    @property
    def halvings(self) -> int:
        return len(self.weights) - 1

    def advice(self, smallest: int) -> str:
        scales = "give fewer `weights`" if len(self.weights) > 1 else ""
        return ", or ".join(a for a in (super().advice(smallest), scales) if a)


class Vif(ImageMetric):
    """Visual information fidelity in the pixel domain (vifp), slice by slice and channel by channel.

    How much of what the eye learns from the truth it learns from the estimate, at four scales with windows of 17, 9,
    5 and 3 pixels inside the image; above 1 where contrast is enhanced. Images are brought to a range of 255 first.
    """

    title: ClassVar[str] = "VIF"
    formula: ClassVar[str] = (
        r"\frac{\sum_j \log(1 + g_j^2 \sigma_{x,j}^2 / (\sigma_{v,j}^2 + \sigma_n^2))}"
        r"{\sum_j \log(1 + \sigma_{x,j}^2 / \sigma_n^2)}, \quad g = \sigma_{xy} / \sigma_x^2, \quad"
        r" \sigma_v^2 = \sigma_y^2 - g \sigma_{xy}"
    )
    reference: ClassVar[str] = "Heckel 2024, 14.3; Sheikh, Bovik 2006"
    example: ClassVar[str] = "metrics [vif(range = 1)]"
    undefined: ClassVar[str] = "the truth is constant or the data range is zero"

    of: ValueTerm | None = OF
    range: Positive | None = RANGE
    sigma_n_sq: Positive = Field(2.0, description="variance of the noise of seeing, for images of range 255")

    @property
    def least(self) -> int:
        return 41


class _Shells(Metric):
    """Compares spectra shell by shell; shell s holds the frequencies that round to s / N, N the largest extent."""

    reference: ClassVar[str] = "Harauz, van Heel 1986; Rosenthal, Henderson 2003"

    of: ValueTerm | None = OF
    dimensions: Literal["auto", 2, 3] = Field(
        "auto", description="spatial axes; `auto`: three where there are as many; axes in front count together"
    )


class Fsc(_Shells):
    """Fourier shell correlation with the truth, averaged over the shells up to the highest frequency."""

    title: ClassVar[str] = "FSC"
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
