"""Denoisers as priors: laws and energies that are known by what a denoiser does, and denoisers that need no weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from annotated_types import Le
from pydantic import field_validator

from ..model.fields import Count, Field, Positive
from ..model.networks import FittedNetwork, Learned, Pretrained
from ..model.place import MisfitError, place
from ..model.problem import DenoiserFacts, FunctionFacts
from ..model.space import Space
from ..model.terms import Leaf, OperatorTerm, ValueTerm
from ..model.word import EnergyWord, ImageLaw, Network
from .fitting import known_levels, misfit
from .operators.fourier import AxisName
from .operators.sparsity import Gradient, Wavelet

Ends = tuple[float, float]
Share = Annotated[Positive, Le(1)]
Symmetries = Literal["none", "random", "all"]


class _Embedded(Network):
    """A denoiser that is an algorithm, with nothing to be trained: it is told the noise level."""

    fitted: ClassVar[bool] = True
    conditional: ClassVar[bool] = True

    @property
    def averaged(self) -> float | None:
        """The a with which it is (1 - a) I + a N for a non-expansive N; None: not known."""
        return None

    @property
    def proximal(self) -> bool:
        """Whether it is the proximal map of a convex function."""
        return self.averaged is not None


class TvDenoiser(_Embedded):
    """Total variation as a denoiser, by a fixed number of accelerated primal-dual steps.

    Jumps lose `strength` noise levels of their height, along an edge that is long and straight. At one noise level it
    is the proximal map of total variation: with `sigma = s` the law stands for the prior `strength / s * tv(x)`.
    """

    word: ClassVar[str] = "tv"
    formula: ClassVar[str] = r"D_\sigma(v) = \arg\min_u \tfrac{1}{2} \|u - v\|_2^2 + c\,\sigma\,\mathrm{TV}(u)"
    reference: ClassVar[str] = "Rudin, Osher, Fatemi 1992; Chambolle, Pock 2011"
    example: ClassVar[str] = "prior x ~ denoiser(tv(strength = 0.8))"

    strength: Positive = Field(0.8, description="weight of total variation in noise levels, c")
    iterations: Count = Field(100, description="steps that it takes")
    axes: tuple[AxisName, ...] | Literal["auto"] = Field(
        "auto", description="axes of the differences; `auto`: all spatial ones"
    )

    def differences(self) -> OperatorTerm:
        """What total variation adds the lengths of."""
        return Leaf(Gradient(axes=self.axes, boundary="reflect", weights="auto"))

    @property
    def averaged(self) -> float | None:
        return 0.5

    def misfit(self, output: Space) -> tuple[str, str] | None:
        try:
            place(self.differences(), output)
        except MisfitError as e:
            return f"`tv` {e}", ""
        return None


class Shrinkage(_Embedded):
    """Coefficients in an orthonormal basis are set to zero below a threshold, the coarsest ones left alone.

    With `shifts` it is the mean over shifted images (cycle spinning), which takes away the marks of the basis.
    """

    formula: ClassVar[str] = r"D_\sigma(v) = W^H \,\mathrm{shrink}_{c \sigma}(W v)"
    reference: ClassVar[str] = "Donoho, Johnstone 1994; Coifman, Donoho 1995"
    example: ClassVar[str] = 'prior x ~ denoiser(shrinkage(wavelet("db4", levels = 4), shifts = 4))'

    basis: OperatorTerm = Field(
        Leaf(Wavelet(name="db4", levels="auto")), description="an orthonormal operator, such as `wavelet` or `cosine`"
    )
    threshold: Positive = Field(1.5, description="threshold in noise levels, c")
    kind: Literal["soft", "hard"] = Field(
        "soft", description="whether what is left becomes smaller by the threshold, or stays as it is"
    )
    shifts: Count = Field(1, description="shifts along each axis that it is the mean over", le=16)

    @property
    def averaged(self) -> float | None:
        return 0.5 if self.kind == "soft" else None

    def misfit(self, output: Space) -> tuple[str, str] | None:
        try:
            placed = place(self.basis, output)
        except MisfitError as e:
            return str(e), "`cosine()` takes any size"
        if not placed.facts.unitary:
            return "`shrinkage` needs an orthonormal operator, and this one is not known to be", "take `wavelet`"
        return None


class Bm3d(_Embedded):
    """BM3D: similar patches are stacked and shrunk together, in two passes. An optional package computes it.

    Complex images: real and imaginary part each for itself; so channels, frames and slices.
    """

    word: ClassVar[str] = "bm3d"
    formula: ClassVar[str] = r"D_\sigma(v): \text{collaborative Wiener filtering of stacked patches}"
    reference: ClassVar[str] = "Dabov, Foi, Katkovnik, Egiazarian 2007"
    example: ClassVar[str] = "prior x ~ denoiser(bm3d)"

    def misfit(self, output: Space) -> tuple[str, str] | None:
        if output.axis("row") is None or output.axis("col") is None:
            return f"`bm3d` denoises images, and this is {output}", ""
        smallest = min((a.size for a in output.axes[-2:] if a.size is not None), default=8)
        return None if smallest >= 8 else ("`bm3d` has patches of 8 x 8, and this image is smaller", "")


class Denoiser(ImageLaw):
    """A law that is known by its denoiser: plug-and-play. The solver's `sigma` is the strength that it acts with.

    A proximal step of the law's negative logarithm is one step of denoising, D_sigma = prox of sigma^2 times it, so
    that the penalty of a splitting follows: its weight over sigma^2. Where D is no proximal map, iterations go on all
    the same, to a fixed point x = D_sigma(x - sigma^2 / weight grad f(x)) where there is one; there is no objective.
    """

    formula: ClassVar[str] = r"\mathrm{prox}_{\sigma^2 (-\log p)}(v) = D_\sigma(v)"
    reference: ClassVar[str] = (
        "Heckel 2024, 5.1; Venkatakrishnan, Bouman, Wohlberg 2013; Kamilov, Mansour, Wohlberg 2017; "
        "Ryu, Liu, Wang, Chen, Wang, Yin 2019; Terris, Moreau, Pustelnik, Tachella 2024"
    )
    example: ClassVar[str] = "prior x ~ denoiser(dn)"

    network: FittedNetwork = Field(description="a name of `weights`, or a denoiser that needs none, such as `tv`")
    averaging: Share = Field(1.0, description="share a of the denoiser in (1 - a) x + a D(x)")
    equivariant: Symmetries = Field(
        "none",
        description="apply it to the image flipped and turned, and back: by one of these drawn anew in each iteration, "
        "or the mean over all; of images that are not square the four that keep their extents",
    )

    @field_validator("network")
    @classmethod
    def _with_weights(cls, network: Network) -> Network:
        return _at_hand(network)

    def function(self, weight: float, space: Space, range: Ends | None) -> FunctionFacts:
        facts = _facts(self.network, weight, space, range)
        averaged = None if facts.averaged is None else self.averaging * facts.averaged
        facts = replace(facts, averaged=averaged, proximal=facts.proximal and self.averaging == 1)
        return FunctionFacts(convex=facts.proximal, shape="all", denoiser=facts)


class Red(EnergyWord):
    """Regularisation by denoising: an energy with the gradient x - D(x), which moves x towards its denoised self.

    It has the value x^H (x - D(x)) / 2 only where the Jacobian of D is symmetric and D(c x) = c D(x) nearby, so no
    objective is shown. The strength of D is the solver's `sigma`.
    """

    formula: ClassVar[str] = r"R(v) = \tfrac{1}{2} v^H (v - D_\sigma(v)), \quad \nabla R(v) = v - D_\sigma(v)"
    reference: ClassVar[str] = "Heckel 2024, 5.2; Romano, Elad, Milanfar 2017; Reehorst, Schniter 2019"
    example: ClassVar[str] = "prior 100 * red(dn, x)"

    network: FittedNetwork = Field(description="a name of `weights`, or a denoiser that needs none, such as `tv`")
    of: ValueTerm = Field(description="the unknown")
    equivariant: Symmetries = Field("none", description="apply the denoiser to the image flipped and turned, and back")

    @field_validator("network")
    @classmethod
    def _with_weights(cls, network: Network) -> Network:
        return _at_hand(network)

    def denoised(self, weight: float, space: Space, range: Ends | None) -> FunctionFacts:
        """Its facts. Raises ValueError where the denoiser does not fit the space."""
        facts = _facts(self.network, weight, space, range)
        facts = replace(facts, red=True)
        # I - D is 2-Lipschitz where D is non-expansive; where that is not known it is taken to be.
        steep = 1.0 if facts.proximal else 2.0
        return FunctionFacts(
            convex=facts.proximal, lipschitz=steep * weight, gradient=True, shape="all", prox="none", denoiser=facts
        )


def _at_hand(network: Network) -> Network:
    if isinstance(network, Learned):
        raise ValueError("a denoiser is trained on a page of its own; name its weights by a `weights` line")
    return network


def _facts(network: Network, weight: float, space: Space, range: Ends | None) -> DenoiserFacts:
    """What is known of a network as a denoiser of the space. Raises ValueError where it is none."""
    if isinstance(network, _Embedded):
        _check_fit(network.misfit(space))
        return DenoiserFacts(f"`{network.word}`", weight, None, network.averaged, network.proximal)
    assert isinstance(network, Pretrained)
    contract = network.contract()
    if contract is None:
        return DenoiserFacts("the denoiser", weight)
    if contract.role != "denoiser":
        raise ValueError(f"the weights are those of a {contract.role}, and a prior takes a denoiser")
    _check_fit(misfit(contract, space))
    averaged = 1.0 if contract.properties.non_expansive else None
    return DenoiserFacts("the denoiser", weight, known_levels(contract, range), averaged)


def _check_fit(wrong: tuple[str, str] | None) -> None:
    """Raise ValueError with a reason and what would help, where there is one."""
    if wrong is not None:
        raise ValueError(wrong[0] + (f"; {wrong[1]}" if wrong[1] else ""))
