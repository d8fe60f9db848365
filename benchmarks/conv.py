"""Times a convolution beside the bare real Fourier transforms that it is made of, and beside deepinv and scipy.

    python benchmarks/conv.py [--threads N] [--repeats N] [--processor]

3 x 512 x 512, a kernel of 25 x 25, float32. The bare transforms are rfft2 and irfft2 of an array of the size that the
boundary needs, with nothing in between. Shortest times in milliseconds; all take turns, so that other programs disturb
them alike. On a busy machine `--processor` counts the time of the processor instead, with one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from types import ModuleType

import scipy.signal
import torch
from peers import peer, table
from recon.dsl.model.facts import IDENTITY
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary.operators.convolution import Conv
from recon.dsl.vocabulary.operators.kernels import GaussianKernel
from recon.runtime.algorithms.normal import Normal
from recon.runtime.build import Build, build_operator
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.operators.convolution import Boundary, ConvolutionOperator
from torch import Tensor

CHANNELS, SIZE = 3, 512
PADDING: dict[Boundary, str] = {"circular": "circular", "zero": "constant", "reflect": "reflect", "valid": "valid"}
"""Our boundaries, and what deepinv calls them (its `reflect` does not repeat the edge pixel)."""

Works = dict[str, Callable[[], object]]


def shortest(works: Works, repeats: int, clock: Callable[[], float]) -> list[tuple[str, float]]:
    """The shortest duration of each in milliseconds by that clock, after one round to warm up."""
    best = dict.fromkeys(works, float("inf"))
    for round_ in range(repeats + 1):
        for name, work in works.items():
            start = clock()
            work()
            if round_:
                best[name] = min(best[name], 1e3 * (clock() - start))
    return list(best.items())


def works(boundary: Boundary, dinv: ModuleType | None) -> tuple[Works, tuple[int, ...]]:
    """What is timed for one boundary, ours first, the bare transforms second; and the size of the transforms."""
    space = Space("real", (Axis("channel", CHANNELS), Axis("row", SIZE), Axis("col", SIZE)))
    word = Conv(kernel=GaussianKernel(width=3), boundary=boundary)
    operator = build_operator(place(Leaf(word), space), Build())
    assert isinstance(operator, ConvolutionOperator)
    x = torch.randn(1, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    y, lengths = operator(x), operator.plan.lengths
    wide = torch.randn(1, CHANNELS, *lengths)
    out: Works = {
        "recon": lambda: operator(x),
        "bare rfft2 and irfft2": lambda: torch.fft.irfft2(torch.fft.rfft2(wide), s=lengths),
        "recon, adjoint": lambda: operator.adjoint(y),
    }
    kernel = torch.exp(-(torch.arange(-12, 13)[:, None] ** 2 + torch.arange(-12, 13) ** 2) / 18)
    kernel /= kernel.sum()
    if boundary == "circular":
        out["recon, A^H A"] = lambda: operator.gram(x)
    if boundary == "zero":
        image, filter_ = x[0].numpy(), kernel.numpy()[None]
        out["scipy.signal.fftconvolve"] = lambda: scipy.signal.fftconvolve(image, filter_, "same", axes=(1, 2))
    if dinv is not None:
        blur = dinv.physics.Blur(filter=kernel[None, None], padding=PADDING[boundary])
        out["deepinv Blur"] = lambda: blur.A(x)
        if boundary == "circular":
            fft = dinv.physics.BlurFFT((CHANNELS, SIZE, SIZE), filter=kernel[None, None])
            out["deepinv BlurFFT"] = lambda: fft.A(x)
    return out, lengths


def proximal(dinv: ModuleType | None) -> Works:
    """The proximal map of |A v - y|^2 / 2 for a circular A, as ADMM's update has it: with all that does not change
    with v found beforehand. deepinv's is that of its BlurFFT."""
    space = Space("real", (Axis("channel", CHANNELS), Axis("row", SIZE), Axis("col", SIZE)))
    operator = build_operator(place(Leaf(Conv(kernel=GaussianKernel(width=3))), space), Build())
    identity = IdentityOperator(space, space, IDENTITY)
    normal = Normal([operator, identity], space, torch.float32, torch.device("cpu"))
    weights = [1.0, 2.0]
    inverse = normal.inverse(weights)
    v, y = torch.rand(1, CHANNELS, SIZE, SIZE), torch.rand(1, CHANNELS, SIZE, SIZE)
    rhs = operator.adjoint(y)
    out: Works = {"recon": lambda: normal.divide(inverse, rhs.add(v, alpha=weights[1]))}
    if dinv is not None:
        delta = torch.zeros(1, CHANNELS, SIZE, SIZE)
        delta[..., 12, 12] = 1
        kernel = operator(delta)[:, :1, :25, :25]
        fft = dinv.physics.BlurFFT((CHANNELS, SIZE, SIZE), filter=kernel)
        out["deepinv BlurFFT.prox_l2"] = lambda: fft.prox_l2(v, y, 1 / weights[1])
        found, expected = out["recon"](), out["deepinv BlurFFT.prox_l2"]()
        assert isinstance(found, Tensor)
        assert isinstance(expected, Tensor)
        print(f"proximal map: largest difference from deepinv's {float((found - expected).abs().max()):.1e}")
    return out


def main() -> None:
    """Print a table for each boundary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1 if options.processor else options.threads)
    clock = time.process_time if options.processor else time.perf_counter
    dinv = peer("deepinv")
    for boundary in PADDING:
        with torch.inference_mode():
            timed, lengths = works(boundary, dinv)
            rows = shortest(timed, options.repeats, clock)
        ratio = rows[0][1] / rows[1][1]
        table(f"{boundary}: transforms of {lengths[0]} x {lengths[1]}; recon / bare = {ratio:.2f}", rows)
    with torch.inference_mode():
        table("proximal map, circular", shortest(proximal(dinv), options.repeats, clock))


if __name__ == "__main__":
    main()
