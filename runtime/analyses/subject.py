"""What analyses look at."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.model.place import Placed, place_towards
from recon.dsl.model.solver import Solver
from recon.dsl.model.space import SpaceError
from recon.dsl.model.terms import OperatorTerm
from torch import Tensor

from ..build import Build, build_operator

if TYPE_CHECKING:
    from ..experiment.rows import Batch
    from ..operators.base import Operator


@dataclass(frozen=True)
class Subject:
    """What is analysed: a method with its solver and estimates, what makes its data, and the rows at hand."""

    checked: Checked
    maker: Checked
    solver: Solver
    data: str
    batch: Batch
    build: Build
    estimates: dict[str, Tensor] = field(default_factory=dict)

    def operator(self, term: OperatorTerm) -> Operator:
        """The operator that a term means, in double precision: small singular values are lost in single precision.

        Raises SpaceError where the term fits no unknown.
        """
        return build_operator(placed(term, self.checked), self.double)

    @property
    def double(self) -> Build:
        """What it is built for, in double precision."""
        return _double(self.build)


def placed(term: OperatorTerm, checked: Checked) -> Placed:
    """A term on the first unknown that it fits, or on what an adjoint that it begins with makes of one.

    Raises SpaceError where it fits none: what is wrong with the first.
    """
    first: SpaceError | None = None
    for space in checked.problem.unknowns.values():
        try:
            return place_towards(term, space)
        except SpaceError as e:
            first = first or e
    raise first or SpaceError("there is no unknown")


def _double(build: Build) -> Build:
    def widened(x: Tensor) -> Tensor:
        wide = torch.complex128 if x.is_complex() else torch.float64
        return x.to(wide) if x.is_complex() or x.is_floating_point() else x

    values = {k: replace(v, data=widened(v.data)) for k, v in build.values.items()}
    return replace(build, real=torch.float64, values=values)
