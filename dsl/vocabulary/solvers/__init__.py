"""Solvers: algorithms, and what each needs of the problem's terms."""

from .descent import AdaGrad, Adam, Cg, Gradient, HeavyBall, Lsqr, Nesterov
from .direct import AdjointSolver, ClosedForm, Fbp, Fdk, Interpolate, PseudoInverse
from .splitting import Admm, Fista, FixedPoint, Hqs, Ista, Pdhg, ProjectedGradient

__all__ = [
    "AdaGrad",
    "Adam",
    "AdjointSolver",
    "Admm",
    "Cg",
    "ClosedForm",
    "Fbp",
    "Fdk",
    "Fista",
    "FixedPoint",
    "Gradient",
    "HeavyBall",
    "Hqs",
    "Interpolate",
    "Ista",
    "Lsqr",
    "Nesterov",
    "Pdhg",
    "ProjectedGradient",
    "PseudoInverse",
]
