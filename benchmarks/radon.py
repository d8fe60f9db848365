"""Times parallel-beam projection and its adjoint beside scikit-image, and deepinv where it is installed.

    python benchmarks/radon.py [--threads N] [--repeats N] [--size N] [--views N]

One image, float32, in one process. Prints the shortest times in milliseconds and how many times longer each peer takes
than our C++ kernels, then how well our adjoint matches and the memory that a call needs beyond its input and output.
scikit-image and deepinv choose their own number of detectors (ceil(sqrt(2) size)); ours has a few more.
scikit-image's `iradon` without a filter and deepinv's `A_adjoint` (the derivative of its projection) are the peers of
our adjoint.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import milliseconds, peer
from recon.runtime.native import native_status
from recon.runtime.tomography import ParallelBeam, backproject, project
from skimage.transform import iradon, radon

Pair = tuple[Callable[[], object], Callable[[], object]]


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


def ours(x: torch.Tensor, y: torch.Tensor, geometry: ParallelBeam) -> Pair:
    return lambda: project(x, geometry), lambda: backproject(y, geometry)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--views", type=int, default=360)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size, views = options.size, options.views
    detectors = math.ceil(math.sqrt(2) * size) + 4
    geometry = ParallelBeam((size, size), torch.arange(views, dtype=torch.float64) * torch.pi / views, detectors)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(size, size, generator=generator), torch.rand(views, detectors, generator=generator)
    print(f"kernels: {native_status()}")
    print(f"{size} x {size}, {views} views, {detectors} detectors, float32, {options.threads} threads\n")

    torch_repeats, peer_repeats = max(2, options.repeats // 4), 2
    rows: list[tuple[str, Pair, int, str | None]] = [
        ("ours, C++", ours(x, y, geometry), options.repeats, None),
        ("ours, torch", ours(x, y, geometry), torch_repeats, "0"),
        ("scikit-image", with_skimage(x, views), peer_repeats, None),
    ]
    deepinv = peer("deepinv")
    if deepinv is not None:
        rows.append(("deepinv", with_deepinv(deepinv, x, views), peer_repeats, None))

    facts = []
    reference: tuple[float, float] | None = None
    chosen = os.environ.get("RECON_NATIVE")
    print(f"{'':14}{'forward':>12}{'adjoint':>12}{'ratios':>20}")
    for name, pair, repeats, switch in rows:
        _switch(switch if switch is not None else chosen)
        if name.startswith("ours"):
            facts.append(f"{name}: {describe(x, y, geometry)}")
        times = (milliseconds(pair[0], repeats), milliseconds(pair[1], repeats))
        reference = reference or times
        ratios = f"{times[0] / reference[0]:.1f} x / {times[1] / reference[1]:.1f} x"
        print(f"{name:14}{times[0]:9.1f} ms{times[1]:9.1f} ms{ratios:>20}")
    _switch(chosen)
    print("\n" + "\n".join(facts))


def _switch(value: str | None) -> None:
    if value is None:
        os.environ.pop("RECON_NATIVE", None)
    else:
        os.environ["RECON_NATIVE"] = value


def describe(x: torch.Tensor, y: torch.Tensor, geometry: ParallelBeam) -> str:
    """The mismatch |<Ax, y> - <x, A'y>| / (|Ax| |y|), summed in double precision, and the memory of a first call."""
    small = ParallelBeam((8, 8), geometry.angles[:2], 9)
    backproject(project(x[:8, :8], small), small)  # loads the code, so that only the arrays count
    memory = [extra_megabytes(lambda: project(x, geometry)), extra_megabytes(lambda: backproject(y, geometry))]
    ax, aty = project(x, geometry).double(), backproject(y, geometry).double()
    mismatch = torch.abs(torch.sum(ax * y) - torch.sum(x * aty)) / (ax.norm() * y.double().norm())
    told = " / ".join("unknown" if value is None else f"{value:.1f} MB" for value in memory)
    return f"adjoint mismatch {mismatch:.1e}; memory beyond input and output {told}"


if __name__ == "__main__":
    main()
