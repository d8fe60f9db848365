"""The problem that an algorithm sees: minimise the sum of g_j(K_j x)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from recon.dsl.model.space import Space
from torch import Tensor

from .functionals.base import Functional
from .operators.base import IdentityOperator, Operator, dtype_of


@dataclass
class Term:
    """g(K x). `role` is "data" or "prior", `label` the term as the page writes it."""

    functional: Functional
    operator: Operator
    role: str = "prior"
    label: str = ""

    @property
    def plain(self) -> bool:
        """Whether K is the identity."""
        return isinstance(self.operator, IdentityOperator)

    @cached_property
    def back(self) -> Tensor | None:
        """K^H y of a data term with the target y, computed once for all who ask; None where there is no target."""
        target = getattr(self.functional, "target", None)
        return None if target is None else self.operator.adjoint(target)

    def value(self, x: Tensor) -> Tensor:
        """g(K x), of shape [rows]."""
        return self.functional.value_through(self.operator, x)

    def grad(self, x: Tensor) -> Tensor:
        """D^H grad g(K x), with D the derivative of K at x: K itself where it is linear."""
        return self.operator.pullback(x, self.functional.grad(self.operator.forward(x)))


@dataclass
class Problem:
    """All terms, on one space of unknowns and for a batch of rows.

    Several unknowns of a page stand side by side in one flat vector here; operators cut their part out of it.
    `start` is where an algorithm begins when nothing else is said: zero, or what the page's `init` gives. Algorithms
    that start at random draw from `seed`, anew for each `draw`. `half`: whether networks compute in bfloat16. `ends`:
    the range of values that the page declares of its one unknown.
    """

    space: Space
    terms: list[Term]
    rows: int
    real: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    start: Tensor | None = None
    seed: int = 0
    draw: int = 0
    half: bool = False
    ends: tuple[float, float] | None = None

    def zeros(self) -> Tensor:
        """The zero of the unknown's space, one for each row."""
        return torch.zeros((self.rows, *self.space.sizes), dtype=dtype_of(self.space, self.real), device=self.device)

    def initial(self) -> Tensor:
        """The starting point; always a fresh tensor."""
        return self.zeros() if self.start is None else self.start.clone()

    def objective(self, x: Tensor) -> Tensor:
        """The sum of all terms at x that have values, of shape [rows], in nats."""
        total = torch.zeros(self.rows, dtype=torch.float64, device=x.device)
        for term in self.terms:
            if term.functional.valued:
                total = total + term.value(x)
        return total

    @property
    def valued(self) -> bool:
        """Whether there is an objective: every term has a value."""
        return all(t.functional.valued for t in self.terms)

    @property
    def data(self) -> list[Term]:
        return [t for t in self.terms if t.role == "data"]
