"""One iteration of the quickstart's FISTA beside the same in sigpy and deepinv.

    python benchmarks/mri.py [--threads N] [--iterations N]

Multi-coil Cartesian MRI: 8 coils, 256 x 256, column mask at 4x, db4 wavelet with 4 levels, complex64. Each library runs
proximal gradient iterations with the same maps, mask and data; what is printed is the time of an iteration, the setting
up (norms, right-hand sides) left out. The wavelet of sigpy is PyWavelets with zero padding, that of deepinv ptwt or
PyWavelets: both do about the same work as ours.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from peers import milliseconds, peer, table
from recon.dsl.check.page import load
from recon.dsl.model.solver import Solver
from recon.runtime.build import Build
from recon.runtime.experiment.compile import compile_problem
from recon.runtime.experiment.rows import RowReader
from recon.runtime.experiment.simulate import simulate
from recon.runtime.meaning import meaning

PAGE = Path(__file__).parents[1] / "specs" / "quickstart.recon"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    count = arguments.iterations
    checked = load(PAGE.read_text(), PAGE.name, PAGE.parent)
    build = Build()
    maker = checked.makers[""]
    batch = next(RowReader(checked.experiment.data["cam"], maker, PAGE.parent, build).batches())
    measured = simulate(maker, batch.values, "cam", batch.numbers, build)
    compiled = compile_problem(checked.methods[""], measured, build)
    solver = checked.choices[""].solver
    assert isinstance(solver, Solver)
    algorithm = meaning(solver)(solver, compiled.problem)

    def ours() -> None:
        with torch.no_grad():
            state = algorithm.init()
            for k in range(1, count + 1):
                state = algorithm.step(state, algorithm.knobs(k))

    rows = [("recon, a FISTA iteration", milliseconds(ours, 5) / count)]
    y = measured["y"]
    coils = compiled.operators["y"]
    maps = _maps(coils)
    mask = (y[0, 0].abs().amax(0) > 0).numpy()
    rows += _sigpy(y[0].numpy(), maps, mask, count)
    rows += _deepinv(y, maps, mask, count)
    table(f"multi-coil MRI, 8 x 256 x 256, complex64, {torch.get_num_threads()} threads", rows)


def _maps(operator: object) -> np.ndarray:
    """The sensitivity maps of the quickstart: what each coil sees of an image of ones, transformed back."""
    from recon.runtime.operators.mri import CoilsOperator

    found = [m for m in operator.modules() if isinstance(m, CoilsOperator)]  # type: ignore[attr-defined]
    ones = torch.ones(1, 256, 256, dtype=torch.complex64)
    out: np.ndarray = found[0].forward(ones)[0].numpy()
    return out


def _sigpy(y: np.ndarray, maps: np.ndarray, mask: np.ndarray, count: int) -> list[tuple[str, float]]:
    sigpy = peer("sigpy")
    if sigpy is None or peer("sigpy.mri") is None:
        return []
    import sigpy.mri as mr

    sense = mr.linop.Sense(maps, weights=mask[None, :].astype(np.float32) * np.ones((256, 1), np.float32))
    wavelet = sigpy.linop.Wavelet((256, 256), wave_name="db4", level=4)
    prox = sigpy.prox.UnitaryTransform(sigpy.prox.L1Reg(wavelet.oshape, 0.001), wavelet)
    gram, b = sense.N, sense.H * y

    def run() -> None:
        x = np.zeros((256, 256), np.complex64)
        method = sigpy.alg.GradientMethod(
            lambda v: gram * v - b, x, 0.99, proxg=prox, accelerate=True, max_iter=count, tol=0
        )
        while not method.done():
            method.update()

    return [("sigpy, a FISTA iteration", milliseconds(run, 2) / count)]


def _deepinv(y: torch.Tensor, maps: np.ndarray, mask: np.ndarray, count: int) -> list[tuple[str, float]]:
    deepinv = peer("deepinv")
    if deepinv is None:
        return []
    physics = deepinv.physics.MultiCoilMRI(
        mask=torch.from_numpy(mask).float().expand(1, 1, 256, 256),
        coil_maps=torch.from_numpy(maps)[None],
        img_size=(256, 256),
    )
    data = torch.view_as_real(y).permute(0, 4, 1, 2, 3).contiguous()
    prior = deepinv.optim.prior.WaveletPrior(level=4, wv="db4", p=1, device="cpu")
    fidelity = deepinv.optim.data_fidelity.L2()

    def run() -> None:
        with torch.no_grad():
            x = torch.zeros(1, 2, 256, 256)
            z = x
            t = 1.0
            for _ in range(count):
                v = z - 0.99 * fidelity.grad(z, data, physics)
                new = prior.prox(v, gamma=0.001)
                t_new = (1 + (1 + 4 * t * t) ** 0.5) / 2
                z = new + (t - 1) / t_new * (new - x)
                x, t = new, t_new

    try:
        return [("deepinv, a FISTA iteration", milliseconds(run, 2) / count)]
    except Exception as e:  # a peer's failure is a line of the table, not of this script
        print(f"deepinv: {type(e).__name__}: {str(e).splitlines()[0][:120]}")
        return []


if __name__ == "__main__":
    main()
