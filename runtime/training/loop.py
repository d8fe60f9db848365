"""The loop that every training runs in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..loop import Diverged
from .average import Average
from .checkpoint import State, load, save
from .distances import DistanceOf
from .optimizers import Optimizer
from .pairs import Examples, Pairs
from .rates import Rate

ADVICE = "a smaller learning rate (`optimizer = adam(lr = ...)`), a longer `warmup`, or `clip = 1` may help"
WORSE = 20.0
"""How many times the loss of the start may be passed, on average over many steps, before training is stopped."""
SMOOTH = 50
"""Steps that the loss is averaged over."""


class TrainingDiverged(Diverged):
    """The loss is no number any more, or far larger than at the start."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    clip: the largest norm of the whole gradient; None: any. average: the decay of the running mean of weights; 0: the
    last weights are the result. half: whether the network computes in bfloat16; weights and moments stay as they are.
    every: steps between checkpoints; 0: none. validate: steps between looks at the validation data; 0: at the end.
    """

    loss: DistanceOf
    steps: int
    optimizer: Optimizer
    rate: Rate
    clip: float | None = None
    average: float = 0.0
    half: bool = False
    every: int = 0
    validate: int = 0


@dataclass(frozen=True)
class Tick:
    """What is told of a step: the mean loss of the last steps, and what validation found where it was due."""

    step: int
    steps: int
    loss: float
    score: float | None = None


@dataclass
class Trained:
    """What came out: the weights by name (the running mean where there is one), and what was told.

    interrupted: whether the user stopped it; the checkpoint holds all steps that were done then.
    """

    weights: dict[str, Tensor]
    history: list[dict[str, float]]
    steps: int
    seconds: float
    interrupted: bool = False


def train(
    network: nn.Module,
    examples: Examples,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    key: str = "",
    score: Callable[[nn.Module], float] | None = None,
    tick: Callable[[Tick], None] = lambda told: None,
) -> Trained:
    """Fit the weights of the network, which is trained in place.

    folder: where checkpoints lie; training with the same `key` goes on from the last one, and its weights are the same
    to the last bit as without a break. score: a measure of the network on the validation data, larger is better.

    Raises TrainingDiverged, and OSError where a checkpoint cannot be written.
    """
    begin = time.perf_counter()
    run = _Run(network, recipe)
    found = load(folder, key) if folder is not None else None
    if found is not None and found.step <= recipe.steps:
        run.restore(found)
    interrupted = False
    network.train()
    try:
        while run.step < recipe.steps:
            run.advance(examples.batch(run.step))
            due = recipe.validate and run.step % recipe.validate == 0
            last = run.step == recipe.steps
            told = Tick(run.step, recipe.steps, run.loss, run.validated(score) if score and (due or last) else None)
            if told.score is not None or run.step % SMOOTH == 0 or last:
                run.tell(told)
            tick(told)
            if folder is not None and recipe.every and (run.step % recipe.every == 0 or last):
                save(run.state(), folder, key)
    except KeyboardInterrupt:
        interrupted = True
        if folder is not None and run.whole:
            save(run.state(), folder, key)
    return Trained(run.result(), run.history, run.step, time.perf_counter() - begin, interrupted)


class _Run:
    """A network on its way."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.network, self.recipe = network, recipe
        self.parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.optimizer = recipe.optimizer(list(self.parameters.values()))
        self.lr = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.average = Average(network.state_dict(), recipe.average) if recipe.average else None
        self.step, self.history = 0, list[dict[str, float]]()
        self.losses: list[float] = []
        self.first: float | None = None
        self.whole = True
        """Whether the state is that between two steps."""

    @property
    def loss(self) -> float:
        """The mean loss of the last steps."""
        return sum(self.losses) / len(self.losses) if self.losses else math.nan

    def advance(self, pairs: Pairs) -> None:
        """One step."""
        recipe = self.recipe
        for group, lr in zip(self.optimizer.param_groups, self.lr, strict=True):
            group["lr"] = lr * recipe.rate(self.step, recipe.steps)
        self.optimizer.zero_grad(set_to_none=True)
        answer = applied(self.network, pairs, recipe.half)
        loss = recipe.loss(answer.float() if recipe.half else answer, pairs.target)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDiverged(f"the loss of training is {value} after {self.step} steps; {ADVICE}")
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters.values(), recipe.clip)
        self.whole = False
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.network.state_dict())
        self.step += 1
        self.whole = True
        self._watch(value)

    def _watch(self, value: float) -> None:
        self.losses = [*self.losses[-SMOOTH + 1 :], value]
        if len(self.losses) == SMOOTH:
            self.first = self.loss if self.first is None else self.first
            if self.loss > WORSE * self.first:
                raise TrainingDiverged(
                    f"the loss of training rose from {self.first:.3g} to {self.loss:.3g} after {self.step} steps; "
                    + ADVICE
                )

    def tell(self, told: Tick) -> None:
        line = {"step": float(told.step), "loss": told.loss}
        self.history.append(line if told.score is None else {**line, "score": told.score})

    def validated(self, score: Callable[[nn.Module], float] | None) -> float | None:
        """The score of what would be the result now; the weights of training stay as they are."""
        if score is None:
            return None
        kept = {n: t.clone() for n, t in self.network.state_dict().items()}
        self.network.load_state_dict(self.result())
        self.network.eval()
        try:
            with torch.no_grad():
                return score(self.network)
        finally:
            self.network.load_state_dict(kept)
            self.network.train()

    def result(self) -> dict[str, Tensor]:
        held = self.network.state_dict() if self.average is None else self.average.values
        return {n: t.detach().clone() for n, t in held.items()}

    def state(self) -> State:
        moments: dict[str, Tensor] = {}
        for name, p in self.parameters.items():
            for kind, value in self.optimizer.state.get(p, {}).items():
                moments[f"{kind}/{name}"] = torch.as_tensor(value)
        recent = {"losses": torch.tensor([self.first if self.first is not None else math.nan, *self.losses]).double()}
        average = {} if self.average is None else self.average.values
        return State(self.step, dict(self.network.state_dict()), dict(average), {**moments, **recent}, self.history)

    def restore(self, state: State) -> None:
        self.network.load_state_dict(state.weights)
        recent = state.moments["losses"].tolist()
        self.first, self.losses = (None if math.isnan(recent[0]) else recent[0]), recent[1:]
        for name, p in self.parameters.items():
            held = {k.partition("/")[0]: v for k, v in state.moments.items() if k.partition("/")[2] == name}
            if held:
                self.optimizer.state[p] = {k: _like(v, p) if v.ndim else v for k, v in held.items()}
        if self.average is not None:
            self.average.values = {n: t.to(self.average.values[n], copy=True) for n, t in state.average.items()}
            self.average.step = state.step
        self.step, self.history = state.step, list(state.history)


def _like(value: Tensor, parameter: Tensor) -> Tensor:
    """In the memory layout of the parameter, on which the last bits of sums depend."""
    out = torch.empty_like(parameter)
    out.copy_(value)
    return out


def applied(network: nn.Module, pairs: Pairs, half: bool = False) -> Tensor:
    """The network's answer."""
    with torch.autocast(pairs.input.device.type, torch.bfloat16, enabled=half):
        answer: Tensor = network(pairs.input) if pairs.sigma is None else network(pairs.input, pairs.sigma)
    return answer
