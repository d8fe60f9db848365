"""What analyses look at."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from recon.dsl.check.analyses import placed_on_first
from recon.dsl.check.formulate import Checked
from recon.dsl.model.solver import Solver
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
        return build_operator(placed_on_first(term, self.checked), self.double)

    @property
    def double(self) -> Build:
        """What it is built for, in double precision."""
        return _double(self.build)


def _double(build: Build) -> Build:
    def widened(x: Tensor) -> Tensor:
        wide = torch.complex128 if x.is_complex() else torch.float64
        return x.to(wide) if x.is_complex() or x.is_floating_point() else x

    values = {k: replace(v, data=widened(v.data)) for k, v in build.values.items()}
    return replace(build, real=torch.float64, values=values)
