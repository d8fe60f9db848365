"""Solvers that read the answer off the measurement."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..functionals.base import Scalar
from ..functionals.data import DataTerm
from ..operators.base import AdjointOperator, Composition, Operator, ScaledOperator
from ..operators.nufft import NufftOperator, Points
from ..problem import Problem
from .base import Step
from .lsqr import lsqr
from .normal import Normal, matrix
from .smooth import Smooth


def measurement(problem: Problem) -> tuple[Operator, Tensor]:
    """K and y of the first data term, with y the linearised data. Raises ValueError without a data term."""
    if not problem.data:
        raise ValueError("a direct solver needs a noise line")
    term = problem.data[0]
    functional = term.functional
    if not isinstance(functional, DataTerm):
        raise ValueError(f"`{term.label}` has no data to start from")
    y = functional.linearise()
    return term.operator, y.expand(problem.rows, *y.shape[1:])


class AdjointImage:
    """A^H y; or, for samples along a trajectory, A^H W y / c^2 with the factor c in front of A.

    W holds the area of k-space that each sample stands for, in steps of the grid of frequencies, so that A^H W A is
    about the identity: gridding.
    """

    name = "adjoint"

    def __init__(self, problem: Problem, density: Callable[[Points, tuple[int, ...]], Points] | None = None) -> None:
        """Raises ValueError where there is a density and no trajectory that it can weigh."""
        self.operator, self.y = measurement(problem)
        if density is not None:
            factor, transform = _non_uniform(self.operator)
            weights = torch.from_numpy(transform.weights(density) / factor**2)
            self.y = self.y * weights.to(device=self.y.device, dtype=problem.real)

    def solve(self) -> Tensor:
        return self.operator.adjoint(self.y).clone()

    def choices(self) -> list[Step]:
        return []


def _non_uniform(operator: Operator) -> tuple[float, NufftOperator]:
    """c and the transform A of an operator c A B ..."""
    factor = 1.0
    while not isinstance(operator, NufftOperator):
        if isinstance(operator, ScaledOperator):
            factor, operator = factor * operator.factor, operator.of
        elif isinstance(operator, Composition):
            operator = operator._chain()[0]
        else:
            raise ValueError("`density` weighs the samples of `nufft`, which must stand first in the forward model")
    return factor, operator


class PseudoInverseImage:
    """A^+ y, the least-squares solution of least norm.

    Where A^H A is diagonal in a basis, A^+ = (A^H A)^+ A^H; where A A^H is, A^+ = A^H (A A^H)^+; with the diagonal's
    entries below 10 eps times the largest counted as zero. Else by LSQR, to the relative residual `tolerance` of the
    normal equations.
    """

    name = "pseudo_inverse"

    def __init__(self, problem: Problem, iterations: int, tolerance: float) -> None:
        self.operator, self.y = measurement(problem)
        self.iterations, self.tolerance = iterations, tolerance
        real, device = problem.real, problem.device
        transposed = AdjointOperator(self.operator)
        self.gram = self.cogram = None
        if self.operator.facts.gram is not None:
            self.gram = Normal([self.operator], self.operator.domain, real, device)
        elif transposed.facts.gram is not None:
            self.cogram = Normal([transposed], transposed.domain, real, device)

    def solve(self) -> Tensor:
        if self.gram is not None:
            return self.gram.divide(self.gram.inverse([1.0]), self.operator.adjoint(self.y))
        if self.cogram is not None:
            return self.operator.adjoint(self.cogram.divide(self.cogram.inverse([1.0]), self.y)).clone()
        return lsqr(self.operator, self.y, self.iterations, self.tolerance)[0]

    def choices(self) -> list[Step]:
        if self.gram is not None or self.cogram is not None:
            which = "A^H A" if self.gram is not None else "A A^H"
            return [Step("cutoff", 10 * torch.finfo(self.operator.precision).eps, f"of the eigenvalues of {which}")]
        return [Step("tolerance", self.tolerance, "relative residual of the normal equations, by LSQR")]


class ClosedFormImage:
    """The minimiser of a quadratic problem: N^+ sum_j w_j K_j^H b_j, of least norm where there are many.

    By division in the basis in which N is diagonal, else by a dense factorisation of N, whose eigenvalues below
    n eps times the largest count as zero.
    """

    name = "closed_form"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.smooth = Smooth(problem, problem.terms)
        self.operators = [t.operator for t in problem.terms]
        self.normal = Normal(self.operators, problem.space, problem.real, problem.device)

    def solve(self) -> Tensor:
        if self.normal.basis is not None:
            return self.normal.divide(self.normal.inverse(self.smooth.weights), self.smooth.rhs)
        return self._dense()

    def _dense(self) -> Tensor:
        problem, rhs = self.problem, self.smooth.rhs
        split = rhs.is_complex() and any(k.facts.linear == "real" for k in self.operators)
        grams = [matrix(k, problem.real, split) for k in self.operators]
        flat = torch.view_as_real(rhs).flatten(1) if split else rhs.flatten(1)
        rows: list[Tensor] = []
        shared = not any(isinstance(w, Tensor) and w.numel() > 1 for w in self.smooth.weights)
        for i in range(1 if shared else problem.rows):
            part = flat if shared else flat[i : i + 1]
            weights = [_of_row(w, i) for w in self.smooth.weights]
            n = sum((w * g for w, g in zip(weights[1:], grams[1:], strict=True)), weights[0] * grams[0])
            rows.append(_solved(n, part))
        x = torch.cat(rows)
        if split:
            return torch.view_as_complex(x.reshape(*rhs.shape, 2).contiguous())
        return x.reshape(rhs.shape)

    def choices(self) -> list[Step]:
        joint = self.normal.diagonal
        if joint is not None:
            return [Step("cutoff", 10 * torch.finfo(self.problem.real).eps, f"diagonal in {joint.basis}")]
        return [Step("unknowns", float(self.problem.zeros()[0].numel()), "dense factorisation of the normal matrix")]


def _of_row(w: Scalar, i: int) -> float:
    return float(w[min(i, w.numel() - 1)] if isinstance(w, Tensor) and w.ndim else w)


def _solved(n: Tensor, rhs: Tensor) -> Tensor:
    """N^+ applied to each row of rhs [rows, n]."""
    n = (n + n.mH) / 2
    factor, failed = torch.linalg.cholesky_ex(n)
    diagonal = factor.diagonal().real
    eps = torch.finfo(diagonal.dtype).eps
    if not bool(failed) and float(diagonal.min()) ** 2 > 100 * n.shape[0] * eps * float(diagonal.max()) ** 2:
        found: Tensor = torch.cholesky_solve(rhs.mT, factor)
        return found.mT
    values, vectors = torch.linalg.eigh(n)
    inverse = torch.where(values > n.shape[0] * eps * values.max(), 1 / values, 0)
    solution: Tensor = ((rhs @ vectors.conj()) * inverse) @ vectors.mT
    return solution
