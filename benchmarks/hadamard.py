"""Times the Hadamard transform beside the same butterflies in torch, products with small matrices, and torch's FFT.

    python benchmarks/hadamard.py [--threads N] [--repeats N]

Prints the shortest times in milliseconds, and for each other way how many times longer it takes than ours.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import torch
from recon.runtime.native import native_status
from recon.runtime.transforms.hadamard import _butterflies, hadamard
from scipy.linalg import hadamard as dense

CASES = [(1 << 10,), (256, 256), (1024, 1024)]


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest duration of `work` after three calls to warm up."""
    durations = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return 1e3 * min(durations[3:])


def products(x: torch.Tensor) -> Callable[[], torch.Tensor]:
    """H x of an n x n grid as H_n x H_n, a matrix product for each axis; of a vector as that of a square grid."""
    side = round(x.numel() ** 0.5)
    h = torch.from_numpy(dense(side)).to(x) / side**0.5
    return lambda: (h @ x.reshape(side, side) @ h).reshape(x.shape)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.threads} threads, float32; kernels {native_status()}")
    for shape in CASES:
        x = torch.randn(1, *shape)
        flat = x.reshape(1, -1)
        ways: dict[str, Callable[[], object]] = {
            "torch": lambda flat=flat: _butterflies(flat),
            "matrices": products(x),
            "fft": lambda x=x, shape=shape: torch.fft.fftn(x, dim=tuple(range(-len(shape), 0))),
        }
        ours = milliseconds(lambda x=x, shape=shape: hadamard(x, len(shape)), options.repeats)
        rest = {name: milliseconds(work, options.repeats) for name, work in ways.items()}
        others = "  ".join(f"{name} {t:.3f} ({t / ours:.1f}x)" for name, t in rest.items())
        print(f"{' x '.join(map(str, shape)):>12}: hadamard {ours:.3f}  {others}")


if __name__ == "__main__":
    main()
