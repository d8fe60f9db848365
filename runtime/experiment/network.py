"""Reconstruction by a network."""

from __future__ import annotations

import torch
from recon.dsl.vocabulary.solvers.network import NetworkSolver
from recon.zoo.adapt import Adapted
from torch import Tensor

from ..algorithms.base import Step
from ..functionals.quadratic import HalfSquare
from ..meaning import meaning_of
from ..networks import network_of
from ..problem import Problem
from .solve import solve_word


class NetworkImage:
    """f(A^H y), or f of what another solver finds; a conditional network is told the level of the noise line.

    Heckel 2024, 6.1.1.
    """

    name = "network"

    def __init__(self, word: NetworkSolver, problem: Problem, network: Adapted) -> None:
        self.word, self.problem, self.network = word, problem, network

    def solve(self) -> Tensor:
        rough = solve_word(self.word.input, self.problem, certify=False).estimate
        return self.network(rough, self.level() if self.network.conditional else None)

    def level(self) -> Tensor:
        """The standard deviation of the noise, [rows]. Raises ValueError where the data term has none."""
        for term in self.problem.data:
            if isinstance(term.functional, HalfSquare):
                level = torch.as_tensor(term.functional.weight, dtype=torch.float32) ** -0.5
                return level.expand(self.problem.rows)
        raise ValueError("this network is told the noise level, and the noise line is not Gaussian")

    def choices(self) -> list[Step]:
        return [Step("parameters", float(sum(p.numel() for p in self.network.network.parameters())), "of the network")]


@meaning_of(NetworkSolver)
def network(word: NetworkSolver, problem: Problem) -> NetworkImage:
    p = problem
    return NetworkImage(word, p, network_of(word.network, p.space, device=p.device, ends=p.ends, half=p.half))
