"""Pointwise functions of values."""

from __future__ import annotations

from typing import ClassVar

from ..model.fields import Annotated, Count, Field, Le, NonNegative, Whole
from ..model.word import Function


class Exp(Function):
    """The exponential, as in Beer-Lambert's law."""

    formula: ClassVar[str] = r"e^{v}"
    example: ClassVar[str] = "noise y ~ poisson(photons * exp(-A @ x))"


class Log(Function):
    """The natural logarithm."""

    formula: ClassVar[str] = r"\log v"


class Abs(Function):
    """The absolute value or modulus."""

    formula: ClassVar[str] = r"|v|"
    example: ClassVar[str] = "metrics [psnr] { of = abs(estimate) }"


class Sqrt(Function):
    """The square root."""

    formula: ClassVar[str] = r"\sqrt{v}"


class Real(Function):
    """The real part."""

    formula: ClassVar[str] = r"\mathrm{Re}\, v"


class Imag(Function):
    """The imaginary part."""

    formula: ClassVar[str] = r"\mathrm{Im}\, v"


class CovarianceOf(Function):
    """The covariance between coils of a scan without signal: the first axis of a row is that of the coils.

    Of complex noise it is that of the real parts and of the imaginary parts: half of E e e^H.
    """

    word: ClassVar[str] = "covariance"
    formula: ClassVar[str] = r"\tfrac{1}{2 n} \textstyle\sum_k e_k e_k^H"
    reference: ClassVar[str] = "Pruessmann et al. 2001"
    example: ClassVar[str] = 'data knee = hdf5("knee.h5") { y = kspace; C = covariance(prescan) }'


class Compressed(Function):
    """A picture, with values in 0..1, after JPEG compression: 256 grey levels, channels one by one."""

    formula: ClassVar[str] = r"C^T \bigl(Q \lfloor C v / Q \rceil\bigr)"
    reference: ClassVar[str] = "Heckel 2024, 14.2; Wallace 1992"
    example: ClassVar[str] = 'data cam = sample("camera") { x = compressed(image, quality = 75) }'

    quality: Annotated[Count, Le(100)] = Field(75, description="1 (coarse) to 100 (a step of one grey level)")


class Phased(Function):
    """An image with a smooth phase, a constant and three long waves, as in magnetic resonance.

    All rows have the same phase; another seed gives another one.
    """

    formula: ClassVar[str] = (
        r"v\, e^{i \varphi}, \quad"
        r"\varphi(r) = a + \tfrac{s}{3} \sum_{k=1}^{3} \cos\left(2 \pi (f_k \cdot r + c_k)\right)"
    )
    example: ClassVar[str] = 'data cam = sample("camera") { x = phased(image, strength = 2) }'

    strength: NonNegative = Field(2.0, description="the largest deviation s from the constant, in radians")
    waves: NonNegative = Field(1.0, description="the largest number of periods along each axis")
    seed: Whole = Field(0, description="the seed of the constant and the waves")


class Rss(Function):
    """The root of the sum of squares over coils or channels, which sensitivities of unknown scale do not change."""

    formula: ClassVar[str] = r"\bigl(\textstyle\sum_c |v_c|^2\bigr)^{1/2}"
    reference: ClassVar[str] = "Roemer et al. 1990"
    example: ClassVar[str] = "metrics [psnr] { of = rss(c * x); against = abs(truth) }"


class Gray(Function):
    """The luminance of a colour picture (Rec. 709 weights)."""

    formula: ClassVar[str] = r"0.2125 R + 0.7154 G + 0.0721 B"
    example: ClassVar[str] = 'data own = folder("pictures/*.png") { x = gray(image) }'
