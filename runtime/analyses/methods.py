"""The meaning of analyses of methods."""

from __future__ import annotations

import torch
from recon.dsl.model.networks import Pretrained
from recon.dsl.vocabulary.analyses import methods as words
from recon.zoo.steepness import steepness
from torch import Tensor

from ..experiment.compile import compile_problem
from ..experiment.rows import LARGEST_BATCH
from ..experiment.simulate import simulate
from ..experiment.solve import solve_word
from ..meaning import meaning_of
from ..networks import denoiser_of
from .finding import Finding
from .subject import Subject


@meaning_of(words.BiasVariance)
def bias_variance(word: words.BiasVariance, subject: Subject) -> Finding:
    """Squared bias and variance for each row, per unknown, over `draws` fresh noises.

    The variance is the unbiased one, and the squared bias is corrected for the variance of the mean over draws:
    E|mean - x|^2 = bias^2 + variance / draws.
    """
    bias, variance, mse = [], [], []
    batch = subject.batch
    for i, number in enumerate(batch.numbers):
        truth = {k: v[i : i + 1] for k, v in batch.values.items()}
        estimates = _draws(word.draws, subject, truth, number)
        x = torch.cat([truth[n].flatten(1) for n in subject.checked.problem.unknowns], 1)
        centre = estimates.mean(0)
        spread = (estimates - centre).abs().double().square().sum(0).mean() / (word.draws - 1)
        distance = (centre - x[0]).abs().double().square().mean()
        bias.append(float((distance - spread / word.draws).clamp(min=0)))
        variance.append(float(spread))
        mse.append(float((estimates - x).abs().double().square().mean()))
    return Finding(rows={"bias": bias, "variance": variance, "mse": mse})


def _draws(count: int, subject: Subject, truth: dict[str, Tensor], number: int) -> Tensor:
    """Estimates from `count` draws of the noise on one truth, flat: [count, unknowns]."""
    size = max(v.numel() for v in truth.values())
    at_once = max(1, min(count, LARGEST_BATCH // size))
    out = []
    for start in range(0, count, at_once):
        draws = list(range(start, min(start + at_once, count)))
        numbers = [number] * len(draws)
        measured = simulate(subject.maker, truth, subject.data, numbers, subject.build, draws)
        compiled = compile_problem(subject.checked, measured, subject.build)
        x = solve_word(subject.solver, compiled.problem).estimate
        out.append(torch.cat([v.flatten(1) for v in compiled.layout.split(x).values()], 1))
    return torch.cat(out)


@meaning_of(words.Lipschitz)
def lipschitz(word: words.Lipschitz, subject: Subject) -> Finding:
    """A bound for each row, near its truth, in the first unknown of the page."""
    name, space = next(iter(subject.checked.problem.unknowns.items()))
    declared = subject.checked.formulation.unknowns[name].range
    ends = None if declared is None else (declared.start, declared.stop)
    denoise = denoiser_of(word.of, space, subject.build, ends)
    trained = isinstance(word.of, Pretrained)

    def denoised(v: Tensor) -> Tensor:
        with torch.set_grad_enabled(trained and torch.is_grad_enabled()):  # algorithms work in place
            return denoise(v, word.sigma)

    found = [steepness(denoised, x[None], word.iterations) for x in subject.batch.values[name]]
    text = f"a lower bound, by {word.iterations} steps at each truth"
    return Finding(text, rows={"lipschitz": found}, numbers={"at least": max(found)})
