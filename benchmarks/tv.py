"""Times total variation denoising to a relative objective gap beside scikit-image, and deepinv where it imports.

    python benchmarks/tv.py [--threads N] [--repeats N] [--size N] [--sigma S] [--weight LAM] [--gap G]

One noisy image, float32, in one process, minimising |x - y|^2 / (2 sigma^2) + LAM TV(x). The peers minimise the same
divided by 1 / sigma^2, |x - y|^2 / 2 + LAM sigma^2 TV(x). The optimum is the objective, in float64, after 5000 steps of
our method in float64. For each program the least number of iterations with a relative gap of at most G is searched for,
and then that many iterations are timed; the shortest time counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from peers import peer
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import solvers
from recon.dsl.vocabulary.operators import basic, sparsity
from recon.runtime.build import Build, build_operator
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.priors import GroupL1
from recon.runtime.loop import solve
from recon.runtime.meaning import meaning
from recon.runtime.problem import Problem, Term
from skimage import data
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

Denoise = Callable[[int], Tensor]
"""The image [1, rows, columns] after so many iterations."""


def problem_of(y: Tensor, sigma: float, weight: float) -> Problem:
    """Gaussian denoising with isotropic total variation."""
    space = Space("real", (Axis("row", y.shape[-2]), Axis("col", y.shape[-1])))
    build = Build(real=y.dtype)
    identity, gradient = (build_operator(place(Leaf(w), space), build) for w in (basic.Identity(), sparsity.Gradient()))
    terms = [Term(HalfSquare(sigma**-2, y), identity, "data"), Term(GroupL1(weight), gradient)]
    return Problem(space, terms, 1, y.dtype)


def ours(problem: Problem) -> Denoise:
    """The solver as a page would run it, with its looks at every tenth iteration."""
    word = solvers.Pdhg()
    return lambda n: solve(meaning(word)(word, problem), problem, iterations=n, tolerance=0).estimate


def scikit_image(y: Tensor, sigma: float, weight: float) -> Denoise:
    """Chambolle's dual gradient method."""
    image = y[0].numpy()
    return lambda n: torch.from_numpy(
        np.asarray(denoise_tv_chambolle(image, weight=weight * sigma**2, eps=0.0, max_num_iter=n))
    )[None]


def deepinv(y: Tensor, sigma: float, weight: float) -> Denoise | None:
    """Condat's over-relaxed method; None, with the reason printed, where it cannot be imported."""
    models = peer("deepinv.models")
    if models is None:
        return None
    denoiser = models.TVDenoiser

    def run(n: int) -> Tensor:
        found: Tensor = denoiser(n_it_max=n, crit=0.0)(y[None], ths=weight * sigma**2)[0]
        return found

    return run


def iterations_to(gap: Callable[[Tensor], float], denoise: Denoise, goal: float, most: int = 8192) -> int | None:
    """The least number of iterations after which the gap is at most `goal`, by bisection; None beyond `most`."""
    high = 16
    while gap(denoise(high)) > goal:
        high *= 2
        if high > most:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if gap(denoise(middle)) <= goal else (middle, high)
    return high


def seconds(denoise: Denoise, n: int, repeats: int) -> float:
    """The shortest duration of n iterations, after one run to warm up."""
    durations = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        denoise(n)
        durations.append(time.perf_counter() - start)
    return min(durations[1:])


def main() -> None:
    """Reads the options, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sigma", type=float, default=0.1)
    parser.add_argument("--weight", type=float, default=10.0)
    parser.add_argument("--gap", type=float, default=1e-4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clean = torch.from_numpy(data.camera()[: options.size, : options.size] / 255.0)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (clean + options.sigma * noise)[None].float()
    exact = problem_of(y.double(), options.sigma, options.weight)
    optimum = float(exact.objective(ours(exact)(5000)))

    def gap(x: Tensor) -> float:
        return float(exact.objective(x.double())) / optimum - 1

    programs: dict[str, Denoise | None] = {
        "recon pdhg": ours(problem_of(y, options.sigma, options.weight)),
        "scikit-image": scikit_image(y, options.sigma, options.weight),
        "deepinv": deepinv(y, options.sigma, options.weight),
    }
    setting = f"sigma {options.sigma:g}, weight {options.weight:g}, gap {options.gap:g}, {options.threads} threads"
    print(f"{clean.shape[0]} x {clean.shape[1]}, {setting}")
    first: float | None = None
    for name, denoise in programs.items():
        if denoise is None:
            continue
        n = iterations_to(gap, denoise, options.gap)
        if n is None:
            print(f"{name:14s} does not reach the gap")
            continue
        taken = seconds(denoise, n, options.repeats)
        first = taken if first is None else first
        print(f"{name:14s} {n:5d} iterations  {1e3 * taken:8.1f} ms  {taken / first:6.1f} times ours")


if __name__ == "__main__":
    main()
