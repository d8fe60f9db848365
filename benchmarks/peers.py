"""Peers imported for benchmarks, and how things are timed.

deepinv imports torchvision, whose wheel is built for CUDA: beside a CPU build of torch its import dies for want of two
operators. They are declared here first, without a meaning, since no benchmark calls them.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch

_kept: list[torch.library.Library] = []


def peer(name: str) -> ModuleType | None:
    """The module of a peer, or None with a line that says why it is not to be had."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as e:
        if "torchvision::nms" in str(e):
            _declare_torchvision()
            try:
                return importlib.import_module(name)
            except (ImportError, RuntimeError) as again:
                e = again
        print(f"{name}: not to be had here ({str(e).splitlines()[0][:100]})")
        return None


def astra() -> ModuleType | None:
    """ASTRA. Its wheel wants CUDA's libraries even where only its CPU code runs; those of `nvidia-cuda-runtime-cu12`
    and `nvidia-cufft-cu12` are loaded first where they are installed."""
    found = importlib.util.find_spec("nvidia")
    for folder in found.submodule_search_locations or () if found is not None else ():
        for name in ("cuda_runtime/lib/libcudart.so.12", "cufft/lib/libcufft.so.11"):
            if (Path(folder) / name).exists():
                ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
    return peer("astra")


def _declare_torchvision() -> None:
    for module in [m for m in sys.modules if m.split(".")[0] in ("torchvision", "timm", "deepinv", "torchmetrics")]:
        del sys.modules[module]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)


clocks: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""By name. `cpu` counts the time of this process, for one thread on a machine that other work shares."""


def turns(works: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> list[tuple[str, float]]:
    """The shortest duration of each in milliseconds, after a round to warm up.

    All take turns within a round, so that what else the machine does disturbs them alike; and it lengthens durations,
    never shortens them.
    """
    best = dict.fromkeys(works, float("inf"))
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = clock()
            work()
            if turn:
                best[name] = min(best[name], 1e3 * (clock() - start))
    return list(best.items())


def milliseconds(work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest duration of `work` after one call to warm up: the call that other programs disturbed least.

    On a machine that is never idle `clock = time.process_time` compares fairly what runs on one thread.
    """
    durations = []
    for _ in range(repeats + 1):
        start = clock()
        work()
        durations.append(clock() - start)
    return 1e3 * min(durations[1:])


def table(title: str, rows: list[tuple[str, float]]) -> None:
    """Print milliseconds and ratios to the first row, which is ours."""
    print(title)
    ours = rows[0][1]
    for name, value in rows:
        print(f"  {name:<42} {value:10.2f} ms   {value / ours:7.2f} x")
