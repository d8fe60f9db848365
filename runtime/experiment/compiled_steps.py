"""Steps that go through torch.compile, where that pays and agrees with the step itself.

A step is compiled whole or not at all. It is not where it computes with complex numbers (Inductor generates no code for
them), where it hands memory to kernels that are compiled already, where its course depends on its numbers, or where
torch.compile refuses it. The reason is told, and the step runs as it is.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..algorithms.base import Algorithm, Knobs, Step
from ..problem import Problem, Term

WARM_UP = 3
"""Steps on a state of their own, before the iteration begins: in the second one torch.compile finds out which numbers
change, and makes variables of them."""
COMPLEX = "it computes with complex numbers, for which Inductor has no code"
NATIVE = "it runs kernels that are compiled already"
BRANCHES = "its course depends on the numbers that it computes"


class CompiledSteps(Algorithm[Any]):
    """An algorithm whose steps are compiled; everything else is its own.

    torch.compile gives up after eight versions of one function; from then on, too, the step runs as it is.
    """

    def __init__(self, of: Algorithm[Any], problem: Problem) -> None:
        self.name, self.of, self.problem = of.name, of, problem
        self.every, self.passes = of.every, of.passes
        self.seconds = 0.0
        self._step: Callable[[Any, Knobs], Any] | None = None
        with torch.no_grad():
            self.why = obstacle(of)
            if not self.why:
                self._step = torch.compile(of.step, fullgraph=True)
                self._warm_up()

    def _warm_up(self) -> None:
        begin = time.perf_counter()
        state = self.init()
        for k in range(1, WARM_UP + 1):
            state = self.step(state, self.of.knobs(k))
        self.seconds = time.perf_counter() - begin

    def init(self) -> Any:
        return self.of.init() if self._step is None else _first(self.of)

    def step(self, state: Any, knobs: Knobs) -> Any:
        if self._step is None or not self.of.steady(state):
            return self.of.step(state, knobs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch.compile warns of what it looks through, such as caches
                return self._step(state, knobs)
        except Exception as error:
            if not _given_up(error):
                raise
            self._step = None
            self.why = f"torch.compile refuses it: {str(error).strip().splitlines()[0]}"
            return self.of.step(state, knobs)

    def report(self) -> Step:
        """What became of the step: the seconds that its compilation took, or why it runs as it is."""
        if self.why:
            return Step("compile", 0.0, f"the step is not compiled: {self.why}")
        return Step("compile", self.seconds, "seconds that the compilation of the step took")

    def estimate(self, state: Any) -> Tensor:
        return self.of.estimate(state)

    def knobs(self, iteration: int) -> Knobs:
        return self.of.knobs(iteration)

    def choices(self) -> list[Step]:
        return self.of.choices()

    def residual(self, state: Any) -> Tensor | None:
        return self.of.residual(state)

    def duals(self, state: Any) -> list[tuple[Term, Tensor]]:
        return self.of.duals(state)

    def resume(self, last: Any) -> Any:
        return self.of.resume(last)

    def proven(self, state: Any) -> Tensor | None:
        return self.of.proven(state)

    def companions(self, state: Any) -> list[Tensor]:
        return self.of.companions(state)


def _given_up(error: Exception) -> bool:
    """Whether torch.compile says that it does not go on, which it does before the step has written anything."""
    from torch._dynamo import exc  # loaded by torch.compile

    return isinstance(error, (exc.TorchDynamoException, exc.FailOnRecompileLimitHit))


def _first(algorithm: Algorithm[Any]) -> Any:
    """The first state, with its plain numbers as tensors of one number a row, which torch.compile takes as inputs
    rather than as parts of the program."""
    state = algorithm.init()
    like = algorithm.estimate(state)
    numbers = {
        f.name: torch.full((len(like),), value, dtype=torch.float64, device=like.device)
        for f in dataclasses.fields(state)
        if isinstance(value := getattr(state, f.name), float)
    }
    return dataclasses.replace(state, **numbers)


def obstacle(algorithm: Algorithm[Any]) -> str:
    """Why the algorithm's step is not to be compiled, by watching its first one; "" where nothing is in the way."""
    state, watcher = _first(algorithm), _Watcher()
    with watcher:
        algorithm.estimate(algorithm.step(state, algorithm.knobs(1)))  # a step may wait until its result is asked for
    return watcher.found


class _Watcher(TorchFunctionMode):
    """Looks at all that is called on tensors for what cannot be compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is Tensor.data_ptr:
            self.found = NATIVE
        elif func in (Tensor.__bool__, Tensor.item, Tensor.__float__, Tensor.__int__):
            self.found = self.found or BRANCHES
        elif isinstance(result, Tensor) and result.is_complex():
            self.found = self.found or COMPLEX
        return result
