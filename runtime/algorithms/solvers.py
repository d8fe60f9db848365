"""The meaning of solver words: (word, problem) -> an algorithm for the loop, or a direct solver."""

from __future__ import annotations

from functools import partial
from typing import Any

from recon.dsl.model.solver import Plugged
from recon.dsl.vocabulary import solvers as words
from recon.dsl.vocabulary.schedules import Geometric

from ..meaning import meaning, meaning_of
from ..problem import Problem
from .accelerated import Accelerated
from .adaptive import AdaGrad, Adam
from .admm import Admm
from .base import Algorithm, Direct
from .certified import CertifiedPursuit, as_basis_pursuit
from .cg import ConjugateGradients
from .chambolle_pock import AcceleratedPdhg
from .condat_vu import BalancedPdhg
from .direct import AdjointImage, ClosedFormImage, PseudoInverseImage
from .filtered import FilteredBackprojection
from .gradient import HeavyBall, ProximalGradient
from .half_quadratic import START, STOP, HalfQuadratic, curvature_of
from .interpolate import InterpolatedImage
from .lsqr import Lsqr
from .plugged import PlugAndPlay, PluggedHqs, PluggedPdhg, RedFixedPoint, law_of, penalty, plugged
from .primal_dual import roles
from .rows import times
from .schedules import Numbers, numbers


def _given(number: float | str) -> float | None:
    """The number that the page gives; None for `auto`."""
    return None if isinstance(number, str) else number


def strengths(word: Plugged) -> Numbers:
    """The strength of a denoiser in each iteration. Raises ValueError where the word says none."""
    if word.sigma is None:
        raise ValueError(f"`{word.word}` does not say how strong the denoiser is: it needs a `sigma`")
    return numbers(word.sigma, getattr(word, "iterations", 1))


def playing(algorithm: Algorithm[Any], word: Plugged, problem: Problem) -> Algorithm[Any]:
    """The algorithm with the strengths of its denoiser; itself where there is none."""
    term = plugged(problem)
    if term is None:
        return algorithm
    return PlugAndPlay(algorithm, term, strengths(word), getattr(word, "iterations", 1))


@meaning_of(words.AdjointSolver)
def adjoint(word: words.AdjointSolver, problem: Problem) -> Direct:
    """A^H y, or A^H W y."""
    return AdjointImage(problem, None if word.density is None else partial(meaning(word.density), word.density))


@meaning_of(words.PseudoInverse)
def pseudo_inverse(word: words.PseudoInverse, problem: Problem) -> Direct:
    """A^+ y."""
    return PseudoInverseImage(problem, word.iterations, word.tolerance)


@meaning_of(words.ClosedForm)
def closed_form(word: words.ClosedForm, problem: Problem) -> Direct:
    """The solution of the normal equations, by division or a dense factorisation."""
    return ClosedFormImage(problem)


@meaning_of(words.Interpolate)
def interpolate(word: words.Interpolate, problem: Problem) -> Direct:
    """The measured pixels on the unknown's grid."""
    return InterpolatedImage(problem, word.kind)


@meaning_of(words.Fbp)
def fbp(word: words.Fbp, problem: Problem) -> Direct:
    """Filtered back-projection."""
    return FilteredBackprojection(problem, "fbp", word.filter)


@meaning_of(words.Fdk)
def fdk(word: words.Fdk, problem: Problem) -> Direct:
    """The method of Feldkamp, Davis and Kress."""
    return FilteredBackprojection(problem, "fdk", word.filter)


@meaning_of(words.Cg)
def cg(word: words.Cg, problem: Problem) -> Algorithm[Any]:
    """Conjugate gradients on the normal equations."""
    return ConjugateGradients(problem)


@meaning_of(words.Lsqr)
def lsqr(word: words.Lsqr, problem: Problem) -> Algorithm[Any]:
    """LSQR on the weighted equations side by side."""
    return Lsqr(problem)


@meaning_of(words.Gradient)
def gradient(word: words.Gradient, problem: Problem) -> Algorithm[Any]:
    """Gradient descent."""
    algorithm = ProximalGradient(problem, "gradient", _given(word.step), word.momentum, word.step == "backtracking")
    return playing(algorithm, word, problem)


@meaning_of(words.HeavyBall)
def heavy_ball(word: words.HeavyBall, problem: Problem) -> Algorithm[Any]:
    """Gradient descent with the momentum that is best for a quadratic."""
    return HeavyBall(problem, word.iterations, _given(word.step), _given(word.momentum))


@meaning_of(words.AdaGrad)
def adagrad(word: words.AdaGrad, problem: Problem) -> Algorithm[Any]:
    """AdaGrad."""
    return AdaGrad(problem, word.lr)


@meaning_of(words.Adam)
def adam(word: words.Adam, problem: Problem) -> Algorithm[Any]:
    """Adam."""
    return Adam(problem, word.lr, word.momentum, word.decay)


@meaning_of(words.Nesterov)
def nesterov(word: words.Nesterov, problem: Problem) -> Algorithm[Any]:
    """Accelerated gradient descent, without restart."""
    return Accelerated(problem, "nesterov", _given(word.step), restart=False)


@meaning_of(words.Ista)
def ista(word: words.Ista, problem: Problem) -> Algorithm[Any]:
    """Proximal gradient steps."""
    algorithm = ProximalGradient(problem, "ista", _given(word.step), search=word.step == "backtracking")
    return playing(algorithm, word, problem)


@meaning_of(words.ProjectedGradient)
def projected_gradient(word: words.ProjectedGradient, problem: Problem) -> Algorithm[Any]:
    """Proximal gradient steps, whose proximal maps are projections."""
    return ProximalGradient(problem, "projected_gradient", _given(word.step), search=word.step == "backtracking")


@meaning_of(words.Fista)
def fista(word: words.Fista, problem: Problem) -> Algorithm[Any]:
    """Accelerated proximal gradient steps."""
    restart, search = word.restart == "adaptive", word.step == "backtracking"
    return playing(Accelerated(problem, "fista", _given(word.step), restart, search), word, problem)


@meaning_of(words.Admm)
def admm(word: words.Admm, problem: Problem) -> Algorithm[Any]:
    """The alternating direction method."""
    term = plugged(problem)
    if term is not None:
        law = law_of(term) is not None
        rho = penalty(term, strengths(word)) if law else _given(word.rho)
        return playing(Admm(problem, rho), word, problem)
    algorithm = Admm(problem, _given(word.rho))
    pursuit = as_basis_pursuit(problem)
    if pursuit is None or algorithm.within is None:
        return algorithm
    return CertifiedPursuit(algorithm, pursuit, lambda s: (s.z[0], times(s.rho, s.u[0])))


@meaning_of(words.Hqs)
def hqs(word: words.Hqs, problem: Problem) -> Algorithm[Any]:
    """Half-quadratic splitting."""
    term = plugged(problem)
    if term is not None:
        return playing(PluggedHqs(problem, term, penalty(term, strengths(word)), word.iterations), word, problem)
    if not isinstance(word.rho, str):
        return HalfQuadratic(
            problem, numbers(word.rho, word.iterations), word.iterations, 1.0, "given, in the first iteration"
        )
    grows = Geometric(start=START, stop=STOP, count=word.iterations)
    why = f"grows from {START:g} to {STOP:g} times the largest curvature of the quadratic terms"
    return HalfQuadratic(problem, numbers(grows, word.iterations), word.iterations, curvature_of(problem), why)


@meaning_of(words.Pdhg)
def pdhg(word: words.Pdhg, problem: Problem) -> Algorithm[Any]:
    """Primal-dual steps, accelerated where a primal term is strongly convex."""
    term = plugged(problem)
    if term is not None:
        return playing(PluggedPdhg(problem, term, penalty(term, strengths(word))), word, problem)
    parts = roles(problem)
    if parts.accelerated:
        return AcceleratedPdhg(problem, parts)
    algorithm, pursuit = BalancedPdhg(problem, parts), as_basis_pursuit(problem)
    return algorithm if pursuit is None else CertifiedPursuit(algorithm, pursuit, lambda s: (s.x, -s.slope))


@meaning_of(words.FixedPoint)
def fixed_point(word: words.FixedPoint, problem: Problem) -> Algorithm[Any]:
    """The fixed-point method of regularisation by denoising."""
    term = plugged(problem)
    assert term is not None
    return playing(RedFixedPoint(problem, term), word, problem)
