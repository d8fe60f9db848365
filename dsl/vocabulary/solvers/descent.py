"""Solvers that follow gradients of all terms: for least squares, smooth and not convex problems."""

from __future__ import annotations

from typing import ClassVar

from annotated_types import Lt
from pydantic import model_validator

from ...model.fields import Annotated, Auto, Field, NonNegative, Positive
from ...model.problem import Problem
from ...model.solver import Iterative, Misfit, Plugged
from .needs import (
    Search,
    first,
    gradients_and_sets,
    quadratic,
    smooth,
)


class Cg(Iterative):
    """Conjugate gradients on the normal equations of a quadratic problem."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\textstyle\sum_j w_j K_j^H K_j x = \sum_j w_j K_j^H b_j"
    reference: ClassVar[str] = "Heckel 2024, 3.1; Hestenes, Stiefel 1952"
    example: ClassVar[str] = "solver cg(iterations = 30)"

    iterations: int = Field(100, gt=0, description="most iterations")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which it stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return quadratic(problem, self.word)


class Lsqr(Iterative):
    """LSQR on a quadratic problem: as conjugate gradients, but with A alone, so that small singular values keep digits.

    From zero it converges to the solution of least norm where there are many; stopped early it regularises.
    """

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\min_x \textstyle\sum_j \tfrac{w_j}{2} |K_j x - b_j|^2"
    reference: ClassVar[str] = "Heckel 2024, 3.1; Paige, Saunders 1982"
    example: ClassVar[str] = "solver lsqr(iterations = 50)"

    iterations: int = Field(100, gt=0, description="most iterations")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which it stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return quadratic(problem, self.word)


class Gradient(Plugged, Iterative):
    """Gradient descent, with momentum if wanted.

    With `step = backtracking` a gradient is enough, also of terms without a Lipschitz constant or that are not convex.
    """

    substitutes: ClassVar[bool] = True
    plugs: ClassVar[tuple[str, ...]] = ("red",)
    formula: ClassVar[str] = r"x_{k+1} = x_k - t \nabla f(x_k) + \beta (x_k - x_{k-1})"
    reference: ClassVar[str] = "Heckel 2024, 3.3, 3.6"
    example: ClassVar[str] = "solver gradient(iterations = 300)"

    step: Positive | Auto | Search = Field(
        "auto",
        description="step size; `auto` is 1 / L, or the best one where momentum is given; `backtracking` finds it anew",
    )
    momentum: Annotated[NonNegative, Lt(1)] = Field(0.0, description="weight of the last move")

    @model_validator(mode="after")
    def _one_way(self) -> Gradient:
        if self.step == "backtracking" and self.momentum:
            raise ValueError("steps are found by backtracking without momentum only; leave one of the two out")
        return self

    def misfit(self, problem: Problem) -> Misfit | None:
        if self.step != "backtracking":
            return smooth(problem, self.word)
        stuck = first(t for t in problem.terms if not t.function.gradient)
        return None if stuck is None else Misfit(stuck, f"`gradient` needs a gradient, and `{stuck.label}` has none")


class HeavyBall(Iterative):
    """Polyak's heavy ball, with the step and momentum that are optimal for a quadratic's extreme eigenvalues."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = (
        r"t = \frac{4}{(\sqrt L + \sqrt\mu)^2}, \quad "
        r"\beta = \Bigl(\frac{\sqrt L - \sqrt\mu}{\sqrt L + \sqrt\mu}\Bigr)^2"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.6; Polyak 1964"
    example: ClassVar[str] = "solver heavy_ball(iterations = 300)"

    step: Positive | Auto = Field("auto", description="step size")
    momentum: Annotated[NonNegative, Lt(1)] | Auto = Field("auto", description="weight of the last move")

    def misfit(self, problem: Problem) -> Misfit | None:
        return smooth(problem, self.word)

    def caution(self, problem: Problem) -> Misfit | None:
        bent = first(t for t in problem.beside if not t.function.quadratic)
        if bent is None:
            return None
        return Misfit(
            bent,
            f"`heavy_ball` is proven to converge on quadratics only, and `{bent.label}` is not one",
            "`nesterov` has a guarantee",
        )


class AdaGrad(Iterative):
    """AdaGrad: gradient steps divided by the root of the sum of all squared gradients so far; sets by projection.

    Of complex numbers the squared modulus counts, so that a common phase changes nothing.
    """

    word: ClassVar[str] = "adagrad"
    formula: ClassVar[str] = (
        r"h \leftarrow h + |g|^2,\ x \leftarrow P_C\Bigl(x - \eta \frac{g}{\sqrt{h} + \epsilon}\Bigr)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.7; Duchi, Hazan, Singer 2011"
    example: ClassVar[str] = "solver adagrad(lr = 0.1, iterations = 1000)"

    lr: Positive = Field(0.1, description="learning rate: how far an entry moves in the first step, in its unit")

    def misfit(self, problem: Problem) -> Misfit | None:
        return gradients_and_sets(problem, self.word)


class Adam(Iterative):
    """Adam: gradient steps divided by a running size of the gradient, for what is not convex; sets by projection.

    Of complex numbers the second moment is that of the modulus, so that a common phase changes nothing.
    """

    formula: ClassVar[str] = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g,\ v \leftarrow \beta_2 v + (1 - \beta_2) |g|^2,\ "
        r"x \leftarrow P_C\Bigl(x - \eta \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon}\Bigr)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.8; Kingma, Ba 2015"
    example: ClassVar[str] = "solver adam(lr = 0.01, iterations = 1000)"

    lr: Positive = Field(0.01, description="learning rate: how far an entry moves in a step, in its unit")
    momentum: Annotated[NonNegative, Lt(1)] = Field(0.9, description="decay of the mean gradient, beta_1")
    decay: Annotated[NonNegative, Lt(1)] = Field(0.999, description="decay of the mean squared gradient, beta_2")

    def misfit(self, problem: Problem) -> Misfit | None:
        return gradients_and_sets(problem, self.word)


class Nesterov(Iterative):
    """Nesterov's accelerated gradient, in its strongly convex form where the strong convexity is known."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"x_{k+1} = z_k - t \nabla f(z_k), \quad z_{k+1} = x_{k+1} + \beta_k (x_{k+1} - x_k)"
    reference: ClassVar[str] = "Heckel 2024, 3.6; Nesterov 1983"
    example: ClassVar[str] = "solver nesterov(iterations = 300)"

    step: Positive | Auto = Field("auto", description="step size; `auto` is 1 / L")

    def misfit(self, problem: Problem) -> Misfit | None:
        return smooth(problem, self.word)
