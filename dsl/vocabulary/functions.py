"""Pointwise functions of values."""

from __future__ import annotations

from typing import ClassVar

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


class Gray(Function):
    """The luminance of a colour picture (Rec. 709 weights)."""

    formula: ClassVar[str] = r"0.2125 R + 0.7154 G + 0.0721 B"
    example: ClassVar[str] = 'data own = folder("pictures/*.png") { x = gray(image) }'
