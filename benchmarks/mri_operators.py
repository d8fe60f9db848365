"""Operators of MRI beside the bare transforms they consist of, and beside sigpy.

    python benchmarks/mri_operators.py [--threads N] [--rounds N] [--clock wall|cpu]

- Multi-coil Cartesian, 8 coils, 320 x 320, column mask at 4x: A and A^H, centred, beside `torch.fft` of the same batch
  with the products by maps and mask, uncentred, as one would write them by hand.
- ESPIRiT maps of 8 coils, 320 x 320, from a centre of 24 x 24, kernel 6.
- Radial, 64 spokes x 512 samples, 8 coils, 256 x 256: A, A^H and A^H A of `nufft`, float32.

Works take turns within a round, and the shortest duration of each counts, since other programs lengthen and never
shorten it. `--clock cpu` counts the time of this process, for one thread on a busy machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from peers import peer, table
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Compose, Leaf
from recon.dsl.model.word import Operator as OperatorWord
from recon.dsl.vocabulary.operators import fourier, mri, nufft
from recon.runtime.build import Build, build_operator
from recon.runtime.mri.espirit import espirit
from recon.runtime.mri.trajectories import radial
from recon.runtime.operators.base import Composition, Operator
from recon.runtime.operators.diagonal import MaskOperator
from recon.runtime.operators.mri import CoilsOperator
from torch import Tensor

Works = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    threads = f"{torch.get_num_threads()} threads, {arguments.clock} time"
    with torch.inference_mode():
        for name, works in cartesian():
            table(f"{name}, {threads}", turns(works, arguments.rounds, clock))
        for name, works in calibration():
            table(f"{name}, {threads}", turns(works, max(arguments.rounds // 10, 1), clock))
        for name, works in non_cartesian():
            table(f"{name}, {threads}", turns(works, max(arguments.rounds // 4, 1), clock))


def turns(works: Works, rounds: int, clock: Callable[[], float]) -> list[tuple[str, float]]:
    """The shortest duration of each in milliseconds."""
    best = dict.fromkeys(works, float("inf"))
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = clock()
            work()
            if turn:
                best[name] = min(best[name], 1e3 * (clock() - start))
    return list(best.items())


def built(domain: Space, *words: OperatorWord) -> Operator:
    return build_operator(place(Compose(tuple(Leaf(w, f"p{i}") for i, w in enumerate(words))), domain), Build())


def image(n: int) -> Space:
    return Space("complex", (Axis("row", n), Axis("col", n)))


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def cartesian() -> list[tuple[str, Works]]:
    operator = built(image(320), mri.Cartesian(), fourier.Fft2(), mri.Coils(maps=mri.Birdcage(coils=8)))
    assert isinstance(operator, Composition)
    maps = next(p.maps for p in operator.parts if isinstance(p, CoilsOperator))
    mask = next(p.values for p in operator.parts if isinstance(p, MaskOperator))
    conjugate = maps.conj().resolve_conj()
    x, y = numbers(1, 320, 320), numbers(1, 8, 320, 320) * mask
    title = "multi-coil Cartesian, 8 x 320 x 320, complex64"
    return [
        (
            f"{title}, A",
            {
                "recon": lambda: operator.forward(x),
                "torch.fft and products": lambda: torch.fft.fft2(x[:, None] * maps, norm="ortho") * mask,
            },
        ),
        (
            f"{title}, A^H",
            {
                "recon": lambda: operator.adjoint(y),
                "torch.fft and products": lambda: (torch.fft.ifft2(y * mask, norm="ortho") * conjugate).sum(1),
            },
        ),
    ]


def calibration() -> list[tuple[str, Works]]:
    coils = built(image(320), fourier.Fft2(), mri.Coils(maps=mri.Birdcage(coils=8)))
    rows = (torch.arange(320) - 160) / 160
    object_ = ((rows[:, None] ** 2 + rows**2) < 0.6) * (1 + 0.4 * torch.sin(30 * rows))
    k = coils.forward(object_.to(torch.complex64)) + 0.005 * numbers(8, 320, 320)
    works: Works = {"recon": lambda: espirit(k, 24, 6, 0.02, 0.95)}
    if peer("sigpy") is not None and peer("sigpy.mri") is not None:
        import sigpy.mri

        array = k.numpy().copy()
        works["sigpy, EspiritCalib, 100 power iterations"] = lambda: sigpy.mri.app.EspiritCalib(
            array, show_pbar=False
        ).run()
    return [("ESPIRiT, 8 x 320 x 320, complex64", works)]


def non_cartesian() -> list[tuple[str, Works]]:
    if peer("finufft") is None:
        return []
    word = nufft.Nufft(trajectory=nufft.Radial(spokes=64, samples=512))
    operator = built(image(256), word, mri.Coils(maps=mri.Birdcage(coils=8)))
    assert isinstance(operator, Composition)
    x = numbers(1, 256, 256)
    y = operator.forward(x)
    forward: Works = {"recon": lambda: operator.forward(x)}
    adjoint: Works = {"recon": lambda: operator.adjoint(y)}
    gram: Works = {
        "recon, Toeplitz": lambda: operator.gram(x),
        "recon, A^H after A": lambda: operator.adjoint(operator(x)),
    }
    if peer("sigpy") is not None and peer("sigpy.mri") is not None:
        import sigpy.mri

        maps = next(p.maps for p in operator.parts if isinstance(p, CoilsOperator)).numpy()
        points = (radial(64, 512, word.trajectory.step) * 256).astype(np.float32)  # type: ignore[attr-defined]
        sense = sigpy.mri.linop.Sense(maps, coord=points)
        transposed, image_, samples = sense.H, x[0].numpy(), y[0].numpy()
        forward["sigpy (accurate to 3e-3)"] = lambda: sense(image_)
        adjoint["sigpy (accurate to 3e-3)"] = lambda: transposed(samples)
        gram["sigpy, A^H A"] = lambda: transposed(sense(image_))
    title = "radial, 64 x 512, 8 coils, 256 x 256, complex64"
    return [(f"{title}, A", forward), (f"{title}, A^H", adjoint), (f"{title}, A^H A", gram)]


if __name__ == "__main__":
    main()
