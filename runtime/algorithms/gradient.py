"""Proximal gradient steps: gradient descent, heavy ball, ISTA, projected gradient.

x_{k+1} = prox_{t g}(x_k - t grad f(x_k)) + beta (x_k - x_{k-1}), with beta > 0 only where there is no g.

Polyak 1964; Daubechies, Defrise, De Mol 2004; Heckel 2024, 3.3, 3.4, 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Scalar, largest
from ..operators.base import random_point
from ..problem import Problem
from .base import Algorithm, Knobs, Step
from .proximal import Prox, prox_of
from .rows import add, add_
from .smooth import Smooth, describe, is_smooth

GROWTH = 1.1
"""How much longer the next step is tried to be, where steps are found by backtracking."""


@dataclass(frozen=True)
class Descent:
    """The estimate, the one before it where there is momentum, and the step size."""

    x: Tensor
    before: Tensor | None
    step: Scalar


def forward_backward(
    smooth: Smooth, prox: Prox, z: Tensor, step: Scalar, search: bool = False
) -> tuple[Tensor, Scalar]:
    """prox_{t g}(z - t grad f(z)), and t: halved, row by row, until the move is short enough for f's curvature.

    Only with `search`, or where f has no global Lipschitz constant, is anything tried; else the step is taken as it is.
    """
    gradient = smooth.gradient(z)
    if not (search or smooth.local) or not isinstance(step, Tensor):
        return prox(add_scaled(gradient, z, step), step), step
    for _ in range(60):
        x = prox(add(z, gradient, -step), step)
        good = smooth.accepts(z, x, step)
        if bool(good.all()):
            break
        step = torch.where(good, step, step / 2)
    return x, step


def add_scaled(g: Tensor, z: Tensor, step: Scalar) -> Tensor:
    """z - t g, in the memory of g."""
    if isinstance(step, Tensor):
        return add(z, g, -step)
    return torch.add(z, g, alpha=-step, out=g)


class ProximalGradient(Algorithm[Descent]):
    """Gradient steps on the smooth terms, each followed by the proximal map of the others; with momentum if wanted.

    The step 1 / L, and (1 + sqrt(beta))^2 / L with momentum: the longest at which every mode of a quadratic still
    oscillates, so that it decays like beta^(k/2). Converges for t < 2 (1 + beta) / L. With `search` steps are found by
    backtracking instead, and nothing need be known of the curvature; then `gradient` takes any terms with gradients.
    """

    def __init__(
        self, problem: Problem, name: str, step: float | None, momentum: float = 0.0, search: bool = False
    ) -> None:
        self.name, self.problem, self.momentum = name, problem, momentum
        smooth = [t for t in problem.terms if name == "gradient" or is_smooth(t)]
        self.smooth = Smooth(problem, smooth)
        self.prox = prox_of([] if name == "gradient" else [t for t in problem.terms if not is_smooth(t)])
        self.search, self.given = search or self.smooth.local, step
        self.bound: Scalar | None = None
        if search:
            self.why = "|g|^2 / <g, H g> at the start"
            self.size: Scalar = self.smooth.cauchy_step(problem.initial()) / GROWTH  # each step is tried longer first
            return
        curvature = self.smooth.curvature()
        self.bound = 2 * (1 + momentum) / safe(curvature.upper)
        self.size = (1 + momentum**0.5) ** 2 / safe(curvature.upper) if step is None else step
        self.why = curvature.why

    def init(self) -> Descent:
        x = self.problem.initial()
        step = self.size
        if self.search:
            step = torch.as_tensor(step, dtype=self.problem.real, device=x.device).expand(self.problem.rows)
        return Descent(x, x.clone() if self.momentum else None, step)

    def step(self, state: Descent, knobs: Knobs) -> Descent:
        size = state.step
        if isinstance(size, Tensor) and self.search and self.given is None and not self.momentum:
            size = size * GROWTH
        x, size = forward_backward(self.smooth, self.prox, state.x, size, self.search)
        if state.before is not None:
            x = add_(x, state.x - state.before, self.momentum)
            return Descent(x, state.x, size)
        return Descent(x, None, size)

    def estimate(self, state: Descent) -> Tensor:
        return state.x

    def choices(self) -> list[Step]:
        formula = "(1 + sqrt(momentum))^2 / L" if self.momentum else "1 / L"
        why = "given" if self.given is not None else self.why if self.bound is None else f"{formula}, L: {self.why}"
        if self.search:
            why += "; then by backtracking"
        return [Step(*describe("step", self.size, why, self.bound))]


class HeavyBall(ProximalGradient):
    """The heavy ball with step 4 / (sqrt L + sqrt mu)^2 and momentum ((sqrt L - sqrt mu) / (sqrt L + sqrt mu))^2.

    mu is raised to L (10 / iterations)^2 where it is smaller: modes that flat could not be reached in the given
    iterations anyway, and without a floor the momentum would be one.
    """

    def __init__(self, problem: Problem, iterations: int, step: float | None, momentum: float | None) -> None:
        low, high, why = extreme_curvature(problem)
        high = high if high > 0 else 1.0
        mu = max(low, high * min(1.0, 10 / iterations) ** 2)
        roots = high**0.5 + mu**0.5
        beta = ((high**0.5 - mu**0.5) / roots) ** 2 if momentum is None else momentum
        super().__init__(problem, "heavy_ball", (1 + beta**0.5) ** 2 / high if step is None else step, beta)
        self.bound = 2 * (1 + beta) / high
        raised = f"; raised from {low:.3g} for {iterations} iterations" if mu > low else ""
        self.found = [
            Step("step", self.given or 0.0, "given" if step is not None else f"from L and mu: {why}", self.bound),
            Step("momentum", beta, "given" if momentum is not None else "from L and mu"),
            Step("L", high, why),
            Step("mu", mu, why + raised),
        ]

    def choices(self) -> list[Step]:
        return self.found


def extreme_curvature(problem: Problem) -> tuple[float, float, str]:
    """The least and the greatest eigenvalue of the Hessian, over all rows."""
    smooth = Smooth(problem, problem.terms)
    curvature = smooth.curvature()
    if smooth.local or "extreme" in curvature.why:
        low = curvature.lower
        return (float(low.min()) if isinstance(low, Tensor) else low), largest(curvature.upper), curvature.why
    low_value, high_value = lanczos_extremes(smooth, problem)
    return low_value, high_value * 1.0002, "extreme eigenvalues of the normal matrix, by Lanczos"


def lanczos_extremes(smooth: Smooth, problem: Problem, iterations: int = 100) -> tuple[float, float]:
    """The extreme Ritz values of the normal matrix after at most `iterations` Lanczos steps, reorthogonalised.

    The greatest is too small, the least too large. Lanczos 1950; Golub and Van Loan 2013, chapter 10.
    """
    v = random_point(problem.space, problem.real, seed=0, device=problem.device)
    basis = [v / torch.linalg.vector_norm(v)]
    alphas, betas = list[float](), list[float]()
    for _ in range(min(iterations, v.numel() * (2 if v.is_complex() else 1))):
        w = smooth.normal(basis[-1][None])[0]
        alphas.append(float(torch.vdot(basis[-1].flatten(), w.flatten()).real))
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for b in basis:
                w = w - b * torch.vdot(b.flatten(), w.flatten())
        beta = float(torch.linalg.vector_norm(w))
        if beta <= 1e-6 * max(alphas):
            break
        betas.append(beta)
        basis.append(w / beta)
    n = len(alphas)
    t = torch.diag(torch.tensor(alphas, dtype=torch.float64))
    off = torch.tensor(betas[: n - 1], dtype=torch.float64)
    values = torch.linalg.eigvalsh(t + torch.diag(off, 1) + torch.diag(off, -1))
    return max(float(values[0]), 0.0), float(values[-1])


def safe(upper: Scalar) -> Scalar:
    """L, or one where f is constant."""
    if isinstance(upper, Tensor):
        return torch.where(upper > 0, upper, 1)
    return upper if upper > 0 else 1.0
