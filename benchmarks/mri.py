"""MRI reconstructions beside the same in sigpy and deepinv.

    python benchmarks/mri.py [--threads N] [--rounds N] [--clock wall|cpu] [--case single|sense|quickstart ...]

Cartesian k-space with a column mask at 4x, complex64:

- single: one coil, 320 x 320, l1 of db4 wavelets with 4 levels, 100 FISTA iterations.
- sense: 8 coils, 320 x 320, 30 conjugate gradient iterations.
- quickstart: 8 coils, 256 x 256, l1 of db4 wavelets, 60 FISTA iterations.

Ours is what `recon run` does with a page, from its problem to its estimate: norms, right-hand sides, steps, and the
trace with its objective at every tenth iteration. The peers are given their step size, and keep no trace. They have the
same maps, mask and data and do so many iterations of the same method, with their own operators and proximal maps. The
wavelet of sigpy is PyWavelets with zero padding, that of deepinv ptwt: both do about the same work as ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from pages import posed
from peers import clocks, peer, table, turns
from recon.runtime.operators.mri import CoilsOperator
from torch import Tensor

PAGE = """recon 1
data cam = sample("camera")
image x : complex[{n}, {n}]
forward M = cartesian(accel = 4, center = 8%, lines = variable)
forward F = fft2(norm = "ortho")
forward A = M @ F{coils}
noise y ~ gaussian(A @ x, sigma = 0.005)
{prior}
solver {solver}
"""
PRIOR = 'prior 40 * l1(W @ x) { W = wavelet("db4", levels = 4) }'
CASES = {
    "single": PAGE.format(n=320, coils="", prior=PRIOR, solver="fista(iterations = 100, tolerance = 0)"),
    "sense": PAGE.format(
        n=320, coils=" @ coils(maps = birdcage(8, radius = 1.2))", prior="", solver="cg(iterations = 30, tolerance = 0)"
    ),
    "quickstart": PAGE.format(
        n=256,
        coils=" @ coils(maps = birdcage(8, radius = 1.2))",
        prior=PRIOR,
        solver="fista(iterations = 60, tolerance = 0)",
    ),
}
Works = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--clock", choices=clocks, default="wall")
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for case in arguments.case:
        page = posed(CASES[case])
        works: Works = {"recon": page.solve}
        maps = next(
            (m.maps for m in page.compiled.problem.data[0].operator.modules() if isinstance(m, CoilsOperator)), None
        )
        y = page.measured["y"]
        mask = (y.abs().flatten(0, -2).amax(0) > 0).expand(y.shape[-2:]).contiguous()
        iterations = page.word.iterations  # type: ignore[attr-defined]
        for name, make in (("sigpy", with_sigpy), ("deepinv", with_deepinv)):
            run = make(y, maps, mask, iterations, wavelets=case != "sense")
            if run is not None:
                works[name] = run
        done = f"{iterations} iterations of {page.word.word}"
        table(
            f"{case}: {done}, {arguments.threads} threads, {arguments.clock} time",
            turns(works, arguments.rounds, clocks[arguments.clock]),
        )


def with_sigpy(
    y: Tensor, maps: Tensor | None, mask: Tensor, iterations: int, wavelets: bool
) -> Callable[[], object] | None:
    sigpy = peer("sigpy")
    if sigpy is None or peer("sigpy.mri") is None:
        return None
    import sigpy.mri as mr

    shape, weights = tuple(mask.shape), mask.numpy().astype(np.float32)
    data = y[0].numpy()
    if maps is None:
        model = sigpy.linop.Multiply(shape, weights) * sigpy.linop.FFT(shape)
    else:
        model = mr.linop.Sense(maps.numpy(), weights=weights)
    wavelet = sigpy.linop.Wavelet(shape, wave_name="db4", level=4)
    prox = sigpy.prox.UnitaryTransform(sigpy.prox.L1Reg(wavelet.oshape, 0.001), wavelet)
    gram, adjoint = model.N, model.H

    def run() -> np.ndarray:
        b = adjoint * data
        x = np.zeros(shape, np.complex64)
        if wavelets:
            method = sigpy.alg.GradientMethod(
                lambda v: gram * v - b, x, 1.0, proxg=prox, accelerate=True, max_iter=iterations, tol=0
            )
        else:
            method = sigpy.alg.ConjugateGradient(gram, b, x, max_iter=iterations, tol=0)
        while not method.done():
            method.update()
        return x

    return run


def with_deepinv(
    y: Tensor, maps: Tensor | None, mask: Tensor, iterations: int, wavelets: bool
) -> Callable[[], object] | None:
    deepinv = peer("deepinv")
    if deepinv is None:
        return None
    shape = tuple(mask.shape)
    mask = mask.float().expand(1, 1, *shape)
    if maps is None:
        physics = deepinv.physics.MRI(mask=mask, img_size=shape)
        data = torch.view_as_real(y).movedim(-1, 1).contiguous()
    else:
        physics = deepinv.physics.MultiCoilMRI(mask=mask, coil_maps=maps[None], img_size=shape)
        data = torch.view_as_real(y).movedim(-1, 1).contiguous()
    prior = deepinv.optim.prior.WaveletPrior(level=4, wv="db4", p=1, device="cpu")
    cg = deepinv.optim.utils.conjugate_gradient

    def run() -> Tensor:
        b = physics.A_adjoint(data)
        if not wavelets:
            return cg(physics.A_adjoint_A, b, max_iter=iterations, tol=0.0)
        x = z = torch.zeros_like(b)
        t = 1.0
        for _ in range(iterations):
            new = prior.prox(z - (physics.A_adjoint_A(z) - b), ths=0.001)
            t_new = (1 + (1 + 4 * t * t) ** 0.5) / 2
            z = new + (t - 1) / t_new * (new - x)
            x, t = new, t_new
        return x

    return torch.no_grad()(run)


if __name__ == "__main__":
    main()
