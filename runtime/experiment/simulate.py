"""Measurements drawn from the model: the noise of a row depends on the seed, the name and the row alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from recon.dsl.check.formulate import Checked
from torch import Tensor

from ..build import Build, derived_seed
from ..functionals.law import mean_of
from ..values import EvaluationError
from .compile import compile_operators, holding, law_meaning


def simulate(
    maker: Checked,
    truth: dict[str, Tensor],
    data: str,
    numbers: list[int],
    build: Build,
    draws: list[int] | None = None,
) -> dict[str, Tensor]:
    """Measurements of each name for a batch of truths of shape [rows, ...].

    numbers: the rows' places in the data set. draws: tells fresh draws of the noise for the same row apart.
    Raises EvaluationError where a law cannot be drawn from at this truth.
    """
    missing = [n for n in maker.problem.unknowns if n not in truth]
    if missing:
        raise EvaluationError(f"`{data}` does not say what `{missing[0]}` is, so nothing can be simulated")
    if maker.problem.coupled:
        build = holding(truth, maker, build)
    layout, operators = compile_operators(maker, build)
    build = replace(build, rows=tuple((data, number) for number in numbers))
    x = layout.join(truth)
    out = {}
    with torch.no_grad():  # operators are shared with what is differentiated later
        for name, m in maker.measurements.items():
            if m.likelihood.of is not None:
                continue  # the line speaks of a function of the measurement, and data hold it
            mean = mean_of(m.mean, operators[name].forward(x))
            if mean.shape[0] != len(numbers):
                mean = mean.expand(len(numbers), *mean.shape[1:])
            generators = [
                torch.Generator().manual_seed(derived_seed(build.seed, f"noise.{name}", data, number, draw))
                for number, draw in zip(numbers, draws or [0] * len(numbers), strict=True)
            ]
            try:
                y = law_meaning(m.likelihood.law, m.space, build, name).draw(mean, m.mean, operators[name], generators)
            except ValueError as e:
                raise EvaluationError(f"`{name}` cannot be simulated: {e}") from e
            out[name] = y.clone()
    return out


def averaged(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A truth on a finer grid, averaged over blocks to `shape`. Raises EvaluationError where the grids do not nest."""
    have = tuple(x.shape[1:])
    if have == shape:
        return x
    if len(have) != len(shape) or any(a % b for a, b in zip(have, shape, strict=True)):
        raise EvaluationError(f"the grid of `simulate`, {have}, is no multiple of the page's, {shape}")
    for axis, (a, b) in enumerate(zip(have, shape, strict=True), start=1):
        if a != b:
            x = x.reshape(*x.shape[:axis], b, a // b, *x.shape[axis + 1 :]).mean(axis + 1)
    return x
