"""Phase retrieval: a spectral start, flows down the data term, and projections onto the measured magnitudes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from recon.dsl.model.facts import Diagonal, identity
from recon.dsl.vocabulary import phase as words
from torch import Tensor

from ..build import derived_seed
from ..functionals.base import Scalar
from ..functionals.magnitudes import Magnitudes, PhaselessTerm
from ..meaning import meaning_of
from ..operators.base import Composition, Operator, random_point
from ..problem import Problem, Term
from .base import Algorithm, Direct, Knobs, Step
from .gradient import GROWTH
from .normal import Normal, matrix
from .proximal import prox_of
from .rows import add, inner_rows, norm_rows, times
from .smooth import NORM_SAFETY, Smooth, describe, is_smooth


def measured_by(problem: Problem) -> tuple[Operator, PhaselessTerm, Term]:
    """K, the data term of magnitudes, and the term that holds both. Raises ValueError where there is none."""
    term = problem.data[0]
    if not isinstance(term.functional, PhaselessTerm):
        raise ValueError(f"`{term.label}` measures no magnitudes")
    return term.operator, term.functional, term


def modulus(problem: Problem) -> Tensor:
    """|K x| as the data give it, [rows, ...]."""
    _, g, _ = measured_by(problem)
    y = g.modulus()
    return y.expand(problem.rows, *y.shape[1:])


class SpectralImage:
    """The leading eigenvector of (K W)^H T (K W), turned back by W, and scaled to fit the magnitudes.

    W = (K^H K)^(-1/2) where that is diagonal on the grid, so that no pixel stands out because masks let more of it
    through; else W = I. T = t(s) - t(0) with t(s) = (s - 1) / (s + sqrt(m / n) - 1) and s = y^2 over its mean: shifted
    to be positive, which moves all eigenvalues alike.
    """

    name = "spectral"

    def __init__(self, problem: Problem, iterations: int) -> None:
        self.problem, self.iterations = problem, iterations
        self.operator, self.term, _ = measured_by(problem)
        self.y = modulus(problem)
        gram = self.operator.facts.gram
        self.whiten: Tensor | None = None
        if gram is not None and gram.basis == "pixel":
            values = Normal([self.operator], problem.space, problem.real, problem.device).values([1.0])
            self.whiten = torch.where(values > 0, values.clamp(min=1e-30).rsqrt(), 0)

    def _turned(self, z: Tensor) -> Tensor:
        return z if self.whiten is None else z * self.whiten

    def solve(self) -> Tensor:
        y, k = self.y, self.operator
        power = y.square().flatten(1).mean(1).clamp(min=torch.finfo(y.dtype).tiny)
        s = times(1 / power, y.square())
        root = math.sqrt(max(y[0].numel() / max(self.problem.space.count or 1, 1), 1.0))
        # t(s) - t(0), which at m = n is the limit 1.
        weights = s * (root / max(root - 1, 1e-2)) / (s + max(root - 1, 1e-2))
        z = random_point(self.problem.space, self.problem.real, seed=0, device=y.device)
        z = z.expand(self.problem.rows, *z.shape)
        for _ in range(self.iterations):
            z = self._turned(k.adjoint(weights * k.forward(self._turned(z))))
            z = times(1 / norm_rows(z).clamp(min=torch.finfo(y.dtype).tiny), z)
        z = self._turned(z)
        size = k.forward(z).abs()
        return times(inner_rows(y, size) / inner_rows(size, size).clamp(min=torch.finfo(y.dtype).tiny), z)

    def choices(self) -> list[Step]:
        return []


def random_phases(problem: Problem) -> Tensor:
    """Phases on the unit circle for the magnitudes of each row, the same for all rows: [rows, ...]."""
    y = modulus(problem)
    generator = torch.Generator().manual_seed(derived_seed(problem.seed, "phases", problem.draw))
    angle = 2 * math.pi * torch.rand(y.shape[1:], generator=generator, dtype=torch.float64)
    return torch.polar(torch.ones_like(angle), angle).to(device=y.device, dtype=torch.complex(y[:0], y[:0]).dtype)


@dataclass(frozen=True)
class Flowing:
    """The estimate and the step size of each row."""

    x: Tensor
    step: Tensor


class Flow(Algorithm[Flowing]):
    """x <- prox_{t g}(x - t grad f(x)), f the data term of magnitudes and the smooth priors.

    `truncate`: gradients of amplitudes leave out entries with |K x| < y / (1 + truncate). `search`: steps are halved
    until f lies below its parabola.
    """

    def __init__(
        self, problem: Problem, name: str, step: float | None, truncate: float | None = None, search: bool = False
    ) -> None:
        self.name, self.problem, self.truncate, self.search = name, problem, truncate, search
        self.operator, self.term, self.data = measured_by(problem)
        priors = [t for t in problem.terms if t.role != "data"]
        self.smooth = Smooth(problem, [t for t in priors if is_smooth(t)])
        self.prox = prox_of([t for t in priors if not is_smooth(t)])
        exact = self.operator.facts.norm.exact
        curvature: Scalar = self.term.curvature * (self.operator.norm() ** 2 * (1.0 if exact else NORM_SAFETY))
        self.given = step
        self.size: Scalar = 1 / (curvature + self.smooth.curvature().upper) if step is None else step

    def init(self) -> Flowing:
        problem = self.problem
        if problem.start is not None:
            x = problem.initial()
        elif problem.draw == 0:
            x = SpectralImage(problem, words.Spectral.model_validate({}).iterations).solve()
        else:
            x = self.operator.adjoint(_as_codomain(modulus(problem) * random_phases(problem), self.operator))
            size = self.operator.forward(x).abs()
            x = times(inner_rows(modulus(problem), size) / inner_rows(size, size).clamp(min=1e-30), x)
        step = torch.as_tensor(self.size, dtype=problem.real, device=x.device).expand(problem.rows)
        return Flowing(x, step)

    def _gradient(self, x: Tensor, v: Tensor) -> Tensor:
        slope = self.term.grad(v)
        if self.truncate is not None and isinstance(self.term, Magnitudes):
            slope = torch.where(self.term._inside(v).abs() * (1 + self.truncate) >= self.term.modulus(), slope, 0)
        gradient = self.operator.adjoint(slope)
        return gradient + self.smooth.gradient(x) if self.smooth.terms else gradient

    def _value(self, x: Tensor, v: Tensor) -> Tensor:
        total = self.term.value(v)
        for t in self.smooth.terms:
            total = total + t.value(x)
        return total

    def step(self, state: Flowing, knobs: Knobs) -> Flowing:
        x, step = state.x, state.step
        v = self.operator.forward(x)
        gradient = self._gradient(x, v)
        if not self.search:
            return Flowing(self.prox(add(x, gradient, -step), step), step)
        step = step * GROWTH if self.given is None else step
        before = self._value(x, v)
        allowed = 16 * torch.finfo(self.problem.real).eps * before.abs()
        for _ in range(40):
            new = self.prox(add(x, gradient, -step), step)
            move = new - x
            bound = before + inner_rows(gradient, move).double() + inner_rows(move, move).double() / (2 * step.double())
            good = self._value(new, self.operator.forward(new)) <= bound + allowed
            if bool(good.all()):
                break
            step = torch.where(good, step, step / 2)
        return Flowing(new, step)

    def estimate(self, state: Flowing) -> Tensor:
        return state.x

    def choices(self) -> list[Step]:
        why = "given" if self.given is not None else "1 / (curvature at the measured magnitudes times |A|^2)"
        return [Step(*describe("step", self.size, why + ("; then by backtracking" if self.search else "")))]


def _as_codomain(v: Tensor, operator: Operator) -> Tensor:
    return v if operator.codomain.field == "complex" else v.real.contiguous()


class Inversion:
    """K^+ v: by the diagonal of K^H K in a basis, else by a dense pseudo-inverse of it."""

    def __init__(self, operator: Operator, problem: Problem) -> None:
        self.operator = operator
        self.normal: Normal | None = None
        if operator.facts.gram is not None:
            self.normal = Normal([operator], operator.domain, problem.real, problem.device)
            self.inverse = self.normal.inverse([1.0])
        else:
            gram = matrix(operator, problem.real, split=False).to(torch.complex128)
            dense = torch.linalg.pinv((gram + gram.mH) / 2, hermitian=True, rtol=1e-12)
            self.dense = (dense if operator.domain.field == "complex" else dense.real).to(problem.zeros().dtype)

    def __call__(self, v: Tensor) -> Tensor:
        back = self.operator.adjoint(v)
        if self.normal is not None:
            return self.normal.divide(self.inverse, back)
        solved: Tensor = back.flatten(1) @ self.dense.mT
        return solved.reshape(back.shape)


class Projections(Algorithm[Tensor]):
    """x <- P_C(K^+ P_M(K x)), with P_M the projection onto the measured magnitudes."""

    def __init__(self, problem: Problem, name: str) -> None:
        self.name, self.problem = name, problem
        self.operator, self.term, _ = measured_by(problem)
        self.invert = Inversion(self.operator, problem)
        self.prox = prox_of([t for t in problem.terms if t.role != "data"])

    def _started(self, operator: Operator, invert: Inversion) -> Tensor:
        drawn = modulus(self.problem) * random_phases(self.problem)
        return invert(_as_codomain(drawn, operator))

    def init(self) -> Tensor:
        if self.problem.start is not None:
            return self.problem.initial()
        return self.prox(self._started(self.operator, self.invert), 1.0)

    def step(self, state: Tensor, knobs: Knobs) -> Tensor:
        nearest: Tensor = self.invert(self.term.projected(self.operator.forward(state)))
        return self.prox(nearest, 1.0)

    def estimate(self, state: Tensor) -> Tensor:
        return state


class HybridInputOutput(Algorithm[Tensor]):
    """g <- g' where g' = B^+ P_M(B g) is allowed, and g - beta g' elsewhere, for K = B P, P into a larger grid.

    Allowed are entries of the support, P P^H = 1, that the priors' projection leaves alone. Without P, all entries
    belong to the support. The last `polish` steps of `iterations` are error reduction.
    """

    name = "hio"

    def __init__(self, problem: Problem, beta: float, iterations: int, polish: int) -> None:
        self.problem, self.beta, self.last = problem, beta, iterations - polish
        self.operator, self.term, _ = measured_by(problem)
        self.outer, self.inner = split_margin(self.operator)
        self.invert = Inversion(self.outer, problem)
        self.prox = prox_of([t for t in problem.terms if t.role != "data"])
        ones = torch.ones_like(problem.zeros()[:1])
        self.support = (ones if self.inner is None else self.inner.forward(ones)).abs() > 0.5

    def _placed(self, x: Tensor) -> Tensor:
        return x if self.inner is None else self.inner.forward(x)

    def _cut(self, g: Tensor) -> Tensor:
        return g if self.inner is None else self.inner.adjoint(g)

    def _allowed(self, g: Tensor) -> Tensor:
        """P_C of the part of g on the support."""
        return self.prox(self._cut(g).clone(), 1.0)

    def init(self) -> Tensor:
        if self.problem.start is not None:
            return self._placed(self.problem.initial())
        drawn = modulus(self.problem) * random_phases(self.problem)
        return self.invert(_as_codomain(drawn, self.outer))

    def knobs(self, iteration: int) -> Knobs:
        return {"beta": self.beta if iteration <= self.last else 0.0}

    def step(self, state: Tensor, knobs: Knobs) -> Tensor:
        seen = self.invert(self.term.projected(self.outer.forward(state)))
        kept = self._placed(self._allowed(seen))
        beta = float(knobs["beta"])
        if beta == 0:
            return kept
        return torch.where(self.support & (kept == seen), seen, state - beta * seen)

    def estimate(self, state: Tensor) -> Tensor:
        return self._allowed(state)

    def choices(self) -> list[Step]:
        return []


def split_margin(operator: Operator) -> tuple[Operator, Operator | None]:
    """B and P of K = B P, where the innermost operator P puts its argument into a larger grid; else K and None."""
    if not isinstance(operator, Composition):
        return operator, None
    *outer, inner = operator._chain()
    if inner.facts.gram != identity() or inner.facts.cogram != Diagonal("pixel"):
        return operator, None
    if len(outer) == 1:
        return outer[0], inner
    from recon.dsl.model import facts as fact

    total = outer[-1].facts
    for o in reversed(outer[:-1]):
        total = fact.compose(o.facts, total)
    out = Composition(outer, total)
    out.precision = operator.precision
    return out, inner


def _given(number: float | str) -> float | None:
    """The number that the page gives; None for a word in its place."""
    return None if isinstance(number, str) else number


@meaning_of(words.Spectral)
def spectral(word: words.Spectral, problem: Problem) -> Direct:
    """The leading eigenvector, scaled."""
    return SpectralImage(problem, word.iterations)


@meaning_of(words.AmplitudeFlow)
def amplitude_flow(word: words.AmplitudeFlow, problem: Problem) -> Algorithm[Any]:
    """Truncated gradient steps on amplitudes."""
    return Flow(problem, "amplitude_flow", _given(word.step), truncate=_given(word.truncate))


@meaning_of(words.WirtingerFlow)
def wirtinger_flow(word: words.WirtingerFlow, problem: Problem) -> Algorithm[Any]:
    """Gradient steps with backtracking."""
    return Flow(problem, "wirtinger_flow", _given(word.step), search=word.step == "auto")


@meaning_of(words.AlternatingProjections)
def alternating_projections(word: words.AlternatingProjections, problem: Problem) -> Algorithm[Any]:
    """Gerchberg and Saxton's projections."""
    return Projections(problem, "alternating_projections")


@meaning_of(words.ErrorReduction)
def error_reduction(word: words.ErrorReduction, problem: Problem) -> Algorithm[Any]:
    """Fienup's error reduction: the same projections."""
    return Projections(problem, "error_reduction")


@meaning_of(words.Hio)
def hio(word: words.Hio, problem: Problem) -> Algorithm[Any]:
    """Fienup's hybrid input-output."""
    return HybridInputOutput(problem, word.beta, word.iterations, word.polish)
