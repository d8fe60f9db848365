"""Times the wavelet transform and its fused soft thresholding beside PyWavelets, and ptwt where it is installed.

    python benchmarks/wavelet.py [--threads N] [--repeats N]

Prints the shortest times in milliseconds and, for each peer, how many times longer it takes. db4, 4 levels, periodised
(ptwt has no periodisation: its periodic extension computes slightly more coefficients).
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

import pywt  # type: ignore[import-untyped]
import torch
from recon.runtime.native import native_status
from recon.runtime.transforms import wavelet_filters, wavelet_forward, wavelet_inverse, wavelet_soft_threshold

NAME, LEVELS, THRESHOLD = "db4", 4, 0.5
CASES = [
    ((512, 512), torch.float32),
    ((320, 320), torch.float32),
    ((320, 320), torch.complex64),
    ((16, 512, 512), torch.float32),
]


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest duration of `work` after three calls to warm up: the call that other programs disturbed least."""
    durations = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return 1e3 * min(durations[3:])


def ours(x: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Our three functions."""
    filters = wavelet_filters(NAME)
    return {
        "forward": lambda: wavelet_forward(x, filters, LEVELS, 2),
        "inverse": lambda: wavelet_inverse(x, filters, LEVELS, 2),
        "prox": lambda: wavelet_soft_threshold(x, filters, LEVELS, 2, THRESHOLD, True),
    }


def with_pywt(x: torch.Tensor) -> dict[str, Callable[[], object]]:
    """The same with PyWavelets."""
    image, axes = x.numpy(), (-2, -1)
    c = pywt.wavedecn(image, NAME, "periodization", LEVELS, axes)

    def prox() -> object:
        coarse, *details = pywt.wavedecn(image, NAME, "periodization", LEVELS, axes)
        shrunk = [{key: pywt.threshold(band, THRESHOLD) for key, band in level.items()} for level in details]
        return pywt.waverecn([coarse, *shrunk], NAME, "periodization", axes)

    return {
        "forward": lambda: pywt.wavedecn(image, NAME, "periodization", LEVELS, axes),
        "inverse": lambda: pywt.waverecn(c, NAME, "periodization", axes),
        "prox": prox,
    }


def with_ptwt(ptwt: Any, x: torch.Tensor) -> dict[str, Callable[[], object]]:
    """The same with ptwt, real arrays only."""
    filters = pywt.Wavelet(NAME)
    c = ptwt.wavedec2(x, filters, mode="periodic", level=LEVELS)

    def prox() -> object:
        coarse, *details = ptwt.wavedec2(x, filters, mode="periodic", level=LEVELS)
        shrunk = [tuple(torch.nn.functional.softshrink(band, THRESHOLD) for band in level) for level in details]
        return ptwt.waverec2((coarse, *shrunk), filters)

    return {
        "forward": lambda: ptwt.wavedec2(x, filters, mode="periodic", level=LEVELS),
        "inverse": lambda: ptwt.waverec2(c, filters),
        "prox": prox,
    }


def main() -> None:
    """Print one line for each case and task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        ptwt = importlib.import_module("ptwt")
    except ImportError:
        ptwt = None
    print(f"kernels {native_status()}; {options.threads} threads")
    for shape, dtype in CASES:
        x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
        repeats = max(5, options.repeats * 512 * 512 // x.numel()) if x.ndim > 2 else options.repeats
        peers = {"pywt": with_pywt(x)}
        if ptwt is not None and not dtype.is_complex:
            peers["ptwt"] = with_ptwt(ptwt, x)
        for task, work in ours(x).items():
            os.environ.pop("RECON_NATIVE", None)
            native_time = milliseconds(work, repeats)
            os.environ["RECON_NATIVE"] = "0"
            torch_time = milliseconds(work, repeats)
            words = [f"{tuple(shape)!s:15} {str(dtype)[6:]:10} {task:8} native {native_time:7.3f}"]
            words.append(f"torch {torch_time:7.3f} ({torch_time / native_time:.1f}x)")
            for peer, tasks in peers.items():
                peer_time = milliseconds(tasks[task], repeats)
                words.append(f"{peer} {peer_time:7.3f} ({peer_time / native_time:.1f}x)")
            print("  ".join(words))


if __name__ == "__main__":
    main()
