"""Filtered back-projection and its relatives: line integrals to an image in one pass."""

from __future__ import annotations

from torch import Tensor

from ..operators.base import Composition, Operator, ScaledOperator
from ..operators.tomography import RayOperator
from ..problem import Problem, Term
from ..tomography import ConeBeam, FanBeam, FilterName, ParallelBeam, filtered_backprojection
from ..tomography.divergent import cone_backprojection, fan_backprojection
from .base import Step
from .direct import measurement


class FilteredBackprojection:
    """Filtered back-projection of the line integrals; of photon counts, of minus their logarithm.

    Of a cone beam it is the method of Feldkamp, Davis and Kress. What the projector A acts on in A B x is found by
    the adjoint of B.
    """

    def __init__(self, problem: Problem, name: str, filter: FilterName) -> None:
        """Raises ValueError where the data term does not measure line integrals."""
        operator, self.y = measurement(problem)
        self.name = name
        self.filter: FilterName = filter
        self.factor, self.projector, self.inner = _unwrap(operator, problem.data[0], name)

    def solve(self) -> Tensor:
        x = _reconstructed(self.y / self.factor, self.projector.beam, self.filter)
        for operator in self.inner:
            x = operator.adjoint(x)
        return x.clone()

    def choices(self) -> list[Step]:
        return []


def _reconstructed(y: Tensor, beam: ParallelBeam | FanBeam | ConeBeam, filter: FilterName) -> Tensor:
    match beam:
        case ParallelBeam():
            return filtered_backprojection(y, beam, filter)
        case FanBeam():
            return fan_backprojection(y, beam, filter)
        case ConeBeam():
            return cone_backprojection(y, beam, filter)


def _unwrap(operator: Operator, term: Term, name: str) -> tuple[float, RayOperator, list[Operator]]:
    """c, the projector A and what stands further in, of K = c A B ..."""
    factor = 1.0
    inner: list[Operator] = []
    while not isinstance(operator, RayOperator):
        if isinstance(operator, ScaledOperator):
            factor, operator = factor * operator.factor, operator.of
        elif isinstance(operator, Composition):
            chain = operator._chain()
            operator, inner = chain[0], chain[1:] + inner
        else:
            raise ValueError(f"`{name}` needs line integrals, and `{term.label}` measures something else")
    return factor, operator, inner
