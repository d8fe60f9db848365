"""Energies and sets: what is known before measuring. Weights in front are nats."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..model.fields import Field, Positive, Real
from ..model.problem import FunctionFacts
from ..model.space import Space
from ..model.terms import Leaf, OperatorTerm, ValueTerm
from ..model.word import EnergyWord, Set
from .operators.fourier import AxisName
from .operators.sparsity import Gradient, SobolevWeight, SymmetricGradient


class Sq(EnergyWord):
    """The squared norm, without a half: Tikhonov regularisation."""

    formula: ClassVar[str] = r"\|v\|_2^2"
    reference: ClassVar[str] = "Heckel 2024, 2.2, 2.3; Tikhonov 1963"
    example: ClassVar[str] = "prior 30 * sq(stack(diff(axis = row), diff(axis = col)) @ x)"

    of: ValueTerm = Field(description="an unknown, or an operator applied to it")

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(quadratic=True, lipschitz=2 * weight, mu=2 * weight, gradient=True)


class L1(EnergyWord):
    """The sum of moduli: sparsity. Of a wavelet transform, the coarsest band is left alone."""

    formula: ClassVar[str] = r"\|v\|_1 = \sum_i |v_i|"
    reference: ClassVar[str] = "Heckel 2024, 2.2, 4.1; Tibshirani 1996"
    example: ClassVar[str] = 'prior 20 * l1(wavelet("db4") @ x)'

    of: ValueTerm = Field(description="an unknown, or an operator applied to it")

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(even=True, homogeneous=True)


class L21(EnergyWord):
    """The sum of the lengths of vectors, whose components stand along the first axis: they vanish together."""

    word: ClassVar[str] = "l21"
    formula: ClassVar[str] = r"\|v\|_{2,1} = \sum_i \bigl(\sum_d |v_{d,i}|^2\bigr)^{1/2}"
    reference: ClassVar[str] = "Heckel 2024, 2.2; Yuan, Lin 2006"
    example: ClassVar[str] = "prior 10 * l21(gradient() @ x)"

    of: ValueTerm = Field(description="an unknown, or an operator applied to it, with the components in front")

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(shape="group")


class Tv(EnergyWord):
    """Total variation: the sum of the lengths of the gradient (isotropic) or of its components (anisotropic).

    Differences are those of `gradient`: where voxels are not cubes, they count for the length that they span, so that
    the same edge costs the same along every axis; in units of the finest extent, so that a weight means what it does
    for cubes of that size. Beside space, time has the weight one: `weights` says otherwise.
    """

    formula: ClassVar[str] = r"\mathrm{TV}(v) = \sum_i \bigl(\sum_d |h_d (\partial_d v)_i|^2\bigr)^{1/2}"
    reference: ClassVar[str] = "Heckel 2024, 2.2; Rudin, Osher, Fatemi 1992"
    example: ClassVar[str] = "prior 10 * tv(x)"

    of: ValueTerm = Field(description="an unknown, or an operator applied to it")
    kind: Literal["isotropic", "anisotropic"] = Field(
        "isotropic", description="lengths of gradients, or sums of their components"
    )
    axes: tuple[AxisName, ...] | Literal["auto"] = Field(
        "auto", description="axes of the differences; `auto`: all spatial ones"
    )
    boundary: Literal["reflect", "circular"] = Field("reflect", description="what follows the last pixel")
    weights: tuple[Positive, ...] | Literal["auto"] = Field(
        "auto", description="a factor for the differences along each axis; `auto`: the finest voxel extent over its own"
    )

    def inner(self) -> OperatorTerm:
        return Leaf(Gradient(axes=self.axes, boundary=self.boundary, weights=self.weights))

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(shape="group" if self.kind == "isotropic" else "entry")


class Tgv(EnergyWord):
    """Total generalised variation of second order: jumps cost as in total variation, even slopes cost nothing.

    Where total variation makes steps of a slope, this one keeps it. The field w takes up what of the gradient is
    smooth; it is found together with the unknown and not shown. Differences are weighed as in `tv`.
    """

    formula: ClassVar[str] = (
        r"\mathrm{TGV}(v) = \min_w \|\nabla v - w\|_{2,1} + r \|\tfrac{1}{2} (\nabla w + \nabla w^T)\|_{2,1}"
    )
    reference: ClassVar[str] = "Bredies, Kunisch, Pock 2010"
    example: ClassVar[str] = "prior 10 * tgv(x, ratio = 2)"

    of: ValueTerm = Field(description="an unknown, or an operator applied to it")
    ratio: Positive = Field(2.0, description="weight of the second derivative, r: the length of a slope that is kept")
    axes: tuple[AxisName, ...] | Literal["auto"] = Field(
        "auto", description="axes of the differences; `auto`: all spatial ones"
    )
    weights: tuple[Positive, ...] | Literal["auto"] = Field(
        "auto", description="a factor for the differences along each axis; `auto`: the finest voxel extent over its own"
    )

    def inner(self) -> OperatorTerm:
        return Leaf(Gradient(axes=self.axes, boundary="reflect", weights=self.weights))

    def second(self) -> OperatorTerm:
        """The derivative of the field w."""
        return Leaf(SymmetricGradient(axes=self.axes, weights=self.weights))

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(prox="inner", shape="all")


class Sobolev(EnergyWord):
    """The squared Sobolev norm: smooth in every part, as coil sensitivities and phases are."""

    formula: ClassVar[str] = r"\bigl\|(1 + s |\kappa|^2)^{l/2} F v\bigr\|_2^2, \quad \kappa \in [-1/2, 1/2)^d"
    reference: ClassVar[str] = "Uecker et al. 2008"
    example: ClassVar[str] = "prior 10 * sobolev(c, order = 4)"

    of: ValueTerm = Field(description="an unknown, or an operator applied to it")
    order: Positive = Field(4.0, description="how fast the weight grows with the frequency, l")
    scale: Positive = Field(220.0, description="from which frequencies on, s, of frequencies in cycles per pixel")

    def inner(self) -> OperatorTerm:
        return Leaf(SobolevWeight(order=self.order, scale=self.scale))

    def function(self, weight: float, space: Space) -> FunctionFacts:
        return FunctionFacts(quadratic=True, lipschitz=2 * weight, mu=2 * weight, gradient=True)


class Nonnegative(Set):
    """All entries are real and at least zero."""

    formula: ClassVar[str] = r"v_i \ge 0"
    reference: ClassVar[str] = "Heckel 2024, 1.4"
    example: ClassVar[str] = "prior x in nonnegative"

    def function(self, space: Space) -> FunctionFacts:
        return FunctionFacts(constraint=True, homogeneous=True)


class Simplex(Set):
    """All entries are at least zero and they add up to one, as those of a blur kernel do."""

    formula: ClassVar[str] = r"v_i \ge 0, \quad \textstyle\sum_i v_i = 1"
    reference: ClassVar[str] = "Heckel 2024, 1.4; Duchi et al. 2008"
    example: ClassVar[str] = "prior k in simplex"

    def function(self, space: Space) -> FunctionFacts:
        return FunctionFacts(constraint=True, shape="all")


class Box(Set):
    """All entries lie between two numbers; written as a range, `x in 0..1`."""

    formula: ClassVar[str] = r"a \le v_i \le b"
    reference: ClassVar[str] = "Heckel 2024, 1.4"
    example: ClassVar[str] = "prior x in 0..1"

    low: Real = Field(description="the smallest value")
    high: Real = Field(description="the largest value")
