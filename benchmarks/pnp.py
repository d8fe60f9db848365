"""Times what plug-and-play iterations take beyond their network, beside deepinv's with the same network.

    python benchmarks/pnp.py [--threads N] [--rounds N] [--clock wall|cpu] [--iterations N] [--case hqs admm ista pdhg]

Deblurring of a 256 x 256 photograph, float32, with the trace on, by the denoiser that installs with recon and by a
DnCNN of the published size with random weights. The calls of the network are timed as each solver makes them; what it
takes beyond them is the loop's: the data term, the copies, the look at how far an iteration moves. deepinv gets the
same layers, plainly called without a gradient.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import posed
from peers import clocks, peer
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.dsl.model.packaged import packaged_weights
from recon.dsl.vocabulary.contracts import network_word
from recon.runtime.functionals.plugged import Plugged
from recon.zoo.folder import load, write
from recon.zoo.networks import build_network
from torch import Tensor, nn

SIGMA = 0.1
SOLVER = f"{{name}}(iterations = {{n}}, tolerance = 1e-30{{more}}) {{{{ sigma = {SIGMA} }}}}"
CASES = {"hqs": "", "admm": "", "pdhg": "", "ista": ", step = 1e-4"}
"""Solvers, and what stands behind their iterations."""
THEIRS = {"hqs": "HQS", "admm": "ADMM", "ista": "PGD"}
WIDTH, TAPS = 1.6, 15
PAGE = """recon 1
weights dn = {source}
data cam = sample("camera")
image x : real[256, 256] {{ range = 0..1 }}
forward A = conv(gaussian(width = 1.6), boundary = "circular")
noise y ~ gaussian(A @ x, sigma = 0.02)
prior x ~ denoiser(dn)
solver {solver}
"""


def dncnn(folder: Path) -> Path:
    """A folder of the zoo with a DnCNN of the published size and random weights."""
    architecture = Architecture(name="dncnn", arguments={"channels": 64, "depth": 17})
    torch.manual_seed(0)
    module = build_network(network_word(architecture), 1).eval()
    x = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        y = module(x)
    contract = Contract(
        network=architecture,
        role="denoiser",
        channels=1,
        noise=NoiseLevels(conditional=False, levels=(SIGMA, SIGMA)),
        sha256="0" * 64,
        licences=Licences(weights="cc0-1.0", code="apache-2.0", data="cc0-1.0"),
        results=({"data": "camera", "sigma": SIGMA, "metric": "psnr", "value": 0.0},),
    )
    write(folder, contract, module.state_dict(), spec=None, test={"input": x, "output": y})
    return folder


class Watched:
    """A map that adds up the time of its calls."""

    def __init__(self, of: Callable[..., Tensor], clock: Callable[[], float]) -> None:
        self.of, self.clock, self.spent = of, clock, 0.0

    def __call__(self, *arguments: Any, **named: Any) -> Tensor:
        start = self.clock()
        out = self.of(*arguments, **named)
        self.spent += self.clock() - start
        return out


class Called(nn.Module):
    """The layers as deepinv calls a denoiser."""

    def __init__(self, watched: Watched, conditional: bool) -> None:
        super().__init__()
        self.watched, self.conditional = watched, conditional

    def forward(self, x: Tensor, sigma: Any, **_: Any) -> Tensor:
        level = (torch.as_tensor(sigma, dtype=x.dtype).reshape(-1),) if self.conditional else ()
        return self.watched(x, *level)


def theirs(name: str, called: Called, y: Tensor, count: int) -> Callable[[], object] | None:
    """deepinv's solver of that name on the same problem."""
    if name not in THEIRS:
        return None
    optim, physics = peer("deepinv.optim"), peer("deepinv.physics")
    if optim is None or physics is None:
        return None
    at = np.arange(TAPS) - TAPS // 2
    line = np.exp(-(at**2) / (2 * WIDTH**2))
    kernel = torch.from_numpy(np.outer(line, line) / line.sum() ** 2).float()[None, None]
    blur = physics.BlurFFT(img_size=tuple(y.shape[1:]), filter=kernel)
    model = optim.optim_builder(
        iteration=THEIRS[name],
        prior=optim.PnP(called),
        data_fidelity=optim.L2(),
        max_iter=count,
        early_stop=False,
        params_algo={"stepsize": 1.0, "g_param": SIGMA, "lambda": 1.0},
    )

    def run() -> object:
        with torch.no_grad():
            return model(y, blur)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--clock", choices=clocks, default="wall")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    count = options.iterations
    with tempfile.TemporaryDirectory() as temporary:
        random = dncnn(Path(temporary, "dncnn"))
        for title, source, folder in (
            ("denoiser-gray", 'zoo("denoiser-gray")', packaged_weights() / "denoiser-gray"),
            ("DnCNN, 17 layers of 64 channels", 'folder("dncnn")', random),
        ):
            print(f"{title}, {options.threads} threads, {options.clock} time")
            print("  milliseconds an iteration: network, loop beyond it, share of the network's")
            for case in options.case:
                timed(case, source, folder, count, options.rounds, clocks[options.clock])


def timed(case: str, source: str, folder: Path, count: int, rounds: int, clock: Callable[[], float]) -> None:
    """Print a solver's line, and deepinv's."""
    page = posed(
        PAGE.format(source=source, solver=SOLVER.format(name=case, n=count, more=CASES[case])), folder=folder.parent
    )
    (law,) = [t.functional for t in page.compiled.problem.terms if isinstance(t.functional, Plugged)]
    ours = Watched(law.denoise, clock)
    law.denoise = ours
    _line(case, *shares(page.solve, ours, count, rounds))
    network, contract = load(folder)
    watched = Watched(network.eval(), clock)
    called = Called(watched, contract.noise is not None and contract.noise.conditional)
    solver = theirs(case, called, page.measured["y"][:, None], count)
    if solver is not None:
        _line(f"  deepinv's {THEIRS[case]}", *shares(solver, watched, count, rounds))


def shares(work: Callable[[], object], network: Watched, count: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of an iteration in the network and beyond it: the shortest of all rounds but a first, each."""
    inside, beyond = float("inf"), float("inf")
    for turn in range(rounds + 1):
        network.spent, start = 0.0, network.clock()
        work()
        whole = network.clock() - start
        if turn:
            inside, beyond = min(inside, network.spent), min(beyond, whole - network.spent)
    return 1e3 * inside / count, 1e3 * beyond / count


def _line(name: str, inside: float, beyond: float) -> None:
    print(f"  {name:18s} {inside:8.2f} {beyond:8.2f} {100 * beyond / inside:7.2f} %")


if __name__ == "__main__":
    main()
