"""Jacobians as matrices that are never formed, of networks in their weights and of values in an unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Unknown, ValueTerm, unknowns_in
from recon.dsl.vocabulary import networks as words
from recon.zoo.generators import ConvGenerator
from torch import Tensor

from ..build import Build, Quantified
from ..meaning import meaning, meaning_of
from ..values import EvaluationError, evaluate
from .subject import Subject


class JacobianMatrix:
    """The Jacobian J of a function at a point, as a real matrix.

    function: rows of arguments [k, columns] to rows of values [k, rows], each row on its own, differentiable twice.
    J^T u is one backward pass. J v is the derivative of J^T u in u, which is linear in u: a backward pass of that one.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], at: Tensor) -> None:
        self.function, self.at = function, at.detach()
        self.dtype, self.device = at.dtype, at.device
        with torch.no_grad():
            self.rows, self.columns = function(self.at[None]).shape[1], len(at)

    def _along(self, count: int) -> tuple[Tensor, Tensor]:
        x = self.at.expand(count, -1).clone().requires_grad_()
        return x, self.function(x)

    def times(self, v: Tensor) -> Tensor:
        """J v for each row v of a block: [k, columns] -> [k, rows]."""
        with torch.enable_grad():
            x, y = self._along(len(v))
            u = torch.zeros_like(y, requires_grad=True)
            (back,) = torch.autograd.grad(y, x, u, create_graph=True)
            (out,) = torch.autograd.grad(back, u, v)
        return out

    def adjoint(self, u: Tensor) -> Tensor:
        """J^T u for each row u of a block: [k, rows] -> [k, columns]."""
        with torch.enable_grad():
            x, y = self._along(len(u))
            (out,) = torch.autograd.grad(y, x, u)
        return out


@dataclass(frozen=True)
class Generated:
    """A network as a function of its weights in rows, at their start, with the spectrum that theory expects of it.

    sizes: extents of its output. expected: singular values of its Jacobian at each frequency, where that is known.
    """

    function: Callable[[Tensor], Tensor]
    at: Tensor
    sizes: tuple[int, ...]
    expected: Tensor | None = None


@meaning_of(words.ConvGenerator)
def conv_generator(word: words.ConvGenerator, space: Space, build: Build) -> Generated:
    """The generator of `recon.zoo.generators` onto the axes of a space. Raises ValueError for kernels that do not fit.

    A stack of kernels is none that a generator has.
    """
    if word.kernel.stack(len(space.sizes)) is not None or word.kernel.complex_valued:
        raise ValueError("a generator has one real kernel")
    kernel = meaning(word.kernel)(word.kernel, len(space.sizes), build, "network/conv_generator")
    network = ConvGenerator(kernel, space.sizes, word.channels, build.seed_for(word.seed, "network/conv_generator"))

    def function(rows: Tensor) -> Tensor:
        return network(rows.reshape(len(rows), *network.weights.shape)).flatten(1)  # type: ignore[no-any-return]

    return Generated(function, network.weights.detach().flatten(), space.sizes, network.expected_spectrum())


def jacobian_of_value(term: ValueTerm, subject: Subject, build: Build) -> JacobianMatrix:
    """The Jacobian of a value in the unknown that it depends on, at the estimate of the first row.

    Raises EvaluationError where it depends on none or on several, or cannot be computed.
    """
    names = unknowns_in(term)
    if len(names) != 1 or names[0] not in subject.estimates:
        raise EvaluationError("a Jacobian is the derivative of a value that depends on one unknown")
    name = names[0]
    space = subject.checked.problem.unknowns[name]
    start = subject.estimates[name][0].clone()

    def function(rows: Tensor) -> Tensor:
        x = torch.complex(*rows.chunk(2, 1)) if space.field == "complex" else rows
        x = x.reshape(len(rows), *start.shape)

        def lookup(found: object) -> Quantified:
            if isinstance(found, Unknown):
                return Quantified(x, space.unit.dimension)
            named = getattr(found, "name", "")
            if named in build.values:
                return build.values[named]
            raise EvaluationError(f"`{named}` is not at hand here")

        return _real(evaluate(term, lookup, space, build).data)

    return JacobianMatrix(function, _real(start[None].to(build.complex if start.is_complex() else build.real))[0])


def _real(x: Tensor) -> Tensor:
    x = x.flatten(1)
    return torch.cat([x.real, x.imag], 1) if x.is_complex() else x
