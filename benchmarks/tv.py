"""Times total variation denoising to a relative objective gap beside scikit-image and deepinv.

    python benchmarks/tv.py [--threads N] [--rounds N] [--clock wall|cpu] [--size N] [--sigma S] [--weight L] [--gap G]

One noisy photograph, float32, in one process, minimising |x - y|^2 / (2 sigma^2) + L TV(x). Ours is a page that names
no solver, from its problem to its estimate with the trace on: by the compiled kernel, and by torch alone. The peers
minimise the same divided by 1 / sigma^2, |x - y|^2 / 2 + L sigma^2 TV(x). The optimum is the objective, in float64,
after 5000 of our steps in float64. For each program the least number of iterations with a relative gap of at most G is
searched for, and then that many are timed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import torch
from pages import Posed, posed
from peers import clocks, peer, table, turns
from recon.runtime.build import Build
from recon.runtime.native import native_status
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

PAGE = """recon 1
data cam = sample("camera")
image x : real[{size}, {size}]
noise y ~ gaussian(x, sigma = {sigma})
prior {weight} * tv(x)
"""
Denoise = Callable[[int], Tensor]
"""The image [1, rows, columns] after so many iterations."""


def ours(page: Posed, native: bool) -> Denoise:
    """A page as a run solves it, with its looks at every tenth iteration."""

    def run(n: int) -> Tensor:
        before = os.environ.pop("RECON_NATIVE", None)
        if not native:
            os.environ["RECON_NATIVE"] = "0"
        try:
            return page.solve(n).estimate
        finally:
            os.environ.pop("RECON_NATIVE", None)
            if before is not None:
                os.environ["RECON_NATIVE"] = before

    return run


def scikit_image(y: Tensor, weight: float) -> Denoise:
    """Chambolle's dual gradient method."""
    image = y[0].numpy()
    return lambda n: torch.from_numpy(np.asarray(denoise_tv_chambolle(image, weight, eps=0.0, max_num_iter=n)))[None]


def deepinv(y: Tensor, weight: float) -> Denoise | None:
    """Condat's over-relaxed method; None, with the reason printed, where it cannot be imported."""
    models = peer("deepinv.models")
    if models is None:
        return None
    denoiser = models.TVDenoiser

    def run(n: int) -> Tensor:
        found: Tensor = denoiser(n_it_max=n, crit=0.0)(y[None], ths=weight)[0]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=clocks, default="wall")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sigma", type=float, default=0.1)
    parser.add_argument("--weight", type=float, default=10.0)
    parser.add_argument("--gap", type=float, default=1e-4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text = PAGE.format(size=options.size, sigma=options.sigma, weight=options.weight)
    page = posed(text)
    y = page.measured["y"]
    exact = posed(text, Build(real=torch.float64), {"y": y.double()})
    problem = exact.compiled.problem
    optimum = float(problem.objective(exact.solve(5000).estimate))

    def gap(x: Tensor) -> float:
        return float(problem.objective(x.double())) / optimum - 1

    weight = options.weight * options.sigma**2
    programs: dict[str, Denoise | None] = {
        "recon, compiled kernel": ours(page, native=True),
        "recon, torch": ours(page, native=False),
        "scikit-image": scikit_image(y, weight),
        "deepinv": deepinv(y, weight),
    }
    works: dict[str, Callable[[], object]] = {}
    for name, denoise in programs.items():
        n = None if denoise is None else iterations_to(gap, denoise, options.gap)
        if denoise is not None and n is not None:
            works[f"{name}, {n} iterations"] = lambda denoise=denoise, n=n: denoise(n)  # type: ignore[misc]
    setting = f"sigma {options.sigma:g}, weight {options.weight:g}, gap {options.gap:g}"
    print(f"kernels: {native_status()}")
    title = f"{options.size} x {options.size}, {setting}, {options.threads} threads, {options.clock} time"
    table(title, turns(works, options.rounds, clocks[options.clock]))


if __name__ == "__main__":
    main()
