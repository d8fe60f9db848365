"""Reconstruction by a network."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from ...model.fields import Field
from ...model.networks import FittedNetwork, Learned
from ...model.problem import Problem
from ...model.solver import Misfit, Solver
from ...model.word import Network
from .direct import AdjointSolver
from .needs import has_data


class NetworkSolver(Solver):
    """A network turns a rough reconstruction into the answer: end-to-end reconstruction.

    It is given the adjoint image A^H y, or what another solver makes of the measurement, and where it is conditional
    the noise level of the noise line too. Complex images are given as real and imaginary part. What is `learned` are
    networks of images; one with weights takes volumes slice by slice, and sequences frame by frame.
    """

    word: ClassVar[str] = "network"
    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = f_\theta(A^H y)"
    reference: ClassVar[str] = "Heckel 2024, 6.1.1, Fig. 6.1"
    example: ClassVar[str] = "solver network(learned(dncnn()))"

    network: FittedNetwork = Field(description="the network: `learned(N)`, or a name of `weights`")
    input: Solver = Field(AdjointSolver(), description="the solver whose result it is given")  # type: ignore[call-arg]

    @field_validator("network")
    @classmethod
    def _of_images(cls, network: Network) -> Network:
        if isinstance(network, Learned) and not network.network.restores:
            raise ValueError(f"`{network.network.word}` makes images of its weights, and not of other images")
        return network

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word) or self.input.misfit(problem)
        if bad is not None:
            return bad
        for name, space in problem.unknowns.items():
            names = tuple(a.name for a in space.axes)
            if isinstance(self.network, Learned) and names not in (("row", "col"), ("channel", "row", "col")):
                return Misfit(None, f"`network` makes images, and `{name}` is {space}", "declare it as an `image`")
        if len(problem.unknowns) > 1:
            return Misfit(None, "`network` makes one image, and the page has several unknowns")
        return None
