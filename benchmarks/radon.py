"""Times projection and its adjoint beside ASTRA's CPU projectors, scikit-image, and deepinv where they are installed.

    python benchmarks/radon.py [--threads N] [--repeats N] [--size N] [--views N] [--cpu]

One image, float32, in one process: a parallel beam, a fan beam, and a cone beam on a volume of 96 x 96 x 96. Prints the
shortest times in milliseconds and how many times longer each peer takes than our C++ kernels, then how well our adjoint
matches and the memory that a call needs beyond its input and output. `--cpu` counts the process's CPU time instead, for
a machine that is never idle; use it with one thread.

ASTRA's projectors run on one thread: `linear` is Joseph's method, `line_fanflat` weighs pixels by the lengths of rays
in them; it has no cone beam on the CPU. scikit-image and deepinv choose their own number of detectors
(ceil(sqrt(2) size)); ours has a few more. scikit-image's `iradon` without a filter and deepinv's `A_adjoint` (the
derivative of its projection) are the peers of our adjoint.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import astra, milliseconds, peer
from recon.runtime.native import native_status
from recon.runtime.tomography import Beam, ConeBeam, FanBeam, ParallelBeam, backproject, project
from skimage.transform import iradon, radon

Pair = tuple[Callable[[], object], Callable[[], object]]
Clock = Callable[[], float]


def extra_megabytes(work: Callable[[], torch.Tensor]) -> float | None:
    """The peak resident memory that `work` adds, less its result; None where the system does not tell (not Linux)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)  # glibc keeps freed memory resident; what it then hands out again would not be seen
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak restarts from the present size
        before = _status("VmRSS")
        result = work()
        return (_status("VmHWM") - before - result.nbytes) / 1e6
    except OSError:
        return None


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


def with_skimage(x: torch.Tensor, views: int) -> Pair:
    """`radon` and the unfiltered `iradon`."""
    image, degrees = x.numpy(), np.arange(views) * 180 / views
    sinogram = np.random.default_rng(0).standard_normal((math.ceil(math.sqrt(2) * len(x)), views)).astype(np.float32)
    return (
        lambda: radon(image, degrees, circle=False),
        lambda: iradon(sinogram, degrees, output_size=len(x), filter_name=None, circle=False),
    )


def with_deepinv(deepinv: Any, x: torch.Tensor, views: int) -> Pair:
    """`Tomography` as it comes, but for the norm that it would divide by."""
    physics = deepinv.physics.Tomography(
        angles=torch.arange(views) * 180 / views, img_width=len(x), circle=False, normalize=False
    )
    image = x[None, None]
    sinogram = torch.randn_like(physics.A(image))
    return lambda: physics.A(image), lambda: physics.A_adjoint(sinogram)


def with_astra(astra: Any, kind: str, beam: ParallelBeam | FanBeam) -> Pair:
    """A CPU projector of ASTRA with our geometry."""
    angles = np.array(beam.angles)
    if isinstance(beam, FanBeam):
        rays = astra.create_proj_geom("fanflat", beam.pitch, beam.detectors, angles, beam.source, beam.detector)
    else:
        rays = astra.create_proj_geom("parallel", beam.pitch, beam.detectors, angles)
    projector = astra.create_projector(kind, rays, astra.create_vol_geom(*beam.shape))
    rng = np.random.default_rng(0)
    image, data = (rng.random(shape, dtype=np.float32) for shape in (beam.shape, beam.measured))

    def forward() -> None:
        astra.data2d.delete(astra.create_sino(image, projector)[0])

    def adjoint() -> None:
        astra.data2d.delete(astra.create_backprojection(data, projector)[0])

    return forward, adjoint


def ours(beam: Beam) -> Pair:
    x, y = points(beam)
    return lambda: project(x, beam), lambda: backproject(y, beam)


def points(beam: Beam) -> tuple[torch.Tensor, torch.Tensor]:
    """An image and line integrals at random."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(beam.shape, generator=generator), torch.rand(beam.measured, generator=generator)


def describe(beam: Beam, small: Beam) -> str:
    """The mismatch |<Ax, y> - <x, A'y>| / (|Ax| |y|), summed in double precision, and the memory of a first call."""
    x, y = points(small)
    backproject(project(x, small), small)  # loads the code, so that only the arrays count
    x, y = points(beam)
    memory = [extra_megabytes(lambda: project(x, beam)), extra_megabytes(lambda: backproject(y, beam))]
    ax, aty = project(x, beam).double(), backproject(y, beam).double()
    mismatch = torch.abs(torch.sum(ax * y) - torch.sum(x * aty)) / (ax.norm() * y.double().norm())
    told = " / ".join("unknown" if value is None else f"{value:.1f} MB" for value in memory)
    return f"adjoint mismatch {mismatch:.1e}; memory beyond input and output {told}"


def compare(title: str, beam: Beam, small: Beam, peers: dict[str, Pair], repeats: int, clock: Clock) -> None:
    """One table: our kernels, our torch, and the peers."""
    print(f"\n{title}, float32\n{'':18}{'forward':>12}{'adjoint':>12}{'ratios':>20}")
    chosen = os.environ.get("RECON_NATIVE")
    facts, reference = [], None
    rows = {"ours, C++": (ours(beam), repeats), "ours, torch": (ours(beam), max(2, repeats // 5))}
    for name, (pair, count) in (rows | {name: (pair, 2) for name, pair in peers.items()}).items():
        _switch("0" if name == "ours, torch" else chosen)
        if name.startswith("ours"):
            facts.append(f"{name}: {describe(beam, small)}")
        times = (milliseconds(pair[0], count, clock), milliseconds(pair[1], count, clock))
        reference = reference or times
        ratios = f"{times[0] / reference[0]:.1f} x / {times[1] / reference[1]:.1f} x"
        print(f"{name:18}{times[0]:9.1f} ms{times[1]:9.1f} ms{ratios:>20}")
    _switch(chosen)
    print("\n".join(facts))


def _switch(value: str | None) -> None:
    if value is None:
        os.environ.pop("RECON_NATIVE", None)
    else:
        os.environ["RECON_NATIVE"] = value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--views", type=int, default=360)
    parser.add_argument("--cpu", action="store_true", help="count CPU time")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size, views, repeats = options.size, options.views, options.repeats
    clock = time.process_time if options.cpu else time.perf_counter
    turn = 2 * torch.pi * torch.arange(views, dtype=torch.float64) / views
    detectors = math.ceil(math.sqrt(2) * size) + 4
    parallel = ParallelBeam((size, size), turn / 2, detectors)
    fan = FanBeam((size, size), turn, detectors, source=2.0 * size, detector=1.0 * size, pitch=1.4)
    cone = ConeBeam((96, 96, 96), turn[:: max(1, views // 90)], (144, 144), 375.0, 250.0, (1.1, 1.1))
    print(f"kernels: {native_status()}\n{options.threads} threads, {'CPU' if options.cpu else 'wall'} time")

    toolbox, deepinv = astra(), peer("deepinv")
    image = points(parallel)[0]
    peers = {"ASTRA linear": with_astra(toolbox, "linear", parallel)} if toolbox is not None else {}
    if deepinv is not None:
        peers["deepinv"] = with_deepinv(deepinv, image, views)
    peers["scikit-image"] = with_skimage(image, views)
    title = f"parallel beam, {size} x {size}, {views} views, {detectors} detectors"
    compare(title, parallel, ParallelBeam((8, 8), (0.0, 1.0), 9), peers, repeats, clock)

    peers = {"ASTRA line_fanflat": with_astra(toolbox, "line_fanflat", fan)} if toolbox is not None else {}
    title = f"fan beam, {size} x {size}, {views} views, {detectors} detectors"
    compare(title, fan, FanBeam((8, 8), (0.0, 1.0), 9, 20.0, 9.0), peers, repeats, clock)

    title = f"cone beam, 96 x 96 x 96, {cone.views} views, 144 x 144 detectors"
    compare(title, cone, ConeBeam((8, 8, 8), (0.0, 1.0), (9, 9), 20.0, 9.0), {}, max(2, repeats // 5), clock)


if __name__ == "__main__":
    main()
