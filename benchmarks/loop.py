"""The overhead of our loop: what an iteration takes on tiny problems beyond the operator and the proximal map.

    python benchmarks/loop.py [--rounds N] [--clock wall|cpu] [--iterations N]

Problems so small that arithmetic costs next to nothing, solved as pages are, with the trace on and a tolerance that is
never met. Beside each the calls alone that its method cannot do without, so many times. What is left is the algorithm's
arithmetic on small tensors, the schedule, and the looks at every tenth iteration. One thread, float32.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from pages import Posed, posed
from peers import clocks, turns

CASES = {
    "ista": "ista(iterations = {n}, tolerance = 1e-30)",
    "fista": "fista(iterations = {n}, tolerance = 1e-30)",
    "pdhg": "pdhg(iterations = {n}, tolerance = 1e-30)",
    "admm": "admm(iterations = {n}, tolerance = 1e-30)",
    "gradient": "gradient(iterations = {n}, tolerance = 1e-30)",
    "cg": "cg(iterations = {n}, tolerance = 1e-30)",
    "lsqr": "lsqr(iterations = {n}, tolerance = 1e-30)",
    "nesterov": "nesterov(iterations = {n}, tolerance = 1e-30)",
    "heavy_ball": "heavy_ball(iterations = {n}, tolerance = 1e-30)",
}
SMOOTH = ("gradient", "cg", "lsqr", "nesterov", "heavy_ball")
"""Those with half squares alone."""
APART = ("pdhg", "lsqr")
"""Those that need K and K^H one after the other, not K^H K."""
PAGE = """recon 1
data cam = sample("camera")
image x : real[16, 16]
forward A = conv(gaussian(width = 1))
noise y ~ gaussian(A @ x, sigma = 0.1)
prior 1 * {energy}(x)
solver {solver}
"""


def bare(page: Posed, count: int) -> Callable[[], None]:
    """The calls of an iteration: the data term's K^H K, or K and K^H, and the proximal map where there is a prior."""
    data, prior = page.compiled.problem.terms
    x = page.compiled.problem.initial()
    smooth = prior.functional.quadratic

    def run() -> None:
        with torch.no_grad():
            for _ in range(count):
                if page.word.word in APART:
                    data.operator.adjoint(data.operator.forward(x))
                else:
                    data.operator.gram(x)
                if not smooth:
                    prior.functional.prox_(x, 0.1)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=clocks, default="wall")
    parser.add_argument("--iterations", type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = options.iterations
    print(f"microseconds an iteration, {options.clock} time: whole, calls alone, overhead")
    for name, solver in CASES.items():
        energy = "sq" if name in SMOOTH else "l1"
        page = posed(PAGE.format(energy=energy, solver=solver.format(n=count)))
        whole = page.solve()
        done = max(whole.iterations, 1)
        works = {"whole": page.solve, "calls": bare(page, done)}
        (_, all_), (_, calls) = turns(works, options.rounds, clocks[options.clock])
        per = 1e3 / done
        print(f"  {name:10s} {all_ * per:8.1f} {calls * per:8.1f} {(all_ - calls) * per:8.1f}   ({whole.stopped})")


if __name__ == "__main__":
    main()
